//! The board: what the threads of an instance report, and what the instance as a whole is doing.
//!
//! Threads write to it, handles read from it and wait at it. It starts and ends nothing itself.

use super::listeners::{self, StateListener};
use super::roster::{Dismissed, Roster};
use super::state::{State, ThreadState};
use crate::error::{Error, ErrorKind, Result};
use crate::metrics::Metrics;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The most changes of state that a slow listener is told later; older ones are left out.
const UNTOLD_MAX: usize = 1_000;

/// Shared by the threads of an instance and its handles.
pub(crate) struct Board {
    entries: Mutex<Entries>,
    changed: Condvar,
    listener: Option<StateListener>,
    metrics: Metrics,
}

struct Entries {
    state: State,
    roster: Roster,
    is_ending: bool,
    /// Threads that end leave the group.
    leaves_group: bool,
    is_paused: bool,
    failed_threads: usize,
    failure: Option<Failure>,
    /// Changes of state that the listener has not been told, oldest first: new and old.
    untold: VecDeque<(State, State)>,
    /// Somebody is telling them: one at a time, so that they are told in order.
    is_telling: bool,
}

/// The first fatal error: taken by the first who waits, retold to all others.
struct Failure {
    error: Option<Error>,
    kind: ErrorKind,
    text: String,
}

impl Board {
    /// The board of an instance with so many stream threads, and perhaps one for global tables.
    pub(crate) fn new(
        client_id: &str,
        stream_threads: usize,
        has_globals: bool,
        listener: Option<StateListener>,
        metrics: Metrics,
    ) -> Self {
        let entries = Entries {
            state: State::Created,
            roster: Roster::new(client_id, stream_threads, has_globals),
            is_ending: false,
            leaves_group: true,
            is_paused: false,
            failed_threads: 0,
            failure: None,
            untold: VecDeque::new(),
            is_telling: false,
        };
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
        self.lock().roster.list()
    }

    /// The name of a thread.
    pub(crate) fn thread_name(&self, thread: usize) -> String {
        self.lock().roster.name(thread)
    }

    /// The number of stream threads that are to stay: they share what is the instance's.
    pub(crate) fn stream_threads(&self) -> usize {
        self.lock().roster.stream_threads()
    }

    /// A thread is doing something else now.
    pub(crate) fn report(&self, thread: usize, state: ThreadState) {
        self.change(|entries| entries.roster.set(thread, state));
    }

    /// The instance begins.
    pub(crate) fn begin(&self) {
        self.change(|entries| entries.become_next(State::Rebalancing));
    }

    /// The instance is to end. Whoever asks first decides whether its threads leave the group.
    pub(crate) fn end(&self, leaves_group: bool) {
        self.change(|entries| {
            if !entries.is_ending {
                entries.leaves_group = leaves_group;
            }
            entries.is_ending = true;
            entries.become_next(State::PendingShutdown);
        });
    }

    /// The instance has failed and is to end. Only the first error is kept.
    pub(crate) fn fail(&self, error: Error) {
        self.change(|entries| entries.fail(error));
    }

    /// A thread has failed, whatever becomes of that.
    pub(crate) fn count_failure(&self) {
        self.change(|entries| entries.failed_threads += 1);
    }

    /// A further stream thread, to be started by whoever asks; `None` if the instance does not run.
    pub(crate) fn add(&self) -> Option<usize> {
        self.change(|entries| entries.state.is_running_or_rebalancing().then(|| entries.roster.add()))
    }

    /// A thread that could not be started is none.
    pub(crate) fn give_up(&self, thread: usize) {
        self.change(|entries| {
            entries.roster.leave(thread);
            entries.roster.set(thread, ThreadState::Dead);
        });
    }

    /// Another thread in place of one that has failed. That one has its number until it is dead, as in Kafka Streams.
    pub(crate) fn replace(&self, thread: usize) -> Option<usize> {
        self.change(|entries| {
            if !entries.state.is_running_or_rebalancing() || entries.roster.is_leaving(thread) {
                return None;
            }
            entries.roster.leave(thread);
            Some(entries.roster.add())
        })
    }

