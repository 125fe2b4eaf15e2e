//! What an instance and its threads are doing, under Kafka Streams' names.

use std::fmt;

/// What an instance is doing. Kafka Streams: `KafkaStreams.State`.
///
/// ```text
/// CREATED -> REBALANCING <-> RUNNING
///    |            |             |
///    '------------+-------------+--> PENDING_SHUTDOWN -> NOT_RUNNING
///                 '-------------+--> PENDING_ERROR    -> ERROR
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Made, not yet started.
    Created,
    /// Starting, or some task is being opened or restored.
    Rebalancing,
    /// Every task that this instance has is processing.
    Running,
    /// Was told to end: commits what was done and leaves.
    PendingShutdown,
    /// Has ended in order.
    NotRunning,
    /// A thread failed: the others are being ended.
    PendingError,
    /// Has ended because of an error; see [`Streams::wait`](super::Streams::wait).
    Error,
}

impl State {
    /// Whether nothing happens any more.
    pub fn has_ended(self) -> bool {
        matches!(self, State::NotRunning | State::Error)
    }

    /// Whether it lives: it has not failed and was not told to end.
    pub fn is_running_or_rebalancing(self) -> bool {
        matches!(self, State::Running | State::Rebalancing)
    }

    /// Whether `next` may follow.
    pub(crate) fn may_become(self, next: State) -> bool {
        use State::*;
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

/// What a thread of an instance is doing. Kafka Streams: `StreamThread.State`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ThreadState {
    /// Not yet begun.
    Created,
    /// Looking at topics and joining the group.
    Starting,
    /// Opening or restoring tasks.
    PartitionsAssigned,
    /// Processing every task it has.
    Running,
    /// Ending.
    PendingShutdown,
    /// Ended.
    Dead,
}

impl fmt::Display for ThreadState {
    /// Kafka Streams' own spelling.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ThreadState::Created => "CREATED",
            ThreadState::Starting => "STARTING",
            ThreadState::PartitionsAssigned => "PARTITIONS_ASSIGNED",
            ThreadState::Running => "RUNNING",
            ThreadState::PendingShutdown => "PENDING_SHUTDOWN",
            ThreadState::Dead => "DEAD",
        })
    }
}
