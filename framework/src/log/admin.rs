//! Topics, offsets and groups, as tools and the start of an application see them.

use super::{Call, Offsets, TopicConfig};
use crate::record::{Topic, TopicPartition};
use std::collections::BTreeMap;

/// A topic as [`Admin::topics`] lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicInfo {
    /// The name.
    pub topic: Topic,
    /// The number of partitions.
    pub partitions: i32,
}

/// A topic to be created.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTopic {
    /// The name.
    pub topic: Topic,
    /// The number of partitions, at least 1.
    pub partitions: i32,
    /// Copies on different brokers; `None` is the broker's default. The embedded log keeps one.
    pub replication: Option<i16>,
    /// The configuration that differs from the broker's defaults.
    pub config: TopicConfig,
}

impl NewTopic {
    /// A topic with the broker's defaults.
    pub fn new(topic: impl Into<Topic>, partitions: i32) -> Self {
        NewTopic { topic: topic.into(), partitions, replication: None, config: TopicConfig::default() }
    }

    /// The same topic with this configuration.
    pub fn with_config(self, config: TopicConfig) -> Self {
        NewTopic { config, ..self }
    }
}

/// The answer to creating one topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It was created.
    New,
    /// It existed before, with so many partitions.
    Existed {
        /// The partitions it has.
        partitions: i32,
    },
}

/// Which offset of a partition is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OffsetAt {
    /// The first message that is still there.
    Beginning,
    /// The high watermark: one behind the last message, control records and open transactions included.
    End,
    /// The last stable offset: no open transaction begins below it.
    LastStable,
    /// The first message with this timestamp (milliseconds since the epoch) or a later one; the end if there is none.
    Timestamp(i64),
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMember {
    /// The member's id.
    pub member: String,
    /// The client's name.
    pub client_id: String,
    /// The partitions it owns, in order.
    pub partitions: Vec<TopicPartition>,
}

/// A group as tools show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDescription {
    /// The group's name.
    pub group: String,
    /// Its generation.
    pub generation: i32,
    /// Its members, by id.
    pub members: Vec<GroupMember>,
    /// Its committed offsets.
    pub offsets: Offsets,
}

/// Administration of a log. Every answer is a [`Call`] that is polled.
pub trait Admin: Send + Sync {
    /// All topics that are not internal to the log, by name.
    fn topics(&self) -> Call<Vec<TopicInfo>>;

    /// Creates topics; one answer for each, in order.
    ///
    /// Fails with `Config` if a name, a number or a configuration is not allowed; earlier ones of the list may exist then.
    fn create_topics(&self, topics: &[NewTopic]) -> Call<Vec<Created>>;

    /// The configuration of a topic with the broker's defaults filled in. Fails with `NotFound`.
    fn describe_topic(&self, topic: &Topic) -> Call<TopicConfig>;

    /// Deletes topics with all their messages. Fails with `NotFound` at the first that does not exist.
    fn delete_topics(&self, topics: &[Topic]) -> Call<()>;

    /// Deletes the messages before these offsets (at most the end). Fails with `OutOfRange` or `NotFound`.
    fn delete_records(&self, before: &BTreeMap<TopicPartition, i64>) -> Call<()>;

    /// Offsets of partitions. Fails with `NotFound` if one does not exist.
    fn offsets(&self, partitions: &[TopicPartition], at: OffsetAt) -> Call<BTreeMap<TopicPartition, i64>>;

    /// The names of all groups.
    fn groups(&self) -> Call<Vec<String>>;

    /// A group with its members and committed offsets. Fails with `NotFound`.
    fn describe_group(&self, group: &str) -> Call<GroupDescription>;

    /// Sets committed offsets of a group. Fails with `InUse` while it has members.
    fn alter_offsets(&self, group: &str, offsets: &Offsets) -> Call<()>;

    /// Deletes a group with its committed offsets. Fails with `InUse` while it has members, or `NotFound`.
    fn delete_group(&self, group: &str) -> Call<()>;
}
