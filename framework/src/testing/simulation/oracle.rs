//! The oracle: what must hold when a run has come to rest, and how its content compares with that of the undisturbed run.

use super::failure::{Finding, FindingKind};
use super::outcome::Content;
use super::world::World;
use super::{Compare, Simulation, shown};
use crate::log::OffsetAt;
use crate::log::client::ReceivedMessage;
use crate::record::{TaskId, Topic};
use crate::runtime::StoreRows;
use std::collections::{BTreeMap, BTreeSet};

/// What messages of one key carry: value and timestamp.
type Versions<'a> = Vec<(Option<&'a [u8]>, i64)>;

/// Rows of a store that are shown at most.
const SHOWN_MAX: usize = 5;

impl Finding {
    pub(super) fn shared_task((store, task): &(String, TaskId)) -> Finding {
        Finding::new(FindingKind::SharedTask, format!("two instances have store `{store}` of task {task}"))
    }
}

/// What must hold in any run that has come to rest.
pub(super) fn check_rest(world: &mut World<'_>, content: &Content) -> Result<(), Finding> {
    let (stable, ends) = (world.offsets(OffsetAt::LastStable)?, world.offsets(OffsetAt::End)?);
    if let Some((partition, end)) = ends.iter().find(|(partition, end)| stable.get(*partition) != Some(*end)) {
        let sentence = format!("a transaction is open in `{partition}`");
        return Err(Finding::new(FindingKind::OpenTransaction, sentence)
            .with_detail(format!("it ends at {end}, but is stable up to {:?} only", stable.get(partition))));
    }
    let leaks: Vec<String> = world
        .running()
        .filter_map(|(instance, streams)| match (streams.uncommitted_bytes(), streams.is_dirty()) {
            (0, false) => None,
            (0, true) => Some(format!("a cache of instance {instance} is not flushed")),
            (bytes, _) => Some(format!("instance {instance} holds back {bytes} bytes")),
        })
        .collect();
    if !leaks.is_empty() {
        return Err(Finding::new(FindingKind::Leak, "stores are not committed").with_detail(leaks.join(", ")));
    }
    check_progress(world, content)
}

/// Nothing that a topology reads lies behind the committed offsets.
fn check_progress(world: &World<'_>, content: &Content) -> Result<(), Finding> {
    let simulation = world.simulation;
    let offsets = &content.offsets;
    let inputs: BTreeSet<&Topic> = content.topics.keys().filter(|topic| simulation.reads(topic)).collect();
    let is_behind = |message: &&ReceivedMessage| {
        offsets.get(&message.partition).is_none_or(|committed| committed.offset <= message.offset)
    };
    let messages = inputs.iter().flat_map(|topic| &content.topics[*topic]);
    let behind: Vec<&ReceivedMessage> = messages.filter(is_behind).collect();
    let Some(first) = behind.first() else { return Ok(()) };
    let committed = offsets.get(&first.partition).map(|committed| committed.offset);
    let sentence = format!("{} input messages are not committed as processed", behind.len());
    Err(Finding::new(FindingKind::Uncommitted, sentence)
        .with_detail(format!("the first is at {} of `{}`, committed is {committed:?}", first.offset, first.partition)))
}

impl Simulation {
    /// Compares a run with the undisturbed one.
    pub(super) fn compare(&self, expected: &Content, got: &Content) -> Result<(), Finding> {
        self.compare_outputs(expected, got)?;
        self.compare_stores(expected, got)
    }

    pub(super) fn compare_outputs(&self, expected: &Content, got: &Content) -> Result<(), Finding> {
        for topic in &self.topics {
            if topic.is_output {
                let compare = topic.compare;
                let messages = |content: &Content| content.topics.get(&topic.new.topic).cloned().unwrap_or_default();
                self.compare_topic(&topic.new.topic, compare, &messages(expected), &messages(got))?;
            }
        }
        Ok(())
    }

    fn compare_stores(&self, expected: &Content, got: &Content) -> Result<(), Finding> {
        if self.config.is_exactly_once() {
            self.compare_rows(&expected.rows, &got.rows, FindingKind::Store, "the undisturbed run")?;
        }
        // Global tables only follow their topics: they are the same under both guarantees.
        let first = expected.global_rows.first().into_iter();
        for (expected, got) in first.flat_map(|expected| got.global_rows.iter().map(move |got| (expected, got))) {
            self.compare_rows(expected, got, FindingKind::Store, "the undisturbed run")?;
        }
        Ok(())
    }

