//! One partition: chunks in offset order, who has an open transaction in it, what was aborted.
//!
//! In memory all chunks are here; on an engine only the newest are, and the rest is read from disk by whoever
//! wants it. A partition knows nothing of coordinators, groups or configuration files.

use super::chunk::{Chunk, ChunkBuilder, ChunkKind, NO_PRODUCER};
use super::segment::{Limits, Segment, Segments};
use crate::error::{Error, ErrorKind, Result};
use crate::log::Isolation;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A producer that has not written for so long is forgotten. Kafka: `producer.id.expiration.ms`.
const SEQUENCE_EXPIRATION_MS: i64 = 24 * 3_600_000;

/// Offsets whose transactional messages of one producer were aborted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Aborted {
    /// The producer.
    pub(super) producer: i64,
    /// The transaction's first offset here.
    pub(super) first: i64,
    /// The offset of its marker.
    pub(super) last: i64,
}

/// What a reader may see.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    isolation: Isolation,
    aborted: Vec<Aborted>,
}

impl Filter {
    /// Whether the chunk's messages are handed out.
    pub(super) fn shows(&self, chunk: &Chunk) -> bool {
        let aborted =
            |range: &Aborted| range.producer == chunk.producer && range.first <= chunk.base && chunk.base <= range.last;
        match chunk.kind {
            ChunkKind::Commit | ChunkKind::Abort => false,
            ChunkKind::Plain => true,
            ChunkKind::Transactional => {
                self.isolation == Isolation::ReadUncommitted || !self.aborted.iter().any(aborted)
            }
        }
    }
}

/// What one read found.
#[derive(Debug)]
pub(super) struct Slice {
    /// Visible chunks, in order; the first may begin before the offset that was asked for.
    pub(super) chunks: Vec<Arc<Chunk>>,
    /// Where to read on.
    pub(super) next: i64,
    /// The end for this isolation level.
    pub(super) end: i64,
    /// The part that is only on disk and comes before everything in `chunks` (which is empty then): up to this offset.
    pub(super) on_disk: Option<(i64, Filter)>,
}

/// What a producer wrote last, to recognise what it sends twice.
#[derive(Debug, Clone, Copy)]
struct Sequence {
    epoch: i16,
    next: i32,
    last: i32,
    last_base: i64,
    used_ms: i64,
}

/// Who appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Writer {
    /// The producer id.
    pub(super) producer: i64,
    /// Its epoch.
    pub(super) epoch: i16,
    /// Whether it writes in a transaction.
    pub(super) transactional: bool,
}

/// The messages of one append.
#[derive(Debug)]
pub(super) struct Append {
    /// Who appends.
    pub(super) writer: Writer,
    /// The number of its first message in this partition; `None` after a failure, when the producer does not know it.
    pub(super) sequence: Option<i32>,
    /// The messages.
    pub(super) messages: ChunkBuilder,
    /// The topic stamps messages itself.
    pub(super) stamp: bool,
}

/// What an append did.
#[derive(Debug, Clone)]
pub(super) enum Appended {
    /// The messages are at the chunk's offsets; a segment may have been closed before.
    New(Arc<Chunk>, Option<Segment>),
    /// The same messages were appended before, from this offset on.
    Duplicate(i64),
}

/// One partition.
#[derive(Debug)]
pub(super) struct Partition {
    start: i64,
    end: i64,
    tail: VecDeque<Arc<Chunk>>,
    segments: Segments,
    open: BTreeMap<i64, i64>,
    aborted: Vec<Aborted>,
    sequences: BTreeMap<i64, Sequence>,
    cleaned_to: i64,
}

/// What is kept of a partition on disk beside its chunks, closed segments and aborted ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PartitionRow {
    start: i64,
    end: i64,
    cleaned_to: i64,
    active: Segment,
}

impl Partition {
    /// An empty partition.
    pub(super) fn new(now_ms: i64) -> Self {
        Partition {
            start: 0,
            end: 0,
            tail: VecDeque::new(),
            segments: Segments::new(0, now_ms),
            open: BTreeMap::new(),
            aborted: Vec::new(),
            sequences: BTreeMap::new(),
            cleaned_to: 0,
        }
    }

