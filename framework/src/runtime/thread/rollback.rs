//! The rollback: one path for the whole thread, because the transaction is the thread's.
//!
//! Operators, caches and overlays are dropped, the engine stays open; then every task is opened again like one that has just
//! come: from the committed offsets, with its stores at the end of their changelogs. Under at-least-once that replays what
//! was sent to changelogs since the last commit, too.

use super::{Phase, Stage, Stepped, StreamThread};
use crate::error::{Error, ErrorKind, Result, Scope};
use crate::runtime::retry::Retry;
use std::collections::BTreeSet;
use std::mem;
use std::task::Poll;

/// Where a rollback stands.
///
/// ```text
/// Settle -> Reopen
///   |         ^
///   '-> Renew-'
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RollbackStage {
    /// The transaction is aborted; without one, what is on its way arrives first, so that it is in the changelog when that is
    /// replayed.
    Settle,
    /// The producer is replaced: it was fenced, or nobody knows how its last transaction ended until a new one asks.
    Renew,
    /// Tasks are opened again.
    Reopen,
}

/// A rollback under way.
#[derive(Clone, Copy)]
pub(crate) struct Rollback {
    stage: RollbackStage,
    /// Since when it stands there, in milliseconds since the epoch.
    since_ms: i64,
    retry: Retry,
    /// The thread has not joined the group yet.
    is_joining: bool,
}

impl Rollback {
    fn at(stage: RollbackStage, is_joining: bool, now_ms: i64) -> Self {
        Rollback { stage, since_ms: now_ms, retry: Retry::default(), is_joining }
    }

    fn check_patience(&self, now_ms: i64, limit_ms: i64) -> Result<()> {
        if now_ms.saturating_sub(self.since_ms) <= limit_ms {
            return Ok(());
        }
        let sentence = format!("a rollback was not answered at {:?}", self.stage);
        Err(Error::new(ErrorKind::Timeout, sentence).with_detail(format!("within {limit_ms} ms")).answered())
    }
}

impl StreamThread {
    /// Begins a rollback because of lost partitions: no failure, so it is not counted as one.
    pub(super) fn roll_back_lost(&mut self, now_ms: i64) {
        let reason = Error::new(ErrorKind::Fenced, "the group gave tasks of this thread to others");
        self.begin_rollback(&reason, now_ms);
    }

    /// Begins a rollback because global tables are read again: tasks wait for them. No failure either.
    pub(super) fn roll_back_without_globals(&mut self, now_ms: i64) {
        let reason = Error::new(ErrorKind::Pending, "global tables are read again from the beginning");
        self.begin_rollback(&reason, now_ms);
    }

    /// Drops everything since the last commit.
    pub(super) fn begin_rollback(&mut self, reason: &Error, now_ms: i64) {
        tracing::warn!(thread = self.name, %reason, "rolling back");
        self.count_rollback();
        let culprit = self.current.take();
        #[cfg(feature = "broken")]
        self.keep_what_is_to_go(now_ms);
        for (task, assigned) in &mut self.tasks {
            if assigned.is_running() && broken!(CacheKept) {
                continue;
            }
            assigned.is_corrupt |= reason.kind() == ErrorKind::Corrupt && culprit == Some(*task);
            assigned.stage = Stage::Waiting { since_ms: now_ms };
            self.instance.tasks.withdraw(*task, self.thread);
        }
        self.lost = false;
        self.is_commit_requested = false;
        let is_renewing = match &self.phase {
            Phase::RollingBack(rollback) => rollback.stage == RollbackStage::Renew,
            _ => false,
        };
        // A new producer that could not be initialised is asked again; one that was fenced meanwhile is replaced as well.
        self.is_renewal_due |=
            mem::take(&mut self.is_outcome_unknown) || is_renewing && reason.kind() == ErrorKind::Fenced;
        let stage = match is_renewing || self.is_renewal_due {
            true => RollbackStage::Renew,
            false => RollbackStage::Settle,
        };
        let is_joining = match &self.phase {
            Phase::Joining => true,
            Phase::RollingBack(rollback) => rollback.is_joining,
            _ => false,
        };
        self.phase = Phase::RollingBack(Rollback::at(stage, is_joining, now_ms));
    }

