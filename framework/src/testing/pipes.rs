//! Typed ends of a [`TopologyTestDriver`]: pipe records in, read records out.

use super::driver::TopologyTestDriver;
use super::message::OutputMessage;
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Headers, NO_TIMESTAMP, Record, Topic};
use crate::serde::{Nullable, SerdeContext, Wire};

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
        T::format().serde(&context(self.driver, &self.topic, is_key))?.serialize(value, &mut bytes)?;
        Ok(Some(bytes))
    }
}

/// A topic that a test reads, made by [`TopologyTestDriver::output`]. Kafka Streams:
/// `org.apache.kafka.streams.TestOutputTopic`.
///
/// Keys and values are decoded by their types' own formats; [`TopologyTestDriver::take_outputs`] gives the bytes.
pub struct TestOutputTopic<'a> {
    driver: &'a mut TopologyTestDriver,
    topic: String,
}

impl<'a> TestOutputTopic<'a> {
    pub(super) fn new(driver: &'a mut TopologyTestDriver, topic: &str) -> Self {
        TestOutputTopic { driver, topic: topic.to_owned() }
    }

    /// The next record that was sent and not read yet (`readRecord`); `None` if there is none.
    ///
    /// # Errors
    /// Bytes that are not a record of these types.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::record::Record;
    /// builder.stream::<i32, i32>("in").to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_at(1, 5, 60_000)?;
    /// assert_eq!(driver.output("out").read_record()?, Some(Record::new(1, 5, 60_000)));
    /// assert_eq!(driver.output("out").read_record::<i32, i32>()?, None);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn read_record<K: Nullable, V: Nullable>(&mut self) -> Result<Option<Record<K, V>>>
    where
        K::Inner: Wire,
        V::Inner: Wire,
    {
        let Some(message) = self.driver.read_message(&self.topic) else { return Ok(None) };
        let key = self.decode(message.key, true)?;
        let value = self.decode(message.value, false)?;
        let timestamp = message.timestamp.unwrap_or(NO_TIMESTAMP);
        Ok(Some(Record { key, value, timestamp, headers: message.headers }))
    }

    /// All records that were sent and not read yet (`readRecordsToList`).
    ///
    /// # Errors
    /// Bytes that are not a record of these types.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::record::Record;
    /// builder.stream::<i32, i32>("in").to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50)])?;
    /// assert_eq!(driver.output("out").read_records()?, [Record::new(1, 5, 0), Record::new(2, 50, 0)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn read_records<K: Nullable, V: Nullable>(&mut self) -> Result<Vec<Record<K, V>>>
    where
        K::Inner: Wire,
        V::Inner: Wire,
    {
        let mut records = Vec::new();
        while let Some(record) = self.read_record()? {
            records.push(record);
        }
        Ok(records)
    }

    /// The keys and values of all records that were sent and not read yet (`readKeyValuesToList`).
    ///
    /// # Errors
    /// Bytes that are not a record of these types.
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
    pub fn read_key_values<K: Nullable, V: Nullable>(&mut self) -> Result<Vec<(K, V)>>
    where
        K::Inner: Wire,
        V::Inner: Wire,
    {
        Ok(self.read_records()?.into_iter().map(|record| (record.key, record.value)).collect())
    }

    /// The values of all records that were sent and not read yet, whatever their keys are (`readValuesToList`).
    ///
    /// # Errors
    /// Bytes that are not a value of this type.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.table::<i32, i32>("in").to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, Some(5)), (1, None)])?;
    /// assert_eq!(driver.output("out").read_values::<Option<i32>>()?, [Some(5), None]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn read_values<V: Nullable>(&mut self) -> Result<Vec<V>>
    where
        V::Inner: Wire,
    {
        let mut values = Vec::new();
        while let Some(message) = self.driver.read_message(&self.topic) {
            values.push(self.decode(message.value, false)?);
        }
        Ok(values)
    }

    fn decode<T: Nullable>(&self, bytes: Option<Vec<u8>>, is_key: bool) -> Result<T>
    where
        T::Inner: Wire,
    {
        let serde = T::Inner::format().serde(&context(self.driver, &self.topic, is_key))?;
        let value = bytes.map(|bytes| serde.deserialize(&bytes)).transpose()?;
        T::from_option(value).ok_or_else(|| {
            Error::new(
                ErrorKind::Deserialization,
                format!("topic `{}` has a null where the test reads none", self.topic),
            )
            .with_hint("read it as `Option`")
        })
    }
}

fn context(driver: &TopologyTestDriver, topic: &str, is_key: bool) -> SerdeContext {
    SerdeContext { topic: Topic::from(topic), is_key, registry: driver.registry() }
}