    /// What was kept on disk; open transactions are added by their coordinator.
    pub(super) fn restored(row: PartitionRow, closed: VecDeque<Segment>, aborted: Vec<Aborted>) -> Self {
        Partition {
            start: row.start,
            end: row.end,
            tail: VecDeque::new(),
            segments: Segments::restored(closed, row.active),
            open: BTreeMap::new(),
            aborted,
            sequences: BTreeMap::new(),
            cleaned_to: row.cleaned_to,
        }
    }

    /// What is to be kept on disk.
    pub(super) fn row(&self) -> PartitionRow {
        PartitionRow { start: self.start, end: self.end, cleaned_to: self.cleaned_to, active: self.segments.active() }
    }

    /// The first offset that may be read.
    pub(super) fn start(&self) -> i64 {
        self.start
    }

    /// The high watermark: the offset of the next append.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// The last stable offset: no open transaction begins below it.
    pub(super) fn stable_end(&self) -> i64 {
        self.open.values().copied().min().unwrap_or(self.end)
    }

    /// The end for readers of that isolation level.
    pub(super) fn end_for(&self, isolation: Isolation) -> i64 {
        match isolation {
            Isolation::ReadCommitted => self.stable_end(),
            Isolation::ReadUncommitted => self.end,
        }
    }

    /// The segments.
    pub(super) fn segments(&self) -> &Segments {
        &self.segments
    }

    /// The segments, to correct them after a compaction.
    pub(super) fn segments_mut(&mut self) -> &mut Segments {
        &mut self.segments
    }

    /// Up to where the partition was compacted.
    pub(super) fn cleaned_to(&self) -> i64 {
        self.cleaned_to
    }

    /// Notes a transaction's first offset here; what its producer writes from there on is not stable.
    pub(super) fn open_transaction(&mut self, producer: i64, first: i64) {
        self.open.entry(producer).or_insert(first);
    }

    /// Appends messages, or recognises them.
    ///
    /// # Errors
    /// `Fenced` for an old epoch, `Bug` for a sequence with a gap.
    pub(super) fn append(&mut self, append: Append, limits: Limits, now_ms: i64) -> Result<Appended> {
        let Append { writer, sequence, messages, stamp } = append;
        if let Some(offset) = self.recognise(writer, sequence)? {
            return Ok(Appended::Duplicate(offset));
        }
        let base = self.end;
        let count = messages.count();
        let kind = if writer.transactional { ChunkKind::Transactional } else { ChunkKind::Plain };
        let mut chunk = messages.build(base, base + i64::from(count) - 1, writer.producer, kind);
        if stamp {
            (chunk.append_time, chunk.max_timestamp) = (Some(now_ms), now_ms);
        }
        self.remember(writer, sequence, count, base, now_ms);
        if writer.transactional {
            self.open_transaction(writer.producer, base);
        }
        let (chunk, closed) = self.push(chunk, limits, now_ms);
        Ok(Appended::New(chunk, closed))
    }

    fn recognise(&self, writer: Writer, sequence: Option<i32>) -> Result<Option<i64>> {
        let Some(known) = self.sequences.get(&writer.producer) else { return Ok(None) };
        if writer.epoch < known.epoch {
            return Err(super::errors::fenced());
        }
        match sequence {
            Some(sequence) if writer.epoch == known.epoch && sequence == known.last && sequence != known.next => {
                Ok(Some(known.last_base))
            }
            Some(sequence) if writer.epoch == known.epoch && sequence != known.next => {
                Err(Error::new(ErrorKind::Bug, "a producer's messages are out of sequence")
                    .with_detail(format!("{sequence} instead of {}", known.next)))
            }
            _ => Ok(None),
        }
    }

    fn remember(&mut self, writer: Writer, sequence: Option<i32>, count: u32, base: i64, now_ms: i64) {
        let known = self.sequences.get(&writer.producer).map_or(0, |known| known.next);
        let first = sequence.unwrap_or(known);
        let next = first.wrapping_add_unsigned(count) & i32::MAX;
        let sequence = Sequence { epoch: writer.epoch, next, last: first, last_base: base, used_ms: now_ms };
        self.sequences.insert(writer.producer, sequence);
    }

    /// The number that this producer's next message here has.
    pub(super) fn next_sequence(&self, producer: i64) -> i32 {
        self.sequences.get(&producer).map_or(0, |known| known.next)
    }