    /// One move of the rollback.
    pub(super) fn roll_back(&mut self, now_ms: i64) -> Result<Stepped> {
        let Phase::RollingBack(mut rollback) = self.phase else { return Ok(Stepped::Busy) };
        // What comes to be lost now is taken back already.
        self.lost = false;
        if !rollback.retry.is_due(now_ms) {
            return Ok(Stepped::Idle { until_ms: rollback.retry.due_ms() });
        }
        let limit_ms = self.instance.config.task_timeout_ms;
        let next = match rollback.stage {
            RollbackStage::Settle => self.settle(now_ms),
            RollbackStage::Renew => self.renew(now_ms),
            RollbackStage::Reopen => return self.reopen(rollback.is_joining, now_ms),
        };
        match next {
            Ok(Poll::Ready(stage)) => rollback = Rollback::at(stage, rollback.is_joining, now_ms),
            Ok(Poll::Pending) => {
                rollback.check_patience(now_ms, limit_ms)?;
                return Ok(Stepped::soon(now_ms));
            }
            // It is the same rollback: there is nothing more to take back.
            Err(error) if error.scope() == Scope::Thread => {
                tracing::warn!(thread = self.name, %error, stage = ?rollback.stage, "rolling back: trying again");
                rollback.retry.failed(error, now_ms, limit_ms)?;
            }
            Err(error) => return Err(error),
        }
        self.phase = Phase::RollingBack(rollback);
        Ok(Stepped::Busy)
    }

    fn settle(&mut self, now_ms: i64) -> Result<Poll<RollbackStage>> {
        let producer = self.outlet.producer();
        let settled = match self.instance.config.is_exactly_once() {
            true => producer.poll_abort(now_ms),
            false => producer.poll_flush(now_ms),
        };
        match settled {
            Poll::Pending => Ok(Poll::Pending),
            Poll::Ready(Ok(())) => {
                // Whether these arrived does not matter any more.
                self.outlet.discard_deliveries(now_ms)?;
                Ok(Poll::Ready(RollbackStage::Reopen))
            }
            Poll::Ready(Err(error)) if matches!(error.kind(), ErrorKind::Fenced | ErrorKind::Aborted) => {
                self.is_renewal_due = true;
                Ok(Poll::Ready(RollbackStage::Renew))
            }
            Poll::Ready(Err(error)) => Err(error),
        }
    }

    fn renew(&mut self, now_ms: i64) -> Result<Poll<RollbackStage>> {
        if mem::take(&mut self.is_renewal_due) {
            self.outlet.renew(&self.instance)?;
        }
        match self.outlet.producer().poll_init(now_ms) {
            Poll::Pending => Ok(Poll::Pending),
            Poll::Ready(Ok(())) => Ok(Poll::Ready(RollbackStage::Reopen)),
            Poll::Ready(Err(_)) if broken!(InitForgotten) => Ok(Poll::Ready(RollbackStage::Reopen)),
            Poll::Ready(Err(error)) => {
                self.is_renewal_due = error.kind() == ErrorKind::Fenced;
                Err(error)
            }
        }
    }

    fn reopen(&mut self, is_joining: bool, now_ms: i64) -> Result<Stepped> {
        self.outlet.forget();
        self.restorer.keep_only(&BTreeSet::new())?;
        self.close_empty_tasks();
        self.last_commit_ms = now_ms;
        self.release_revoked(now_ms)?;
        self.phase = match is_joining {
            _ if self.is_ending() => Phase::Leaving,
            true if !broken!(JoinForgotten) => Phase::Joining,
            _ => Phase::Running,
        };
        Ok(Stepped::Busy)
    }
}

/// For the broken variants that a rollback leaves something behind.
#[cfg(feature = "broken")]
impl StreamThread {
    fn keep_what_is_to_go(&mut self, now_ms: i64) {
        for assigned in self.tasks.values_mut() {
            let positions = self.outlet.changelog_positions(assigned.number);
            let Stage::Running(running) = &assigned.stage else { continue };
            assigned.committed = running.committed.clone();
            if broken!(OverlayKept) {
                let stores = running.task.stores();
                let batch = stores.prepare_batch(&positions, now_ms);
                let written = batch.and_then(|batch| self.engine.write(&batch, crate::engine::Durability::Process));
                // A disk that was cut off keeps nothing.
                tracing::debug!(kept = written.is_ok(), "a broken rollback");
            }
        }
    }
}
