//! What is to be written to the engine next, and under which keys.
//!
//! Every change of the log's state adds its rows here, in the order of the changes; one batch of the engine takes what has
//! come together. So the engine always holds a state that the log was in.

use super::chunk::Chunk;
use super::partition::{Aborted, PartitionRow};
use super::segment::Segment;
use crate::engine::{Batch, Space, after_prefix};
use crate::log::OffsetAndMetadata;
use crate::record::{Topic, TopicPartition};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Changes that are not yet on the engine.
#[derive(Debug)]
pub(super) struct Journal {
    batch: Batch,
    spaces: Spaces,
    touched: BTreeSet<TopicPartition>,
    sequence: u64,
}

/// Where an embedded log keeps what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spaces {
    /// Chunks by topic, partition and last offset.
    pub(super) messages: Space,
    /// Everything else, by [`Row`].
    pub(super) rows: Space,
}

/// The kinds of rows; the first byte of their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Row {
    /// The number of the format.
    Format = b'F',
    /// The next numbers to be given out.
    Ids = b'N',
    /// A topic, by name.
    Topic = b'T',
    /// A partition, by topic and number.
    Partition = b'P',
    /// A closed segment, by partition and base.
    Segment = b'S',
    /// An aborted range, by partition, last offset and producer.
    Aborted = b'A',
    /// A transactional id.
    Transaction = b'X',
    /// A group.
    Group = b'G',
    /// A committed offset, by group, topic and partition.
    Offset = b'O',
}

/// The next numbers to be given out.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Ids {
    /// The next topic's.
    pub(super) topic: u32,
    /// The next producer's.
    pub(super) producer: i64,
    /// The next member's.
    pub(super) member: u64,
}

/// A topic on disk.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TopicRow {
    /// Its number.
    pub(super) id: u32,
    /// Its partitions.
    pub(super) partitions: i32,
    /// Its configuration under Kafka's keys.
    pub(super) config: BTreeMap<String, String>,
}

/// A committed offset on disk; it repeats its key, which is not taken apart.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OffsetRow {
    /// The group.
    pub(super) group: String,
    /// The topic.
    pub(super) topic: String,
    /// The partition.
    pub(super) partition: i32,
    /// The offset.
    pub(super) offset: i64,
    /// The text beside it.
    pub(super) metadata: String,
}

/// A place on disk: a topic's number and a partition's.
pub(super) type Place = (u32, i32);

impl Journal {
    /// An empty journal.
    pub(super) fn new(spaces: Spaces) -> Self {
        Journal { batch: Batch::default(), spaces, touched: BTreeSet::new(), sequence: 1 }
    }

    /// The number of the last batch that holds anything: the one that waits, or else the one taken last, which may still be on
    /// its way to the engine.
    pub(super) fn newest(&self) -> u64 {
        let waits = !self.batch.is_empty() || !self.touched.is_empty();
        if waits { self.sequence } else { self.sequence - 1 }
    }

    /// Takes the batch and its number; `row` gives the rows of partitions that changed.
    pub(super) fn take(&mut self, row: impl Fn(&TopicPartition) -> Option<(Place, PartitionRow)>) -> (Batch, u64) {
        for partition in std::mem::take(&mut self.touched) {
            if let Some((place, partition)) = row(&partition) {
                self.put(place_key(Row::Partition, place), &partition);
            }
        }
        self.sequence += 1;
        (std::mem::take(&mut self.batch), self.sequence - 1)
    }

    /// A partition's row changes.
    pub(super) fn touch(&mut self, partition: &TopicPartition) {
        if !self.touched.contains(partition) {
            self.touched.insert(partition.clone());
        }
    }

    /// A chunk was appended, or written by compaction.
    pub(super) fn put_chunk(&mut self, place: Place, chunk: &Chunk) {
        self.batch.put(self.spaces.messages, chunk_key(place, chunk.last), chunk.encode());
    }

    /// A chunk was replaced by compaction.
    pub(super) fn delete_chunk(&mut self, place: Place, last: i64) {
        self.batch.delete(self.spaces.messages, chunk_key(place, last));
    }

    /// All chunks that end in `from..to` are gone.
    pub(super) fn delete_chunks(&mut self, place: Place, from: i64, to: i64) {
        self.batch.delete_range(self.spaces.messages, chunk_key(place, from), Some(chunk_key(place, to)));
    }

    /// A segment was closed or changed.
    pub(super) fn put_segment(&mut self, place: Place, segment: &Segment) {
        self.put(numbered_key(Row::Segment, place, segment.base), segment);
    }

    /// A segment is gone.
    pub(super) fn delete_segment(&mut self, place: Place, base: i64) {
        self.batch.delete(self.spaces.rows, numbered_key(Row::Segment, place, base));
    }

    /// A transaction was aborted in a partition.
    pub(super) fn put_aborted(&mut self, place: Place, aborted: &Aborted) {
        self.put(aborted_key(place, aborted), aborted);
    }

