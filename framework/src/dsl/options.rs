//! Options of steps: which formats, names, stores, partitions.

use crate::operator::{Partitions, StreamPartitioner, TimestampExtractor};
use crate::record::{RecordContext, Topic};
use crate::serde::{Datum, Format, Nullable, Wire};
use crate::store::{Backing, Changelog};
use crate::topology::AutoOffsetReset;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Which topics a source reads.
#[derive(Debug, Clone)]
pub(crate) enum Topics {
    Named(Vec<String>),
    Pattern(String),
}

/// What a source reads, and how. Kafka Streams: `org.apache.kafka.streams.kstream.Consumed`.
///
/// A topic's name alone is enough for types with a format of their own: `builder.stream("rides")` is short for
/// `builder.stream(Consumed::with("rides", …))` with those formats.
pub struct Consumed<K: Nullable, V: Nullable> {
    pub(crate) topics: Topics,
    pub(crate) key: Format<K::Inner>,
    pub(crate) value: Format<V::Inner>,
    pub(crate) extractor: Option<TimestampExtractor<K, V>>,
    pub(crate) reset: Option<AutoOffsetReset>,
    pub(crate) name: Option<String>,
}

impl<K: Nullable, V: Nullable> Clone for Consumed<K, V> {
    fn clone(&self) -> Self {
        Consumed {
            topics: self.topics.clone(),
            key: self.key.clone(),
            value: self.value.clone(),
            extractor: self.extractor.clone(),
            reset: self.reset,
            name: self.name.clone(),
        }
    }
}

impl<K: Nullable, V: Nullable> Consumed<K, V> {
    fn of(topics: Topics, key: Format<K::Inner>, value: Format<V::Inner>) -> Self {
        Consumed { topics, key, value, extractor: None, reset: None, name: None }
    }

    /// One topic, read with these formats. The types need none of their own then.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::serde::Format;
    /// let consumed = Consumed::with("in", Format::i32(), Format::json());
    /// builder.stream::<i32, Vec<u8>>(consumed).map_values(|v| v.len() as i32).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_bytes(Some(&[0, 0, 0, 1]), Some(b"[7, 8, 9]"), 0)?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i32>()?, [(1, 3)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with(topic: impl Into<String>, key: Format<K::Inner>, value: Format<V::Inner>) -> Self {
        Consumed::of(Topics::Named(vec![topic.into()]), key, value)
    }

    /// Several topics, one stream (`stream(Collection)`). Their tasks go by partition number, so that records of the same
    /// partition of all of them meet.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>(Consumed::topics(["north", "south"])).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("north").pipe(1, 5)?;
    /// driver.input("south").pipe(1, 7)?;
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [5, 7]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn topics<S: Into<String>>(topics: impl IntoIterator<Item = S>) -> Self
    where
        K::Inner: Wire,
        V::Inner: Wire,
    {
        Consumed::of(
            Topics::Named(topics.into_iter().map(Into::into).collect()),
            K::Inner::format(),
            V::Inner::format(),
        )
    }

    /// Every topic whose name matches the pattern (syntax of the `regex` crate); topics created later join in
    /// (`stream(Pattern)`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>(Consumed::pattern("^arrivals-")).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("arrivals-loop").pipe(1, 5)?;
    /// driver.input("arrivals-park").pipe(1, 7)?;
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [5, 7]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn pattern(pattern: impl Into<String>) -> Self
    where
        K::Inner: Wire,
        V::Inner: Wire,
    {
        Consumed::of(Topics::Pattern(pattern.into()), K::Inner::format(), V::Inner::format())
    }

    /// Reads with these formats, in place of the types' own.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::serde::Format;
    /// let consumed = Consumed::topics(["north", "south"]).formats(Format::json(), Format::json());
    /// builder.stream::<i32, String>(consumed).map_values(|v| v.len() as i32).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("north").pipe_bytes(Some(b"1"), Some(b"\"Loop\""), 0)?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i32>()?, [(1, 4)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn formats(mut self, key: Format<K::Inner>, value: Format<V::Inner>) -> Self {
        self.key = key;
        self.value = value;
        self
    }

    /// Finds event times with this extractor; the default is the configuration's `default.timestamp.extractor`. A negative
    /// time drops the record, which is counted.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::operator::TimestampExtractor;
    /// let from_value = TimestampExtractor::custom(|_, value: &i64, _, _| Ok(*value));
    /// builder.stream::<i32, i64>(Consumed::from("in").with_timestamp_extractor(from_value)).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 60_000_i64), (2, -1)])?;
    /// let records = driver.output("out").read_records::<i32, i64>()?;
    /// assert_eq!(records.iter().map(|record| record.timestamp).collect::<Vec<_>>(), [60_000]);
    /// assert_eq!(driver.dropped_records(), 1);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_timestamp_extractor(mut self, extractor: TimestampExtractor<K, V>) -> Self {
        self.extractor = Some(extractor);
        self
    }

    /// Where to begin without a committed offset (`withOffsetResetPolicy`); the default is the configuration's
    /// `auto.offset.reset`. The test driver always begins with what is piped.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::topology::AutoOffsetReset;
    /// builder.stream::<i32, i32>(Consumed::from("in").with_offset_reset(AutoOffsetReset::Latest)).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [5]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_offset_reset(mut self, reset: AutoOffsetReset) -> Self {
        self.reset = Some(reset);
        self
    }

    /// Names the source node (`withName`).
    ///
    /// ```
    /// # use kstreams::dsl::*;
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>(Consumed::from("in").named("rides")).to("out");
    /// assert!(builder.build()?.describe().to_string().contains("Source: rides (topics: [in])"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl<K: Nullable, V: Nullable, S: Into<String>> From<S> for Consumed<K, V>
