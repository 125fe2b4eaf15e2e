//! Writing: messages with acknowledgements, and transactions over them.

use super::{GroupMetadata, Offsets};
use crate::error::Result;
use crate::record::{Outgoing, Topic};
use std::task::Poll;

/// How a producer writes, and as whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProducerConfig {
    /// Makes the producer transactional; a newer producer with the same id fences this one.
    pub transactional_id: Option<String>,
    /// The name shown in logs. Kafka: `client.id`.
    pub client_id: String,
    /// A transaction that stays open longer is aborted by the coordinator. Kafka: `transaction.timeout.ms`.
    pub transaction_timeout_ms: i64,
    /// The most messages that are queued or not yet taken as deliveries; more is [`Sent::QueueFull`].
    pub queue_records_max: usize,
    /// The most bytes of keys, values and headers that are queued.
    pub queue_bytes_max: usize,
}

impl Default for ProducerConfig {
    fn default() -> Self {
        ProducerConfig {
            transactional_id: None,
            client_id: String::from("kstreams"),
            transaction_timeout_ms: 10_000,
            queue_records_max: 100_000,
            queue_bytes_max: 16 * 1024 * 1024,
        }
    }
}

/// What became of a message given to [`Producer::send`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Sent {
    /// A copy is queued; a [`Delivery`] will follow.
    Queued,
    /// Nothing happened: take deliveries, then send it again. Also while the topic's partitions are being asked for.
    QueueFull,
}

/// Where the log put a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// The partition.
    pub partition: i32,
    /// The offset in the partition.
    pub offset: i64,
}

/// The log's answer to one message.
#[derive(Debug)]
pub struct Delivery {
    /// The token given to [`Producer::send`].
    pub token: u64,
    /// Where the message is; or `Timeout` (unknown whether it is there), `Fenced`, `Aborted`, `Production`, `Io`.
    /// A failed delivery makes the transaction one that can only be aborted.
    pub placed: Result<Placed>,
}

/// Writes messages; with a transactional id in transactions.
///
/// ```text
/// poll_init -> [ begin -> send ... -> poll_flush -> poll_send_offsets -> poll_commit ]*
///                  '------- on Aborted, or when wanted: poll_abort -------'
/// ```
///
/// `Fenced` ends this producer: drop it and make a new one. It also answers offsets of a member that the group has
/// removed (then the error's class is `CommitFailedException`): abort, go on.
/// Every `poll_*` is repeated, with the same arguments, until it is `Ready`.
pub trait Producer: Send {
    /// Fences older producers with the same transactional id and finishes their open transaction. Needed once, before
    /// anything else; does nothing for a producer that is not transactional.
    fn poll_init(&mut self, now_ms: i64) -> Poll<Result<()>>;

    /// Begins a transaction on this side; the log learns of it with the first message or offsets.
    ///
    /// # Errors
    /// `Bug` if one is open or the producer is not transactional or not initialised.
    fn begin(&mut self) -> Result<()>;

    /// Whether a transaction is begun and neither committed nor aborted.
    fn in_transaction(&self) -> bool;

    /// Queues a copy of the message. `token` comes back with its [`Delivery`]. Without a partition it is computed from the
    /// key as Java does, or chosen by the producer for a null key; without a timestamp `now_ms` is used.
    ///
    /// # Errors
    /// `Production` if it is larger than the topic allows, `NotFound` if the topic or partition does not exist,
    /// `Fenced`, `Aborted`; `Bug` if a transactional producer has begun no transaction. Nothing was queued then. What
    /// a log finds out later is the answer of the [`Delivery`].
    fn send(&mut self, message: &Outgoing<'_>, token: u64, now_ms: i64) -> Result<Sent>;

    /// The number of partitions of a topic, as partitioners need it.
    ///
    /// Answers `NotFound` if there is no such topic.
    fn poll_partitions(&mut self, topic: &Topic, now_ms: i64) -> Poll<Result<i32>>;

    /// Works on the queue and hands out the deliveries that came, in sending order per partition. Returns the number of
    /// messages that have no delivery yet.
    ///
    /// # Errors
    /// `Io` if the log is broken.
    fn deliveries(&mut self, now_ms: i64, each: &mut dyn FnMut(Delivery)) -> Result<usize>;

    /// Ready when every queued message is answered; deliveries are then taken with [`Producer::deliveries`]. Failed
    /// deliveries do not fail it.
    fn poll_flush(&mut self, now_ms: i64) -> Poll<Result<()>>;

    /// Puts offsets of a group into the transaction: they are committed with it or not at all.
    ///
    /// Answers `Fenced` if the group does not know this member in this generation, or the producer is fenced.
    fn poll_send_offsets(&mut self, offsets: &Offsets, group: &GroupMetadata, now_ms: i64) -> Poll<Result<()>>;

    /// Commits the transaction, flushing first. After `Ready(Ok)` it is decided; its markers may be written later.
    ///
    /// Answers `Aborted` if it can only be aborted, `Fenced`, or `Timeout`: the outcome is unknown, ask again (it must not
    /// be aborted then).
    fn poll_commit(&mut self, now_ms: i64) -> Poll<Result<()>>;

    /// Aborts the transaction; queued messages are dropped. Ready at once if there is none.
    ///
    /// Answers `Bug` while a commit is under way, which may be decided already.
    fn poll_abort(&mut self, now_ms: i64) -> Poll<Result<()>>;
}
