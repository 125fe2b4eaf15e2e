//! The story of a run: who did what, line by line, in words. What leads to nothing is left out.

use super::adversary::{Actor, Adversary};
use super::shown;
use crate::log::embedded::{Fault, Operation};
use std::fmt::Debug;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// The longest of an event's fields that is told, in characters.
const FIELD_MAX: usize = 100;

/// Lines in the making. The first of a step says when it was and who is at work, the others stand below it.
#[derive(Debug)]
pub(super) struct Story {
    lines: Vec<String>,
    actor: Actor,
    /// What came in the step at hand.
    step: Vec<String>,
    /// Whether some of that is worth telling.
    is_eventful: bool,
    /// Whether a line that names its subject stands above what comes.
    has_head: bool,
}

impl Default for Story {
    fn default() -> Self {
        Story { lines: Vec::new(), actor: Actor::Observer, step: Vec::new(), is_eventful: false, has_head: false }
    }
}

impl Story {
    /// A step begins, and the one before is told as it is.
    pub(super) fn begin(&mut self, actor: Actor, now_ms: i64) {
        self.conclude(now_ms);
        (self.actor, self.has_head) = (actor, false);
    }

    /// A step is over; one that led to nothing is not told.
    pub(super) fn end(&mut self, now_ms: i64) {
        if !self.is_eventful {
            self.step.clear();
        }
        self.conclude(now_ms);
    }

    /// Whoever is at work does something.
    pub(super) fn tell(&mut self, line: String, weight: Weight) {
        self.is_eventful |= weight == Weight::Eventful;
        match self.has_head {
            true => self.lines.push(below(&line)),
            false => self.step.push(line),
        }
    }

    /// Something happens that names its subject.
    pub(super) fn state(&mut self, now_ms: i64, line: &str) {
        if self.actor != Actor::Observer {
            self.conclude(now_ms);
        }
        self.lines.push(headed(now_ms, line));
        // What was said on the way, and by nobody: an instance that starts.
        self.lines.extend(self.step.drain(..).map(|line| below(&line)));
        self.has_head = true;
    }

    fn conclude(&mut self, now_ms: i64) {
        let (actor, mut step) = (self.actor, self.step.drain(..));
        self.is_eventful = false;
        let Some(first) = step.next() else { return };
        let first = if actor == Actor::Observer { first } else { format!("{actor}: {first}") };
        self.lines.push(headed(now_ms, &first));
        self.lines.extend(step.map(|line| below(&line)));
    }

    pub(super) fn into_lines(mut self, now_ms: i64) -> Vec<String> {
        self.conclude(now_ms);
        self.lines
    }
}

fn headed(now_ms: i64, line: &str) -> String {
    format!("{now_ms:>9} ms  {line}")
}

fn below(line: &str) -> String {
    format!("{:16}{line}", "")
}

/// Tells what the application itself logs, too.
pub(super) struct Teller(pub(super) Adversary);

impl Subscriber for Teller {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = Words::default();
        event.record(&mut words);
        self.0.with_trace(|trace| trace.say(&format!("{}{}", words.message, words.fields)));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// An event's message and its fields.
#[derive(Default)]
struct Words {
    message: String,
    fields: String,
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            // The step says who is at work.
            "thread" => {}
            name => {
                let value = shown::cut(format!("{value:?}"), FIELD_MAX);
                self.fields.extend([", ", name, " ", &value]);
            }
        }
    }
}

/// How much an operation is worth telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Not at all.
    Nothing,
    /// Together with something else in its step.
    Light,
    /// In any case.
    Eventful,
}

pub(super) fn weight(actor: Actor, operation: &Operation<'_>, fault: Fault) -> Weight {
    match operation {
        _ if fault != Fault::None => Weight::Eventful,
        _ if actor == Actor::Observer => Weight::Nothing,
        // What is queued is told with its key and value, by the watched log.
        Operation::Heartbeat { .. } | Operation::Send { .. } => Weight::Nothing,
        Operation::Fetch { .. } | Operation::Admin { .. } | Operation::Committed { .. } => Weight::Light,
        _ => Weight::Eventful,
    }
}

