//! [`TopologyTestDriver`]: a whole topology as one task, without a log.
//!
//! A piped record is processed to its end before `pipe` returns: through every sub-topology, with a commit after
//! each record. All topics have one partition. The wall clock moves only when told to.

use super::message::{self, OutputMessage};
use super::pipes::{TestInputTopic, TestOutputTopic};
use super::whole::{empty, merged};
use crate::config::Config;
use crate::engine::SharedEngine;
use crate::engine::memory::MemoryEngine;
use crate::error::{Error, ErrorKind, Result};
use crate::operator::SinkTopic;
use crate::record::{Message, Topic, TopicPartition};
use crate::runtime::{Task, TaskSettings};
use crate::serde::Registry;
use crate::serde::registry::EmbeddedRegistry;
use crate::store::{StoreBlueprint, StoreHandle, TaskStores};
use crate::topology::{Blueprint, Subscription, Subtopology, Topology};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// The largest message of a topic in tests, in bytes: Kafka's default.
const MESSAGE_BYTES_MAX: usize = 1_048_588;

/// Runs a topology in a test, record by record. Kafka Streams: `org.apache.kafka.streams.TopologyTestDriver`.
///
/// ```
/// use kstreams::dsl::StreamsBuilder;
/// use kstreams::testing::TopologyTestDriver;
///
/// let builder = StreamsBuilder::new();
/// builder.stream::<String, String>("words").group_by(|_, word| word.clone()).count("counts").to_stream().to("totals");
/// let mut driver = TopologyTestDriver::new(&builder.build()?)?;
/// for word in ["so", "it", "so"] {
///     driver.input("words").pipe("".to_owned(), word.to_owned())?;
/// }
/// let totals = driver.output("totals").read_key_values::<String, Option<i64>>()?;
/// assert_eq!(totals.last(), Some(&("so".to_owned(), Some(2))));
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub struct TopologyTestDriver {
    pub(super) blueprint: Arc<Blueprint>,
    pub(super) whole: Subtopology,
    pub(super) global: Option<Subtopology>,
    pub(super) settings: TaskSettings,
    pub(super) memory: SharedEngine,
    pub(super) config: Config,
    pub(super) task: Option<Task>,
    pub(super) global_task: Option<Task>,
    pub(super) now_ms: i64,
    next_offsets: BTreeMap<Topic, i64>,
    /// What each commit wrote, for `crash`.
    pub(super) committed: BTreeMap<TopicPartition, String>,
    outputs: BTreeMap<Topic, VecDeque<OutputMessage>>,
    /// Everything that was ever written to a topic of the application's own, or to one that a store is restored from.
    pub(super) kept: BTreeMap<Topic, Vec<OutputMessage>>,
    dropped_before: u64,
}