    fn compare_topic(
        &self,
        topic: &Topic,
        compare: Compare,
        expected: &[ReceivedMessage],
        got: &[ReceivedMessage],
    ) -> Result<(), Finding> {
        let (expected, got) = (by_key(expected), by_key(got));
        let keys: BTreeSet<_> = expected.keys().chain(got.keys()).collect();
        let none = Vec::new();
        for key in keys {
            let (expected, got) = (expected.get(key).unwrap_or(&none), got.get(key).unwrap_or(&none));
            let holds = match (compare, self.config.is_exactly_once()) {
                (Compare::Nothing, _) => true,
                (Compare::InOrder, true) => expected == got,
                (Compare::AnyOrder, true) => sorted(expected) == sorted(got),
                (Compare::Latest, true) => {
                    expected.last().map(|(value, _)| value) == got.last().map(|(value, _)| value)
                }
                (Compare::InOrder | Compare::AnyOrder, false) => is_contained(expected, got),
                (Compare::Latest, false) => expected.is_empty() || !got.is_empty(),
            };
            if !holds {
                let sentence = format!("topic `{topic}` differs from the undisturbed run at key {}", shown_key(*key));
                let detail = format!("  expected {}\n  got      {}", shown(expected), shown(got));
                return Err(Finding::new(FindingKind::Output(topic.to_string()), sentence).with_detail(detail));
            }
        }
        Ok(())
    }

    /// Compares the rows of stores.
    pub(super) fn compare_rows(
        &self,
        expected: &StoreRows,
        got: &StoreRows,
        kind: fn(String) -> FindingKind,
        whose: &str,
    ) -> Result<(), Finding> {
        let none = BTreeMap::new();
        let stores: BTreeSet<_> = expected.keys().chain(got.keys()).collect();
        for store in stores.into_iter().filter(|(name, _)| !self.ignored_stores.contains(name)) {
            let (expected, got) = (expected.get(store).unwrap_or(&none), got.get(store).unwrap_or(&none));
            if expected != got {
                let (name, task) = store;
                let sentence = format!("store `{name}` of task {task} differs from that of {whose}");
                return Err(Finding::new(kind(name.clone()), sentence).with_detail(difference(expected, got)));
            }
        }
        Ok(())
    }
}

fn by_key(messages: &[ReceivedMessage]) -> BTreeMap<Option<&[u8]>, Versions<'_>> {
    let mut keys: BTreeMap<Option<&[u8]>, Versions<'_>> = BTreeMap::new();
    for message in messages {
        keys.entry(message.key.as_deref()).or_default().push((message.value.as_deref(), message.timestamp));
    }
    keys
}

/// Whether nothing is missing, as often as it is there.
fn is_contained(expected: &Versions<'_>, got: &Versions<'_>) -> bool {
    let mut left = got.clone();
    expected.iter().all(|version| {
        let found = left.iter().position(|other| other == version);
        found.map(|at| left.swap_remove(at)).is_some()
    })
}

fn sorted<'a>(versions: &Versions<'a>) -> Versions<'a> {
    let mut sorted = versions.clone();
    sorted.sort_unstable();
    sorted
}

fn difference(expected: &BTreeMap<Vec<u8>, Vec<u8>>, got: &BTreeMap<Vec<u8>, Vec<u8>>) -> String {
    let keys: BTreeSet<&Vec<u8>> = expected.keys().chain(got.keys()).collect();
    let differing: Vec<&Vec<u8>> = keys.into_iter().filter(|key| expected.get(*key) != got.get(*key)).collect();
    let line = |key: &&Vec<u8>| {
        let value = |rows: &BTreeMap<Vec<u8>, Vec<u8>>| shown::bytes(rows.get(*key).map(Vec::as_slice));
        format!("  {}: expected {}, got {}", shown::bytes(Some(key)), value(expected), value(got))
    };
    let mut lines: Vec<String> = differing.iter().take(SHOWN_MAX).map(line).collect();
    if differing.len() > SHOWN_MAX {
        lines.push(format!("  and {} more", differing.len() - SHOWN_MAX));
    }
    lines.join("\n")
}

fn shown_key(key: Option<&[u8]>) -> String {
    shown::bytes(key)
}

fn shown(versions: &Versions<'_>) -> String {
    let one = |(value, timestamp): &(Option<&[u8]>, i64)| format!("{} at {timestamp}", shown::bytes(*value));
    format!("[{}]", versions.iter().map(one).collect::<Vec<_>>().join(", "))
}
