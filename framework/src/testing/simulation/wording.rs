//! Schedules in words.

use super::schedule::{Action, DiskFate, Schedule};
use std::fmt;

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} actions; {:?}", self.actions.len(), self.conditions)?;
        self.actions.iter().try_for_each(|action| writeln!(f, "  {action}"))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Step { instance, thread, after_ms, luck } => {
                write!(f, "{after_ms} ms later thread {thread} of instance {instance} steps{}", calls(*luck))
            }
            Action::Log { luck } => write!(f, "the log does what is due{}", calls(*luck)),
            Action::Wait { ms } => write!(f, "nothing happens for {ms} ms"),
            Action::Produce { records: 1 } => f.write_str("a record of the input comes"),
            Action::Produce { records } => write!(f, "{records} records of the input come"),
            Action::Kill { instance, calls: None, disk, .. } => {
                write!(f, "instance {instance} is killed, its disk {}", disk.in_words())
            }
            Action::Kill { instance, thread, calls: Some(calls), disk } => {
                let when = format!("{calls} calls into the next step of its thread {thread}");
                write!(f, "instance {instance} is killed {when}, its disk {}", disk.in_words())
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
            DiskFate::RolledBack(writes) => format!("is back where it was {writes} writes ago"),
        }
    }
}
