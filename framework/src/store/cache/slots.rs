//! The entries of a cache, in a slab with a free list: a slot's number stays while its entry does.

use super::Update;
use super::list::Links;
use super::{Encoded, Origin};
use crate::store::short::KeyBytes;

/// One cached row.
pub(super) struct Entry<S> {
    pub(super) key: KeyBytes,
    pub(super) value: Option<S>,
    /// The value's bytes, where encoding it later could fail.
    pub(super) encoded: Option<Box<[u8]>>,
    pub(super) bytes: usize,
    /// Set while an update is held back.
    pub(super) dirty: Option<Dirty<S>>,
}

/// What belongs to an update that is held back.
pub(super) struct Dirty<S> {
    pub(super) origin: Origin,
    pub(super) below: Below<S>,
}

/// What the store below the cache has for a key.
pub(in crate::store) enum Below<S> {
    /// Nobody looked.
    Unknown,
    /// Nothing.
    Absent,
    /// This value.
    Row(S),
}

impl<S> Entry<S> {
    pub(super) fn new(key: &[u8], value: Encoded<S>, bytes: usize) -> Self {
        Entry { key: key.into(), value: value.value, encoded: value.encoded, bytes, dirty: None }
    }

    /// Its update, with a copy of the value; the entry is clean afterwards.
    pub(super) fn take_update(&mut self) -> Option<Update<S>>
    where
        S: Clone,
    {
        let Dirty { origin, below } = self.dirty.take()?;
        let (key, value) = (self.key.clone(), self.value.clone());
        Some(Update { key, value, encoded: self.encoded.take(), origin, below })
    }

    /// Its update, if it is dirty.
    pub(super) fn into_update(self) -> Option<Update<S>> {
        let Dirty { origin, below } = self.dirty?;
        Some(Update { key: self.key, value: self.value, encoded: self.encoded, origin, below })
    }

    pub(super) fn is_clean_deletion(&self) -> bool {
        self.dirty.is_none() && self.value.is_none()
    }
}

/// A slab of entries, with a column of links for each list they may be in.
pub(super) struct Slots<S> {
    entries: Vec<Option<Entry<S>>>,
    free: Vec<u32>,
    pub(super) uses: Vec<Links>,
    pub(super) updates: Vec<Links>,
}

impl<S> Slots<S> {
    pub(super) fn new() -> Self {
        Slots { entries: Vec::new(), free: Vec::new(), uses: Vec::new(), updates: Vec::new() }
    }

    pub(super) fn insert(&mut self, entry: Entry<S>) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.entries[slot as usize] = Some(entry);
            return slot;
        }
        let slot = u32::try_from(self.entries.len()).expect("entries are bounded by the cache's bytes");
        self.entries.push(Some(entry));
        self.uses.push(Links::UNLINKED);
        self.updates.push(Links::UNLINKED);
        slot
    }

    pub(super) fn get(&self, slot: u32) -> &Entry<S> {
        self.entries[slot as usize].as_ref().expect("a slot that is linked holds an entry")
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> &mut Entry<S> {
        self.entries[slot as usize].as_mut().expect("a slot that is linked holds an entry")
    }

    pub(super) fn remove(&mut self, slot: u32) -> Entry<S> {
        self.free.push(slot);
        self.entries[slot as usize].take().expect("a slot that is linked holds an entry")
    }

    /// Every entry with its slot.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Entry<S>)> {
        (0..).zip(&self.entries).filter_map(|(slot, entry)| Some((slot, entry.as_ref()?)))
    }
}
