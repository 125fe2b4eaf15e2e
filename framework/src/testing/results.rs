//! Looking at what a [`TopologyTestDriver`] has done: stores, sent messages, dropped records.

use super::driver::TopologyTestDriver;
use super::message::OutputMessage;
use crate::error::Result;
use crate::record::Topic;
use crate::runtime::Task;
use crate::store::StoreHandle;
use std::collections::VecDeque;

impl TopologyTestDriver {
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

    pub(super) fn read_message(&mut self, topic: &str) -> Result<Option<OutputMessage>> {
        let topic = Topic::from(topic);
        match self.outputs.get_mut(&topic).and_then(VecDeque::pop_front) {
            Some(message) => Ok(Some(message)),
            None => self.check_output(&topic).map(|()| None),
        }
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
