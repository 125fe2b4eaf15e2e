//! Where a stream is written.

use crate::operator::{Partitions, StreamPartitioner};
use crate::record::{RecordContext, Topic};
use crate::serde::{Format, Nullable, Wire};
use std::sync::Arc;

pub(crate) type ExtractTopic<K, V> = Arc<dyn Fn(&K, &V, &RecordContext) -> String + Send + Sync>;

/// Where a sink writes.
pub(crate) enum Destination<K, V> {
    Topic(String),
    Extracted(ExtractTopic<K, V>),
}

impl<K, V> Clone for Destination<K, V> {
    fn clone(&self) -> Self {
        match self {
            Destination::Topic(topic) => Destination::Topic(topic.clone()),
            Destination::Extracted(extract) => Destination::Extracted(extract.clone()),
        }
    }
}

/// Where a stream is written, and how. Kafka Streams: `org.apache.kafka.streams.kstream.Produced`.
///
/// A topic's name alone is enough for types with a format of their own.
pub struct Produced<K: Nullable, V: Nullable> {
    pub(crate) destination: Destination<K, V>,
    pub(crate) key: Format<K::Inner>,
    pub(crate) value: Format<V::Inner>,
    pub(crate) partitioner: Option<StreamPartitioner<K, V>>,
}

impl<K: Nullable, V: Nullable> Produced<K, V> {
    /// To one topic, written with these formats. The types need none of their own then.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::serde::Format;
    /// builder.stream::<i32, i32>("in").map_values(|v| vec![v, v]).to(Produced::with("out", Format::i32(), Format::json()));
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.take_outputs()[0].1.value.as_deref(), Some(&b"[5,5]"[..]));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with(topic: impl Into<String>, key: Format<K::Inner>, value: Format<V::Inner>) -> Self {
        Produced { destination: Destination::Topic(topic.into()), key, value, partitioner: None }
    }

    /// To the topic that `extract` names for each record (`to` with a `TopicNameExtractor`). The topic must exist.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").to(Produced::to_extracted(|k, _, _| format!("station-{k}")));
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50)])?;
    /// assert_eq!(driver.output("station-1").read_values::<i32>()?, [5]);
    /// assert_eq!(driver.output("station-2").read_values::<i32>()?, [50]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn to_extracted(extract: impl Fn(&K, &V, &RecordContext) -> String + Send + Sync + 'static) -> Self
    where
        K::Inner: Wire,
        V::Inner: Wire,
    {
        let destination = Destination::Extracted(Arc::new(extract));
        Produced { destination, key: K::Inner::format(), value: V::Inner::format(), partitioner: None }
    }

    /// Writes with these formats, in place of the types' own.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::serde::Format;
    /// builder.stream::<i32, i32>("in").to(Produced::from("out").formats(Format::json(), Format::json()));
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.take_outputs()[0].1.key.as_deref(), Some(&b"1"[..]));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn formats(mut self, key: Format<K::Inner>, value: Format<V::Inner>) -> Self {
        self.key = key;
        self.value = value;
        self
    }

    /// Chooses partitions by a function of topic, key, value and number of partitions; without one the key decides, by
    /// Kafka's murmur2.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::operator::Partitions;
    /// let odd_only = |_: &_, _: &i32, v: &i32, _| if v % 2 == 1 { Partitions::One(0) } else { Partitions::Several(vec![]) };
    /// builder.stream::<i32, i32>("in").to(Produced::from("out").with_stream_partitioner(odd_only));
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50)])?;
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [5]);
    /// assert_eq!(driver.dropped_records(), 1);
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

impl<K: Nullable, V: Nullable, S: Into<String>> From<S> for Produced<K, V>
where
    K::Inner: Wire,
    V::Inner: Wire,
{
    fn from(topic: S) -> Self {
        Produced::with(topic, K::Inner::format(), V::Inner::format())
    }
}
