//! The overlay: what one store has written since its task's last commit, as ordered bytes over the engine's.
//!
//! A [`Version`] is a persistent map, so a scan takes its own view by cloning two pointers and later writes copy
//! only the nodes they touch; nothing is copied up front and nothing is borrowed between calls. It never writes to
//! the engine: at commit it becomes part of one batch.

mod ranges;
mod scan;

pub(super) use scan::MergedScan;

use super::short::{KeyBytes, ValueBytes};
use crate::engine::{Batch, KeyRange, Space};
use ranges::Ranges;
use std::cell::{Cell, RefCell};
use std::ops::Bound;
use std::rc::Rc;

/// Rows by key; `None` deletes the engine's row.
type Rows = imbl::GenericOrdMap<KeyBytes, Option<ValueBytes>, imbl::shared_ptr::RcK>;

/// The uncommitted rows of one store.
#[derive(Default)]
pub(super) struct Overlay {
    version: RefCell<Version>,
    bytes: Cell<usize>,
    /// Rows set minus rows deleted, whether the engine has them or not: good enough for a guess at sizes.
    growth: Cell<i64>,
}

/// The overlay at one moment.
#[derive(Default, Clone)]
pub(super) struct Version {
    rows: Rows,
    /// What was erased in the engine before `rows` were written.
    erased: Rc<Ranges>,
}

/// What the overlay knows about a key.
pub(super) enum Found {
    /// It is set.
    Row(ValueBytes),
    /// It is deleted.
    Deleted,
    /// Ask the engine.
    Unknown,
}

impl Overlay {
    /// What is known about `key`.
    pub(super) fn get(&self, key: &[u8]) -> Found {
        let version = self.version.borrow();
        match version.rows.get(key) {
            Some(Some(value)) => Found::Row(value.clone()),
            Some(None) => Found::Deleted,
            None if version.erased.contains(key) => Found::Deleted,
            None => Found::Unknown,
        }
    }

    /// Sets or deletes a row.
    pub(super) fn put(&self, key: &[u8], value: Option<&[u8]>) {
        let mut version = self.version.borrow_mut();
        let before = version.rows.insert(key.into(), value.map(ValueBytes::from));
        let value_bytes = value.map_or(0, <[u8]>::len);
        let replaced = match before {
            Some(before) => key.len() + before.map_or(0, |value| value.len()),
            None => 0,
        };
        self.bytes.set(self.bytes.get() + key.len() + value_bytes - replaced);
        if replaced == 0 {
            self.growth.set(self.growth.get() + if value.is_some() { 1 } else { -1 });
        }
    }

    /// Deletes all rows from `from` (inclusive) to `to` (exclusive), here and in the engine.
    pub(super) fn delete_range(&self, from: &[u8], to: &[u8]) {
        if from >= to {
            return;
        }
        let mut version = self.version.borrow_mut();
        let bounds = (Bound::Included(from), Bound::Excluded(to));
        let doomed: Vec<KeyBytes> = version.rows.range::<_, [u8]>(bounds).map(|(key, _)| key.clone()).collect();
        let mut freed = 0;
        for key in doomed {
            if let Some(value) = version.rows.remove(&*key) {
                freed += key.len() + value.map_or(0, |value| value.len());
            }
        }
        let ranges_before = version.erased.bytes();
        Rc::make_mut(&mut version.erased).insert(from, to);
        self.bytes.set(self.bytes.get() + version.erased.bytes() - ranges_before - freed);
    }

    /// The overlay as it is now.
    pub(super) fn version(&self) -> Version {
        self.version.borrow().clone()
    }

    /// Bytes that a commit would write: keys, values, and the ends of erased ranges.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.get()
    }

    /// Rows set minus rows deleted.
    pub(super) fn growth(&self) -> i64 {
        self.growth.get()
    }

    /// Adds everything to a batch. Erased ranges go first: rows were written after them.
    pub(super) fn add_to(&self, batch: &mut Batch, space: Space) {
        let version = self.version.borrow();
        for (from, to) in version.erased.iter() {
            batch.delete_range(space, from, Some(to.to_vec()));
        }
        for (key, value) in version.rows.iter() {
            match value {
                Some(value) => batch.put(space, &**key, &**value),
                None => batch.delete(space, &**key),
            }
        }
    }

    /// Forgets everything; views that were taken keep what they saw.
    pub(super) fn clear(&self) {
        self.version.take();
        self.bytes.set(0);
        self.growth.set(0);
    }
}

impl Version {
    /// Whether the engine's row of that key is deleted and not set again.
    fn hides(&self, key: &[u8]) -> bool {
        self.erased.contains(key)
    }

    fn rows_in(&self, range: &KeyRange) -> impl DoubleEndedIterator<Item = (&KeyBytes, &Option<ValueBytes>)> {
        self.rows.range::<_, [u8]>(range.as_bounds())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_the_batch() {
        let overlay = Overlay::default();
        overlay.put(b"a", Some(b"12345"));
        overlay.put(b"a", Some(b"1"));
        overlay.put(b"bb", None);
        overlay.put(b"c", Some(b"gone with the range"));
        overlay.delete_range(b"c", b"d");
        overlay.delete_range(b"c", b"dd");
        let mut batch = Batch::default();
        overlay.add_to(&mut batch, Space(0));
        assert_eq!(overlay.bytes(), batch.bytes());
        assert_eq!(overlay.bytes(), 2 + 2 + 3);
    }

    #[test]
    fn row_set_after_its_range_was_erased_is_there() {
        let overlay = Overlay::default();
        overlay.delete_range(b"a", b"z");
        overlay.put(b"b", Some(b"1"));
        assert!(matches!(overlay.get(b"b"), Found::Row(_)));
        assert!(matches!(overlay.get(b"c"), Found::Deleted));
        assert!(matches!(overlay.get(b"z"), Found::Unknown));
    }

    #[test]
    fn view_keeps_what_it_saw() {
        let overlay = Overlay::default();
        overlay.put(b"a", Some(b"1"));
        let view = overlay.version();
        overlay.put(b"a", Some(b"2"));
        overlay.clear();
        assert_eq!(view.rows.get(&b"a"[..]), Some(&Some(ValueBytes::from(&b"1"[..]))));
    }
}
