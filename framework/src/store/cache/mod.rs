//! The typed cache of one store: decoded values by row key, least recently used first out.
//!
//! A *record cache* holds updates back until they are flushed or evicted; a *read cache* only spares the engine and the
//! serde. Both are plain data: what is taken out to be flushed is written by the store, which may be re-entered while
//! it does so. Hash maps are never iterated; order comes from the two lists and the index.

mod budget;
mod keys;
mod list;
mod origin;
mod slots;

pub use budget::CacheBudget;
pub(super) use origin::Origin;
pub(super) use slots::Below;

use super::Stored;
use super::short::KeyBytes;
use crate::engine::{Direction, KeyRange};
use budget::Allowance;
use keys::Keys;
use list::List;
use slots::{Dirty, Entry, Slots};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The cache of one store.
pub(super) struct Cache<S> {
    allowance: Rc<Allowance>,
    used_bytes: usize,
    slots: Slots<S>,
    by_key: Keys,
    /// The order of keys, kept from the first scan on: most stores are never scanned.
    index: Option<BTreeMap<KeyBytes, u32>>,
    by_use: List,
    /// Updates held back, in the order in which their keys were last put.
    dirty: List,
    dirty_entries: usize,
    /// Flushes under way. Meanwhile a clean value may not have reached the store below.
    flushing: u32,
    /// The key that was looked up last and found nowhere.
    absent: Option<Vec<u8>>,
    hits: u64,
    misses: u64,
}

/// A value for the cache, with the length of its row and, where encoding it later could fail, its bytes.
pub(super) struct Encoded<S> {
    pub(super) value: Option<S>,
    pub(super) encoded: Option<Box<[u8]>>,
    pub(super) row_bytes: usize,
}

/// An update taken out of the cache, to be written and forwarded.
pub(super) struct Update<S> {
    pub(super) key: KeyBytes,
    pub(super) value: Option<S>,
    pub(super) encoded: Option<Box<[u8]>>,
    pub(super) origin: Origin,
    pub(super) below: Below<S>,
}

/// A copy of a cached row; the inner `None` is a deletion held back.
pub(super) type CachedRow<S> = (KeyBytes, Option<S>);

/// What was evicted.
pub(super) enum Evicted<S> {
    /// The store already has it.
    Clean,
    /// It must be written.
    Dirty(Update<S>),
}

impl<S: Stored> Cache<S> {
    /// An empty cache under `allowance`.
    pub(super) fn new(allowance: Rc<Allowance>) -> Self {
        Cache {
            allowance,
            used_bytes: 0,
            slots: Slots::new(),
            by_key: Keys::default(),
            index: None,
            by_use: List::EMPTY,
            dirty: List::EMPTY,
            dirty_entries: 0,
            flushing: 0,
            absent: None,
            hits: 0,
            misses: 0,
        }
    }

    /// The cached value of a key, which counts as use; the inner `None` is a deletion held back.
    pub(super) fn get(&mut self, key: &[u8]) -> Option<&Option<S>> {
        let Some(slot) = self.by_key.find(key, &self.slots) else {
            self.misses += 1;
            return None;
        };
        self.hits += 1;
        self.by_use.move_to_end(&mut self.slots.uses, slot);
        Some(&self.slots.get(slot).value)
    }

    /// Notes that a key that is not cached was found nowhere: an update that follows need not look again.
    pub(super) fn note_absent(&mut self, key: &[u8]) {
        let absent = self.absent.get_or_insert_default();
        absent.clear();
        absent.extend_from_slice(key);
    }

    /// Caches a value that the store below has.
    pub(super) fn insert_clean(&mut self, key: &[u8], value: Encoded<S>) {
        if self.allowance.is_nothing() {
            return;
        }
        let bytes = origin::entry_bytes(key, value.row_bytes, None);
        match self.by_key.find(key, &self.slots) {
            None => self.insert(Entry::new(key, value, bytes)),
            Some(slot) => {
                debug_assert!(self.slots.get(slot).dirty.is_none(), "an update held back is only replaced by another");
                self.replace(slot, value, bytes);
            }
        }
    }

    /// Caches an update that the store below has already.
    pub(super) fn write_through(&mut self, key: &[u8], value: Encoded<S>) {
        match (&value.value, self.by_key.find(key, &self.slots)) {
            (Some(_), _) => self.insert_clean(key, value),
            (None, Some(slot)) => drop(self.take(slot)),
            (None, None) => {}
        }
    }

    /// Holds an update back, as the last one.
    pub(super) fn hold_back(&mut self, key: &[u8], value: Encoded<S>, origin: Origin) {
        let bytes = origin::entry_bytes(key, value.row_bytes, Some(&origin));
        let was_absent = self.absent.take().is_some_and(|absent| absent == key);
        let Some(slot) = self.by_key.find(key, &self.slots) else {
            let below = if was_absent { Below::Absent } else { Below::Unknown };
            let entry = Entry { dirty: Some(Dirty { origin, below }), ..Entry::new(key, value, bytes) };
            return self.insert(entry);
        };
        let before = self.replace(slot, value, bytes);
        let entry = self.slots.get_mut(slot);
        if let Some(dirty) = &mut entry.dirty {
            dirty.origin = origin;
            return self.dirty.move_to_end(&mut self.slots.updates, slot);
        }
        let below = match before {
            _ if self.flushing > 0 => Below::Unknown,
            Some(row) => Below::Row(row),
            None => Below::Absent,
        };
        entry.dirty = Some(Dirty { origin, below });
        self.append_dirty(slot);
    }

