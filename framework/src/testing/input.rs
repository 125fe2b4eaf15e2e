//! The typed ends of a [`TopologyTestDriver`] that records are piped into.

use super::driver::TopologyTestDriver;
use super::message::OutputMessage;
use crate::error::Result;
use crate::record::{Headers, Record};
use crate::serde::{Nullable, Wire};

/// A topic that a test writes to, made by [`TopologyTestDriver::input`]. Kafka Streams:
/// `org.apache.kafka.streams.TestInputTopic`.
///
/// Keys and values are encoded by their types' own formats; for others there is [`pipe_bytes`](Self::pipe_bytes).
pub struct TestInputTopic<'a> {
    driver: &'a mut TopologyTestDriver,
    topic: String,
}

impl<'a> TestInputTopic<'a> {
    pub(super) fn new(driver: &'a mut TopologyTestDriver, topic: &str) -> Self {
        TestInputTopic { driver, topic: topic.to_owned() }
    }

    /// Pipes a record with the driver's wall clock as its time (`pipeInput`).
    ///
    /// # Errors
    /// What cannot be encoded; what the topology's error policies do not absorb.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<Option<i32>, i32>("in").to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(None::<i32>, 5)?;
    /// assert_eq!(driver.output("out").read_key_values::<Option<i32>, i32>()?, [(None, 5)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn pipe<K: Nullable, V: Nullable>(&mut self, key: K, value: V) -> Result<()>
    where
        K::Inner: Wire,
        V::Inner: Wire,
    {
        let now_ms = self.driver.now_ms();
        self.pipe_record(Record::new(key, value, now_ms))
    }

    /// Pipes a record with a time in milliseconds since the epoch.
    ///
    /// # Errors
    /// What cannot be encoded; what the topology's error policies do not absorb.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_at(1, 5, 60_000)?;
    /// assert_eq!(driver.output("out").read_record::<i32, i32>()?.map(|record| record.timestamp), Some(60_000));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn pipe_at<K: Nullable, V: Nullable>(&mut self, key: K, value: V, timestamp: i64) -> Result<()>
    where
        K::Inner: Wire,
        V::Inner: Wire,
    {
        self.pipe_record(Record::new(key, value, timestamp))
    }

    /// Pipes a record, with its headers.
    ///
    /// # Errors
    /// What cannot be encoded; what the topology's error policies do not absorb.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::record::{Headers, Record};
    /// builder.stream::<i32, i32>("in").to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// let headers = Headers::from_iter([("trace", Some(&b"7"[..]))]);
    /// driver.input("in").pipe_record(Record::new(1, 5, 60_000).with_headers(headers.clone()))?;
    /// assert_eq!(driver.output("out").read_record::<i32, i32>()?.map(|record| record.headers), Some(headers));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn pipe_record<K: Nullable, V: Nullable>(&mut self, record: Record<K, V>) -> Result<()>
    where
        K::Inner: Wire,
        V::Inner: Wire,
    {
        let key = self.encode(record.key.as_option(), true)?;
        let value = self.encode(record.value.as_option(), false)?;
        let message =
            OutputMessage { key, value, timestamp: Some(record.timestamp), headers: record.headers, partition: None };
        self.driver.pipe_message(&self.topic, &message)
    }

    /// Pipes keys and values, all with the driver's wall clock as their time (`pipeKeyValueList`).
    ///
    /// # Errors
    /// As [`pipe`](Self::pipe); those before the failing one are processed.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50)])?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i32>()?, [(1, 5), (2, 50)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn pipe_key_values<K: Nullable, V: Nullable>(&mut self, pairs: impl IntoIterator<Item = (K, V)>) -> Result<()>
    where
        K::Inner: Wire,
        V::Inner: Wire,
    {
        pairs.into_iter().try_for_each(|(key, value)| self.pipe(key, value))
    }

    /// Pipes bytes, which need not be a record that the topology can read.
    ///
    /// # Errors
    /// What the topology's error policies do not absorb.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_bytes(Some(&[0, 0, 0, 1]), Some(&[0, 0, 0, 5]), 60_000)?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i32>()?, [(1, 5)]);
    /// assert!(driver.input("in").pipe_bytes(Some(b"?"), None, 60_000).is_err());
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn pipe_bytes(&mut self, key: Option<&[u8]>, value: Option<&[u8]>, timestamp: i64) -> Result<()> {
        self.driver.pipe_message(&self.topic, &OutputMessage::new(key, value, timestamp, Headers::default()))
    }

    fn encode<T: Wire>(&self, value: Option<&T>, is_key: bool) -> Result<Option<Vec<u8>>> {
        let Some(value) = value else { return Ok(None) };
        let mut bytes = Vec::new();
        T::format().serde(&self.driver.serde_context(&self.topic, is_key))?.serialize(value, &mut bytes)?;
        Ok(Some(bytes))
    }
}