where
    K::Inner: Wire,
    V::Inner: Wire,
{
    fn from(topic: S) -> Self {
        Consumed::with(topic, K::Inner::format(), V::Inner::format())
    }
}

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

/// How a grouping is written if it needs a repartition topic. Kafka Streams: `org.apache.kafka.streams.kstream.Grouped`.
pub struct Grouped<K, V> {
    pub(crate) name: Option<String>,
    pub(crate) key: Format<K>,
    pub(crate) value: Format<V>,
}

impl<K: Datum, V: Datum> Grouped<K, V> {
    /// Named: the repartition topic is `<application id>-<name>-repartition` (`Grouped.as`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").group_by_with(|_, v| *v, Grouped::named("by-value")).count("counts");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.internal_messages("test-by-value-repartition").len(), 1);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn named(name: impl Into<String>) -> Self
    where
        K: Wire,
        V: Wire,
    {
        Grouped { name: Some(name.into()), key: K::format(), value: V::format() }
    }

    /// Written with these formats.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::serde::Format;
    /// let grouped = Grouped::with(Format::i32(), Format::json());
    /// builder.stream::<i32, i32>("in").group_by_with(|_, v| *v, grouped).count("counts").to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.internal_messages("test-counts-repartition")[0].value.as_deref(), Some(&b"5"[..]));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with(key: Format<K>, value: Format<V>) -> Self {
        Grouped { name: None, key, value }
    }

    /// The same with a name.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::serde::Format;
    /// let grouped = Grouped::with(Format::i32(), Format::json()).with_name("by-value");
    /// builder.stream::<i32, i32>("in").group_by_with(|_, v| *v, grouped).count("counts");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.internal_messages("test-by-value-repartition")[0].value.as_deref(), Some(&b"5"[..]));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

/// How a table is kept in a store. Kafka Streams: `org.apache.kafka.streams.kstream.Materialized`.
///
/// A name alone is enough for types with a format of their own; `()` lets the library name the store. A store is on disk,
/// logged and cached unless it is said otherwise here.
pub struct Materialized<K, V> {
    pub(crate) name: Option<String>,
    pub(crate) key: Format<K>,
    pub(crate) value: Format<V>,
    pub(crate) backing: Backing,
    pub(crate) caching: bool,
    pub(crate) changelog: Changelog,
    pub(crate) retention: Option<Duration>,
    /// Whether the program gave options, as opposed to `()`.
    pub(crate) given: bool,
}