    /// An aborted range is no longer needed.
    pub(super) fn delete_aborted(&mut self, place: Place, aborted: &Aborted) {
        self.batch.delete(self.spaces.rows, aborted_key(place, aborted));
    }

    /// A topic was created.
    pub(super) fn put_topic(&mut self, topic: &Topic, row: &TopicRow) {
        self.put(named_key(Row::Topic, topic.as_str()), row);
    }

    /// A topic is gone, with everything in it.
    pub(super) fn delete_topic(&mut self, topic: &Topic, id: u32) {
        self.batch.delete(self.spaces.rows, named_key(Row::Topic, topic.as_str()));
        self.touched.retain(|partition| partition.topic != *topic);
        for row in [Row::Partition, Row::Segment, Row::Aborted] {
            self.delete_prefix(self.spaces.rows, &[&[row as u8][..], &id.to_be_bytes()].concat());
        }
        self.delete_prefix(self.spaces.messages, &id.to_be_bytes());
    }

    /// Numbers were given out.
    pub(super) fn put_ids(&mut self, ids: &Ids) {
        self.put(vec![Row::Ids as u8], ids);
    }

    /// A transaction changed.
    pub(super) fn put_transaction(&mut self, transactional_id: &str, row: &impl Serialize) {
        self.put(named_key(Row::Transaction, transactional_id), row);
    }

    /// A transactional id is forgotten.
    pub(super) fn delete_transaction(&mut self, transactional_id: &str) {
        self.batch.delete(self.spaces.rows, named_key(Row::Transaction, transactional_id));
    }

    /// A group has a new generation.
    pub(super) fn put_group(&mut self, group: &str, generation: i32) {
        self.put(named_key(Row::Group, group), &generation);
    }

    /// A group is gone, with its offsets.
    pub(super) fn delete_group(&mut self, group: &str) {
        self.batch.delete(self.spaces.rows, named_key(Row::Group, group));
        self.delete_prefix(self.spaces.rows, &offset_prefix(group));
    }

    /// An offset was committed.
    pub(super) fn put_offset(&mut self, group: &str, partition: &TopicPartition, offset: &OffsetAndMetadata) {
        let row = OffsetRow {
            group: group.to_owned(),
            topic: partition.topic.as_str().to_owned(),
            partition: partition.partition,
            offset: offset.offset,
            metadata: offset.metadata.clone(),
        };
        self.put(offset_key(group, partition), &row);
    }

    /// A committed offset is gone.
    pub(super) fn delete_offset(&mut self, group: &str, partition: &TopicPartition) {
        self.batch.delete(self.spaces.rows, offset_key(group, partition));
    }

    fn put(&mut self, key: Vec<u8>, row: &impl Serialize) {
        let value = serde_json::to_vec(row).expect("rows are plain data with text keys");
        self.batch.put(self.spaces.rows, key, value);
    }

    fn delete_prefix(&mut self, space: Space, prefix: &[u8]) {
        self.batch.delete_range(space, prefix, after_prefix(prefix));
    }
}

/// The key of a chunk. Keyed by its last offset, the chunk that holds an offset is the first at or behind it.
pub(super) fn chunk_key((topic, partition): Place, last: i64) -> Vec<u8> {
    [&topic.to_be_bytes()[..], &partition.to_be_bytes(), &last.to_be_bytes()].concat()
}

/// The last offset that [`chunk_key`] put into the key.
pub(super) fn chunk_last(key: &[u8]) -> Option<i64> {
    key.last_chunk::<8>().map(|last| i64::from_be_bytes(*last))
}

/// The key of a row that has a name.
pub(super) fn named_key(row: Row, name: &str) -> Vec<u8> {
    [&[row as u8][..], name.as_bytes()].concat()
}

/// The key, or prefix, of rows of a partition.
pub(super) fn place_key(row: Row, (topic, partition): Place) -> Vec<u8> {
    [&[row as u8][..], &topic.to_be_bytes(), &partition.to_be_bytes()].concat()
}

fn numbered_key(row: Row, place: Place, number: i64) -> Vec<u8> {
    [&place_key(row, place)[..], &number.to_be_bytes()].concat()
}

fn aborted_key(place: Place, aborted: &Aborted) -> Vec<u8> {
    [&numbered_key(Row::Aborted, place, aborted.last)[..], &aborted.producer.to_be_bytes()].concat()
}

// Lengths before names: no group's offsets lie within another's prefix.
fn offset_prefix(group: &str) -> Vec<u8> {
    [&[Row::Offset as u8][..], &(group.len() as u32).to_be_bytes(), group.as_bytes()].concat()
}

fn offset_key(group: &str, partition: &TopicPartition) -> Vec<u8> {
    [&offset_prefix(group)[..], partition.topic.as_str().as_bytes(), &partition.partition.to_be_bytes()].concat()
}