    /// Chooses a stream thread and tells it to leave, the one that asks last of all. `None` if there is none, or the
    /// instance does not run.
    pub(crate) fn dismiss(&self) -> Option<Dismissed> {
        self.change(|entries| {
            let is_there = entries.state.is_running_or_rebalancing();
            let asking = entries.roster.running_on(thread::current().id());
            is_there.then(|| entries.roster.dismiss(asking))?
        })
    }

    /// Waits until a thread is gone that was told to leave; false after `timeout`.
    pub(crate) fn wait_until_gone(&self, dismissed: &Dismissed, timeout: Duration) -> bool {
        self.wait_until(|entries| entries.roster.is_gone(dismissed), timeout).is_some()
    }

    /// A thread of the instance runs on this thread of the operating system.
    pub(crate) fn runs_here(&self, thread: usize) {
        self.lock().roster.set_runs_on(thread, thread::current().id());
    }

    /// Whether the caller is a thread of this instance: it cannot wait for its own end.
    pub(crate) fn is_own_thread(&self) -> bool {
        self.lock().roster.running_on(thread::current().id()).is_some()
    }

    /// Whether the caller is that thread.
    pub(crate) fn is_own_thread_number(&self, thread: usize) -> bool {
        self.lock().roster.running_on(thread::current().id()) == Some(thread)
    }

    /// Whether the instance is to end.
    pub(crate) fn is_ending(&self) -> bool {
        self.lock().is_ending
    }

    /// Whether that thread is to end, with its instance or alone.
    pub(crate) fn is_ending_for(&self, thread: usize) -> bool {
        let entries = self.lock();
        entries.is_ending || entries.roster.is_leaving(thread)
    }

    /// Whether a thread that ends leaves the group. One that was removed always does.
    pub(crate) fn leaves_group(&self, thread: usize) -> bool {
        let entries = self.lock();
        entries.leaves_group || entries.roster.is_leaving(thread)
    }

    /// Whether nothing is processed for now.
    pub(crate) fn is_paused(&self) -> bool {
        self.lock().is_paused
    }

    /// Nothing is processed from now on, or everything again.
    pub(crate) fn set_paused(&self, is_paused: bool) {
        self.lock().is_paused = is_paused;
    }

    fn change<T>(&self, change: impl FnOnce(&mut Entries) -> T) -> T {
        let changed = {
            let mut entries = self.lock();
            let changed = change(&mut entries);
            self.settle(&mut entries);
            changed
        };
        self.changed.notify_all();
        self.tell();
        changed
    }

    /// After any change.
    fn settle(&self, entries: &mut Entries) {
        entries.settle();
        self.metrics.set_state(entries.state);
        self.metrics.set_threads(entries.roster.alive_stream_threads(), entries.failed_threads);
    }

    /// Tells the listener what it has not been told, unless somebody does: also a listener that changes the state itself.
    fn tell(&self) {
        let mut entries = self.lock();
        if entries.is_telling {
            return;
        }
        while let Some((new, old)) = entries.untold.pop_front() {
            entries.is_telling = true;
            drop(entries);
            tracing::info!(from = %old, to = %new, "state changed");
            let told =
                self.listener.as_ref().map(|listener| listeners::call("the state listener", || listener(new, old)));
            entries = self.lock();
            if let Some(Err(error)) = told {
                tracing::error!(%error, "the instance ends");
                entries.fail(error);
                self.settle(&mut entries);
            }
        }
        entries.is_telling = false;
        drop(entries);
        self.changed.notify_all();
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

    /// Waits until the instance is in one of these states; which one it was. `None` after `timeout`.
    pub(crate) fn wait_for(&self, wanted: impl Fn(State) -> bool, timeout: Duration) -> Option<State> {
        self.wait_until(|entries| wanted(entries.state), timeout).map(|entries| entries.state)
    }

    fn wait_until(&self, is_there: impl Fn(&Entries) -> bool, timeout: Duration) -> Option<MutexGuard<'_, Entries>> {
        // What lies behind the end of the clock is never.
        let until = Instant::now().checked_add(timeout);
        let mut entries = self.lock();
        while !is_there(&entries) {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            entries = match left {
                Some(Duration::ZERO) => return None,
                Some(left) => self.changed.wait_timeout(entries, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.changed.wait(entries).unwrap_or_else(PoisonError::into_inner),
            };
        }
        Some(entries)
    }
}

impl Entries {
    fn become_next(&mut self, next: State) {
        if !self.state.may_become(next) {
            return;
        }
        if self.untold.len() == UNTOLD_MAX {
            self.untold.pop_front();
        }
        self.untold.push_back((next, self.state));
        self.state = next;
    }

