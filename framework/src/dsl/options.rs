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
/// A topic's name alone is enough for types with a format of their own.
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

    /// One topic, read with these formats.
    pub fn with(topic: impl Into<String>, key: Format<K::Inner>, value: Format<V::Inner>) -> Self {
        Consumed::of(Topics::Named(vec![topic.into()]), key, value)
    }

    /// Several topics.
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

    /// Every topic whose name matches the pattern (syntax of the `regex` crate); topics created later join in.
    pub fn pattern(pattern: impl Into<String>) -> Self
    where
        K::Inner: Wire,
        V::Inner: Wire,
    {
        Consumed::of(Topics::Pattern(pattern.into()), K::Inner::format(), V::Inner::format())
    }

    /// Reads with these formats.
    pub fn formats(mut self, key: Format<K::Inner>, value: Format<V::Inner>) -> Self {
        self.key = key;
        self.value = value;
        self
    }

    /// Finds event times with this extractor; the default is the configuration's `default.timestamp.extractor`.
    pub fn with_timestamp_extractor(mut self, extractor: TimestampExtractor<K, V>) -> Self {
        self.extractor = Some(extractor);
        self
    }

    /// Where to begin without a committed offset; the default is the configuration's `auto.offset.reset`.
    pub fn with_offset_reset(mut self, reset: AutoOffsetReset) -> Self {
        self.reset = Some(reset);
        self
    }

    /// Names the source node.
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
    /// To one topic, written with these formats.
    pub fn with(topic: impl Into<String>, key: Format<K::Inner>, value: Format<V::Inner>) -> Self {
        Produced { destination: Destination::Topic(topic.into()), key, value, partitioner: None }
    }

    /// To the topic that `extract` names for each record; it must exist. Kafka Streams: `TopicNameExtractor`.
    pub fn to_extracted(extract: impl Fn(&K, &V, &RecordContext) -> String + Send + Sync + 'static) -> Self
    where
        K::Inner: Wire,
        V::Inner: Wire,
    {
        let destination = Destination::Extracted(Arc::new(extract));
        Produced { destination, key: K::Inner::format(), value: V::Inner::format(), partitioner: None }
    }

    /// Writes with these formats.
    pub fn formats(mut self, key: Format<K::Inner>, value: Format<V::Inner>) -> Self {
        self.key = key;
        self.value = value;
        self
    }

    /// Chooses partitions by a function of topic, key, value and number of partitions.
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
    /// Named: the repartition topic is `<application id>-<name>-repartition`.
    pub fn named(name: impl Into<String>) -> Self
    where
        K: Wire,
        V: Wire,
    {
        Grouped { name: Some(name.into()), key: K::format(), value: V::format() }
    }

    /// Written with these formats.
    pub fn with(key: Format<K>, value: Format<V>) -> Self {
        Grouped { name: None, key, value }
    }

    /// The same with a name.
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

/// How a table is kept in a store. Kafka Streams: `org.apache.kafka.streams.kstream.Materialized`.
///
/// A name alone is enough for types with a format of their own; `()` lets the library name the store.
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
    /// In a store of that name, which queries use and whose changelog is `<application id>-<name>-changelog`.
    pub fn named(name: impl Into<String>) -> Self
    where
        K: Wire,
        V: Wire,
    {
        Materialized::with(K::format(), V::format()).with_name(name)
    }

    /// With these formats.
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
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Kept in memory and restored in full from its changelog (`Stores.inMemory…`).
    pub fn in_memory(mut self) -> Self {
        self.backing = Backing::InMemory;
        self
    }

    /// Kept in memory, the `entries_max` most recently used rows only (`Stores.lruMap`).
    pub fn lru(mut self, entries_max: usize) -> Self {
        self.backing = Backing::Lru(entries_max);
        self
    }

    /// Forwards and logs each update at once.
    pub fn with_caching_disabled(mut self) -> Self {
        self.caching = false;
        self
    }

    /// Holds updates back until the next commit, so that updates of one key between commits become one.
    /// This is the default.
    pub fn with_caching_enabled(mut self) -> Self {
        self.caching = true;
        self
    }

    /// Keeps no changelog: the store's content is lost with the local disk.
    pub fn with_logging_disabled(mut self) -> Self {
        self.changelog = Changelog::Off;
        self
    }

    /// Keeps a changelog whose topic has these additional configurations. Logging is on by default.
    pub fn with_logging_enabled(mut self, topic_config: impl IntoIterator<Item = (String, String)>) -> Self {
        self.changelog = Changelog::Own(topic_config.into_iter().collect());
        self
    }

    /// How long windows are kept; at least size and grace period, which is the default.
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
    /// Named: the join's node, and its repartition topic `<application id>-<name>-repartition`.
    pub fn named(name: impl Into<String>) -> Self
    where
        K: Wire,
        V: Wire,
    {
        Joined { name: Some(name.into()), key: K::format(), value: V::format() }
    }

    /// Written with these formats.
    pub fn with(key: Format<K>, value: Format<V>) -> Self {
        Joined { name: None, key, value }
    }

    /// The same with a name.
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
    /// Through the topic `<application id>-<name>-repartition`.
    pub fn named(name: impl Into<String>) -> Self
    where
        K::Inner: Wire,
        V::Inner: Wire,
    {
        Repartitioned { name: Some(name.into()), ..Repartitioned::with(K::Inner::format(), V::Inner::format()) }
    }

    /// Written with these formats.
    pub fn with(key: Format<K::Inner>, value: Format<V::Inner>) -> Self {
        Repartitioned { name: None, key, value, partitions: None, partitioner: None }
    }

    /// The same with a name.
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Over this many partitions; by default as many as the topics before it have.
    pub fn number_of_partitions(mut self, partitions: i32) -> Self {
        self.partitions = Some(partitions);
        self
    }

    /// Chooses partitions by a function of topic, key, value and number of partitions.
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
pub struct Printed<K, V> {
    pub(crate) output: Arc<Mutex<dyn Write + Send>>,
    pub(crate) label: Option<String>,
    pub(crate) line: Line<K, V>,
}

impl<K: std::fmt::Debug, V: std::fmt::Debug> Printed<K, V> {
    /// To standard output.
    pub fn to_sys_out() -> Self {
        Printed::to_writer(std::io::stdout())
    }

    /// To a file, which is created or emptied.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn to_file(path: impl AsRef<Path>) -> crate::error::Result<Self> {
        Ok(Printed::to_writer(std::fs::File::create(path)?))
    }

    /// To any writer.
    pub fn to_writer(writer: impl Write + Send + 'static) -> Self {
        Printed {
            output: Arc::new(Mutex::new(writer)),
            label: None,
            line: Arc::new(|label, key, value| format!("[{label}]: {key:?}, {value:?}")),
        }
    }
}

impl<K, V> Printed<K, V> {
    /// Goes before each line; the default is the node's name.
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Makes the text of a line from key and value; the label goes before it.
    pub fn with_key_value_mapper(mut self, mapper: impl Fn(&K, &V) -> String + Send + Sync + 'static) -> Self {
        self.line = Arc::new(move |label, key, value| format!("[{label}]: {}", mapper(key, value)));
        self
    }
}
