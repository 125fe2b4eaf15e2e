//! The typed ends of a [`TopologyTestDriver`] that records are read from.

use super::driver::TopologyTestDriver;
use crate::error::{Error, ErrorKind, Result, type_name};
use crate::record::{NO_TIMESTAMP, Record};
use crate::serde::{Datum, Format, Nullable, Wire};

/// A topic that a test reads, made by [`TopologyTestDriver::output`]. Kafka Streams:
/// `org.apache.kafka.streams.TestOutputTopic`.
///
/// Keys and values are decoded by their types' own formats. [`TopologyTestDriver::output_with`] takes others;
/// [`TopologyTestDriver::take_outputs`] gives the bytes.
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
    /// A topic that the topology does not write; bytes that are not a record of these types.
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
        self.with_own_formats::<K, V>().read_record()
    }

    /// All records that were sent and not read yet (`readRecordsToList`).
    ///
    /// # Errors
    /// A topic that the topology does not write; bytes that are not a record of these types.
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
        self.with_own_formats::<K, V>().read_records()
    }

    /// The keys and values of all records that were sent and not read yet (`readKeyValuesToList`).
    ///
    /// # Errors
    /// A topic that the topology does not write; bytes that are not a record of these types.
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
        self.with_own_formats::<K, V>().read_key_values()
    }

    /// The values of all records that were sent and not read yet, whatever their keys are (`readValuesToList`).
    ///
    /// # Errors
    /// A topic that the topology does not write; bytes that are not a value of this type.
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
        self.driver.output_with(&self.topic, Format::bytes(), V::Inner::format()).read_values()
    }

    fn with_own_formats<K: Nullable, V: Nullable>(&mut self) -> FormattedOutputTopic<'_, K::Inner, V::Inner>
    where
        K::Inner: Wire,
        V::Inner: Wire,
    {
        self.driver.output_with(&self.topic, K::Inner::format(), V::Inner::format())
    }
}

/// A topic that a test reads with formats of its own, made by [`TopologyTestDriver::output_with`]. Kafka Streams:
/// `org.apache.kafka.streams.TestOutputTopic`.
///
/// Nulls are read as `None`, so the types of a read are those of the formats, or `Option` of them.
pub struct FormattedOutputTopic<'a, K, V> {
    driver: &'a mut TopologyTestDriver,
    topic: String,
    key: Format<K>,
    value: Format<V>,
}

impl<'a, K: Datum, V: Datum> FormattedOutputTopic<'a, K, V> {
    pub(super) fn new(driver: &'a mut TopologyTestDriver, topic: &str, key: Format<K>, value: Format<V>) -> Self {
        FormattedOutputTopic { driver, topic: topic.to_owned(), key, value }
    }

    /// The next record that was sent and not read yet (`readRecord`); `None` if there is none.
    ///
    /// # Errors
    /// A topic that the topology does not write; bytes that are not a record in these formats.
    ///
    /// ```
    /// # use kstreams::{dsl::*, serde::Format, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # builder.stream::<String, i64>("in").to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_at("loop".to_owned(), 5_i64, 1_000)?;
    /// let mut out = driver.output_with("out", Format::string(), Format::i64());
    /// let record = out.read_record::<String, i64>()?.expect("one was sent");
    /// assert_eq!((record.value, record.timestamp), (5, 1_000));
    /// assert!(out.read_record::<String, i64>()?.is_none());
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn read_record<RK: Nullable<Inner = K>, RV: Nullable<Inner = V>>(&mut self) -> Result<Option<Record<RK, RV>>> {
        let Some(message) = self.driver.read_message(&self.topic)? else { return Ok(None) };
        let key = self.decode(&self.key, message.key, true)?;
        let value = self.decode(&self.value, message.value, false)?;
        let timestamp = message.timestamp.unwrap_or(NO_TIMESTAMP);
        Ok(Some(Record { key, value, timestamp, headers: message.headers }))
    }

    /// All records that were sent and not read yet (`readRecordsToList`).
    ///
    /// # Errors
    /// As [`read_record`](Self::read_record).
    ///
    /// ```
    /// # use kstreams::{dsl::*, serde::Format, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # builder.stream::<String, i64>("in").to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_at("loop".to_owned(), 5_i64, 1_000)?;
    /// let mut out = driver.output_with("out", Format::string(), Format::i64());
    /// assert_eq!(out.read_records::<String, i64>()?.len(), 1);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn read_records<RK: Nullable<Inner = K>, RV: Nullable<Inner = V>>(&mut self) -> Result<Vec<Record<RK, RV>>> {
        let mut records = Vec::new();
        while let Some(record) = self.read_record()? {
            records.push(record);
        }
        Ok(records)
    }

    /// The keys and values of all records that were sent and not read yet (`readKeyValuesToList`).
    ///
    /// # Errors
    /// As [`read_record`](Self::read_record).
    ///
    /// ```
    /// # use kstreams::{dsl::*, serde::Format, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # builder.stream::<String, i64>("in").to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_at("loop".to_owned(), 5_i64, 1_000)?;
    /// let mut out = driver.output_with("out", Format::string(), Format::i64());
    /// assert_eq!(out.read_key_values::<String, i64>()?, [("loop".to_owned(), 5)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn read_key_values<RK: Nullable<Inner = K>, RV: Nullable<Inner = V>>(&mut self) -> Result<Vec<(RK, RV)>> {
        Ok(self.read_records()?.into_iter().map(|record| (record.key, record.value)).collect())
    }

    /// The values of all records that were sent and not read yet, whatever their keys are (`readValuesToList`).
    ///
    /// # Errors
    /// A topic that the topology does not write; bytes that are not a value in this format.
    ///
    /// ```
    /// # use kstreams::{dsl::*, serde::Format, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # builder.stream::<String, i64>("in").to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_at("loop".to_owned(), 5_i64, 1_000)?;
    /// let mut out = driver.output_with("out", Format::string(), Format::i64());
    /// assert_eq!(out.read_values::<i64>()?, [5]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn read_values<RV: Nullable<Inner = V>>(&mut self) -> Result<Vec<RV>> {
        let mut values = Vec::new();
        while let Some(message) = self.driver.read_message(&self.topic)? {
            values.push(self.decode(&self.value, message.value, false)?);
        }
        Ok(values)
    }

    fn decode<R: Nullable>(&self, format: &Format<R::Inner>, bytes: Option<Vec<u8>>, is_key: bool) -> Result<R> {
        let side = if is_key { "key" } else { "value" };
        let serde = format.serde(&self.driver.serde_context(&self.topic, is_key))?;
        let read = match bytes.map(|bytes| serde.deserialize(&bytes)).transpose() {
            Ok(value) => R::from_option(value).ok_or_else(|| {
                Error::new(ErrorKind::Deserialization, "it is null").with_hint("read it as `Option` of the type")
            }),
            Err(error) if error.hint().is_none() => {
                Err(error.with_hint("name the types, or with `output_with` the formats, that the topology writes"))
            }
            Err(error) => Err(error),
        };
        let doing = || format!("reading the {side} of a record in topic `{}` as `{}`", self.topic, type_name::<R>());
        read.map_err(|error| error.context(doing()))
    }
}
