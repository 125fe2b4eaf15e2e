//! Batches of messages straight from librdkafka's queue.
//!
//! The batch call loses messages at rebalances (`docs/decisions/0005-kafka-client.md`), so nothing but a benchmark without a
//! group may use it.
#![allow(unsafe_code)]

use crate::Result;
use rdkafka::bindings as sys;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerGroupMetadata};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::time::Duration;

/// Messages of one batch.
const BATCH: usize = 10_000;

const WAIT_MS: i32 = 100;

const PATIENCE: Duration = Duration::from_secs(60);

/// A topic that is read.
pub(crate) struct Input {
    consumer: BaseConsumer,
    topic: String,
    next: Vec<i64>,
    ends: Vec<i64>,
    room: Vec<*mut sys::rd_kafka_message_t>,
}

/// One message, borrowed.
pub(crate) struct Event<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
    pub(crate) timestamp: i64,
}

/// A message that is given back when dropped.
pub(crate) struct Taken(NonNull<sys::rd_kafka_message_t>);

impl Input {
    pub(crate) fn open(brokers: &str, group: &str) -> Result<Input> {
        let consumer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // The default, a second, lets the fetcher rest whenever the queue is full.
            .set("fetch.queue.backoff.ms", "5")
            .create()?;
        Ok(Input {
            consumer,
            topic: String::new(),
            next: Vec::new(),
            ends: Vec::new(),
            room: vec![ptr::null_mut(); BATCH],
        })
    }

    /// Reads this topic from its beginning to its present end.
    pub(crate) fn assign(&mut self, topic: &str) -> Result<()> {
        let metadata = self.consumer.fetch_metadata(Some(topic), PATIENCE)?;
        let partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len());
        let mut list = TopicPartitionList::new();
        self.ends.clear();
        for partition in 0..partitions as i32 {
            list.add_partition_offset(topic, partition, Offset::Beginning)?;
            self.ends.push(self.consumer.fetch_watermarks(topic, partition, PATIENCE)?.1);
        }
        self.consumer.assign(&list)?;
        topic.clone_into(&mut self.topic);
        self.next = vec![0; partitions];
        Ok(())
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.next == self.ends
    }

    /// The next batch.
    pub(crate) fn take(&mut self) -> Result<Vec<Taken>> {
        // SAFETY: the client lives as long as the consumer.
        let queue = unsafe { sys::rd_kafka_queue_get_consumer(self.consumer.client().native_ptr()) };
        // SAFETY: the queue was just given to us, and `room` has place for so many pointers.
        let count = unsafe { sys::rd_kafka_consume_batch_queue(queue, WAIT_MS, self.room.as_mut_ptr(), BATCH) };
        // SAFETY: it is ours and not used again.
        unsafe { sys::rd_kafka_queue_destroy(queue) };
        let count = usize::try_from(count).map_err(|_| "reading failed")?;
        let taken: Vec<Taken> = self.room[..count].iter().filter_map(|one| NonNull::new(*one)).map(Taken).collect();
        for message in &taken {
            let raw = message.raw();
            if raw.err != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Err(format!("reading failed: {:?}", raw.err).into());
            }
            self.next[raw.partition as usize] = raw.offset + 1;
        }
        Ok(taken)
    }

    /// What was read, as offsets to commit.
    pub(crate) fn offsets(&self) -> Result<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        for (partition, next) in (0..).zip(&self.next) {
            list.add_partition_offset(&self.topic, partition, Offset::Offset(*next))?;
        }
        Ok(list)
    }

    pub(crate) fn consumer(&self) -> &BaseConsumer {
        &self.consumer
    }

    pub(crate) fn group(&self) -> Result<ConsumerGroupMetadata> {
        self.consumer.group_metadata().ok_or_else(|| "there is no group".into())
    }
}

impl Taken {
    fn raw(&self) -> &sys::rd_kafka_message_t {
        // SAFETY: the message is ours until it is dropped.
        unsafe { self.0.as_ref() }
    }

    pub(crate) fn event(&self) -> Event<'_> {
        let raw = self.raw();
        // SAFETY: the message is ours, and its kind of timestamp is not asked for.
        let timestamp = unsafe { sys::rd_kafka_message_timestamp(self.0.as_ptr(), ptr::null_mut()) };
        // SAFETY: key and value live as long as the message.
        let (key, value) = unsafe { (bytes(raw.key, raw.key_len), bytes(raw.payload, raw.len)) };
        Event { key, value, timestamp }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // SAFETY: it is ours and not used again.
        unsafe { sys::rd_kafka_message_destroy(self.0.as_ptr()) };
    }
}

/// # Safety
/// `start` is null, or points to `length` bytes that live as long as the answer.
unsafe fn bytes<'a>(start: *const c_void, length: usize) -> &'a [u8] {
    if start.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(start.cast(), length) }
}
