//! A log, a clock, a state directory, and instances that come and go.

use kstreams::config::{Config, EngineKind};
use kstreams::error::Error;
use kstreams::log::client::{NewMessage, Producer, create_topics, read_all, wait};
use kstreams::log::embedded::{EmbeddedLog, EmbeddedOptions, FaultPlan};
use kstreams::log::{Log, NewTopic, OffsetAt, TopicConfig};
use kstreams::record::{ManualClock, Topic, TopicPartition};
use kstreams::runtime::{CommitStage, StartOptions, State};
use kstreams::testing::SteppedStreams;
use kstreams::topology::Topology;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Far more than an answer takes that comes at all.
const TIMEOUT: Duration = Duration::from_secs(20);

/// So many steps in a row without anything done, each a millisecond later, mean that all is done and committed.
const QUIET_STEPS: usize = 200;

/// No scenario takes more steps than this.
const STEPS_MAX: usize = 200_000;

/// Time after which the group gives up a member that is silent, in milliseconds.
pub const SESSION_OVER_MS: i64 = 46_000;

pub struct World {
    pub clock: ManualClock,
    pub log: Arc<EmbeddedLog>,
    dir: tempfile::TempDir,
    producer: Producer,
    /// Whether the group still waits for somebody who crashed.
    is_haunted: Cell<bool>,
}

impl World {
    pub fn new() -> Self {
        World::with_faults(None)
    }

    pub fn with_faults(faults: Option<Box<dyn FaultPlan>>) -> Self {
        let clock = ManualClock::new(1_000_000);
        let options = EmbeddedOptions { faults, ..EmbeddedOptions::with_clock(Arc::new(clock.clone())) };
        let log = EmbeddedLog::in_memory(options);
        let producer = Producer::new(&*log, &Default::default(), TIMEOUT).unwrap();
        World { clock, log, dir: tempfile::tempdir().unwrap(), producer, is_haunted: Cell::new(false) }
    }

    pub fn create(&self, topics: &[(&str, i32)]) {
        topics.iter().for_each(|(topic, partitions)| self.create_with(topic, *partitions, &[]));
    }

    pub fn create_with(&self, topic: &str, partitions: i32, config: &[(&str, &str)]) {
        let config = TopicConfig::from_entries(config.iter().copied()).unwrap();
        create_topics(&*self.log, &[NewTopic::new(topic, partitions).with_config(config)], TIMEOUT).unwrap();
    }

    /// Deletes a topic's messages before its present end.
    pub fn truncate(&self, partition: &TopicPartition) {
        let before = BTreeMap::from([(partition.clone(), self.offset(partition, OffsetAt::End))]);
        wait(&*self.log, self.log.admin().unwrap().delete_records(&before), TIMEOUT).unwrap();
    }

    /// An exactly-once configuration that commits every 5 ms and forwards every update.
    pub fn config(&self) -> Config {
        Config::new("app", "embedded:")
            .state_dir(self.dir.path().join("one"))
            .engine(EngineKind::Fjall)
            .exactly_once()
            .commit_interval(Duration::from_millis(5))
            .cache_max_bytes(0)
    }

    /// A directory of that name.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The same configuration for a second instance.
    pub fn other_config(&self) -> Config {
        self.config().state_dir(self.dir.path().join("two"))
    }

    pub fn start(&self, topology: &Topology, config: Config) -> SteppedStreams {
        SteppedStreams::start(topology, config, StartOptions::new().log(self.log.clone())).unwrap()
    }

    /// Starts an instance and steps until every task processes.
    pub fn running(&self, topology: &Topology, config: Config) -> SteppedStreams {
        let mut streams = self.start(topology, config);
        self.run(&mut streams);
        streams
    }

    /// Steps two instances in turn, so many times each.
    pub fn step_both(&self, one: &mut SteppedStreams, two: &mut SteppedStreams, steps: usize) {
        for _ in 0..steps {
            let did = one.step(self.now_ms()).unwrap() | two.step(self.now_ms()).unwrap();
            self.clock.advance_ms(i64::from(!did));
        }
    }

