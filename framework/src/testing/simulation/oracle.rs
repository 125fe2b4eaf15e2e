//! The oracle: what must hold when a run has come to rest, and how its content compares with that of the undisturbed run.

use super::failure::{Finding, FindingKind};
use super::outcome::Content;
use super::world::World;
use super::{Compare, SimulatedTopic, Simulation, shown};
use crate::log::client::ReceivedMessage;
use crate::log::{OffsetAndMetadata, OffsetAt};
use crate::record::{TaskId, Topic, TopicPartition};
use crate::runtime::StoreRows;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The header of a dead letter that says where its record was.
const OFFSET_HEADER: &str = "__streams.errors.offset";

/// What a message of a key carries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Version<'a> {
    value: Option<&'a [u8]>,
    timestamp: i64,
    /// Of a message without a key any partition will do.
    partition: Option<i32>,
    headers: Vec<(&'a str, Option<&'a [u8]>)>,
}

type Versions<'a> = Vec<Version<'a>>;

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
    let open = world.log.open_transactions().map_err(Finding::of_the_log)?;
    if !open.is_empty() {
        let sentence = format!("a transaction of `{}` is open", open.join("`, `"));
        return Err(Finding::new(FindingKind::OpenTransaction, sentence));
    }
    // The log gives up what is open for too long: whoever has begun it must not have left that to the log.
    let begun =
        world.running().filter_map(|(instance, streams)| streams.is_in_transaction().then_some(instance)).next();
    if let Some(instance) = begun {
        let sentence = format!("instance {instance} has begun a transaction and does not end it");
        return Err(Finding::new(FindingKind::OpenTransaction, sentence));
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
    check_ends(content, &ends)?;
    check_owners(world)?;
    check_progress(world, content)
}

/// Nothing is committed that never was.
fn check_ends(content: &Content, ends: &BTreeMap<TopicPartition, i64>) -> Result<(), Finding> {
    let is_beyond = |(partition, committed): &(&TopicPartition, &OffsetAndMetadata)| {
        ends.get(*partition).is_some_and(|end| committed.offset > *end)
    };
    let Some((partition, committed)) = content.offsets.iter().find(is_beyond) else { return Ok(()) };
    let sentence = format!("more of `{partition}` is committed than there is");
    let detail = format!("committed is {}, the end {:?}", committed.offset, ends.get(partition));
    Err(Finding::new(FindingKind::Uncommitted, sentence).with_detail(detail))
}

/// No task has two owners.
fn check_owners(world: &mut World<'_>) -> Result<(), Finding> {
    let mut tasks: Vec<TaskId> = world.running().flat_map(|(_, streams)| streams.running_tasks()).collect();
    tasks.sort_unstable();
    match tasks.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Finding::new(FindingKind::SharedTask, format!("two threads have task {}", pair[0]))),
        None => Ok(()),
    }
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
        for SimulatedTopic { new, compare, .. } in self.topics.iter().filter(|topic| topic.is_output) {
            self.compare_topic(&new.topic, *compare, messages(expected, &new.topic), messages(got, &new.topic))?;
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

    fn by_key<'a>(&self, messages: &'a [ReceivedMessage]) -> BTreeMap<Option<&'a [u8]>, Versions<'a>> {
        let mut keys: BTreeMap<Option<&[u8]>, Versions<'_>> = BTreeMap::new();
        for message in messages {
            let key = message.key.as_deref();
            keys.entry(key).or_default().push(Version {
                value: message.value.as_deref(),
                timestamp: message.timestamp,
                partition: key.map(|_| message.partition.partition),
                headers: self.headers(message),
            });
        }
        keys
    }

    /// The headers that are compared. Where a record stood in an internal topic depends on the transactions between.
    fn headers<'a>(&self, message: &'a ReceivedMessage) -> Vec<(&'a str, Option<&'a [u8]>)> {
        let all = message.headers.as_slice().iter().map(|header| (&*header.name, header.value.as_deref()));
        let source = message.headers.last("__streams.errors.topic").flatten();
        let is_given = |source: &[u8]| self.topics.iter().any(|topic| topic.new.topic.as_str().as_bytes() == source);
        let is_fair = source.is_none_or(is_given);
        all.filter(|(name, _)| is_fair || *name != OFFSET_HEADER).collect()
    }

    fn compare_topic(
        &self,
        topic: &Topic,
        compare: Compare,
        expected: &[ReceivedMessage],
        got: &[ReceivedMessage],
    ) -> Result<(), Finding> {
        let (expected, got) = (self.by_key(expected), self.by_key(got));
        let keys: BTreeSet<_> = expected.keys().chain(got.keys()).collect();
        let none = Vec::new();
        for key in keys {
            let (expected, got) = (expected.get(key).unwrap_or(&none), got.get(key).unwrap_or(&none));
            let holds = match (compare, self.config.is_exactly_once()) {
                (Compare::Nothing, _) => true,
                (Compare::InOrder, true) => expected == got,
                (Compare::AnyOrder, true) => sorted(expected) == sorted(got),
                (Compare::Latest, true) => {
                    expected.last().map(|version| version.value) == got.last().map(|version| version.value)
                }
                (Compare::InOrder | Compare::AnyOrder, false) => is_contained(expected, got),
                (Compare::Latest, false) => expected.is_empty() || !got.is_empty(),
            };
            if !holds {
                let sentence =
                    format!("topic `{topic}` differs from the undisturbed run at key {}", shown::bytes(*key));
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

fn messages<'a>(content: &'a Content, topic: &Topic) -> &'a [ReceivedMessage] {
    content.topics.get(topic).map_or(&[], Vec::as_slice)
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

fn shown(versions: &Versions<'_>) -> String {
    format!("[{}]", versions.iter().map(Version::to_string).collect::<Vec<_>>().join(", "))
}

impl fmt::Display for Version<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", shown::bytes(self.value), self.timestamp)?;
        if let Some(partition @ 1..) = self.partition {
            write!(f, " in partition {partition}")?;
        }
        self.headers.iter().try_for_each(|(name, value)| write!(f, " {name}={}", shown::bytes(*value)))
    }
}
