//! The threads of an instance: their numbers, names and states.
//!
//! Plain data, changed under the board's lock. It starts and ends no thread.

use super::state::ThreadState;
use std::collections::BTreeMap;
use std::thread::ThreadId;

/// The place of the thread of global tables: behind all stream threads.
pub(crate) const GLOBAL: usize = usize::MAX;

/// Who is in an instance, by number from 0. A number is free again once its thread is gone.
pub(super) struct Roster {
    client_id: String,
    members: BTreeMap<usize, Member>,
    /// Of the next member: no two have the same, whatever their numbers.
    next_serial: u64,
}

struct Member {
    name: String,
    serial: u64,
    state: ThreadState,
    /// It was removed or replaced: it goes while the instance goes on.
    is_leaving: bool,
    runs_on: Option<ThreadId>,
}

/// A thread that was told to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dismissed {
    pub(crate) thread: usize,
    pub(crate) name: String,
    serial: u64,
}

impl Roster {
    /// So many stream threads, and perhaps one for global tables.
    pub(super) fn new(client_id: &str, stream_threads: usize, has_globals: bool) -> Self {
        let mut roster = Roster { client_id: client_id.to_owned(), members: BTreeMap::new(), next_serial: 0 };
        (0..stream_threads).for_each(|thread| roster.insert(thread));
        if has_globals {
            roster.insert(GLOBAL);
        }
        roster
    }

    /// A further stream thread, under the lowest number that is free.
    pub(super) fn add(&mut self) -> usize {
        let taken = |thread: &usize| self.members.get(thread).is_some_and(|member| member.state != ThreadState::Dead);
        let free = (0..GLOBAL).find(|thread| !taken(thread)).expect("a process has fewer threads than numbers");
        self.insert(free);
        free
    }

    fn insert(&mut self, thread: usize) {
        let name = match thread {
            GLOBAL => format!("{}-GlobalStreamThread", self.client_id),
            thread => format!("{}-StreamThread-{}", self.client_id, thread + 1),
        };
        let serial = self.next_serial;
        self.next_serial += 1;
        let member = Member { name, serial, state: ThreadState::Created, is_leaving: false, runs_on: None };
        self.members.insert(thread, member);
    }

    /// The name of a thread; empty if there is none of that number (any more).
    pub(super) fn name(&self, thread: usize) -> String {
        self.members.get(&thread).map(|member| member.name.clone()).unwrap_or_default()
    }

    /// A thread is doing something else. One that was to leave and is dead is forgotten.
    pub(super) fn set(&mut self, thread: usize, state: ThreadState) {
        let Some(member) = self.members.get_mut(&thread) else { return };
        member.state = state;
        if member.is_leaving && state == ThreadState::Dead {
            self.members.remove(&thread);
        }
    }

    /// A thread runs on this thread of the operating system.
    pub(super) fn set_runs_on(&mut self, thread: usize, runs_on: ThreadId) {
        if let Some(member) = self.members.get_mut(&thread) {
            member.runs_on = Some(runs_on);
        }
    }

    /// The member that runs on that thread of the operating system.
    pub(super) fn running_on(&self, runs_on: ThreadId) -> Option<usize> {
        let found = self.members.iter().find(|(_, member)| member.runs_on == Some(runs_on));
        found.map(|(thread, _)| *thread)
    }

    /// Chooses a stream thread that is to leave: the first that is not `last_choice`, which has its turn only if it is
    /// alone. `None` if there is none left.
    pub(super) fn dismiss(&mut self, last_choice: Option<usize>) -> Option<Dismissed> {
        let stays = |member: &Member| !member.is_leaving && member.state != ThreadState::Dead;
        let eligible = self.members.iter().filter(|(thread, member)| **thread != GLOBAL && stays(member));
        let thread = *eligible.min_by_key(|(thread, _)| Some(**thread) == last_choice)?.0;
        self.leave(thread)
    }

    /// That thread is to leave.
    pub(super) fn leave(&mut self, thread: usize) -> Option<Dismissed> {
        let member = self.members.get_mut(&thread)?;
        member.is_leaving = true;
        Some(Dismissed { thread, name: member.name.clone(), serial: member.serial })
    }

