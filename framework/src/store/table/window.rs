//! What a window store remembers beside its rows: the stream time it has observed, and what that expires.

use super::{RowKey, WindowKeys};
use crate::error::Result;
use crate::record::NO_TIMESTAMP;
use crate::store::overlay::Overlay;
use crate::store::{StoreSpec, WindowSpec};
use crate::window::Segments;
use std::cell::Cell;

/// Stream time, sequence and expiry of a window store.
pub(in crate::store) struct WindowTable {
    keys: WindowKeys,
    segments: Segments,
    size_ms: i64,
    retain_duplicates: bool,
    /// Stores in memory expire row by row, persistent ones segment by segment.
    by_row: bool,
    observed_ms: Cell<i64>,
    sequence: Cell<i32>,
    /// Rows before this segment or start were erased.
    erased_before: Cell<[u8; 8]>,
}

/// What becomes of a row that is put.
pub(super) enum Admission {
    /// It is written.
    Taken,
    /// It is a deletion in a store that retains duplicates, which means nothing.
    Ignored,
    /// It is past retention.
    Expired,
}

impl WindowTable {
    /// Of a store without rows.
    pub(in crate::store) fn new(spec: &StoreSpec, window: &WindowSpec) -> Self {
        let segments = Segments { interval_ms: window.segment_interval_ms.max(1), retention_ms: window.retention_ms };
        let table = WindowTable {
            keys: WindowKeys::of(spec, segments),
            segments,
            size_ms: window.size_ms,
            retain_duplicates: window.retain_duplicates,
            by_row: !spec.is_persistent(),
            observed_ms: Cell::new(NO_TIMESTAMP),
            sequence: Cell::new(0),
            erased_before: Cell::new([0; 8]),
        };
        table.reset(NO_TIMESTAMP, 0);
        table
    }

    /// Goes back to what was committed.
    pub(in crate::store) fn reset(&self, observed_ms: i64, sequence: i32) {
        self.observed_ms.set(observed_ms);
        self.sequence.set(sequence);
        self.erased_before.set(self.oldest_kept());
    }

    /// The order of the rows.
    pub(in crate::store) fn keys(&self) -> &WindowKeys {
        &self.keys
    }

    /// The window size in milliseconds.
    pub(in crate::store) fn size_ms(&self) -> i64 {
        self.size_ms
    }

    /// Whether rows of the same key and start are all kept.
    pub(in crate::store) fn retains_duplicates(&self) -> bool {
        self.retain_duplicates
    }

    /// The stream time that this store has seen: the largest start that was put.
    pub(in crate::store) fn observed_ms(&self) -> i64 {
        self.observed_ms.get()
    }

    /// The sequence number of the row written last.
    pub(in crate::store) fn sequence(&self) -> i32 {
        self.sequence.get()
    }

    /// The sequence number of the next row: rows and changelog messages of a store that retains duplicates are
    /// numbered together, from 1; all others have 0.
    pub(in crate::store) fn next_sequence(&self) -> i32 {
        if self.retain_duplicates {
            self.sequence.set(self.sequence.get().wrapping_add(1) & i32::MAX);
        }
        self.sequence.get()
    }

    /// The oldest start that a reader sees.
    pub(in crate::store) fn oldest_visible_ms(&self) -> i64 {
        self.segments.oldest_visible_ms(self.observed_ms.get())
    }

    /// Whether a reader sees the row of that key.
    pub(super) fn is_visible(&self, row: &[u8]) -> Result<bool> {
        Ok(self.keys.split(row)?.start_ms >= self.oldest_visible_ms())
    }

    /// Advances the observed time to a row's start, erases what that expires, and says what becomes of the row.
    pub(super) fn admit(&self, row: &[u8], bytes: Option<&[u8]>, overlay: &Overlay) -> Result<Admission> {
        let is_ignored = self.retain_duplicates && bytes.is_none();
        if is_ignored && !self.by_row {
            // Kafka Streams' persistent store does not even see such a put; the one in memory sees its time.
            return Ok(Admission::Ignored);
        }
        let RowKey { start_ms, .. } = self.keys.split(row)?;
        self.observe(start_ms);
        if let Some((from, to)) = self.newly_expired() {
            overlay.delete_range(&from, &to);
        }
        Ok(match self.is_live(start_ms) {
            false => Admission::Expired,
            true if is_ignored => Admission::Ignored,
            true => Admission::Taken,
        })
    }

    /// Advances the observed time.
    pub(in crate::store) fn observe(&self, start_ms: i64) {
        self.observed_ms.set(self.observed_ms.get().max(start_ms));
    }

    /// Goes on counting from a restored row.
    pub(super) fn resume_sequence(&self, sequence: i32) {
        if self.retain_duplicates {
            self.sequence.set(sequence);
        }
    }

    /// Whether a row with that start is still taken.
    pub(super) fn is_live(&self, start_ms: i64) -> bool {
        match self.by_row {
            true => start_ms >= self.oldest_visible_ms(),
            false => self.segments.is_live(self.segments.id(start_ms), self.observed_ms.get()),
        }
    }

    /// What was expired by the observed time and not erased yet, as a range of local keys.
    pub(super) fn newly_expired(&self) -> Option<([u8; 8], [u8; 8])> {
        let (from, to) = (self.erased_before.get(), self.oldest_kept());
        (from < to).then(|| {
            self.erased_before.set(to);
            (from, to)
        })
    }

    /// The first segment or start that is kept. Starts are erased in steps of an eighth of the retention: readers do
    /// not see expired rows anyway, and one erased range for many puts is cheaper than one each.
    fn oldest_kept(&self) -> [u8; 8] {
        let oldest_ms = match self.by_row {
            true => {
                let step_ms = (self.segments.retention_ms / 8).max(1);
                self.oldest_visible_ms().div_euclid(step_ms).saturating_mul(step_ms)
            }
            false => self.observed_ms.get().saturating_sub(self.segments.retention_ms),
        };
        self.keys.prefix(oldest_ms)
    }
}
