//! Which chunks of a durable log are in memory, and which of them leave first.
//!
//! The newest chunks over all partitions stay, up to a number of bytes: live consumers read them without touching the disk.

use super::chunk::Chunk;
use crate::record::TopicPartition;
use std::collections::VecDeque;

/// The chunks in memory, oldest first.
#[derive(Debug)]
pub(super) struct Cache {
    entries: VecDeque<Entry>,
    bytes: usize,
    bytes_max: usize,
    on_engine: usize,
}

#[derive(Debug)]
struct Entry {
    partition: TopicPartition,
    last: i64,
    bytes: usize,
}

impl Cache {
    /// A cache of so many bytes; `None` keeps everything (and then remembers nothing).
    pub(super) fn new(bytes_max: Option<usize>) -> Self {
        Cache { entries: VecDeque::new(), bytes: 0, bytes_max: bytes_max.unwrap_or(usize::MAX), on_engine: 0 }
    }

    /// A chunk is in memory now.
    pub(super) fn added(&mut self, partition: &TopicPartition, chunk: &Chunk) {
        if self.bytes_max == usize::MAX {
            return;
        }
        self.bytes += chunk.bytes();
        self.entries.push_back(Entry { partition: partition.clone(), last: chunk.last, bytes: chunk.bytes() });
    }

    /// The chunks added so far; to be told back to [`Cache::written`] once they are on the engine.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The oldest `count` chunks are on the engine and may leave.
    pub(super) fn written(&mut self, count: usize) {
        self.on_engine = self.on_engine.max(count.min(self.entries.len()));
    }

    /// The next chunk to leave: everything of that partition up to that offset.
    pub(super) fn pop(&mut self) -> Option<(TopicPartition, i64)> {
        if self.bytes <= self.bytes_max || self.on_engine == 0 {
            return None;
        }
        let entry = self.entries.pop_front()?;
        self.on_engine -= 1;
        self.bytes -= entry.bytes;
        Some((entry.partition, entry.last))
    }
}