    fn push(&mut self, chunk: Chunk, limits: Limits, now_ms: i64) -> (Arc<Chunk>, Option<Segment>) {
        let closed = self.segments.roll(chunk.base, chunk.bytes(), limits, now_ms);
        self.segments.append(chunk.bytes(), chunk.max_timestamp, now_ms);
        self.end = chunk.last + 1;
        let chunk = Arc::new(chunk);
        self.tail.push_back(chunk.clone());
        (chunk, closed)
    }

    /// Appends the marker that ends a producer's transaction here. Returns the chunk, the aborted range if there is one, and a
    /// closed segment.
    pub(super) fn end_transaction(
        &mut self,
        producer: i64,
        commit: bool,
        limits: Limits,
        now_ms: i64,
    ) -> (Arc<Chunk>, Option<Aborted>, Option<Segment>) {
        let last = self.end;
        let aborted = self.open.remove(&producer).filter(|_| !commit).map(|first| Aborted { producer, first, last });
        self.aborted.extend(aborted);
        let (chunk, closed) = self.push(Chunk::marker(last, producer, commit, now_ms), limits, now_ms);
        (chunk, aborted, closed)
    }

    /// Where the part in memory begins.
    fn tail_start(&self) -> i64 {
        self.tail.front().map_or(self.end, |chunk| chunk.base)
    }

    /// What can be read from `from` (within start and end), about `bytes_max` of it; `all_in_memory` says that nothing is on disk.
    pub(super) fn read(&self, from: i64, bytes_max: usize, isolation: Isolation, all_in_memory: bool) -> Slice {
        let end = self.end_for(isolation);
        let filter = self.filter(isolation, from);
        if !all_in_memory && from < self.tail_start().min(end) {
            let on_disk = Some((self.tail_start().min(end), filter));
            return Slice { chunks: Vec::new(), next: from, end, on_disk };
        }
        let mut slice = Slice { chunks: Vec::new(), next: end.max(from), end, on_disk: None };
        let first = self.tail.partition_point(|chunk| chunk.last < from);
        let mut bytes = 0;
        for chunk in self.tail.iter().skip(first).take_while(|chunk| chunk.base < end) {
            if bytes >= bytes_max {
                slice.next = chunk.base;
                break;
            }
            if filter.shows(chunk) {
                bytes += chunk.bytes();
                slice.chunks.push(chunk.clone());
            }
        }
        slice
    }

    fn filter(&self, isolation: Isolation, from: i64) -> Filter {
        let aborted = self.aborted.iter().filter(|range| range.last >= from).copied().collect();
        Filter { isolation, aborted }
    }

    /// An offset before which no message has that timestamp or a later one.
    pub(super) fn search_from(&self, timestamp: i64) -> i64 {
        let active = self.segments.active();
        let mut segments = self.segments.closed().iter().chain([&active]);
        let first = segments.find(|segment| segment.max_timestamp >= timestamp);
        first.map_or(self.end, |segment| segment.base.max(self.start))
    }

    /// What compaction may see: committed messages only.
    pub(super) fn committed_filter(&self) -> Filter {
        self.filter(Isolation::ReadCommitted, self.start)
    }

    /// Drops chunks that end at or before `last` from memory; they are on disk.
    pub(super) fn evict_to(&mut self, last: i64) {
        while self.tail.front().is_some_and(|chunk| chunk.last <= last) {
            self.tail.pop_front();
        }
    }

    /// Makes `start` the first offset that may be read. Returns the segments and aborted ranges that are no longer.
    pub(super) fn advance_start(&mut self, start: i64) -> (Vec<Segment>, Vec<Aborted>) {
        self.start = self.start.max(start);
        self.cleaned_to = self.cleaned_to.max(self.start);
        while self.tail.front().is_some_and(|chunk| chunk.last < self.start) {
            self.tail.pop_front();
        }
        let mut gone = Vec::new();
        while self.second_base().is_some_and(|base| base <= self.start) {
            gone.extend(self.segments.pop_oldest());
        }
        if self.start == self.end {
            self.segments.restart(self.end);
        }
        (gone, self.forget_aborted_below(self.start))
    }

    fn second_base(&self) -> Option<i64> {
        let closed = self.segments.closed();
        (!closed.is_empty()).then(|| closed.get(1).map_or(self.segments.active().base, |segment| segment.base))
    }

    fn forget_aborted_below(&mut self, offset: i64) -> Vec<Aborted> {
        let gone = self.aborted.iter().filter(|range| range.last < offset).copied().collect();
        self.aborted.retain(|range| range.last >= offset);
        gone
    }