impl<K, V> Clone for Materialized<K, V> {
    fn clone(&self) -> Self {
        Materialized {
            name: self.name.clone(),
            key: self.key.clone(),
            value: self.value.clone(),
            backing: self.backing,
            caching: self.caching,
            changelog: self.changelog.clone(),
            retention: self.retention,
            given: self.given,
        }
    }
}

impl<K: Datum, V: Datum> Materialized<K, V> {
    /// In a store of that name, which queries use and whose changelog is `<application id>-<name>-changelog`
    /// (`Materialized.as`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::store::TimestampedKeyValueStore;
    /// builder.stream::<i32, i32>("in").group_by_key().count(Materialized::named("counts"));
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// let counts: TimestampedKeyValueStore<i32, i64> = driver.store("counts")?;
    /// assert_eq!(counts.get(&1)?.map(|row| row.value), Some(1));
    /// assert_eq!(driver.internal_topics().collect::<Vec<_>>(), ["test-counts-changelog"]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn named(name: impl Into<String>) -> Self
    where
        K: Wire,
        V: Wire,
    {
        Materialized::with(K::format(), V::format()).with_name(name)
    }

    /// With these formats, under a name that the library gives.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::serde::Format;
    /// let rows = Materialized::with(Format::i32(), Format::<Vec<i32>>::json());
    /// builder.stream::<i32, i32>("in").group_by_key().aggregate(Vec::new, |_, v, mut row| { row.push(v); row }, rows);
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (1, 7)])?;
    /// let changelog = driver.internal_topics().next().expect("the store is logged").to_owned();
    /// assert_eq!(driver.internal_messages(&changelog)[1].value.as_deref(), Some(&b"[5,7]"[..]));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with(key: Format<K>, value: Format<V>) -> Self {
        Materialized {
            name: None,
            key,
            value,
            backing: Backing::Persistent,
            caching: true,
            changelog: Changelog::Own(BTreeMap::new()),
            retention: None,
            given: true,
        }
    }

    /// The same under a name.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::serde::Format;
    /// let counts = Materialized::with(Format::i32(), Format::i64()).with_name("counts");
    /// builder.stream::<i32, i32>("in").group_by_key().count(counts);
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.internal_messages("test-counts-changelog").len(), 1);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Kept in memory and restored in full from its changelog (`Stores.inMemory…`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").group_by_key().count(Materialized::named("counts").in_memory()).to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// driver.crash()?;
    /// driver.input("in").pipe(1, 7)?;
    /// assert_eq!(driver.output("out").read_values::<i64>()?, [1, 2]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn in_memory(mut self) -> Self {
        self.backing = Backing::InMemory;
        self
    }

    /// Kept in memory, the `entries_max` most recently used rows only (`Stores.lruMap`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let rows = Materialized::named("counts").lru(1);
    /// builder.stream::<i32, i32>("in").group_by_key().count(rows).to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50), (1, 7)])?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i64>()?, [(1, 1), (2, 1), (1, 1)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn lru(mut self, entries_max: usize) -> Self {
        self.backing = Backing::Lru(entries_max);
        self
    }

    /// Forwards and logs each update at once.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::config::Config;
    /// let rows = Materialized::named("counts").with_caching_disabled();
    /// builder.stream::<i32, i32>("in").group_by_key().count(rows).to_stream().to("out");
    /// let mut driver = TopologyTestDriver::with_config(&builder.build()?, Config::new("test", "embedded:"))?;
    /// driver.input("in").pipe_key_values([(1, 5), (1, 7)])?;
    /// assert_eq!(driver.output("out").read_values::<i64>()?, [1, 2]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_caching_disabled(mut self) -> Self {
        self.caching = false;
        self
    }

    /// Holds updates back until the next commit, so that updates of one key between commits become one. This is the default;
    /// how much is held back is the configuration's `statestore.cache.max.bytes`. The test driver commits after each record.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::config::Config;
    /// let rows = Materialized::named("counts").with_caching_enabled();
    /// builder.stream::<i32, i32>("in").flat_map_values(|v| 0..v).group_by_key().count(rows).to_stream().to("out");
    /// let mut driver = TopologyTestDriver::with_config(&builder.build()?, Config::new("test", "embedded:"))?;
    /// driver.input("in").pipe(1, 3)?;
    /// assert_eq!(driver.output("out").read_values::<i64>()?, [3]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_caching_enabled(mut self) -> Self {
        self.caching = true;
        self
    }

    /// Keeps no changelog: the store's content is lost with the local disk.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").group_by_key().count(Materialized::named("counts").with_logging_disabled());
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.internal_topics().next(), None);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_logging_disabled(mut self) -> Self {
        self.changelog = Changelog::Off;
        self
    }

    /// Keeps a changelog whose topic has these additional configurations. Logging is on by default.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let settings = [("min.cleanable.dirty.ratio".to_owned(), "0.1".to_owned())];
    /// builder.stream::<i32, i32>("in").group_by_key().count(Materialized::named("counts").with_logging_enabled(settings));
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.internal_topics().collect::<Vec<_>>(), ["test-counts-changelog"]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_logging_enabled(mut self, topic_config: impl IntoIterator<Item = (String, String)>) -> Self {
        self.changelog = Changelog::Own(topic_config.into_iter().collect());
        self
    }

    /// How long windows are kept; at least size and grace period, which is the default. A shorter time is a problem that
    /// `build` reports.
    ///
    /// ```
    /// # use kstreams::{dsl::*, window::TimeWindows};
    /// # use std::time::Duration;
    /// # let builder = StreamsBuilder::new();
    /// let hours = builder.stream::<i32, i32>("in").group_by_key().windowed_by(TimeWindows::of(Duration::from_secs(3600)));
    /// hours.count(Materialized::named("per-hour").with_retention(Duration::from_secs(60)));
    /// assert!(builder.build().unwrap_err().to_string().contains("a retention of 60000 ms is shorter than the 3600000 ms"));
    /// ```
    pub fn with_retention(mut self, retention: Duration) -> Self {
        self.retention = Some(retention);
        self
    }
}