impl TopologyTestDriver {
    /// A driver with the default configuration and no caching, for an application named `test`. Its wall clock begins at 0.
    ///
    /// # Errors
    /// A store or a format that cannot be opened.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").group_by_key().count("counts");
    /// let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.internal_topics().collect::<Vec<_>>(), ["test-counts-changelog"]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn new(topology: &Topology) -> Result<Self> {
        TopologyTestDriver::with_config(topology, Config::new("test", "embedded:").cache_max_bytes(0))
    }

    /// A driver with a configuration of your own: caching, error policies, the default timestamp extractor. State is kept in
    /// memory, whatever engine it names, and no log is opened.
    ///
    /// # Errors
    /// A store or a format that cannot be opened.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::config::{Config, ErrorPolicy};
    /// builder.stream::<i32, i32>("in").to("out");
    /// let config = Config::new("rides", "embedded:").on_record_errors(ErrorPolicy::Continue);
    /// let mut driver = TopologyTestDriver::with_config(&builder.build()?, config)?;
    /// driver.input("in").pipe_bytes(Some(b"not an i32"), None, 0)?;
    /// assert_eq!(driver.dropped_records(), 1);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_config(topology: &Topology, config: Config) -> Result<Self> {
        TopologyTestDriver::with_engine(topology, config, Arc::new(MemoryEngine::default()), 0)
    }

    /// A driver that keeps persistent stores in the given engine, and whose wall clock begins at `now_ms`
    /// (milliseconds since the epoch).
    ///
    /// # Errors
    /// A store or a format that cannot be opened.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::{config::Config, engine::memory::MemoryEngine};
    /// # use std::sync::Arc;
    /// builder.stream::<i32, i32>("in").to("out");
    /// let (config, engine) = (Config::new("test", "embedded:"), Arc::new(MemoryEngine::default()));
    /// let mut driver = TopologyTestDriver::with_engine(&builder.build()?, config, engine, 1_700_000_000_000)?;
    /// assert_eq!(driver.now_ms(), 1_700_000_000_000);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_engine(topology: &Topology, config: Config, engine: SharedEngine, now_ms: i64) -> Result<Self> {
        let blueprint = topology.configured(&config);
        let registry: Arc<dyn Registry> = Arc::new(EmbeddedRegistry::default());
        let sink = SinkTopic { partitions: 1, message_bytes_max: MESSAGE_BYTES_MAX };
        let settings =
            TaskSettings { sink_topics: Rc::new(move |_| Some(sink)), ..TaskSettings::new(&config, registry, engine) };
        let mut driver = TopologyTestDriver {
            whole: merged(&blueprint, false).unwrap_or_else(empty),
            global: merged(&blueprint, true),
            blueprint,
            settings,
            memory: Arc::new(MemoryEngine::default()),
            config,
            task: None,
            global_task: None,
            now_ms,
            next_offsets: BTreeMap::new(),
            committed: BTreeMap::new(),
            outputs: BTreeMap::new(),
            kept: BTreeMap::new(),
            dropped_before: 0,
        };
        driver.open()?;
        Ok(driver)
    }

    /// A topic to pipe records into (`createInputTopic`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// let mut input = driver.input("in");
    /// input.pipe(1, 5)?;
    /// input.pipe_at(1, 7, 60_000)?;
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [5, 7]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn input(&mut self, topic: &str) -> TestInputTopic<'_> {
        TestInputTopic::new(self, topic)
    }

    /// A topic to read what was sent (`createOutputTopic`). Each record is read once.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [5]);
    /// assert_eq!(driver.output("out").read_record::<i32, i32>()?, None);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn output(&mut self, topic: &str) -> TestOutputTopic<'_> {
        TestOutputTopic::new(self, topic)
    }

    pub(super) fn registry(&self) -> Arc<dyn Registry> {
        self.settings.registry.clone()
    }

    /// The wall clock, in milliseconds since the epoch. It moves only by
    /// [`advance_wall_clock`](Self::advance_wall_clock).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_at(1, 5, 60_000)?;
    /// assert_eq!(driver.now_ms(), 0);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Pipes a message and processes everything that follows from it. [`input`](Self::input) does so with types.
    ///
    /// # Errors
    /// A topic that the topology does not read; what the error policies do not absorb. The driver is of no further
    /// use then, save for looking at what was sent before.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::record::Headers;
    /// builder.stream::<Option<i32>, String>("in").to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.pipe_message("in", &OutputMessage::new(None, Some(b"hello"), 1_000, Headers::default()))?;
    /// assert_eq!(driver.output("out").read_values::<String>()?, ["hello"]);
    /// assert!(driver.pipe_message("other", &OutputMessage::new(None, None, 0, Headers::default())).is_err());
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn pipe_message(&mut self, topic: &str, message: &OutputMessage) -> Result<()> {
        let topic = Topic::from(topic);
        let borrowed = message.as_message(self.append(&topic, message));
        if self.global.as_ref().is_some_and(|global| self.reads(global, &topic)) {
            return self.process_global(&topic, &borrowed);
        }
        self.push(&topic, &borrowed)?;
        self.finish()
    }

    /// Writes to the end of a topic; returns the offset.
    fn append(&mut self, topic: &Topic, message: &OutputMessage) -> i64 {
        if self.is_own(topic) || self.is_changelog(topic) {
            self.kept.entry(topic.clone()).or_default().push(message.clone());
        }
        let next_offset = self.next_offsets.entry(topic.clone()).or_insert(0);
        *next_offset += 1;
        *next_offset - 1
    }

    fn is_own(&self, topic: &Topic) -> bool {
        let rest = topic.as_str().strip_prefix(&*self.settings.application_id);
        rest.is_some_and(|rest| rest.starts_with('-'))
    }

    /// Whether a store is restored from the topic, or a processor fills one from it.
    fn is_changelog(&self, topic: &Topic) -> bool {
        let application_id = &self.settings.application_id;
        let restores =
            |store: &Arc<dyn StoreBlueprint>| store.spec().changelog_topic(application_id).as_ref() == Some(topic);
        self.blueprint.stores.iter().any(restores)
            || self.blueprint.globals.iter().any(|global| *global.topic.name == *topic.as_str())
    }

    pub(super) fn process_global(&mut self, topic: &Topic, message: &Message<'_>) -> Result<()> {
        let task = self.global_task.as_mut().expect("a topology with global tables has a global task");
        let number =
            task.input_number(&TopicPartition::new(topic.as_str(), 0)).expect("every global topic is an input");
        task.push(number, message)?;
        while task.process(self.now_ms)? {}
        task.flush()?;
        task.committed();
        let stores = task.stores().clone();
        stores.commit(&self.changelog_ends(&stores), self.now_ms)
    }

    fn push(&mut self, topic: &Topic, message: &Message<'_>) -> Result<()> {
        let partition = TopicPartition::new(topic.as_str(), 0);
        let known = self.running().input_number(&partition);
        let number = match known {
            Some(number) => number,
            None if self.matches(&self.whole, topic) => {
                let task = self.running();
                task.add_input(partition)?;
                task.partitions().count() - 1
            }
            None => return Err(Error::new(ErrorKind::NotFound, format!("the topology does not read topic `{topic}`"))),
        };
        self.running().push(number, message)
    }

    fn running(&mut self) -> &mut Task {
        self.task.as_mut().expect("a driver always has a task, save while it opens one")
    }

    fn reads(&self, subtopology: &Subtopology, topic: &Topic) -> bool {
        let application_id = &self.settings.application_id;
        subtopology.source_topics(&self.blueprint.nodes).any(|name| name.full(application_id) == *topic)
    }

    pub(super) fn matches(&self, subtopology: &Subtopology, topic: &Topic) -> bool {
        subtopology.subscriptions(&self.blueprint.nodes).any(|subscription| match subscription {
            Subscription::Pattern(pattern) => pattern.is_match(topic.as_str()),
            Subscription::Topics(_) => false,
        })
    }

    /// Processes until nothing is left: a record, the punctuations it makes due, a commit, and what it sent to topics
    /// that are read again.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.commit()?;
        loop {
            let now_ms = self.now_ms;
            let task = self.running();
            if !task.process(now_ms)? {
                return Ok(());
            }
            task.punctuate_stream_time()?;
            self.commit()?;
        }
    }

    fn commit(&mut self) -> Result<()> {
        let now_ms = self.now_ms;
        let task = self.running();
        task.flush()?;
        let sent = message::drain(task);
        let progress = task.progress();
        task.committed();
        let back = self.capture(sent);
        self.committed.extend(progress.into_iter().map(|progress| (progress.partition, progress.metadata)));
        let stores = self.running().stores().clone();
        stores.commit(&self.changelog_ends(&stores), now_ms)?;
        for (topic, offset, message) in back {
            self.push(&topic, &message.as_message(offset))?;
        }
        Ok(())
    }

    /// Keeps what was sent; returns what the topology reads again, with its offsets.
    fn capture(&mut self, sent: Vec<(Topic, OutputMessage)>) -> Vec<(Topic, i64, OutputMessage)> {
        let mut back = Vec::new();
        for (topic, message) in sent {
            let offset = self.append(&topic, &message);
            if self.reads(&self.whole, &topic) || self.matches(&self.whole, &topic) {
                back.push((topic.clone(), offset, message.clone()));
            }
            self.outputs.entry(topic).or_default().push_back(message);
        }
        back
    }

    /// By store, the end of the topic it is restored from.
    fn changelog_ends(&self, stores: &TaskStores) -> Vec<(u32, i64)> {
        let end = |store| {
            let changelog = stores.changelog(store)?;
            Some((store, self.kept.get(&changelog.topic).map_or(0, Vec::len) as i64))
        };
        (0..stores.len()).filter_map(end).collect()
    }

    /// Moves the wall clock and runs the punctuations that are due (`advanceWallClockTime`). A punctuation that was due
    /// several times fires once.
    ///
    /// # Errors
    /// What the error policies do not absorb.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use std::time::Duration;
    /// builder.stream::<i32, i32>("in").to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.advance_wall_clock(Duration::from_secs(60))?;
    /// driver.input("in").pipe(1, 5)?;
    /// let record = driver.output("out").read_record::<i32, i32>()?.expect("a record was sent");
    /// assert_eq!(record.timestamp, 60_000);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn advance_wall_clock(&mut self, by: Duration) -> Result<()> {
        self.now_ms += i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let now_ms = self.now_ms;
        self.running().punctuate_wall_clock(now_ms)?;
        self.finish()
    }

    /// Crashes and starts again: operators, caches and in-memory stores are made anew, persistent stores are opened
    /// where the last commit left them, and what they lack is restored from the changelogs. Java's driver has no such thing.
    ///
    /// # Errors
    /// A store that cannot be opened again.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").group_by_key().count("counts").to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// driver.crash()?;
    /// driver.input("in").pipe(1, 7)?;
    /// assert_eq!(driver.output("out").read_values::<i64>()?, [1, 2]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn crash(&mut self) -> Result<()> {
        self.dropped_before = self.dropped_records();
        self.task = None;
        self.global_task = None;
        self.memory = Arc::new(MemoryEngine::default());
        self.open()
    }

    /// A handle on a store of the topology (`getKeyValueStore` and the like); what it writes counts as the topology's own.
    ///
    /// # Errors
    /// No such store, or one of another type.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::store::TimestampedKeyValueStore;
    /// builder.stream::<i32, i32>("in").group_by_key().count("counts");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_at(1, 5, 60_000)?;
    /// let counts: TimestampedKeyValueStore<i32, i64> = driver.store("counts")?;
    /// assert_eq!(counts.get(&1)?.map(|row| (row.value, row.timestamp)), Some((1, 60_000)));
    /// assert!(driver.store::<TimestampedKeyValueStore<i32, String>>("counts").is_err());
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn store<S: StoreHandle>(&self, name: &str) -> Result<S> {
        let task = if self.blueprint.is_global(name) { &self.global_task } else { &self.task };
        task.as_ref().expect("a driver always has its tasks").stores().store(name)
    }

    /// Records that were dropped by a documented rule or skipped by an error policy (`dropped-records-total`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<Option<i32>, i32>("in").group_by_key().count("counts");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(None::<i32>, 5)?;
    /// assert_eq!(driver.dropped_records(), 1);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn dropped_records(&self) -> u64 {
        let of = |task: &Option<Task>| task.as_ref().map_or(0, |task| task.record_context().dropped());
        self.dropped_before + of(&self.task) + of(&self.global_task)
    }

    /// Everything that was sent to a changelog or repartition topic, by the topic's full name.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").group_by_key().reduce(i32::max, "largest");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// let changelog = driver.internal_messages("test-largest-changelog");
    /// assert_eq!(changelog[0].value.as_deref(), Some(&5_i32.to_be_bytes()[..]));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn internal_messages(&self, topic: &str) -> &[OutputMessage] {
        self.kept.get(&Topic::from(topic)).map_or(&[], Vec::as_slice)
    }

    /// The full names of the changelog and repartition topics that something was sent to.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").group_by(|_, v| *v).count("counts");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.internal_topics().collect::<Vec<_>>(), ["test-counts-changelog", "test-counts-repartition"]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn internal_topics(&self) -> impl Iterator<Item = &str> {
        self.kept.keys().filter(|topic| self.is_own(topic)).map(Topic::as_str)
    }

    pub(super) fn read_message(&mut self, topic: &str) -> Option<OutputMessage> {
        self.outputs.get_mut(&Topic::from(topic))?.pop_front()
    }

    /// Takes everything that was sent and not read yet, by topic, topics by name: changelogs and repartition topics, too.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").to(Produced::to_extracted(|k, _, _| format!("out-{k}")));
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(2, 50), (1, 5)])?;
    /// let topics: Vec<String> = driver.take_outputs().into_iter().map(|(topic, _)| topic).collect();
    /// assert_eq!(topics, ["out-1", "out-2"]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn take_outputs(&mut self) -> Vec<(String, OutputMessage)> {
        let outputs = std::mem::take(&mut self.outputs);
        let of = |(topic, messages): (Topic, VecDeque<OutputMessage>)| {
            messages.into_iter().map(move |message| (topic.to_string(), message))
        };
        outputs.into_iter().flat_map(of).collect()
    }
}
