//! ```text
//! message (bytes) ─> key, value, event time ─> queue of typed records ─> (k, v)
//! ```
//!
//! One [`Source`] per partition of a source node. Messages are decoded while they are borrowed; what cannot
//! be decoded waits in the queue like the others, and meets the error policy when its turn comes, so that
//! its offset and its dead letter are committed together.

use super::{Edge, NodeContext, TimestampExtractor};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Headers, Message, NO_TIMESTAMP, Record, RecordMetadata, TopicPartition};
use crate::serde::{Nullable, Serde};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;

/// The oldest record of a queue that can be processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// Event time, in milliseconds since the epoch.
    pub(crate) timestamp: i64,
    /// Offset in the partition.
    pub(crate) offset: i64,
}

/// One partition of a source node, its types hidden.
pub(crate) trait Input {
    /// Decodes the message and appends it to the queue.
    ///
    /// # Errors
    /// Only `Pending`: the message was not taken and is to be offered again in a later step.
    fn push(&self, message: &Message<'_>) -> Result<()>;

    /// The oldest record that can be processed; those before it met the error policy.
    fn head(&self) -> Result<Option<Head>>;

    /// Takes the head off the queue and sends it down.
    fn process(&self) -> Result<()>;

    /// Records waiting.
    fn len(&self) -> usize;

    /// The offset after the last record that was processed or skipped; `None` before the first.
    fn consumed(&self) -> Option<i64>;

    /// The offset of the oldest record waiting.
    fn next_offset(&self) -> Option<i64>;

    /// The largest event time taken from this partition, in milliseconds since the epoch.
    fn partition_time(&self) -> i64;

    /// Sets the partition time from commit metadata.
    fn restore_partition_time(&self, timestamp: i64);
}

/// A partition of a source whose records have keys `K` and values `V`.
pub(crate) struct Source<K: Nullable, V: Nullable> {
    partition: TopicPartition,
    key: Arc<dyn Serde<K::Inner>>,
    value: Arc<dyn Serde<V::Inner>>,
    extractor: TimestampExtractor<K, V>,
    node: NodeContext,
    down: Edge<K, V>,
    queue: RefCell<VecDeque<Item<K, V>>>,
    queue_time: Cell<i64>,
    partition_time: Cell<i64>,
    consumed: Cell<Option<i64>>,
}

struct Item<K, V> {
    offset: i64,
    decoded: Decoded<K, V>,
    /// On the heap: few are kept, and every item is moved.
    message: Option<Box<OwnedMessage>>,
}

enum Decoded<K, V> {
    Record(Record<K, V>),
    /// The extractor gave a negative time.
    Dropped,
    Failed(Error),
}

/// A message kept for a dead letter.
struct OwnedMessage {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Headers,
    timestamp: i64,
}

impl OwnedMessage {
    fn copy_of(message: &Message<'_>) -> Self {
        OwnedMessage {
            key: message.key.map(<[u8]>::to_vec),
            value: message.value.map(<[u8]>::to_vec),
            headers: message.headers.clone(),
            timestamp: message.timestamp,
        }
    }
}

impl<K: Nullable, V: Nullable> Source<K, V> {
    pub(crate) fn new(
        partition: TopicPartition,
        key: Arc<dyn Serde<K::Inner>>,
        value: Arc<dyn Serde<V::Inner>>,
        extractor: TimestampExtractor<K, V>,
        node: NodeContext,
        down: Edge<K, V>,
    ) -> Self {
        Source {
            partition,
            key,
            value,
            extractor,
            node,
            down,
            queue: RefCell::default(),
            queue_time: Cell::new(NO_TIMESTAMP),
            partition_time: Cell::new(NO_TIMESTAMP),
            consumed: Cell::new(None),
        }
    }

    fn decode(&self, message: &Message<'_>) -> Result<Decoded<K, V>> {
        let key = match decode_side(&self.key, message.key, "key") {
            Ok(key) => key,
            Err(error) => return pending_or_failed(error),
        };
        let value = match decode_side(&self.value, message.value, "value") {
            Ok(value) => value,
            Err(error) => return pending_or_failed(error),
        };
        let now_ms = self.node.record().wall_clock();
        Ok(match self.extractor.extract(&key, &value, message, self.queue_time.get(), now_ms) {
            Ok(timestamp) if timestamp < 0 => Decoded::Dropped,
            Ok(timestamp) => {
                self.queue_time.set(self.queue_time.get().max(timestamp));
                Decoded::Record(Record { key, value, timestamp, headers: message.headers.clone() })
            }
            // No policy is asked about a record without a time, as in Kafka Streams.
            Err(error) => Decoded::Failed(error.answered()),
        })
    }