impl<K: Wire, V: Wire> From<&str> for Materialized<K, V> {
    fn from(name: &str) -> Self {
        Materialized::named(name)
    }
}

impl<K: Wire, V: Wire> From<()> for Materialized<K, V> {
    fn from((): ()) -> Self {
        Materialized { given: false, ..Materialized::with(K::format(), V::format()) }
    }
}

/// How the stream of a join is written if it needs a repartition topic. Kafka Streams: `org.apache.kafka.streams.kstream.Joined`.
pub struct Joined<K, V> {
    pub(crate) name: Option<String>,
    pub(crate) key: Format<K>,
    pub(crate) value: Format<V>,
}

impl<K: Datum, V: Datum> Joined<K, V> {
    /// Named: the join's node, and its repartition topic `<application id>-<name>-repartition` (`Joined.as`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let names = builder.table::<i32, String>("names");
    /// let by_value = builder.stream::<i32, i32>("in").map(|k, v| (v, k));
    /// by_value.join_with(&names, |_, _, name| name, Joined::named("named")).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("names").pipe(5, "Loop".to_owned())?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.output("out").read_values::<String>()?, ["Loop"]);
    /// assert_eq!(driver.internal_messages("test-named-repartition").len(), 1);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn named(name: impl Into<String>) -> Self
    where
        K: Wire,
        V: Wire,
    {
        Joined { name: Some(name.into()), key: K::format(), value: V::format() }
    }