    /// Chunks in memory that end in `from..to`.
    pub(super) fn in_memory(&self, from: i64, to: i64) -> Vec<Arc<Chunk>> {
        let first = self.tail.partition_point(|chunk| chunk.last < from);
        self.tail.iter().skip(first).take_while(|chunk| chunk.last < to).cloned().collect()
    }

    /// Replaces a run of chunks by what compaction left of them, in memory and in the segments' accounts.
    pub(super) fn replace(&mut self, old: &[Arc<Chunk>], new: &[Arc<Chunk>]) {
        let (Some(first), Some(last)) = (old.first(), old.last()) else { return };
        for chunk in old {
            self.segments.holding(chunk.last).bytes -= chunk.bytes() as i64;
        }
        for chunk in new {
            self.segments.holding(chunk.last).bytes += chunk.bytes() as i64;
        }
        let from = self.tail.partition_point(|chunk| chunk.last < first.last);
        let to = self.tail.partition_point(|chunk| chunk.last <= last.last);
        if to - from == old.len() {
            let rest = self.tail.split_off(to);
            self.tail.truncate(from);
            self.tail.extend(new.iter().cloned());
            self.tail.extend(rest);
        }
    }

    /// Notes that everything below `to` is compacted. Returns the aborted ranges that are no longer needed.
    pub(super) fn set_cleaned(&mut self, to: i64) -> Vec<Aborted> {
        self.cleaned_to = self.cleaned_to.max(to);
        self.forget_aborted_below(to)
    }

    /// Forgets producers that have not written for a day.
    pub(super) fn expire_sequences(&mut self, now_ms: i64) {
        self.sequences.retain(|_, sequence| now_ms.saturating_sub(sequence.used_ms) < SEQUENCE_EXPIRATION_MS);
    }
}

/// A chunk that belongs to no producer, as compaction writes it.
pub(super) fn settled(messages: ChunkBuilder, base: i64, last: i64) -> Chunk {
    messages.build(base, last, NO_PRODUCER, ChunkKind::Plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Headers;

    const LIMITS: Limits = Limits { segment_bytes: i64::MAX, segment_ms: i64::MAX };

    fn append(partition: &mut Partition, epoch: i16, sequence: Option<i32>, now_ms: i64) -> Result<i64> {
        let mut messages = ChunkBuilder::default();
        messages.push(0, now_ms, None, None, &Headers::default());
        messages.push(1, now_ms, None, None, &Headers::default());
        let writer = Writer { producer: 7, epoch, transactional: false };
        let append = Append { writer, sequence, messages, stamp: false };
        partition.append(append, LIMITS, now_ms).map(|appended| match appended {
            Appended::New(chunk, _) => chunk.base,
            Appended::Duplicate(offset) => offset,
        })
    }

    #[test]
    fn messages_sent_twice_are_recognised_and_gaps_are_refused() {
        let mut partition = Partition::new(0);
        assert_eq!(append(&mut partition, 0, Some(0), 0).unwrap(), 0);
        assert_eq!(append(&mut partition, 0, Some(0), 0).unwrap(), 0);
        assert_eq!(append(&mut partition, 0, Some(2), 0).unwrap(), 2);
        assert_eq!(append(&mut partition, 0, Some(9), 0).unwrap_err().kind(), ErrorKind::Bug);
        assert_eq!(partition.end(), 4);
    }

    #[test]
    fn older_epoch_is_fenced_and_a_newer_one_begins_anew() {
        let mut partition = Partition::new(0);
        append(&mut partition, 1, Some(0), 0).unwrap();
        assert_eq!(append(&mut partition, 0, Some(2), 0).unwrap_err().kind(), ErrorKind::Fenced);
        assert_eq!(append(&mut partition, 2, Some(0), 0).unwrap(), 2);
    }

    #[test]
    fn producer_that_was_silent_for_a_day_is_forgotten() {
        let mut partition = Partition::new(0);
        append(&mut partition, 0, Some(0), 0).unwrap();
        partition.expire_sequences(SEQUENCE_EXPIRATION_MS - 1);
        assert_eq!(partition.next_sequence(7), 2);
        partition.expire_sequences(SEQUENCE_EXPIRATION_MS);
        assert_eq!(partition.next_sequence(7), 0);
    }
}
