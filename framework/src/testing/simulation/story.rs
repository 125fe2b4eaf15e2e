//! The story of a run: who did what, line by line, in words. What leads to nothing is left out.

use super::adversary::{Actor, Adversary};
use crate::log::embedded::{Fault, Operation};
use std::fmt::{Debug, Write};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Lines in the making.
#[derive(Debug, Default)]
pub(super) struct Story {
    lines: Vec<String>,
    /// Where the step at hand begins.
    step: usize,
    /// Whether something in the step at hand is worth telling.
    is_eventful: bool,
}

impl Story {
    /// A step begins.
    pub(super) fn begin(&mut self) {
        (self.step, self.is_eventful) = (self.lines.len(), false);
    }

    /// A step is over; one that led to nothing is not told.
    pub(super) fn end(&mut self) {
        if !self.is_eventful {
            self.lines.truncate(self.step);
        }
        self.step = self.lines.len();
    }

    pub(super) fn tell(&mut self, now_ms: i64, line: &str, weight: Weight) {
        self.is_eventful |= weight == Weight::Eventful;
        self.lines.push(format!("{now_ms:>9} ms  {line}"));
    }

    pub(super) fn into_lines(self) -> Vec<String> {
        self.lines
    }
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
        self.0.with_trace(|trace| trace.say(&format!("      {}{}", words.message, words.fields)));
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
        let written = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            // The line before says who is at work.
            "thread" => Ok(()),
            name => write!(self.fields, ", {name} {value:?}"),
        };
        written.expect("writing to a string does not fail");
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
        Operation::Heartbeat { .. } => Weight::Nothing,
        Operation::Fetch { .. } | Operation::Admin { .. } | Operation::Committed { .. } => Weight::Light,
        _ => Weight::Eventful,
    }
}

/// An operation in words.
pub(super) fn sentence(actor: Actor, operation: &Operation<'_>, fault: Fault) -> String {
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
        Operation::Heartbeat { member, .. } => format!("is alive as {member}"),
        Operation::Commit { .. } => String::from("commits offsets"),
        Operation::Committed { .. } => String::from("asks for committed offsets"),
        Operation::Fetch { partition } => format!("fetches {partition}"),
        Operation::Admin { call } => format!("asks the log for {call}"),
    };
    let but = match fault {
        Fault::None => String::new(),
        Fault::Delay { by_ms } => format!(", but it takes {by_ms} ms"),
        Fault::Fail(kind) => format!(", but it fails with {kind:?}"),
        fault => format!(", but {}", in_words(fault)),
    };
    format!("{actor}: {what}{but}")
}

fn in_words(fault: Fault) -> String {
    match fault {
        Fault::LostAnswer => String::from("the answer is lost, and it is asked again"),
        Fault::Unknown => String::from("hears only that it timed out, though it was done"),
        Fault::QueueFull => String::from("the queue is full"),
        other => format!("{other:?}"),
    }
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

    #[test]
    fn steps_that_lead_to_nothing_are_left_out() {
        let mut story = Story::default();
        for (line, weight) in [("fetches", Weight::Light), ("commits", Weight::Eventful), ("fetches", Weight::Light)] {
            story.begin();
            story.tell(1, line, weight);
            story.end();
        }
        assert_eq!(story.into_lines(), ["        1 ms  commits"]);
    }
}