    /// Written with these formats.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::serde::Format;
    /// let names = builder.table::<i32, String>("names");
    /// let by_value = builder.stream::<i32, i32>("in").map(|k, v| (v, vec![k]));
    /// by_value.join_with(&names, |_, _, name| name, Joined::with(Format::i32(), Format::json())).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("names").pipe(5, "Loop".to_owned())?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.output("out").read_values::<String>()?, ["Loop"]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with(key: Format<K>, value: Format<V>) -> Self {
        Joined { name: None, key, value }
    }

    /// The same with a name.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::serde::Format;
    /// let names = builder.table::<i32, String>("names");
    /// let by_value = builder.stream::<i32, i32>("in").map(|k, v| (v, vec![k]));
    /// let joined = Joined::with(Format::i32(), Format::json()).with_name("named");
    /// by_value.join_with(&names, |_, _, name| name, joined).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.internal_messages("test-named-repartition")[0].value.as_deref(), Some(&b"[1]"[..]));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

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

pub(crate) type Line<K, V> = Arc<dyn Fn(&str, &K, &V) -> String + Send + Sync>;

/// Where and how a stream is printed. Kafka Streams: `org.apache.kafka.streams.kstream.Printed`.
///
/// A line is the label in brackets and then key and value, by their `Debug` unless a mapper is given: `[in]: 1, 5`.
pub struct Printed<K, V> {
    pub(crate) output: Arc<Mutex<dyn Write + Send>>,
    pub(crate) label: Option<String>,
    pub(crate) line: Line<K, V>,
}

impl<K: std::fmt::Debug, V: std::fmt::Debug> Printed<K, V> {
    /// To standard output.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").print(Printed::to_sys_out());
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?; // prints `[KSTREAM-PRINTER-0000000001]: 1, 5`
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn to_sys_out() -> Self {
        Printed::to_writer(std::io::stdout())
    }

    /// To a file, which is created or emptied.
    ///
    /// # Errors
    /// The file cannot be written.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("in.txt");
    /// builder.stream::<i32, i32>("in").print(Printed::to_file(&path)?.with_label("in"));
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(std::fs::read_to_string(&path)?, "[in]: 1, 5\n");
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn to_file(path: impl AsRef<Path>) -> crate::error::Result<Self> {
        Ok(Printed::to_writer(std::fs::File::create(path)?))
    }

    /// To any writer, which the tasks share (no counterpart in Java).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use std::{io, sync::{Arc, Mutex}};
    /// # #[derive(Clone, Default)]
    /// # struct Shared(Arc<Mutex<Vec<u8>>>);
    /// # impl io::Write for Shared {
    /// #     fn write(&mut self, bytes: &[u8]) -> io::Result<usize> { self.0.lock().unwrap().write(bytes) }
    /// #     fn flush(&mut self) -> io::Result<()> { Ok(()) }
    /// # }
    /// let writer = Shared::default();
    /// builder.stream::<i32, i32>("in").print(Printed::to_writer(writer.clone()).with_label("in"));
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(*writer.0.lock().unwrap(), b"[in]: 1, 5\n");
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn to_writer(writer: impl Write + Send + 'static) -> Self {
        Printed {
            output: Arc::new(Mutex::new(writer)),
            label: None,
            line: Arc::new(|label, key, value| format!("[{label}]: {key:?}, {value:?}")),
        }
    }
}

impl<K, V> Printed<K, V> {
    /// Goes before each line, in brackets; the default is the node's name.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").print(Printed::to_sys_out().with_label("rides"));
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?; // prints `[rides]: 1, 5`
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Makes the text of a line from key and value (`withKeyValueMapper`); the label goes before it.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("in.txt");
    /// let printed = Printed::to_file(&path)?.with_label("in").with_key_value_mapper(|k, v| format!("{v} at {k}"));
    /// builder.stream::<i32, i32>("in").print(printed);
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(std::fs::read_to_string(&path)?, "[in]: 5 at 1\n");
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_key_value_mapper(mut self, mapper: impl Fn(&K, &V) -> String + Send + Sync + 'static) -> Self {
        self.line = Arc::new(move |label, key, value| format!("[{label}]: {}", mapper(key, value)));
        self
    }
}
