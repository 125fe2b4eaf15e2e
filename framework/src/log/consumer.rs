//! Reading: membership of a group, one queue per assigned partition, positions and committed offsets.

use super::Call;
use crate::error::Result;
use crate::record::{Message, Topic, TopicPartition};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::task::Poll;
use std::time::Duration;

/// What a reader sees of transactions. Kafka: `isolation.level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Isolation {
    /// Committed messages below the last stable offset.
    #[default]
    ReadCommitted,
    /// Every message, open and aborted transactions included.
    ReadUncommitted,
}

/// Where reading begins when there is no committed offset or the position is outside of the log.
/// Kafka: `auto.offset.reset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OffsetReset {
    /// At the first message that is still there.
    #[default]
    Earliest,
    /// At the end: only what comes from now on.
    Latest,
    /// Nowhere: `fetch` fails with `OutOfRange`.
    None,
}

/// What a consumer is for: which of the users' keys for clients it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ConsumerRole {
    /// It reads inputs.
    #[default]
    Main,
    /// It restores stores.
    Restore,
    /// It reads global tables.
    Global,
}

/// How a consumer reads, and as whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerConfig {
    /// The group for membership and committed offsets; `None` for restore and global consumers.
    pub group: Option<String>,
    /// Makes a member that keeps its partitions while it is away for less than a session: the name by which it comes back.
    /// Kafka: `group.instance.id`. The embedded log has no such members.
    pub group_instance_id: Option<String>,
    /// What it is for.
    pub role: ConsumerRole,
    /// The name shown in member lists and logs. Kafka: `client.id`.
    pub client_id: String,
    /// What is seen of transactions.
    pub isolation: Isolation,
    /// Where reading begins without a valid position.
    pub offset_reset: OffsetReset,
    /// A member that is not heard of for so long is removed. Kafka: `session.timeout.ms`.
    pub session_timeout_ms: i64,
    /// A member that is not polled for so long is removed. Kafka: `max.poll.interval.ms`.
    pub max_poll_interval_ms: i64,
    /// The most bytes fetched ahead for one partition.
    pub prefetch_bytes_max: usize,
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        ConsumerConfig {
            group: None,
            group_instance_id: None,
            role: ConsumerRole::default(),
            client_id: String::from("kstreams"),
            isolation: Isolation::default(),
            offset_reset: OffsetReset::default(),
            session_timeout_ms: 45_000,
            max_poll_interval_ms: 300_000,
            prefetch_bytes_max: 1024 * 1024,
        }
    }
}

/// Where a partition is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Start {
    /// At this offset, or the next message after it.
    Offset(i64),
    /// At the group's committed offset; without one as [`OffsetReset`] says.
    Committed,
    /// At the first message that is still there.
    Beginning,
    /// After the last message that this isolation level may see.
    End,
}

/// A committed offset: the next message to read, and text beside it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OffsetAndMetadata {
    /// The offset of the next message to read.
    pub offset: i64,
    /// Text kept with the offset; Kafka Streams keeps the task's stream time here.
    pub metadata: String,
}

impl OffsetAndMetadata {
    /// An offset without text.
    pub fn new(offset: i64) -> Self {
        OffsetAndMetadata { offset, metadata: String::new() }
    }
}

/// Offsets by partition.
pub type Offsets = BTreeMap<TopicPartition, OffsetAndMetadata>;

/// What the group has decided for this member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupEvent {
    /// These partitions are this member's from now on. They are read once [`Consumer::assign`] says from where.
    Assigned(Vec<TopicPartition>),
    /// These partitions are to go to others: finish and commit, then [`Consumer::unassign`] them. Until then they
    /// are still this member's and its commits count.
    Revoked(Vec<TopicPartition>),
    /// The group has given these partitions away already: nothing about them can be committed any more. The
    /// consumer has unassigned them and joins again by itself.
    Lost(Vec<TopicPartition>),
}

/// Which member of which generation speaks; goes with offsets into a transaction, so that a member which was
/// removed cannot commit. To be taken right before it is used.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupMetadata {
    /// The group.
    pub group: String,
    /// The generation (member epoch) this member knows; -1 for a consumer that is no member.
    pub generation: i32,
    /// The member's id; empty for a consumer that is no member.
    pub member: String,
}

impl GroupMetadata {
    /// Metadata of somebody who commits for a group without being a member; refused while the group has members.
    pub fn without_member(group: impl Into<String>) -> Self {
        GroupMetadata { group: group.into(), generation: -1, member: String::new() }
    }
}

impl fmt::Debug for GroupMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.group, self.member, self.generation)
    }
}

/// How much one fetch may hand out; the message that exceeds `bytes` is still handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The most messages.
    pub records: usize,
    /// Stop after so many bytes of keys and values.
    pub bytes: usize,
}

