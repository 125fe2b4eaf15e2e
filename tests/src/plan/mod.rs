//! What happens to the instances of an application and to its brokers, and when: drawn from a seed, or written down.
//!
//! Only instances that run are ended in a drawn plan, and never while they are paused. A plan is one line
//! of text, `0 start 1, 2400 kill 1, 2900 start 1`: times in milliseconds since the first start.

mod drawing;

use drawing::Drawing;
use std::fmt;
use std::str::FromStr;

/// Something that happens to an instance, to a broker, or to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// An instance starts, on the directory that it had.
    Start(u8),
    /// `kill -9`.
    Kill(u8),
    /// SIGTERM: it commits and leaves the group.
    Leave(u8),
    /// SIGINT: it commits and ends, and its group is not told.
    Stay(u8),
    /// SIGSTOP.
    Pause(u8),
    /// SIGCONT, to what is a zombie by then.
    Resume(u8),
    /// The state directory of an instance that does not run is deleted.
    Wipe(u8),
    /// Changelogs lose what later records of the same keys stand for.
    Truncate,
    /// `kill -9` of a broker.
    Lose(u8),
    /// A broker is started again.
    Regain(u8),
}

/// An action and its time, in milliseconds since the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// When, in milliseconds since the beginning.
    pub at_ms: u64,
    /// What.
    pub action: Action,
}

/// Events in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan(pub Vec<Event>);

impl Plan {
    /// A plan with so many kills, and with everything else that may happen in proportion: the loss of a broker among it, if that
    /// many `may_be_lost`, one at a time.
    pub fn drawn(seed: u64, kills: u64, may_be_lost: u8, session_ms: u64, has_zombies: bool) -> Plan {
        let mut events = Drawing::new(seed, may_be_lost, session_ms, has_zombies).drawn(kills);
        events.sort_by_key(|event| event.at_ms);
        Plan(events)
    }

    /// From one instance to four and back, with time to work in between.
    ///
    /// # Panics
    /// Never: it is written as plans are.
    pub fn scaling() -> Plan {
        let text = "0 start 1, 8000 start 2, 12000 start 3, 16000 start 4, 28000 leave 4, 32000 leave 3, 36000 leave 2";
        text.parse().expect("it is written as plans are")
    }

    /// How many of its actions are such.
    ///
    /// ```
    /// use system_tests::plan::{Action, Plan};
    ///
    /// let plan: Plan = "0 start 1, 500 kill 1, 900 start 1".parse().unwrap();
    /// assert_eq!(plan.count(|action| matches!(action, Action::Start(_))), 2);
    /// ```
    pub fn count(&self, is_such: impl Fn(Action) -> bool) -> usize {
        self.0.iter().filter(|event| is_such(event.action)).count()
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Start(slot) => write!(f, "start {slot}"),
            Action::Kill(slot) => write!(f, "kill {slot}"),
            Action::Leave(slot) => write!(f, "leave {slot}"),
            Action::Stay(slot) => write!(f, "stay {slot}"),
            Action::Pause(slot) => write!(f, "pause {slot}"),
            Action::Resume(slot) => write!(f, "resume {slot}"),
            Action::Wipe(slot) => write!(f, "wipe {slot}"),
            Action::Truncate => write!(f, "truncate"),
            Action::Lose(node) => write!(f, "lose {node}"),
            Action::Regain(node) => write!(f, "regain {node}"),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, event) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{} {}", event.at_ms, event.action)?;
        }
        Ok(())
    }
}

impl FromStr for Event {
    type Err = String;

    fn from_str(text: &str) -> Result<Event, String> {
        let wrong = || format!("`{}` is no event, such as `1200 kill 2`", text.trim());
        let mut words = text.split_whitespace();
        let at_ms = words.next().and_then(|word| word.parse().ok()).ok_or_else(wrong)?;
        let verb = words.next().ok_or_else(wrong)?;
        let mut of = |action: fn(u8) -> Action| words.next()?.parse().ok().map(action);
        let action = match verb {
            "start" => of(Action::Start),
            "kill" => of(Action::Kill),
            "leave" => of(Action::Leave),
            "stay" => of(Action::Stay),
            "pause" => of(Action::Pause),
            "resume" => of(Action::Resume),
            "wipe" => of(Action::Wipe),
            "truncate" => Some(Action::Truncate),
            "lose" => of(Action::Lose),
            "regain" => of(Action::Regain),
            _ => None,
        };
        Ok(Event { at_ms, action: action.ok_or_else(wrong)? })
    }
}

impl FromStr for Plan {
    type Err = String;

    fn from_str(text: &str) -> Result<Plan, String> {
        let mut events: Vec<Event> = text.split(',').map(str::parse).collect::<Result<_, _>>()?;
        events.sort_by_key(|event| event.at_ms);
        Ok(Plan(events))
    }
}

#[cfg(test)]
mod tests {
    use super::drawing::SLOTS;
    use super::*;

    fn events_of(plan: &Plan, slot: u8) -> Vec<Action> {
        let of_slot =
            [Action::Start, Action::Kill, Action::Leave, Action::Stay, Action::Pause, Action::Resume, Action::Wipe];
        let of_slot = of_slot.map(|action| action(slot));
        plan.0.iter().map(|event| event.action).filter(|action| of_slot.contains(action)).collect()
    }

    #[test]
    fn plan_that_is_written_down_is_the_same() {
        for seed in 0..100 {
            let plan = Plan::drawn(seed, 20, 3, 4_000, true);
            assert_eq!(plan.to_string().parse(), Ok(plan));
        }
        assert!("1200 kil 2".parse::<Plan>().is_err());
        assert!("kill 2".parse::<Plan>().is_err());
    }

    #[test]
    fn everything_happens_and_as_often_as_asked() {
        for (kills, seed) in [(1, 0), (5, 1), (20, 2), (100, 3)] {
            let plan = Plan::drawn(seed, kills, 1, 4_000, true);
            assert_eq!(plan.count(|action| matches!(action, Action::Kill(_))), kills as usize, "{plan}");
            assert!(plan.count(|action| matches!(action, Action::Pause(_))) >= 1);
            let (lost, found) =
                (plan.count(|action| action == Action::Lose(1)), plan.count(|action| action == Action::Regain(1)));
            assert!(lost == found && lost >= 1, "{plan}");
            assert!(kills < 5 || plan.count(|action| action == Action::Truncate) >= 1, "{plan}");
        }
    }

    #[test]
    fn only_what_runs_is_ended_and_only_what_has_ended_starts() {
        for seed in 0..200 {
            let plan = Plan::drawn(seed, 20, 3, 4_000, true);
            for slot in 1..=SLOTS {
                let mut runs = false;
                for action in events_of(&plan, slot) {
                    let must_run = !matches!(action, Action::Start(_) | Action::Wipe(_));
                    assert_eq!(runs, must_run, "{action} in {plan}");
                    runs = matches!(action, Action::Start(_) | Action::Pause(_) | Action::Resume(_));
                }
            }
        }
    }
}
