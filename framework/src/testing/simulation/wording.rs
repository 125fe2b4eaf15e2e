//! Schedules in words.

use super::faults::FaultKind;
use super::schedule::{Action, DiskFate, Schedule};
use super::shorter::leave_in_peace;
use std::fmt;

/// What may go wrong, then all actions, one a line.
impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = FaultKind::ALL.iter().filter(|kind| self.conditions.has(**kind)).map(ToString::to_string);
        let kinds: Vec<String> = kinds.collect();
        let faults = if kinds.is_empty() { String::from("nothing goes wrong") } else { kinds.join(", ") };
        writeln!(f, "{}; {faults}", counted(self.actions.len(), "action"))?;
        self.plain_actions().iter().try_for_each(|action| writeln!(f, "  {action}"))
    }
}

impl Schedule {
    /// The actions as sentences; steps of one thread that follow each other in peace are one sentence.
    pub(super) fn sentences(&self) -> Vec<String> {
        let together =
            |one: &Action, next: &Action| peaceful_step(one).is_some() && peaceful_step(one) == peaceful_step(next);
        let sentence = |steps: &[Action]| match steps {
            [only] => only.to_string(),
            [first, ..] => several(first, steps),
            [] => String::new(),
        };
        self.plain_actions().chunk_by(together).map(sentence).collect()
    }

    /// The actions; calls that nothing can happen to are left in peace.
    fn plain_actions(&self) -> Vec<Action> {
        let mut actions = self.actions.clone();
        if !FaultKind::OF_CALLS.iter().any(|kind| self.conditions.has(*kind)) {
            actions.iter_mut().for_each(leave_in_peace);
        }
        actions
    }
}

/// Whose step it is, if it is left in peace.
fn peaceful_step(action: &Action) -> Option<(u8, u8)> {
    match action {
        Action::Step { instance, thread, luck: 0, .. } => Some((*instance, *thread)),
        _ => None,
    }
}

/// Steps of one thread.
fn several(first: &Action, steps: &[Action]) -> String {
    let ms: i64 = steps.iter().map(Action::takes_ms).sum();
    let (instance, thread) = peaceful_step(first).unwrap_or_default();
    let within = if ms == 0 { String::new() } else { format!(" within {ms} ms") };
    format!("thread {thread} of instance {instance} steps {} times{within}", steps.len())
}

/// So many of these.
pub(super) fn counted(count: usize, of: &str) -> String {
    if count == 1 { format!("1 {of}") } else { format!("{count} {of}s") }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Step { instance, thread, after_ms: 0, luck } => {
                write!(f, "thread {thread} of instance {instance} steps{}", calls(*luck))
            }
            Action::Step { instance, thread, after_ms, luck } => {
                write!(f, "{after_ms} ms later thread {thread} of instance {instance} steps{}", calls(*luck))
            }
            Action::Log { luck } => write!(f, "the log does what is due{}", calls(*luck)),
            Action::Wait { ms } => write!(f, "nothing happens for {ms} ms"),
            Action::Calm { ms } => write!(f, "everybody goes on undisturbed for {ms} ms"),
            Action::Produce { records: 1 } => f.write_str("a record of the input comes"),
            Action::Produce { records } => write!(f, "{records} records of the input come"),
            Action::Kill { instance, cut: None, disk, .. } => {
                write!(f, "instance {instance} is killed, its disk {}", disk.in_words())
            }
            Action::Kill { instance, thread, cut: Some(cut), disk } => {
                let calls = counted(usize::from(cut.calls), "call");
                let when = format!("{calls} into the next step of its thread {thread}");
                write!(f, "instance {instance} is killed {when}, its disk {}", disk.in_words())?;
                match cut.late_ms {
                    Some(ms) => write!(f, "; its last call arrives {ms} ms later"),
                    None => Ok(()),
                }
            }
            Action::Pause { instance, ms } => write!(f, "instance {instance} stands still for {ms} ms"),
            Action::Leave { instance } => write!(f, "instance {instance} is to leave"),
            Action::Start { instance } => write!(f, "instance {instance} starts"),
        }
    }
}

/// What becomes of the calls of a step.
fn calls(luck: u64) -> &'static str {
    if luck == 0 { "" } else { "; its calls may go wrong" }
}

impl DiskFate {
    pub(super) fn in_words(self) -> String {
        match self {
            DiskFate::Kept => String::from("stays as it is"),
            DiskFate::Lost => String::from("is lost"),
            DiskFate::RolledBack(writes) => {
                format!("is back where it was {} ago", counted(usize::from(writes), "write"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::faults::Conditions;
    use super::super::random::Random;
    use super::*;

    /// Such a schedule, under the conditions of the first seed with which calls go wrong, or do not.
    fn schedule(actions: Vec<Action>, calls_go_wrong: bool) -> Schedule {
        let kinds = if calls_go_wrong { FaultKind::OF_CALLS } else { &[FaultKind::Crash] };
        let mut drawn = (0..).map(|seed| Conditions::draw(kinds, &mut Random::new(seed)));
        let conditions = drawn.find(|conditions| kinds.iter().any(|kind| conditions.has(*kind)));
        Schedule { conditions: conditions.expect("some seed has some of them"), actions }
    }

    #[test]
    fn steps_of_one_thread_are_one_sentence() {
        let step = |thread, luck| Action::Step { instance: 0, thread, after_ms: 3, luck };
        let actions = vec![Action::Produce { records: 1 }, step(0, 0), step(0, 0), step(1, 0), step(1, 7), step(1, 7)];
        let expected = [
            "a record of the input comes",
            "thread 0 of instance 0 steps 2 times within 6 ms",
            "3 ms later thread 1 of instance 0 steps",
            "3 ms later thread 1 of instance 0 steps; its calls may go wrong",
            "3 ms later thread 1 of instance 0 steps; its calls may go wrong",
        ];
        assert_eq!(schedule(actions, true).sentences(), expected);
    }

    #[test]
    fn calls_go_wrong_only_where_some_fault_can_happen_to_them() {
        let calm = schedule(vec![Action::Log { luck: 7 }], false);
        assert_eq!(calm.sentences(), ["the log does what is due"]);
        assert_eq!(format!("{calm:?}"), "1 action; Crash\n  the log does what is due\n");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!([0, 1, 2].map(|count| counted(count, "record")), ["0 records", "1 record", "2 records"]);
    }
}
