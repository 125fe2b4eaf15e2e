//! How a stream is repartitioned.

use crate::operator::{Partitions, StreamPartitioner};
use crate::record::Topic;
use crate::serde::{Format, Nullable, Wire};
use std::sync::Arc;

/// How a stream is repartitioned. Kafka Streams: `org.apache.kafka.streams.kstream.Repartitioned`.
pub struct Repartitioned<K: Nullable, V: Nullable> {
    pub(crate) name: Option<String>,
    pub(crate) key: Format<K::Inner>,
    pub(crate) value: Format<V::Inner>,
    pub(crate) partitions: Option<i32>,
    pub(crate) partitioner: Option<StreamPartitioner<K, V>>,
}

impl<K: Nullable, V: Nullable> Repartitioned<K, V> {
    /// Through the topic `<application id>-<name>-repartition` (`Repartitioned.as`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").repartition_with(Repartitioned::named("again")).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.internal_topics().collect::<Vec<_>>(), ["test-again-repartition"]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn named(name: impl Into<String>) -> Self
    where
        K::Inner: Wire,
        V::Inner: Wire,
    {
        Repartitioned { name: Some(name.into()), ..Repartitioned::with(K::Inner::format(), V::Inner::format()) }
    }

    /// Written with these formats.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::serde::Format;
    /// let repartitioned = Repartitioned::with(Format::i32(), Format::json());
    /// builder.stream::<i32, i32>("in").map_values(|v| vec![v]).repartition_with(repartitioned).map_values(|v| v[0]).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [5]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with(key: Format<K::Inner>, value: Format<V::Inner>) -> Self {
        Repartitioned { name: None, key, value, partitions: None, partitioner: None }
    }

    /// The same with a name.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::serde::Format;
    /// let repartitioned = Repartitioned::with(Format::i32(), Format::json()).with_name("again");
    /// builder.stream::<i32, i32>("in").repartition_with(repartitioned).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.internal_messages("test-again-repartition")[0].value.as_deref(), Some(&b"5"[..]));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Over this many partitions (`withNumberOfPartitions`); by default as many as the topics before it have. Fewer than one
    /// is a problem that `build` reports.
    ///
    /// ```
    /// # use kstreams::dsl::*;
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").repartition_with(Repartitioned::named("none").number_of_partitions(0)).to("out");
    /// assert!(builder.build().unwrap_err().to_string().contains("at least one partition"));
    /// ```
    pub fn number_of_partitions(mut self, partitions: i32) -> Self {
        self.partitions = Some(partitions);
        self
    }

    /// Chooses partitions by a function of topic, key, value and number of partitions; without one the key decides.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::operator::Partitions;
    /// let last = Repartitioned::named("last").with_stream_partitioner(|_, _, _, count| Partitions::One(count - 1));
    /// builder.stream::<i32, i32>("in").repartition_with(last).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.internal_messages("test-last-repartition")[0].partition, Some(0)); // of one in the driver
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_stream_partitioner(
        mut self,
        partitioner: impl Fn(&Topic, &K, &V, i32) -> Partitions + Send + Sync + 'static,
    ) -> Self {
        self.partitioner = Some(Arc::new(partitioner));
        self
    }
}
