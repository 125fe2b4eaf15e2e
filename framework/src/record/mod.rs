//! What flows: records, changes of tables, where a record came from, and the clock.
//!
//! Plain data. Nothing here knows of topologies, stores or brokers.

mod clock;
mod context;
mod headers;
mod outbox;
mod window;

pub use clock::{Clock, ManualClock, SystemClock};
pub use context::RecordContext;
pub use headers::{Header, Headers};
pub use outbox::{Outbox, Outgoing};
pub use window::{Session, Window, Windowed};

use std::fmt;
use std::sync::Arc;

/// The timestamp of a record whose time is not known; also the stream time before the first record.
pub const NO_TIMESTAMP: i64 = -1;

/// The name of a topic; cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Arc<str>);

impl Topic {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<S: AsRef<str>> From<S> for Topic {
    fn from(name: S) -> Self {
        Topic(Arc::from(name.as_ref()))
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// One partition of a topic. Printed as Kafka does, `rides-3`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic.
    pub topic: Topic,
    /// The partition's number, from 0.
    pub partition: i32,
}

impl TopicPartition {
    /// Partition `partition` of `topic`.
    pub fn new(topic: impl Into<Topic>, partition: i32) -> Self {
        TopicPartition { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// As `Display`: lists of partitions stand in every other line of a log.
impl fmt::Debug for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A task: one sub-topology over one partition. Printed as Kafka Streams does, `0_3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    /// The sub-topology's number, as in `describe()`.
    pub subtopology: u32,
    /// The partition of the sub-topology's source topics.
    pub partition: i32,
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.subtopology, self.partition)
    }
}

/// A typed record on its way through a topology. Kafka Streams: `org.apache.kafka.streams.processor.api.Record`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<K, V> {
    /// The key; `Option` where the stream may carry null keys.
    pub key: K,
    /// The value; `Option` where the stream may carry null values.
    pub value: V,
    /// Event time in milliseconds since the epoch, never negative.
    pub timestamp: i64,
    /// The record's headers.
    pub headers: Headers,
}

impl<K, V> Record<K, V> {
    /// A record without headers.
    ///
    /// ```
    /// use kstreams::record::Record;
    ///
    /// let record = Record::new("blue", 7, 1_000);
    /// assert_eq!(record.with_value("seven").value, "seven");
    /// ```
    pub fn new(key: K, value: V, timestamp: i64) -> Self {
        Record { key, value, timestamp, headers: Headers::default() }
    }

    /// The same record with another key.
    pub fn with_key<K2>(self, key: K2) -> Record<K2, V> {
        Record { key, value: self.value, timestamp: self.timestamp, headers: self.headers }
    }

    /// The same record with another value.
    pub fn with_value<V2>(self, value: V2) -> Record<K, V2> {
        Record { key: self.key, value, timestamp: self.timestamp, headers: self.headers }
    }

    /// The same record with another timestamp in milliseconds since the epoch.
    pub fn with_timestamp(self, timestamp: i64) -> Self {
        Record { timestamp, ..self }
    }

    /// The same record with other headers.
    pub fn with_headers(self, headers: Headers) -> Self {
        Record { headers, ..self }
    }
}

/// An update of a table: the new value and, where a later operator needs it, the one it replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<V> {
    /// The value from now on; `None` deletes the key.
    pub new: Option<V>,
    /// The value until now; `None` where there was none or nobody asked for it.
    pub old: Option<V>,
    /// False only for an out-of-order update of a versioned store.
    pub is_latest: bool,
}

impl<V> Change<V> {
    /// An update of the latest value.
    pub fn new(new: Option<V>, old: Option<V>) -> Self {
        Change { new, old, is_latest: true }
    }
}

/// Where the record being processed was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordMetadata {
    /// The topic.
    pub topic: Topic,
    /// The partition.
    pub partition: i32,
    /// The offset in the partition.
    pub offset: i64,
}

/// A message as the log hands it out: borrowed bytes with their place.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    /// The key's bytes; `None` is null.
    pub key: Option<&'a [u8]>,
    /// The value's bytes; `None` is null.
    pub value: Option<&'a [u8]>,
    /// The message's own timestamp in milliseconds since the epoch; [`NO_TIMESTAMP`] if it has none.
    pub timestamp: i64,
    /// The message's headers.
    pub headers: Headers,
    /// The offset in its partition.
    pub offset: i64,
}