impl Budget {
    /// A budget of `records` messages of any size.
    pub fn records(records: usize) -> Self {
        Budget { records, bytes: usize::MAX }
    }
}

/// What one fetch handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fetched {
    /// Messages handed out.
    pub records: usize,
    /// Bytes of their keys and values.
    pub bytes: usize,
}

/// What is done with each message that a fetch hands out; breaking off ends the fetch.
///
/// ```
/// use kstreams::log::Visit;
/// use kstreams::record::{Headers, Message};
/// use std::ops::ControlFlow;
///
/// let mut bytes = 0;
/// let visit: &mut Visit<'_> = &mut |message| {
///     bytes += message.value.map_or(0, <[u8]>::len);
///     if bytes < 100 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
/// };
/// let message = Message { key: None, value: Some(b"hello"), timestamp: 0, headers: Headers::default(), offset: 0 };
/// assert!(visit(&message).is_continue());
/// ```
pub type Visit<'a> = dyn FnMut(&Message<'_>) -> ControlFlow<()> + 'a;

/// Reads partitions, as a member of a group or on its own.
pub trait Consumer: Send {
    /// Joins the configured group for these topics, or changes what an existing member subscribes to.
    /// Patterns are resolved by the caller (see [`TopicPattern`](super::TopicPattern)).
    ///
    /// # Errors
    /// `Config` if the consumer has no group.
    fn subscribe(&mut self, topics: &[Topic]) -> Result<()>;

    /// The next decision of the group, oldest first. To be called in every step: it is also what keeps the member
    /// in its group.
    ///
    /// # Errors
    /// `Unauthorized` or `Io`; a lost membership is an event, not an error.
    fn poll_event(&mut self, now_ms: i64) -> Result<Option<GroupEvent>>;

    /// Leaves the group, so that others take over at once; without it they wait for the session timeout.
    fn poll_leave(&mut self, now_ms: i64) -> Poll<Result<()>>;

    /// Who speaks, for [`Producer::poll_send_offsets`](super::Producer::poll_send_offsets); `None` without a group.
    fn group_metadata(&self) -> Option<GroupMetadata>;

    /// Reads these partitions too, from there; a partition that is read already is moved. As a member: only what was
    /// assigned by an event.
    ///
    /// # Errors
    /// `NotFound` if a partition does not exist; a log that has to ask for it lets the first fetches fail with it.
    fn assign(&mut self, partitions: &[(TopicPartition, Start)]) -> Result<()>;

    /// Stops reading these partitions and, if they were revoked, releases them to the group.
    ///
    /// # Errors
    /// `Io` if the log is broken.
    fn unassign(&mut self, partitions: &[TopicPartition]) -> Result<()>;

    /// The partitions that are read, in order.
    fn assignment(&self) -> Vec<TopicPartition>;

    /// Moves a partition that is read; what was fetched ahead is dropped.
    ///
    /// # Errors
    /// `NotFound` if the partition is not read.
    fn seek(&mut self, partition: &TopicPartition, start: Start) -> Result<()> {
        self.assign(&[(partition.clone(), start)])
    }

    /// Hands out the next messages of one partition, oldest first, without waiting. Control records and, under
    /// read-committed, aborted messages are skipped. `ControlFlow::Break` stops after the message at hand, which counts as
    /// read. Nothing is handed out for a partition that is not read.
    ///
    /// # Errors
    /// `OutOfRange` if the position is outside of the log and [`OffsetReset::None`] holds; `Io`.
    fn fetch(
        &mut self,
        partition: &TopicPartition,
        budget: Budget,
        now_ms: i64,
        visit: &mut Visit<'_>,
    ) -> Result<Fetched>;

    /// The offset of the next message of a partition that is read; once everything visible was handed out it lies behind
    /// trailing control records. `None` until the start is known (first fetch).
    fn position(&self, partition: &TopicPartition) -> Option<i64>;

    /// Messages (offsets) between the position and the end seen by the last fetch from the log: the high watermark, or
    /// the last stable offset under read-committed. `None` before the first fetch.
    fn lag(&self, partition: &TopicPartition) -> Option<i64>;

    /// Commits offsets of this consumer's group outside of a transaction.
    ///
    /// The call fails with `Fenced` if the group has removed this member or moved on; `Timeout` if the answer did not come.
    fn commit(&mut self, offsets: &Offsets) -> Call<()>;

    /// The committed offsets of this consumer's group. Under read-committed the answer waits until no transaction has
    /// undecided offsets for these partitions. Partitions without a committed offset are missing in the answer.
    fn committed(&self, partitions: &[TopicPartition]) -> Call<Offsets>;

    /// For the driver between two steps, never inside one: returns when there may be something new since the last
    /// `poll_event`, at the latest after `timeout`.
    fn wait(&mut self, timeout: Duration) {
        std::thread::sleep(timeout);
    }
}