    /// Whether a thread that was told to leave is gone.
    pub(super) fn is_gone(&self, dismissed: &Dismissed) -> bool {
        self.members.get(&dismissed.thread).is_none_or(|member| member.serial != dismissed.serial)
    }

    /// Whether a thread was told to leave, or is none of ours (any more).
    pub(super) fn is_leaving(&self, thread: usize) -> bool {
        self.members.get(&thread).is_none_or(|member| member.is_leaving)
    }

    /// Whether every thread that stays is running, and there is one.
    pub(super) fn all_run(&self) -> bool {
        let mut staying = self.staying().peekable();
        staying.peek().is_some() && staying.all(|member| member.state == ThreadState::Running)
    }

    /// Whether a thread that stays is not running.
    pub(super) fn some_do_not_run(&self) -> bool {
        self.staying().any(|member| member.state != ThreadState::Running)
    }

    /// Whether every thread has ended.
    pub(super) fn all_dead(&self) -> bool {
        self.members.values().all(|member| member.state == ThreadState::Dead)
    }

    fn staying(&self) -> impl Iterator<Item = &Member> {
        self.members.values().filter(|member| !member.is_leaving)
    }

    /// The number of stream threads that stay.
    pub(super) fn stream_threads(&self) -> usize {
        self.members.iter().filter(|(thread, member)| **thread != GLOBAL && !member.is_leaving).count()
    }

    /// The number of stream threads that have begun and not ended.
    pub(super) fn alive_stream_threads(&self) -> usize {
        let is_alive = |member: &Member| !matches!(member.state, ThreadState::Created | ThreadState::Dead);
        self.members.iter().filter(|(thread, member)| **thread != GLOBAL && is_alive(member)).count()
    }

    /// Every thread with what it is doing, by number.
    pub(super) fn list(&self) -> Vec<(String, ThreadState)> {
        self.members.values().map(|member| (member.name.clone(), member.state)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(roster: &Roster) -> Vec<String> {
        roster.list().into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn lowest_number_that_is_free_is_taken_again() {
        let mut roster = Roster::new("c", 3, true);
        let second = roster.dismiss(Some(0)).unwrap();
        assert_eq!((second.thread, second.name.as_str()), (1, "c-StreamThread-2"));
        // While it ends, its name is its own.
        assert_eq!(roster.add(), 3);
        assert!(!roster.is_gone(&second));
        roster.set(1, ThreadState::Dead);
        assert!(roster.is_gone(&second));
        assert_eq!(roster.add(), 1);
        assert!(roster.is_gone(&second), "another has its number now");
        let all = ["c-StreamThread-1", "c-StreamThread-2", "c-StreamThread-3", "c-StreamThread-4"];
        assert_eq!(names(&roster), [&all[..], &["c-GlobalStreamThread"]].concat());
    }

    #[test]
    fn who_asks_is_dismissed_last_and_the_global_thread_never() {
        let mut roster = Roster::new("c", 2, true);
        assert_eq!(roster.dismiss(Some(0)).map(|gone| gone.thread), Some(1));
        assert_eq!(roster.dismiss(Some(0)).map(|gone| gone.thread), Some(0));
        assert_eq!(roster.dismiss(None), None);
        assert_eq!(roster.stream_threads(), 0);
    }

    #[test]
    fn only_stream_threads_that_have_begun_are_alive() {
        let mut roster = Roster::new("c", 2, true);
        roster.set(0, ThreadState::Starting);
        roster.set(GLOBAL, ThreadState::Running);
        assert_eq!(roster.alive_stream_threads(), 1);
        roster.set(0, ThreadState::Dead);
        assert_eq!(roster.alive_stream_threads(), 0);
    }

    #[test]
    fn threads_that_leave_do_not_hold_up_the_others() {
        let mut roster = Roster::new("c", 2, false);
        roster.set(0, ThreadState::Running);
        assert!(!roster.all_run());
        roster.leave(1);
        assert!(roster.all_run() && !roster.all_dead());
        roster.set(0, ThreadState::Dead);
        assert!(!roster.all_dead(), "the one that leaves has not ended yet");
        roster.set(1, ThreadState::Dead);
        assert!(roster.all_dead());
    }
}
