//! How a partition is cut into segments: the unit of retention, and the limit of compaction.
//!
//! A segment here is bookkeeping over chunks (where it begins, how large, how old), not a file.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A run of chunks that is deleted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Segment {
    /// Its first offset.
    pub(super) base: i64,
    /// The bytes of its chunks.
    pub(super) bytes: i64,
    /// The largest timestamp in it; [`NO_TIMESTAMP`](crate::record::NO_TIMESTAMP) while it is empty.
    pub(super) max_timestamp: i64,
    /// When it was begun.
    pub(super) created_ms: i64,
}

impl Segment {
    fn new(base: i64, now_ms: i64) -> Self {
        Segment { base, bytes: 0, max_timestamp: crate::record::NO_TIMESTAMP, created_ms: now_ms }
    }
}

/// The segments of a partition, oldest first; the last is the active one.
#[derive(Debug, Clone)]
pub(super) struct Segments {
    closed: VecDeque<Segment>,
    active: Segment,
}

impl Segments {
    /// One empty segment that begins at `base`.
    pub(super) fn new(base: i64, now_ms: i64) -> Self {
        Segments { closed: VecDeque::new(), active: Segment::new(base, now_ms) }
    }

    /// What was kept on disk.
    pub(super) fn restored(closed: VecDeque<Segment>, active: Segment) -> Self {
        Segments { closed, active }
    }

    /// The segment that is written.
    pub(super) fn active(&self) -> Segment {
        self.active
    }

    /// The others, oldest first.
    pub(super) fn closed(&self) -> &VecDeque<Segment> {
        &self.closed
    }

    /// All bytes.
    pub(super) fn bytes(&self) -> i64 {
        self.closed.iter().map(|segment| segment.bytes).sum::<i64>() + self.active.bytes
    }

    /// Bytes at or behind `offset`, by whole segments.
    pub(super) fn bytes_from(&self, offset: i64) -> i64 {
        self.closed.iter().filter(|segment| segment.base >= offset).map(|segment| segment.bytes).sum()
    }

    /// Accounts for a chunk at the end. The age of a segment counts from its first chunk.
    pub(super) fn append(&mut self, bytes: usize, max_timestamp: i64, now_ms: i64) {
        if self.active.bytes == 0 {
            self.active.created_ms = now_ms;
        }
        self.active.bytes += bytes as i64;
        self.active.max_timestamp = self.active.max_timestamp.max(max_timestamp);
    }

    /// Closes the active segment if a chunk of `bytes` at `offset` no longer fits, or it is too old. Returns the one closed.
    pub(super) fn roll(&mut self, offset: i64, bytes: usize, limit: Limits, now_ms: i64) -> Option<Segment> {
        let full = self.active.bytes + bytes as i64 > limit.segment_bytes;
        let old = now_ms.saturating_sub(self.active.created_ms) >= limit.segment_ms;
        (self.active.bytes > 0 && (full || old)).then(|| self.close(offset, now_ms))
    }

    /// Closes the active segment; the next begins at `offset`.
    pub(super) fn close(&mut self, offset: i64, now_ms: i64) -> Segment {
        let closed = std::mem::replace(&mut self.active, Segment::new(offset, now_ms));
        self.closed.push_back(closed);
        closed
    }

    /// Everything before `base`, where nothing is yet, is gone: the active segment begins anew.
    pub(super) fn restart(&mut self, base: i64) {
        self.active = Segment::new(base, self.active.created_ms);
    }

    /// Takes off the oldest closed segment.
    pub(super) fn pop_oldest(&mut self) -> Option<Segment> {
        self.closed.pop_front()
    }

    /// The segment that holds `offset`, to correct its bytes after a compaction.
    pub(super) fn holding(&mut self, offset: i64) -> &mut Segment {
        let after = self.closed.partition_point(|segment| segment.base <= offset);
        if offset >= self.active.base || after == 0 { &mut self.active } else { &mut self.closed[after - 1] }
    }

    /// Puts neighbouring closed segments below `offset` together while they stay within `bytes_max`. Returns the bases that
    /// are no longer and the segments that changed.
    pub(super) fn merge_below(&mut self, offset: i64, bytes_max: i64) -> (Vec<i64>, Vec<Segment>) {
        let mut merged: VecDeque<Segment> = VecDeque::with_capacity(self.closed.len());
        let (mut gone, mut changed) = (Vec::new(), Vec::new());
        for segment in self.closed.drain(..) {
            match merged.back_mut() {
                Some(last) if segment.base < offset && last.bytes + segment.bytes <= bytes_max => {
                    last.bytes += segment.bytes;
                    last.max_timestamp = last.max_timestamp.max(segment.max_timestamp);
                    gone.push(segment.base);
                    changed.retain(|other: &Segment| other.base != last.base);
                    changed.push(*last);
                }
                _ => merged.push_back(segment),
            }
        }
        self.closed = merged;
        (gone, changed)
    }
}

/// When a segment is closed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Larger it does not get.
    pub(super) segment_bytes: i64,
    /// Older it does not get.
    pub(super) segment_ms: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { segment_bytes: 100, segment_ms: 1_000 };

    #[test]
    fn segment_rolls_when_full_or_old_but_never_empty() {
        let mut segments = Segments::new(0, 0);
        assert!(segments.roll(0, 500, LIMITS, 5_000).is_none());
        segments.append(90, 7, 0);
        assert!(segments.roll(3, 10, LIMITS, 10).is_none());
        assert_eq!(segments.roll(3, 11, LIMITS, 10).map(|segment| segment.bytes), Some(90));
        segments.append(1, 8, 10);
        assert!(segments.roll(4, 1, LIMITS, 1_010).is_some());
        assert_eq!(segments.holding(2).base, 0);
        assert_eq!(segments.holding(9).base, 4);
    }

    #[test]
    fn small_neighbours_are_merged() {
        let mut segments = Segments::new(0, 0);
        for base in 1..5 {
            segments.append(30, base, 0);
            segments.close(base, 0);
        }
        let (gone, changed) = segments.merge_below(4, 100);
        assert_eq!(gone, [1, 2]);
        assert_eq!(changed.iter().map(|segment| (segment.base, segment.bytes)).collect::<Vec<_>>(), [(0, 90)]);
        assert_eq!(segments.bytes(), 120);
    }
}
