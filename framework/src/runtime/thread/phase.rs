//! What a stream thread is doing as a whole.

use super::commit::{Commit, CommitStage};
use super::rollback::Rollback;
use crate::runtime::resolve::Resolving;

/// What a thread is doing.
///
/// ```text
/// Created -> Resolving -> Joining -> Running <-> Committing
///                |           |       |  ^  |         |
///                |           |       |  '--+- RollingBack
///                '-----------'-------'-> Leaving <---'
///                                           |
///                                          Dead
/// ```
pub(crate) enum Phase {
    /// Nothing was asked yet.
    Created,
    /// Looks at topics and creates its own: nothing can be sent or assigned before they are there.
    Resolving(Resolving),
    /// Makes its producer the only one of its name, then joins the group.
    Joining,
    /// Opens, restores and processes tasks.
    Running,
    /// Commits; nothing is processed meanwhile, so that a commit has an end.
    Committing(Box<Commit>),
    /// Takes back what was done since the last commit.
    RollingBack(Rollback),
    /// Leaves the group: everything it could commit is committed.
    Leaving,
    /// Nothing happens any more.
    Dead,
}

impl Phase {
    /// Whether the thread is in the group and must listen to it.
    pub(super) fn is_member(&self) -> bool {
        matches!(self, Phase::Running | Phase::Committing(_) | Phase::RollingBack(_))
    }

    /// Whether there is something to roll back to.
    pub(super) fn is_recoverable(&self) -> bool {
        matches!(self, Phase::Joining | Phase::Running | Phase::Committing(_) | Phase::RollingBack(_))
    }

    /// Where a commit stands.
    pub(crate) fn commit_stage(&self) -> Option<CommitStage> {
        match self {
            Phase::Committing(commit) => Some(commit.stage()),
            _ => None,
        }
    }
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Stepped {
    /// Something was done: there may be more.
    Busy,
    /// There is nothing to do before this time (milliseconds since the epoch), unless the log has something new.
    Idle {
        /// When something is due.
        until_ms: i64,
    },
    /// The thread has ended.
    Ended,
}

impl Stepped {
    /// Something was asked, and the answer may come any moment.
    pub(crate) fn soon(now_ms: i64) -> Self {
        Stepped::Idle { until_ms: now_ms + 1 }
    }
}
