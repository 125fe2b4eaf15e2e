//! One transactional id, as the coordinator knows it.
//!
//! ```text
//! Empty --first append or offsets--> Ongoing --commit--> Committing --markers--> Empty
//!                                       '---abort, timeout, newer producer--> Aborting --markers--> Empty
//! ```

use super::faults::Gate;
use super::partition::Writer;
use crate::log::{OffsetAndMetadata, Offsets};
use crate::record::TopicPartition;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    /// Nothing is open.
    Empty,
    /// Messages or offsets are in it.
    Ongoing,
    /// Decided: committed; the markers are still to be written.
    Committing,
    /// Decided: aborted; the markers are still to be written.
    Aborting,
}

/// A transactional id.
#[derive(Debug, Clone)]
pub(super) struct Transaction {
    /// Its producer id.
    pub(super) producer: i64,
    /// The newest epoch; older ones are fenced.
    pub(super) epoch: i16,
    /// Longer it may not stay open.
    pub(super) timeout_ms: i64,
    /// Where it stands.
    pub(super) phase: Phase,
    /// When its first message or offsets came.
    pub(super) started_ms: i64,
    /// Where it has written, and the first offset it wrote there.
    pub(super) partitions: BTreeMap<TopicPartition, i64>,
    /// The offsets in it, by group.
    pub(super) offsets: BTreeMap<String, Offsets>,
    /// How the last one ended, for a client that did not get the answer.
    pub(super) committed_last: bool,
    /// The delays its markers are under, by partition; those of its offsets without one.
    pub(super) gates: BTreeMap<Option<TopicPartition>, Gate>,
}

impl Transaction {
    /// A transactional id that is new.
    pub(super) fn new(producer: i64, timeout_ms: i64) -> Self {
        Transaction {
            producer,
            epoch: 0,
            timeout_ms,
            phase: Phase::Empty,
            started_ms: 0,
            partitions: BTreeMap::new(),
            offsets: BTreeMap::new(),
            committed_last: false,
            gates: BTreeMap::new(),
        }
    }

    /// Whether this is its newest producer.
    pub(super) fn is_of(&self, writer: Writer) -> bool {
        (self.producer, self.epoch) == (writer.producer, writer.epoch)
    }

    /// Whether it is decided but its markers are not written.
    pub(super) fn is_ending(&self) -> bool {
        matches!(self.phase, Phase::Committing | Phase::Aborting)
    }

    /// Whether it has been open for too long.
    pub(super) fn is_timed_out(&self, now_ms: i64) -> bool {
        self.phase == Phase::Ongoing && now_ms.saturating_sub(self.started_ms) > self.timeout_ms
    }

    /// Whether it is open, or was used within that time.
    pub(super) fn is_used_within(&self, expiration_ms: i64, now_ms: i64) -> bool {
        self.phase != Phase::Empty || now_ms.saturating_sub(self.started_ms) < expiration_ms
    }

    /// Begins it if nothing is open.
    pub(super) fn begin(&mut self, now_ms: i64) {
        if self.phase == Phase::Empty {
            (self.phase, self.started_ms) = (Phase::Ongoing, now_ms);
        }
    }

    /// Decides it.
    pub(super) fn decide(&mut self, commit: bool) {
        self.phase = if commit { Phase::Committing } else { Phase::Aborting };
        self.committed_last = commit;
    }

    /// Its row on disk.
    pub(super) fn row(&self) -> TransactionRow {
        let place = |partition: &TopicPartition| (partition.topic.as_str().to_owned(), partition.partition);
        let offset = |(partition, offset): (&TopicPartition, &OffsetAndMetadata)| {
            (place(partition), offset.offset, offset.metadata.clone())
        };
        let offsets = |(group, offsets): (&String, &Offsets)| (group.clone(), offsets.iter().map(offset).collect());
        TransactionRow {
            producer: self.producer,
            epoch: self.epoch,
            timeout_ms: self.timeout_ms,
            phase: self.phase,
            started_ms: self.started_ms,
            partitions: self.partitions.iter().map(|(partition, first)| (place(partition), *first)).collect(),
            offsets: self.offsets.iter().map(offsets).collect(),
            committed_last: self.committed_last,
        }
    }
}

type PartitionName = (String, i32);
/// Partition, offset and the text beside it.
type OffsetInRow = (PartitionName, i64, String);

/// A transactional id on disk.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TransactionRow {
    producer: i64,
    epoch: i16,
    timeout_ms: i64,
    phase: Phase,
    started_ms: i64,
    partitions: Vec<(PartitionName, i64)>,
    offsets: Vec<(String, Vec<OffsetInRow>)>,
    committed_last: bool,
}

impl From<TransactionRow> for Transaction {
    fn from(row: TransactionRow) -> Self {
        let place = |(topic, partition): PartitionName| TopicPartition::new(topic, partition);
        let offset = |(name, offset, metadata)| (place(name), OffsetAndMetadata { offset, metadata });
        Transaction {
            epoch: row.epoch,
            phase: row.phase,
            started_ms: row.started_ms,
            partitions: row.partitions.into_iter().map(|(name, first)| (place(name), first)).collect(),
            offsets: row
                .offsets
                .into_iter()
                .map(|(group, offsets)| (group, offsets.into_iter().map(offset).collect()))
                .collect(),
            committed_last: row.committed_last,
            ..Transaction::new(row.producer, row.timeout_ms)
        }
    }
}
