//! Which rows of a window store a reader asks for, and the ranges of local keys in which they lie.

use super::keys::{RowKey, WindowKeys, ordered};
use crate::engine::{Direction, KeyRange, after_prefix};
use crate::error::Result;
use crate::serde::Serde;
use crate::store::key_value::key_range;
use crate::store::short::KeyBytes;
use crate::store::table::WindowTable;
use std::ops::Bound;

/// Keys and starts that a reader asks for.
pub(in crate::store) struct WindowFilter {
    keys: WindowKeys,
    key_range: KeyRange,
    from_ms: i64,
    to_ms: i64,
    /// Rows below the cache are hidden if they are older.
    oldest_visible_ms: i64,
    /// No row below the cache is newer.
    observed_ms: i64,
}

impl WindowFilter {
    /// Rows of all keys that begin between the two times.
    pub(in crate::store) fn new(window: &WindowTable, from_ms: i64, to_ms: i64) -> Self {
        WindowFilter {
            keys: *window.keys(),
            key_range: KeyRange::all(),
            from_ms: from_ms.max(0),
            to_ms,
            oldest_visible_ms: window.oldest_visible_ms(),
            observed_ms: window.observed_ms(),
        }
    }

    /// The same for keys in a range.
    pub(in crate::store) fn with_keys<K>(
        mut self,
        serde: &dyn Serde<K>,
        from: Option<&K>,
        to: Option<&K>,
    ) -> Result<Self> {
        self.key_range = key_range(serde, from, to)?;
        Ok(self)
    }

    /// Whether the range of keys ends before it begins.
    pub(in crate::store) fn is_inverted(&self) -> bool {
        self.key_range.is_empty()
    }

    /// The order of the rows.
    pub(in crate::store) fn keys(&self) -> &WindowKeys {
        &self.keys
    }

    /// Whether a reader asks for that row of the cache, which may be past retention.
    pub(in crate::store) fn wants_held(&self, row: &RowKey<'_>) -> bool {
        let after_from = match &self.key_range.from {
            Bound::Included(from) => row.key >= from.as_slice(),
            Bound::Excluded(_) | Bound::Unbounded => true,
        };
        let before_to = match &self.key_range.to {
            Bound::Included(to) => row.key <= to.as_slice(),
            Bound::Excluded(_) | Bound::Unbounded => true,
        };
        after_from && before_to && (self.from_ms..=self.to_ms).contains(&row.start_ms)
    }

    /// Whether a reader asks for that row below the cache, and sees it.
    pub(in crate::store) fn wants_below(&self, row: &RowKey<'_>) -> bool {
        row.start_ms >= self.oldest_visible_ms && self.wants_held(row)
    }

    /// Whether readers do not see that row below the cache, so that a cached one is all there is.
    pub(in crate::store) fn is_hidden_below(&self, row: &RowKey<'_>) -> bool {
        row.start_ms < self.oldest_visible_ms
    }

    /// Where rows can be, in the order of a walk: below the cache, and in the segments of `held`, which answers the
    /// first cached key in a range.
    pub(in crate::store) fn ranges(
        &self,
        direction: Direction,
        held: impl Fn(&KeyRange) -> Option<KeyBytes>,
    ) -> Vec<KeyRange> {
        if self.key_range.is_empty() || self.from_ms > self.to_ms {
            return Vec::new();
        }
        if self.keys == WindowKeys::ByTime {
            return vec![self.between(self.from_ms, self.to_ms)];
        }
        let mut segments = self.segments_below();
        segments.extend(self.segments_held(held));
        segments.sort_unstable();
        segments.dedup();
        if direction == Direction::Backward {
            segments.reverse();
        }
        segments.into_iter().map(|segment| self.within(segment)).collect()
    }

    fn segments_below(&self) -> Vec<[u8; 8]> {
        let WindowKeys::BySegment(segments) = self.keys else { return Vec::new() };
        let (from_ms, to_ms) = (self.from_ms.max(self.oldest_visible_ms), self.to_ms.min(self.observed_ms));
        if from_ms > to_ms {
            return Vec::new();
        }
        (segments.id(from_ms)..=segments.id(to_ms)).map(ordered).collect()
    }

    /// The segments of cached rows, found by leaps from one to the next.
    fn segments_held(&self, held: impl Fn(&KeyRange) -> Option<KeyBytes>) -> Vec<[u8; 8]> {
        let mut found = Vec::new();
        let mut rest = self.between(self.from_ms, self.to_ms);
        while let Some(segment) = held(&rest).and_then(|key| key.first_chunk().copied()) {
            found.push(segment);
            match after_prefix(&segment) {
                Some(next) => rest.from = Bound::Included(next),
                None => break,
            }
        }
        found
    }

    /// All local keys of the segments or starts between two times.
    fn between(&self, from_ms: i64, to_ms: i64) -> KeyRange {
        KeyRange {
            from: Bound::Included(self.keys.prefix(from_ms).to_vec()),
            to: after_prefix(&self.keys.prefix(to_ms)).map_or(Bound::Unbounded, Bound::Excluded),
        }
    }

    /// The part of a segment in which rows can be: rows of one key lie side by side, those of several keys do so but
    /// for others whose keys they begin with.
    fn within(&self, segment: [u8; 8]) -> KeyRange {
        let prefixed = |parts: &[&[u8]]| [&segment[..], &parts.concat()].concat();
        let last_suffix = [&self.to_ms.to_be_bytes()[..], &[u8::MAX; 4]].concat();
        match (&self.key_range.from, &self.key_range.to) {
            (Bound::Included(from), Bound::Included(to)) if from == to => KeyRange {
                from: Bound::Included(prefixed(&[from, &self.from_ms.to_be_bytes()])),
                to: Bound::Included(prefixed(&[to, &last_suffix])),
            },
            (from, to) => KeyRange {
                from: Bound::Included(match from {
                    Bound::Included(from) => prefixed(&[from]),
                    Bound::Excluded(_) | Bound::Unbounded => segment.to_vec(),
                }),
                to: match to {
                    Bound::Included(to) => Bound::Included(prefixed(&[&upper_bound(to, &last_suffix)])),
                    Bound::Excluded(_) | Bound::Unbounded => {
                        after_prefix(&segment).map_or(Bound::Unbounded, Bound::Excluded)
                    }
                },
            },
        }
    }
}

/// The largest row that a key up to `to` can have: its own, or that of a key that `to` begins with.
fn upper_bound(to: &[u8], last_suffix: &[u8]) -> Vec<u8> {
    let rows = (0..=to.len()).map(|length| [&to[..length], last_suffix].concat());
    rows.max().expect("there is a row for every length, zero included")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_row_of_a_smaller_key_lies_above_the_bound(
            to in prop::collection::vec(0_u8..3, 0..4), key in prop::collection::vec(0_u8..3, 0..4),
            start_ms in 0_i64..1 << 40, later_ms in 0_i64..1 << 40,
        ) {
            prop_assume!(key <= to);
            let last_suffix = [&(start_ms + later_ms).to_be_bytes()[..], &[u8::MAX; 4]].concat();
            let row = [&key[..], &start_ms.to_be_bytes(), &[0; 4]].concat();
            prop_assert!(row <= upper_bound(&to, &last_suffix));
        }
    }
}
