//! What an instance and its threads are doing, under Kafka Streams' names: which state may follow which.
//!
//! ```text
//! CREATED -> REBALANCING <-> RUNNING
//!    |            |             |
//!    '------------+-------------+--> PENDING_SHUTDOWN -> NOT_RUNNING
//!                 '-------------+--> PENDING_ERROR    -> ERROR
//! ```

pub use crate::metrics::{ClientState as State, ThreadState};

use std::fmt;

impl State {
    /// Whether nothing happens any more.
    pub fn has_ended(self) -> bool {
        matches!(self, State::NotRunning | State::Error)
    }

    /// Whether it ends, or has ended, with an error.
    pub fn has_failed(self) -> bool {
        matches!(self, State::PendingError | State::Error)
    }

    /// Whether it lives: it has not failed and was not told to end.
    pub fn is_running_or_rebalancing(self) -> bool {
        matches!(self, State::Running | State::Rebalancing)
    }

    /// Whether `next` may follow.
    pub(crate) fn may_become(self, next: State) -> bool {
        use State::{Created, Error, NotRunning, PendingError, PendingShutdown, Rebalancing, Running};
        match self {
            Created => matches!(next, Rebalancing | PendingShutdown | PendingError),
            Rebalancing => matches!(next, Running | PendingShutdown | PendingError),
            Running => matches!(next, Rebalancing | PendingShutdown | PendingError),
            PendingShutdown => matches!(next, NotRunning | PendingError),
            PendingError => next == Error,
            NotRunning | Error => false,
        }
    }
}

impl fmt::Display for State {
    /// Kafka Streams' own spelling.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Created => "CREATED",
            State::Rebalancing => "REBALANCING",
            State::Running => "RUNNING",
            State::PendingShutdown => "PENDING_SHUTDOWN",
            State::NotRunning => "NOT_RUNNING",
            State::PendingError => "PENDING_ERROR",
            State::Error => "ERROR",
        })
    }
}

impl fmt::Display for ThreadState {
    /// Kafka Streams' own spelling.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ThreadState::Created => "CREATED",
            ThreadState::Starting => "STARTING",
            ThreadState::PartitionsRevoked => "PARTITIONS_REVOKED",
            ThreadState::PartitionsAssigned => "PARTITIONS_ASSIGNED",
            ThreadState::Running => "RUNNING",
            ThreadState::PendingShutdown => "PENDING_SHUTDOWN",
            ThreadState::Dead => "DEAD",
        })
    }
}