    /// Sends records of text, the timestamp being that of the clock.
    pub fn send<'a>(&mut self, topic: &str, records: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let now_ms = self.now_ms();
        self.send_at(topic, records.into_iter().map(|(key, value)| (key, value, now_ms)));
    }

    pub fn send_at<'a>(&mut self, topic: &str, records: impl IntoIterator<Item = (&'a str, &'a str, i64)>) {
        let topic = Topic::from(topic);
        for (key, value, timestamp) in records {
            let message = NewMessage::new(&topic, Some(key.as_bytes()), Some(value.as_bytes())).at(timestamp);
            self.producer.send(&message).unwrap();
        }
        self.producer.flush().unwrap();
    }

    /// Sends a tombstone.
    pub fn delete(&mut self, topic: &str, key: &str) {
        let topic = Topic::from(topic);
        self.producer.send(&NewMessage::new(&topic, Some(key.as_bytes()), None).at(self.now_ms())).unwrap();
        self.producer.flush().unwrap();
    }

    pub fn now_ms(&self) -> i64 {
        kstreams::record::Clock::now_ms(&self.clock)
    }

    /// Steps once; the clock moves on if nothing was done.
    pub fn step(&self, streams: &mut SteppedStreams) -> bool {
        let did = streams.step(self.now_ms()).unwrap();
        if !did {
            self.clock.advance_ms(1);
        }
        did
    }

    /// Steps, a millisecond at a time, until the instance ends; the error that it ends with.
    pub fn step_until_failure(&self, streams: &mut SteppedStreams) -> Error {
        let failed = (0..STEPS_MAX).find_map(|_| {
            self.clock.advance_ms(1);
            streams.step(self.now_ms()).err()
        });
        failed.unwrap_or_else(|| panic!("no failure within {STEPS_MAX} steps, in state {}", streams.state()))
    }

    /// Steps for so long, a millisecond at a time.
    pub fn step_for(&self, streams: &mut SteppedStreams, duration_ms: i64) {
        for _ in 0..duration_ms {
            streams.step(self.now_ms()).unwrap();
            self.clock.advance_ms(1);
        }
    }

    /// Steps until `reached`.
    pub fn step_until(&self, streams: &mut SteppedStreams, reached: impl Fn(&SteppedStreams) -> bool) {
        for _ in 0..STEPS_MAX {
            if reached(streams) {
                return;
            }
            self.step(streams);
        }
        panic!("not reached within {STEPS_MAX} steps, in state {}", streams.state());
    }

    /// The instance is gone, as after `kill -9`.
    pub fn crash(&self, streams: SteppedStreams) {
        drop(streams);
        self.is_haunted.set(true);
    }

    /// Steps until every task processes. A crashed predecessor is first fenced, then given up by the group.
    pub fn run(&self, streams: &mut SteppedStreams) {
        (0..100).for_each(|_| _ = self.step(streams));
        if self.is_haunted.take() {
            self.clock.advance_ms(SESSION_OVER_MS);
            (0..100).for_each(|_| _ = self.step(streams));
        }
        self.step_until(streams, |streams| streams.state() == State::Running);
    }

    /// Steps until there is nothing left to process or to commit.
    pub fn settle(&self, streams: &mut [&mut SteppedStreams]) {
        let mut quiet = 0;
        for _ in 0..STEPS_MAX {
            let mut did = false;
            for streams in streams.iter_mut() {
                did |= streams.step(self.now_ms()).unwrap();
            }
            self.clock.advance_ms(i64::from(!did));
            quiet = if did { 0 } else { quiet + 1 };
            if quiet == QUIET_STEPS {
                return;
            }
        }
        panic!("not quiet within {STEPS_MAX} steps");
    }

    /// Steps until a commit is at that stage.
    pub fn step_to(&self, streams: &mut SteppedStreams, stage: CommitStage) {
        self.step_until(streams, |streams| streams.commit_stages().contains(&Some(stage)));
    }

    /// What readers of committed messages see: numbers by key, in order.
    pub fn numbers(&self, topic: &str) -> BTreeMap<String, Vec<i64>> {
        let mut numbers = BTreeMap::new();
        for (key, value) in self.read(topic) {
            let value: [u8; 8] = value.unwrap().try_into().unwrap();
            numbers.entry(key).or_insert_with(Vec::new).push(i64::from_be_bytes(value));
        }
        numbers
    }

    /// What readers of committed messages see: key as text, value as bytes.
    pub fn read(&self, topic: &str) -> Vec<(String, Option<Vec<u8>>)> {
        let messages = read_all(&*self.log, &Topic::from(topic), TIMEOUT).unwrap();
        let text = |key: Option<Vec<u8>>| String::from_utf8_lossy(&key.unwrap_or_default()).into_owned();
        messages.into_iter().map(|message| (text(message.key), message.value)).collect()
    }

    pub fn offset(&self, partition: &TopicPartition, at: OffsetAt) -> i64 {
        let call = self.log.admin().unwrap().offsets(std::slice::from_ref(partition), at);
        wait(&*self.log, call, TIMEOUT).unwrap()[partition]
    }

    pub fn committed(&self, group: &str, partition: &TopicPartition) -> Option<i64> {
        let call = self.log.admin().unwrap().describe_group(group);
        let offsets = wait(&*self.log, call, TIMEOUT).unwrap().offsets;
        offsets.get(partition).map(|committed| committed.offset)
    }

    pub fn topics(&self) -> Vec<String> {
        let call = self.log.admin().unwrap().topics();
        let topics = wait(&*self.log, call, TIMEOUT).unwrap();
        topics.into_iter().map(|info| format!("{}/{}", info.topic, info.partitions)).collect()
    }
}