    fn begin(&self, offset: i64, timestamp: i64, headers: Headers) {
        let TopicPartition { topic, partition } = self.partition.clone();
        self.node.task().begin_record(RecordMetadata { topic, partition, offset }, timestamp, headers);
    }

    fn remember(&self, offset: i64, message: &Option<Box<OwnedMessage>>) {
        if let Some(message) = message {
            self.node.task().remember_message(&Message {
                key: message.key.as_deref(),
                value: message.value.as_deref(),
                timestamp: message.timestamp,
                headers: message.headers.clone(),
                offset,
            });
        }
    }

    /// Answers an item that cannot be processed.
    fn skip(&self, item: Item<K, V>) -> Result<()> {
        self.consumed.set(Some(item.offset + 1));
        match item.decoded {
            Decoded::Failed(error) => {
                let (timestamp, headers) = match &item.message {
                    Some(message) => (message.timestamp, message.headers.clone()),
                    None => (NO_TIMESTAMP, Headers::default()),
                };
                self.begin(item.offset, timestamp, headers);
                self.remember(item.offset, &item.message);
                self.node.failed(error.context(format!("record {} at offset {}", self.partition, item.offset)))
            }
            _ => {
                self.node.drop_record("negative timestamp");
                Ok(())
            }
        }
    }
}

fn pending_or_failed<K, V>(error: Error) -> Result<Decoded<K, V>> {
    match error.kind() {
        ErrorKind::Pending => Err(error),
        _ => Ok(Decoded::Failed(error)),
    }
}

fn decode_side<T: Nullable>(serde: &Arc<dyn Serde<T::Inner>>, bytes: Option<&[u8]>, side: &str) -> Result<T> {
    let value = bytes.map(|bytes| serde.deserialize(bytes)).transpose();
    let value = value.map_err(|error| error.context(format!("decoding the {side}")))?;
    T::from_option(value).ok_or_else(|| {
        Error::new(ErrorKind::Deserialization, format!("the {side} is null"))
            .with_hint("read it as `Option` if nulls belong to this topic")
    })
}

impl<K: Nullable, V: Nullable> Input for Source<K, V> {
    fn push(&self, message: &Message<'_>) -> Result<()> {
        let decoded = self.decode(message)?;
        let keep = matches!(decoded, Decoded::Failed(_)) || self.node.task().keeps_messages();
        let (offset, message) = (message.offset, keep.then(|| Box::new(OwnedMessage::copy_of(message))));
        self.queue.borrow_mut().push_back(Item { offset, decoded, message });
        Ok(())
    }

    fn head(&self) -> Result<Option<Head>> {
        loop {
            let item = {
                let mut queue = self.queue.borrow_mut();
                match queue.front() {
                    None => return Ok(None),
                    Some(Item { offset, decoded: Decoded::Record(record), .. }) => {
                        return Ok(Some(Head { timestamp: record.timestamp, offset: *offset }));
                    }
                    Some(_) => queue.pop_front(),
                }
            };
            item.map_or(Ok(()), |item| self.skip(item))?;
        }
    }

    fn process(&self) -> Result<()> {
        let Some(Item { offset, decoded: Decoded::Record(record), message }) = self.queue.borrow_mut().pop_front()
        else {
            return Ok(());
        };
        self.consumed.set(Some(offset + 1));
        self.partition_time.set(self.partition_time.get().max(record.timestamp));
        self.begin(offset, record.timestamp, record.headers.clone());
        self.remember(offset, &message);
        self.node.record().advance_stream_time(record.timestamp);
        self.down.record(record)
    }

    fn len(&self) -> usize {
        self.queue.borrow().len()
    }

    fn consumed(&self) -> Option<i64> {
        self.consumed.get()
    }

    fn next_offset(&self) -> Option<i64> {
        self.queue.borrow().front().map(|item| item.offset)
    }

    fn partition_time(&self) -> i64 {
        self.partition_time.get()
    }

    fn restore_partition_time(&self, timestamp: i64) {
        self.partition_time.set(timestamp);
        self.queue_time.set(timestamp);
    }
}
