//! [`TopologyTestDriver`]: a whole topology as one task, without a log.
//!
//! A piped record is processed to its end before `pipe` returns: through every sub-topology, with a commit after
//! each record. All topics have one partition. The wall clock moves only when told to.

use super::input::TestInputTopic;
use super::message::OutputMessage;
use super::output::{FormattedOutputTopic, TestOutputTopic};
use super::whole::{empty, merged};
use crate::config::Config;
use crate::engine::SharedEngine;
use crate::engine::memory::MemoryEngine;
use crate::error::Result;
use crate::operator::SinkTopic;
use crate::record::{Topic, TopicPartition};
use crate::runtime::{Task, TaskSettings};
use crate::serde::registry::EmbeddedRegistry;
use crate::serde::{Datum, Format, Registry, SerdeContext};
use crate::topology::{Blueprint, Subtopology, Topology};
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
    pub(super) next_offsets: BTreeMap<Topic, i64>,
    /// What each commit wrote, for `crash`.
    pub(super) committed: BTreeMap<TopicPartition, String>,
    pub(super) outputs: BTreeMap<Topic, VecDeque<OutputMessage>>,
    /// Everything that was ever written to a topic of the application's own, or to one that a store is restored from.
    pub(super) kept: BTreeMap<Topic, Vec<OutputMessage>>,
    pub(super) dropped_before: u64,
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
    /// Reading a topic that the topology does not write is an error, save where a function names the topics.
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

    /// A topic to read in formats of the test's own (`createOutputTopic` with deserializers): where a type has none, or another
    /// than the topology names. Windowed keys always need it, because their bytes do not tell the window's size.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::serde::Format;
    /// # use kstreams::window::{TimeWindows, Window, Windowed};
    /// # use std::time::Duration;
    /// let minutes = TimeWindows::of(Duration::from_secs(60));
    /// builder.stream::<i32, i32>("in").group_by_key().windowed_by(minutes).count("counts").to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_at(7, 5, 60_000)?;
    /// let per_minute = Format::time_windowed(Format::i32(), 60_000);
    /// let counts = driver.output_with("out", per_minute, Format::i64()).read_key_values()?;
    /// assert_eq!(counts, [(Windowed::new(7, Window::new(60_000, 120_000)), 1_i64)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn output_with<K: Datum, V: Datum>(
        &mut self,
        topic: &str,
        key: Format<K>,
        value: Format<V>,
    ) -> FormattedOutputTopic<'_, K, V> {
        FormattedOutputTopic::new(self, topic, key, value)
    }

    pub(super) fn serde_context(&self, topic: &str, is_key: bool) -> SerdeContext {
        SerdeContext { topic: Topic::from(topic), is_key, registry: self.settings.registry.clone() }
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
}
