//! The board: what the threads of an instance report, and what the instance as a whole is doing.
//!
//! Threads write to it, handles read from it and wait at it. It starts and ends nothing itself.

use super::state::{State, ThreadState};
use crate::error::{Error, Result};
use crate::metrics::Metrics;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Is told the new state and the old one. Kafka Streams: `KafkaStreams.StateListener`.
pub type StateListener = Arc<dyn Fn(State, State) + Send + Sync>;

/// Shared by the threads of an instance and its handles.
pub(crate) struct Board {
    entries: Mutex<Entries>,
    changed: Condvar,
    listener: Option<StateListener>,
    metrics: Metrics,
}

struct Entries {
    state: State,
    threads: Vec<(String, ThreadState)>,
    is_ending: bool,
    failed_threads: usize,
    failure: Option<Failure>,
}

/// The first fatal error: taken by the first who waits, retold to all others.
struct Failure {
    error: Option<Error>,
    kind: crate::error::ErrorKind,
    text: String,
}

impl Board {
    /// The board of an instance whose threads have these names.
    pub(crate) fn new(threads: Vec<String>, listener: Option<StateListener>, metrics: Metrics) -> Self {
        let threads = threads.into_iter().map(|name| (name, ThreadState::Created)).collect();
        let entries = Entries { state: State::Created, threads, is_ending: false, failed_threads: 0, failure: None };
        Board { entries: Mutex::new(entries), changed: Condvar::new(), listener, metrics }
    }

    // Entries are whole between any two statements, so a panic elsewhere does not spoil them.
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the instance is doing.
    pub(crate) fn state(&self) -> State {
        self.lock().state
    }

    /// The threads with what they are doing.
    pub(crate) fn threads(&self) -> Vec<(String, ThreadState)> {
        self.lock().threads.clone()
    }

    /// A thread is doing something else now.
    pub(crate) fn report(&self, thread: usize, state: ThreadState) {
        self.change(|entries| entries.threads[thread].1 = state);
    }

    /// The instance begins.
    pub(crate) fn begin(&self) {
        self.change(|entries| entries.become_next(State::Rebalancing));
    }

    /// The instance is to end.
    pub(crate) fn end(&self) {
        self.change(|entries| {
            entries.is_ending = true;
            entries.become_next(State::PendingShutdown);
        });
    }

    /// A thread has failed: the instance is to end. Only the first error is kept.
    pub(crate) fn fail(&self, error: Error) {
        self.change(|entries| {
            entries.is_ending = true;
            entries.failed_threads += 1;
            entries.become_next(State::PendingError);
            entries.failure.get_or_insert_with(|| Failure {
                kind: error.kind(),
                text: error.to_string(),
                error: Some(error),
            });
        });
    }

    /// Whether threads are to end.
    pub(crate) fn is_ending(&self) -> bool {
        self.lock().is_ending
    }

    fn change(&self, change: impl FnOnce(&mut Entries)) {
        let (before, after) = {
            let mut entries = self.lock();
            let before = entries.state;
            change(&mut entries);
            entries.settle();
            self.metrics.set_state(entries.state);
            self.metrics.set_threads(entries.alive_threads(), entries.failed_threads);
            (before, entries.state)
        };
        self.changed.notify_all();
        if before != after {
            tracing::info!(from = %before, to = %after, "state changed");
            if let Some(listener) = &self.listener {
                listener(after, before);
            }
        }
    }

    /// Waits until the instance has ended.
    ///
    /// # Errors
    /// What it ended with.
    pub(crate) fn wait(&self) -> Result<()> {
        let entries = self.lock();
        let mut entries = self
            .changed
            .wait_while(entries, |entries| !entries.state.has_ended())
            .unwrap_or_else(PoisonError::into_inner);
        entries.outcome()
    }

    /// Waits until the instance is in one of these states; false after `timeout`.
    pub(crate) fn wait_for(&self, wanted: impl Fn(State) -> bool, timeout: Duration) -> bool {
        let until = Instant::now() + timeout;
        let mut entries = self.lock();
        while !wanted(entries.state) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            entries = self.changed.wait_timeout(entries, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Entries {
    fn become_next(&mut self, next: State) {
        if self.state.may_become(next) {
            self.state = next;
        }
    }

    fn alive_threads(&self) -> usize {
        self.threads.iter().filter(|(_, state)| !matches!(state, ThreadState::Created | ThreadState::Dead)).count()
    }

    /// What follows from what the threads do.
    fn settle(&mut self) {
        let all = |wanted: ThreadState| self.threads.iter().all(|(_, state)| *state == wanted);
        let next = match self.state {
            State::Rebalancing if all(ThreadState::Running) => State::Running,
            State::Running if !all(ThreadState::Running) => State::Rebalancing,
            State::PendingShutdown if all(ThreadState::Dead) => State::NotRunning,
            State::PendingError if all(ThreadState::Dead) => State::Error,
            same => same,
        };
        self.become_next(next);
    }

    fn outcome(&mut self) -> Result<()> {
        let Some(failure) = &mut self.failure else { return Ok(()) };
        Err(failure.error.take().unwrap_or_else(|| Error::new(failure.kind, failure.text.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn board(threads: usize) -> (Board, Arc<Mutex<Vec<State>>>) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = seen.clone();
        let listener: StateListener = Arc::new(move |new, _| sink.lock().unwrap().push(new));
        (Board::new((0..threads).map(|n| n.to_string()).collect(), Some(listener), Metrics::new("app").unwrap()), seen)
    }

    #[test]
    fn instance_runs_when_every_thread_does() {
        let (board, seen) = board(2);
        board.begin();
        board.report(0, ThreadState::Running);
        assert_eq!(board.state(), State::Rebalancing);
        board.report(1, ThreadState::Running);
        board.report(0, ThreadState::PartitionsAssigned);
        board.end();
        board.report(0, ThreadState::Dead);
        board.report(1, ThreadState::Dead);
        let expected =
            [State::Rebalancing, State::Running, State::Rebalancing, State::PendingShutdown, State::NotRunning];
        assert_eq!(*seen.lock().unwrap(), expected);
        assert!(board.wait().is_ok());
    }

    #[test]
    fn first_failure_is_what_every_waiter_gets() {
        let (board, _) = board(1);
        board.begin();
        board.fail(Error::new(ErrorKind::Io, "disk full"));
        board.fail(Error::new(ErrorKind::Bug, "later"));
        board.report(0, ThreadState::Dead);
        assert_eq!(board.state(), State::Error);
        for _ in 0..2 {
            let error = board.wait().unwrap_err();
            assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Io, "disk full"));
        }
    }
}