/// An operation in words, without who is at work.
pub(super) fn sentence(operation: &Operation<'_>, fault: Fault) -> String {
    let what = match operation {
        Operation::InitProducer { transactional_id } => format!("initialises producer {}", name(*transactional_id)),
        Operation::Send { topic } => format!("queues a message for {topic}"),
        Operation::Append { partition, transactional_id } => {
            format!("appends to {partition}{}", within(*transactional_id))
        }
        Operation::SendOffsets { transactional_id, .. } => format!("sends offsets{}", within(Some(transactional_id))),
        Operation::EndTransaction { transactional_id, commit: true } => {
            format!("commits{}", within(Some(transactional_id)))
        }
        Operation::EndTransaction { transactional_id, commit: false } => {
            format!("aborts{}", within(Some(transactional_id)))
        }
        Operation::WriteMarkers { transactional_id, partition: Some(partition) } => {
            format!("writes the marker of {transactional_id} to {partition}")
        }
        Operation::WriteMarkers { transactional_id, partition: None } => {
            format!("writes the marker of {transactional_id} to its offsets")
        }
        Operation::Join { group } => format!("joins {group}"),
        Operation::Subscribe { group, .. } => format!("changes its subscription in {group}"),
        Operation::Release { group, .. } => format!("gives partitions back to {group}"),
        Operation::Leave { group, .. } => format!("leaves {group}"),
        Operation::Heartbeat { member, .. } => format!("is alive as {member}"),
        Operation::Commit { .. } => String::from("commits offsets"),
        Operation::Committed { .. } => String::from("asks for committed offsets"),
        Operation::Fetch { partition } => format!("fetches {partition}"),
        Operation::Admin { call } => format!("asks the log for {call}"),
    };
    let but = match fault {
        Fault::None => return what,
        Fault::Delay { by_ms } => format!("it takes {by_ms} ms"),
        Fault::Fail(kind) => format!("it fails with {kind:?}"),
        Fault::LostAnswer => String::from("the answer is lost, and it is asked again"),
        Fault::Unknown => String::from("hears only that it timed out, though it was done"),
        Fault::QueueFull => String::from("the queue is full"),
    };
    format!("{what}, but {but}")
}

fn name(transactional_id: Option<&str>) -> &str {
    transactional_id.unwrap_or("without transactions")
}

fn within(transactional_id: Option<&str>) -> String {
    transactional_id.map(|id| format!(" in the transaction of {id}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(course: impl FnOnce(&mut Story)) -> Vec<String> {
        let mut story = Story::default();
        course(&mut story);
        story.into_lines(9)
    }

    #[test]
    fn steps_that_lead_to_nothing_are_left_out() {
        let lines = told(|story| {
            for (line, weight) in [("fetches", Weight::Light), ("commits", Weight::Eventful), ("asks", Weight::Light)] {
                story.begin(Actor::Thread(1, 0), 1);
                story.tell(line.to_owned(), weight);
                story.end(1);
            }
        });
        assert_eq!(lines, ["        1 ms  instance 1, thread 0: commits"]);
    }

    #[test]
    fn first_line_of_a_step_says_who_and_the_others_stand_below() {
        let lines = told(|story| {
            story.begin(Actor::Thread(1, 0), 1);
            story.tell(String::from("partitions came"), Weight::Eventful);
            story.tell(String::from("asks for committed offsets"), Weight::Light);
            story.end(2);
            story.begin(Actor::Observer, 2);
            story.tell(String::from("state changed"), Weight::Eventful);
            story.state(3, "instance 2 starts");
        });
        let expected = [
            "        2 ms  instance 1, thread 0: partitions came",
            "                asks for committed offsets",
            "        3 ms  instance 2 starts",
            "                state changed",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn step_that_was_cut_short_is_told_before_what_cut_it() {
        let lines = told(|story| {
            story.begin(Actor::Thread(1, 0), 1);
            story.tell(String::from("fetches"), Weight::Light);
            story.state(3, "instance 1 is killed");
        });
        assert_eq!(lines, ["        3 ms  instance 1, thread 0: fetches", "        3 ms  instance 1 is killed"]);
    }
}