    fn insert(&mut self, entry: Entry<S>) {
        self.used_bytes += entry.bytes;
        self.allowance.replace(0, entry.bytes);
        let is_dirty = entry.dirty.is_some();
        let slot = self.slots.insert(entry);
        if let Some(index) = &mut self.index {
            index.insert(self.slots.get(slot).key.clone(), slot);
        }
        self.by_key.insert(slot, &self.slots);
        self.by_use.append(&mut self.slots.uses, slot);
        if is_dirty {
            self.append_dirty(slot);
        }
    }

    /// Sets the value of an entry, which counts as use, and returns the one it had.
    fn replace(&mut self, slot: u32, value: Encoded<S>, bytes: usize) -> Option<S> {
        let entry = self.slots.get_mut(slot);
        let before_bytes = std::mem::replace(&mut entry.bytes, bytes);
        entry.encoded = value.encoded;
        let before = std::mem::replace(&mut entry.value, value.value);
        self.used_bytes = self.used_bytes + bytes - before_bytes;
        self.allowance.replace(before_bytes, bytes);
        self.by_use.move_to_end(&mut self.slots.uses, slot);
        before
    }

    fn append_dirty(&mut self, slot: u32) {
        self.dirty.append(&mut self.slots.updates, slot);
        self.dirty_entries += 1;
    }

    fn remove_dirty(&mut self, slot: u32) {
        self.dirty.remove(&mut self.slots.updates, slot);
        self.dirty_entries -= 1;
    }

    fn take(&mut self, slot: u32) -> Entry<S> {
        self.by_use.remove(&mut self.slots.uses, slot);
        if self.slots.get(slot).dirty.is_some() {
            self.remove_dirty(slot);
        }
        self.by_key.remove(slot, &self.slots);
        let entry = self.slots.remove(slot);
        if let Some(index) = &mut self.index {
            index.remove(&entry.key);
        }
        self.used_bytes -= entry.bytes;
        self.allowance.replace(entry.bytes, 0);
        entry
    }

    /// Takes the least recently used entry out if the thread's caches hold too much; `None` if they do not, or if
    /// this cache is empty.
    pub(super) fn evict(&mut self) -> Option<Evicted<S>> {
        if !self.allowance.is_exceeded() {
            return None;
        }
        let entry = self.by_use.first().map(|slot| self.take(slot))?;
        Some(entry.into_update().map_or(Evicted::Clean, Evicted::Dirty))
    }

    /// Takes all updates out, an evicted one first; their values stay as clean entries. Until [`Cache::flushed`] the
    /// store below may lag behind them.
    pub(super) fn take_updates(&mut self, evicted: Option<Update<S>>) -> Vec<Update<S>> {
        let mut updates = Vec::with_capacity(self.dirty_entries + usize::from(evicted.is_some()));
        updates.extend(evicted);
        while let Some(slot) = self.dirty.first() {
            self.remove_dirty(slot);
            updates.extend(self.slots.get_mut(slot).take_update());
        }
        self.flushing += 1;
        self.absent = None;
        updates
    }

    /// The updates taken out are written. Keys that were deleted need no entry any more, unless they were put again.
    pub(super) fn flushed(&mut self, deleted: &[KeyBytes]) {
        self.flushing -= 1;
        for key in deleted {
            let slot = self.by_key.find(key, &self.slots);
            if let Some(slot) = slot.filter(|slot| self.slots.get(*slot).is_clean_deletion()) {
                self.take(slot);
            }
        }
    }

    /// Whether updates are held back.
    pub(super) fn is_dirty(&self) -> bool {
        self.dirty_entries > 0
    }

    /// Lookups that were answered here, and lookups that were not.
    pub(super) fn hits_and_misses(&self) -> (u64, u64) {
        (self.hits, self.misses)
    }

    /// Forgets everything, updates held back, too.
    pub(super) fn clear(&mut self) {
        let (hits, misses) = (self.hits, self.misses);
        *self = Cache::new(self.allowance.clone());
        (self.hits, self.misses) = (hits, misses);
    }

    /// Copies of the entries in a range, in order, as far as they are `wanted`; that gets the key and whether the store
    /// below may lag behind the entry.
    pub(super) fn rows(
        &mut self,
        range: &KeyRange,
        direction: Direction,
        wanted: impl Fn(&[u8], bool) -> bool,
    ) -> Vec<CachedRow<S>> {
        if self.by_key.is_empty() || range.is_empty() {
            return Vec::new();
        }
        self.build_index();
        let (slots, is_flushing) = (&self.slots, self.flushing > 0);
        let pick = |(key, slot): (&KeyBytes, &u32)| {
            let entry = slots.get(*slot);
            wanted(key, is_flushing || entry.dirty.is_some()).then(|| (key.clone(), entry.value.clone()))
        };
        let entries = self.index.iter().flat_map(|index| index.range::<[u8], _>(range.as_bounds()));
        match direction {
            Direction::Forward => entries.filter_map(pick).collect(),
            Direction::Backward => entries.rev().filter_map(pick).collect(),
        }
    }

    /// The first key in a range.
    pub(super) fn first_key(&mut self, range: &KeyRange) -> Option<KeyBytes> {
        if self.by_key.is_empty() || range.is_empty() {
            return None;
        }
        self.build_index();
        let index = self.index.as_ref()?;
        index.range::<[u8], _>(range.as_bounds()).next().map(|(key, _)| key.clone())
    }

    fn build_index(&mut self) {
        let slots = &self.slots;
        self.index.get_or_insert_with(|| slots.iter().map(|(slot, entry)| (entry.key.clone(), slot)).collect());
    }
}

impl<S> Drop for Cache<S> {
    fn drop(&mut self) {
        self.allowance.replace(self.used_bytes, 0);
    }
}