    fn fail(&mut self, error: Error) {
        self.is_ending = true;
        self.become_next(State::PendingError);
        self.failure.get_or_insert_with(|| Failure { kind: error.kind(), text: error.to_string(), error: Some(error) });
    }

    /// What follows from what the threads do.
    fn settle(&mut self) {
        let next = match self.state {
            State::Rebalancing if self.roster.all_run() => State::Running,
            State::Running if self.roster.some_do_not_run() => State::Rebalancing,
            State::PendingShutdown if self.roster.all_dead() => State::NotRunning,
            State::PendingError if self.roster.all_dead() => State::Error,
            _ => return,
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
    use std::sync::Arc;

    fn board(threads: usize) -> (Arc<Board>, Arc<Mutex<Vec<State>>>) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = seen.clone();
        (listening(threads, move |new, _| sink.lock().unwrap().push(new)), seen)
    }

    fn listening(threads: usize, listener: impl Fn(State, State) + Send + Sync + 'static) -> Arc<Board> {
        Arc::new(Board::new("c", threads, false, Some(Arc::new(listener)), Metrics::new("app").unwrap()))
    }

    #[test]
    fn instance_runs_when_every_thread_does() {
        let (board, seen) = board(2);
        board.begin();
        board.report(0, ThreadState::Running);
        assert_eq!(board.state(), State::Rebalancing);
        board.report(1, ThreadState::Running);
        board.report(0, ThreadState::PartitionsAssigned);
        board.end(true);
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

    #[test]
    fn instance_without_threads_ends_through_both_states() {
        let (board, seen) = board(1);
        board.begin();
        board.report(0, ThreadState::Running);
        assert_eq!(board.dismiss().map(|gone| gone.name).as_deref(), Some("c-StreamThread-1"));
        board.report(0, ThreadState::Dead);
        assert_eq!((board.state(), board.dismiss()), (State::Running, None));
        board.end(true);
        let expected = [State::Rebalancing, State::Running, State::PendingShutdown, State::NotRunning];
        assert_eq!(*seen.lock().unwrap(), expected);
    }

    #[test]
    fn no_thread_is_added_to_an_instance_that_does_not_run() {
        let (board, _) = board(1);
        assert_eq!(board.add(), None, "it has not begun");
        board.begin();
        assert_eq!(board.add(), Some(1));
        assert_eq!(board.replace(0), Some(2));
        board.end(true);
        assert_eq!((board.add(), board.replace(1), board.dismiss()), (None, None, None));
    }

    #[test]
    fn listener_that_panics_is_an_error_that_ends_the_instance() {
        let board = listening(1, |new, _| assert_ne!(new, State::Running, "not this"));
        board.begin();
        board.report(0, ThreadState::Running);
        assert_eq!(board.state(), State::PendingError);
        let shown = format!("client_state{{client_id=\"app\"}} {}", State::PendingError as u8);
        assert!(board.metrics.text().contains(&shown), "{}", board.metrics.text());
        board.report(0, ThreadState::Dead);
        let error = board.wait().unwrap_err();
        assert_eq!((board.state(), error.kind()), (State::Error, ErrorKind::Bug));
        assert!(
            error.to_string().starts_with("the state listener panicked: ") && error.to_string().contains("not this")
        );
    }

    #[test]
    fn listener_that_changes_the_state_is_told_in_order() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (sink, slot) = (seen.clone(), Arc::new(std::sync::OnceLock::<Arc<Board>>::new()));
        let own = slot.clone();
        let board = listening(1, move |new, old| {
            if new == State::Running {
                own.get().unwrap().end(true);
            }
            sink.lock().unwrap().push((old, new));
        });
        assert!(slot.set(board.clone()).is_ok());
        board.begin();
        board.report(0, ThreadState::Running);
        let expected = [
            (State::Created, State::Rebalancing),
            (State::Rebalancing, State::Running),
            (State::Running, State::PendingShutdown),
        ];
        assert_eq!(*seen.lock().unwrap(), expected);
    }
}
