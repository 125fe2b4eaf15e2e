//! Slots by key. The table holds numbers alone, so it stays small and in the processor's cache; keys are compared where the entries
//! are, which are looked at next anyway.

use super::slots::Slots;
use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use std::hash::BuildHasher;

/// Where each key's entry is. Never iterated: its order means nothing.
#[derive(Default)]
pub(super) struct Keys(HashTable<u32>);

impl Keys {
    /// The slot of `key`.
    pub(super) fn find<S>(&self, key: &[u8], slots: &Slots<S>) -> Option<u32> {
        self.0.find(hash(key), |slot| *slots.get(*slot).key == *key).copied()
    }

    /// Adds the slot of an entry whose key is in no other.
    pub(super) fn insert<S>(&mut self, slot: u32, slots: &Slots<S>) {
        let hash_of = |slot: &u32| hash(&slots.get(*slot).key);
        self.0.insert_unique(hash_of(&slot), slot, hash_of);
    }

    /// Forgets a slot whose entry is still there.
    pub(super) fn remove<S>(&mut self, slot: u32, slots: &Slots<S>) {
        if let Ok(found) = self.0.find_entry(hash(&slots.get(slot).key), |other| *other == slot) {
            found.remove();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn hash(key: &[u8]) -> u64 {
    FxBuildHasher.hash_one(key)
}
