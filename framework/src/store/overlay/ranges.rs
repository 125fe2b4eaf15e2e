//! A set of disjoint key ranges, each from an inclusive to an exclusive end.

use std::collections::BTreeMap;
use std::ops::Bound;

/// Erased ranges; overlapping and adjoining ones are merged, so a store whose old rows expire keeps a single one.
#[derive(Default, Clone)]
pub(super) struct Ranges {
    /// Beginning to end.
    ends: BTreeMap<Vec<u8>, Vec<u8>>,
    bytes: usize,
}

impl Ranges {
    /// Adds the range from `from` to `to`, which is not empty.
    pub(super) fn insert(&mut self, from: &[u8], to: &[u8]) {
        let (mut from, mut to) = (from.to_vec(), to.to_vec());
        while let Some((begin, end)) = self.touching(&from, &to) {
            self.ends.remove(&begin);
            self.bytes -= begin.len() + end.len();
            from = from.min(begin);
            to = to.max(end);
        }
        self.bytes += from.len() + to.len();
        self.ends.insert(from, to);
    }

    /// A range that overlaps or adjoins the one from `from` to `to`: of those that begin at or before `to`, only the
    /// last one can reach furthest.
    fn touching(&self, from: &[u8], to: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let upto = (Bound::Unbounded, Bound::Included(to));
        let (begin, end) = self.ends.range::<[u8], _>(upto).next_back()?;
        (end.as_slice() >= from).then(|| (begin.clone(), end.clone()))
    }

    /// Whether `key` lies in a range.
    pub(super) fn contains(&self, key: &[u8]) -> bool {
        if self.ends.is_empty() {
            return false;
        }
        let upto = (Bound::Unbounded, Bound::Included(key));
        self.ends.range::<[u8], _>(upto).next_back().is_some_and(|(_, end)| key < end.as_slice())
    }

    /// The ranges in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.ends.iter().map(|(from, to)| (from.as_slice(), to.as_slice()))
    }

    /// Bytes of all ends.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn adjoining_ranges_become_one() {
        let mut ranges = Ranges::default();
        ranges.insert(b"a", b"b");
        ranges.insert(b"c", b"d");
        ranges.insert(b"b", b"c");
        assert_eq!(ranges.iter().collect::<Vec<_>>(), [(&b"a"[..], &b"d"[..])]);
        assert_eq!(ranges.bytes(), 2);
    }

    proptest! {
        #[test]
        fn contains_what_any_inserted_range_contains(
            inserted in prop::collection::vec((0_u8..30, 1_u8..8), 0..12),
        ) {
            let mut ranges = Ranges::default();
            for (from, length) in &inserted {
                ranges.insert(&[*from], &[from + length]);
            }
            for key in 0_u8..40 {
                let expected = inserted.iter().any(|(from, length)| (*from..from + length).contains(&key));
                prop_assert_eq!(ranges.contains(&[key]), expected, "key {}", key);
            }
            let ends: usize = ranges.iter().map(|(from, to)| from.len() + to.len()).sum();
            prop_assert_eq!(ranges.bytes(), ends);
        }
    }
}
