//! Which entries of an LRU map were used last.
//!
//! Uses since the last commit can be taken back, so that a rolled-back map evicts what it would have evicted.

use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The order of use of an LRU map's keys.
pub(super) struct Recency {
    max_entries: usize,
    clock: u64,
    used_at: FxHashMap<Rc<[u8]>, u64>,
    by_use: BTreeMap<u64, Rc<[u8]>>,
    /// When each key touched since the last commit was used before it; `None` if it was not there.
    before: FxHashMap<Rc<[u8]>, Option<u64>>,
}

impl Recency {
    /// No keys, at most `max_entries` of them.
    pub(super) fn new(max_entries: usize) -> Self {
        Recency {
            max_entries,
            clock: 0,
            used_at: FxHashMap::default(),
            by_use: BTreeMap::new(),
            before: FxHashMap::default(),
        }
    }

    /// Notes that a key was read; unknown keys stay unknown.
    pub(super) fn touch(&mut self, key: &[u8]) {
        if let Some((key, _)) = self.used_at.get_key_value(key) {
            let key = key.clone();
            self.set(key, true);
        }
    }

    /// Notes that a key was written; returns the key that has to go for it.
    pub(super) fn insert(&mut self, key: &[u8]) -> Option<Rc<[u8]>> {
        self.set(key.into(), true);
        if self.used_at.len() <= self.max_entries {
            return None;
        }
        let (_, eldest) = self.by_use.first_key_value()?;
        let eldest = eldest.clone();
        self.set(eldest.clone(), false);
        Some(eldest)
    }

    /// Notes that a key was deleted.
    pub(super) fn remove(&mut self, key: &[u8]) {
        if self.used_at.contains_key(key) {
            self.set(key.into(), false);
        }
    }

    fn set(&mut self, key: Rc<[u8]>, present: bool) {
        let used_before = self.used_at.get(&key).copied();
        self.before.entry(key.clone()).or_insert(used_before);
        self.clock += 1;
        self.place(key, present.then_some(self.clock));
    }

    fn place(&mut self, key: Rc<[u8]>, used_at: Option<u64>) {
        let used_before = match used_at {
            Some(at) => {
                self.by_use.insert(at, key.clone());
                self.used_at.insert(key, at)
            }
            None => self.used_at.remove(&key),
        };
        if let Some(before) = used_before {
            self.by_use.remove(&before);
        }
    }

    /// The uses so far are final.
    pub(super) fn commit(&mut self) {
        self.before.clear();
    }

    /// Takes back the uses since the last commit. The order in which keys are visited does not matter: each goes to
    /// a place of its own.
    pub(super) fn rollback(&mut self) {
        for (key, used_at) in std::mem::take(&mut self.before) {
            self.place(key, used_at);
        }
    }

    /// Forgets all keys.
    pub(super) fn clear(&mut self) {
        *self = Recency::new(self.max_entries);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evicted(recency: &mut Recency, key: &str) -> Option<String> {
        recency.insert(key.as_bytes()).map(|key| String::from_utf8(key.to_vec()).unwrap())
    }

    #[test]
    fn read_counts_as_use() {
        let mut recency = Recency::new(2);
        recency.insert(b"a");
        recency.insert(b"b");
        recency.touch(b"a");
        assert_eq!(evicted(&mut recency, "c").as_deref(), Some("b"));
        assert_eq!(evicted(&mut recency, "c"), None, "a key that is there evicts nothing");
    }

    #[test]
    fn deleted_key_makes_room() {
        let mut recency = Recency::new(2);
        recency.insert(b"a");
        recency.insert(b"b");
        recency.remove(b"a");
        assert_eq!(evicted(&mut recency, "c"), None);
    }

    #[test]
    fn rollback_restores_the_committed_order() {
        let mut recency = Recency::new(2);
        recency.insert(b"a");
        recency.insert(b"b");
        recency.commit();
        recency.touch(b"a");
        recency.insert(b"c");
        recency.rollback();
        assert_eq!(evicted(&mut recency, "d").as_deref(), Some("a"), "as if nothing had been used since");
    }
}
