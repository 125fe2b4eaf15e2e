//! The outbox: what one task has to send, encoded, in order, until the thread hands it to the producer.
//!
//! One arena of bytes and a list of entries that point into it; draining it keeps the allocation. It holds
//! plain data, so a test compares what one record sends without a broker. Its size is bounded by what one
//! input record, flush or punctuation sends: the thread takes no further input while it is not empty.

use super::{Headers, Topic};
use std::ops::Range;

/// Encoded messages waiting to be sent.
#[derive(Debug, Default)]
pub struct Outbox {
    arena: Vec<u8>,
    entries: Vec<Entry>,
    next: usize,
}

#[derive(Debug)]
struct Entry {
    topic: Topic,
    partition: Option<i32>,
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
    timestamp: Option<i64>,
    headers: Headers,
    changelog: Option<u32>,
}

/// One message of the outbox, borrowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing<'a> {
    /// The topic's full name.
    pub topic: &'a Topic,
    /// The partition; `None` leaves it to the producer (a null key without a partitioner).
    pub partition: Option<i32>,
    /// The key's bytes; `None` is null.
    pub key: Option<&'a [u8]>,
    /// The value's bytes; `None` is null.
    pub value: Option<&'a [u8]>,
    /// Milliseconds since the epoch; `None` sends the message without a timestamp of its own.
    pub timestamp: Option<i64>,
    /// The message's headers.
    pub headers: &'a Headers,
    /// The number of the store whose changelog this is, within its task; `None` for other topics.
    pub changelog: Option<u32>,
}

impl Outbox {
    /// Appends a copy of `message`.
    pub fn push(&mut self, message: &Outgoing<'_>) {
        let key = message.key.map(|bytes| self.append(bytes));
        let value = message.value.map(|bytes| self.append(bytes));
        self.entries.push(Entry {
            topic: message.topic.clone(),
            partition: message.partition,
            key,
            value,
            timestamp: message.timestamp,
            headers: message.headers.clone(),
            changelog: message.changelog,
        });
    }

    fn append(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes);
        start..self.arena.len()
    }

    /// The oldest message not yet taken.
    pub fn front(&self) -> Option<Outgoing<'_>> {
        let entry = self.entries.get(self.next)?;
        Some(Outgoing {
            topic: &entry.topic,
            partition: entry.partition,
            key: entry.key.clone().map(|range| &self.arena[range]),
            value: entry.value.clone().map(|range| &self.arena[range]),
            timestamp: entry.timestamp,
            headers: &entry.headers,
            changelog: entry.changelog,
        })
    }

    /// Takes the oldest message off; the arena is reused once all are taken.
    pub fn pop(&mut self) {
        self.next += 1;
        if self.next >= self.entries.len() {
            self.clear();
        }
    }

    /// Drops everything: the transaction these messages belong to is rolled back.
    pub fn clear(&mut self) {
        self.arena.clear();
        self.entries.clear();
        self.next = 0;
    }

    /// The number of messages not yet taken.
    pub fn len(&self) -> usize {
        self.entries.len() - self.next
    }

    /// Whether everything was taken.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
