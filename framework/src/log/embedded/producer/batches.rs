//! What a producer has queued: one open batch per partition, in the order in which they were begun.

use crate::error::{Error, ErrorKind, Result};
use crate::log::embedded::chunk::ChunkBuilder;
use crate::log::embedded::errors;
use crate::log::partition_for_key;
use crate::record::{Outgoing, Topic, TopicPartition};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;

/// A batch is closed when it is that large.
const BATCH_BYTES: usize = 64 * 1024;

/// Messages for one partition.
#[derive(Debug)]
pub(super) struct Batch {
    /// Where they go.
    pub(super) partition: TopicPartition,
    /// The messages.
    pub(super) messages: ChunkBuilder,
    /// Their tokens.
    pub(super) tokens: Vec<u64>,
    number: u64,
}

/// What sending needs to know of a topic.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    /// Its partitions.
    pub(super) partitions: i32,
    /// The largest message.
    pub(super) message_bytes_max: usize,
    /// Messages without a key are refused.
    pub(super) needs_key: bool,
}

impl Facts {
    /// Refuses a message that the topic does not take.
    pub(super) fn check(&self, message: &Outgoing<'_>) -> Result<()> {
        let refused = |why: String, class: &str| {
            Err(Error::new(ErrorKind::Production, format!("topic `{}` does not take the message", message.topic))
                .with_detail(why)
                .with_class(format!("org.apache.kafka.common.errors.{class}")))
        };
        let bytes = size(message);
        if bytes > self.message_bytes_max {
            let why = format!("{bytes} bytes are more than its max.message.bytes of {}", self.message_bytes_max);
            return refused(why, "RecordTooLargeException");
        }
        if self.needs_key && message.key.is_none() {
            return refused(String::from("it is compacted and the message has no key"), "InvalidRecordException");
        }
        match message.partition {
            Some(partition) if !(0..self.partitions).contains(&partition) => {
                let place = TopicPartition { topic: message.topic.clone(), partition };
                Err(errors::no_partition(&place))
            }
            _ => Ok(()),
        }
    }
}

/// The bytes of a message's key, value and headers.
fn size(message: &Outgoing<'_>) -> usize {
    let headers: usize = message
        .headers
        .as_slice()
        .iter()
        .map(|header| header.name.len() + header.value.as_ref().map_or(0, |value| value.len()))
        .sum();
    message.key.map_or(0, <[u8]>::len) + message.value.map_or(0, <[u8]>::len) + headers
}

/// A topic, as this producer knows it.
#[derive(Debug)]
struct Known {
    version: u64,
    facts: Facts,
    /// The number of each partition's open batch.
    open: Vec<Option<u64>>,
    /// Where messages without key and partition go, until that batch is closed.
    sticky: i32,
}

/// All batches of a producer.
#[derive(Debug, Default)]
pub(super) struct Batches {
    queue: VecDeque<Batch>,
    first_number: u64,
    topics: FxHashMap<Topic, Known>,
    records: usize,
    bytes: usize,
}

impl Batches {
    /// Whether nothing is queued.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The messages queued.
    pub(super) fn records(&self) -> usize {
        self.records
    }

    /// Their bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What is known of a topic, if topics have not changed since.
    pub(super) fn facts(&self, topic: &Topic, version: u64) -> Option<Facts> {
        self.topics.get(topic).filter(|known| known.version == version).map(|known| known.facts)
    }

    /// Notes what was learned of a topic.
    pub(super) fn learn(&mut self, topic: &Topic, version: u64, facts: Facts) {
        let known = self.topics.entry(topic.clone()).or_insert(Known { version, facts, open: Vec::new(), sticky: 0 });
        (known.version, known.facts) = (version, facts);
        known.open.resize(facts.partitions as usize, None);
        known.sticky %= facts.partitions;
    }

    /// Queues a copy of a message that was checked.
    pub(super) fn push(&mut self, message: &Outgoing<'_>, facts: Facts, token: u64, now_ms: i64) {
        let Some(known) = self.topics.get_mut(message.topic) else { return };
        let partition = match (message.partition, message.key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => partition_for_key(key, facts.partitions),
            (None, None) => known.sticky,
        };
        let open = &mut known.open[partition as usize];
        let number = open.filter(|number| *number >= self.first_number).unwrap_or_else(|| {
            let number = self.first_number + self.queue.len() as u64;
            let partition = TopicPartition { topic: message.topic.clone(), partition };
            self.queue.push_back(Batch { partition, messages: ChunkBuilder::default(), tokens: Vec::new(), number });
            number
        });
        *open = Some(number);
        let batch = &mut self.queue[(number - self.first_number) as usize];
        let before = batch.messages.bytes();
        let delta = u64::from(batch.messages.count());
        let timestamp = message.timestamp.unwrap_or(now_ms);
        batch.messages.push(delta, timestamp, message.key, message.value, message.headers);
        batch.tokens.push(token);
        self.records += 1;
        self.bytes += batch.messages.bytes() - before;
        if batch.messages.bytes() >= BATCH_BYTES {
            *open = None;
            known.sticky = (known.sticky + 1) % facts.partitions;
        }
    }

    /// The batch that was begun first.
    pub(super) fn oldest(&self) -> Option<&Batch> {
        self.queue.front()
    }

    /// Nothing is added any more to the batch that was begun first: it was sent, and may be sent again as it is.
    pub(super) fn seal_oldest(&mut self) {
        let Some(batch) = self.queue.front() else { return };
        if let Some(known) = self.topics.get_mut(&batch.partition.topic)
            && let Some(open) = known.open.get_mut(batch.partition.partition as usize)
            && *open == Some(batch.number)
        {
            *open = None;
        }
    }

    /// Takes the batch that was begun first.
    pub(super) fn take_oldest(&mut self) -> Option<Batch> {
        let batch = self.queue.pop_front()?;
        debug_assert_eq!(batch.number, self.first_number, "batches leave in the order of their numbers");
        self.first_number += 1;
        self.records -= batch.tokens.len();
        self.bytes -= batch.messages.bytes();
        if let Some(known) = self.topics.get_mut(&batch.partition.topic) {
            known.sticky = (known.sticky + 1) % known.facts.partitions;
        }
        Some(batch)
    }
}
