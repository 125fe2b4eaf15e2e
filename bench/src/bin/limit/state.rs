//! State in hash maps.

use rustc_hash::FxHashMap;

/// What Kafka Streams counts for an entry of its cache besides the key.
const ENTRY_BYTES: usize = 80;

/// Counts by key, with those that were changed since the last flush.
#[derive(Default)]
pub(crate) struct Counts {
    rows: FxHashMap<Box<[u8]>, Row>,
    changed: Vec<Box<[u8]>>,
    changed_bytes: usize,
}

#[derive(Default)]
struct Row {
    count: u64,
    timestamp: i64,
    is_changed: bool,
}

impl Counts {
    /// Counts a record; returns the count and its timestamp. `hold_back` marks it for the next flush.
    pub(crate) fn add(&mut self, key: &[u8], timestamp: i64, hold_back: bool) -> (u64, i64) {
        if !self.rows.contains_key(key) {
            self.rows.insert(key.into(), Row::default());
        }
        let Some(row) = self.rows.get_mut(key) else { return (0, timestamp) };
        row.count += 1;
        row.timestamp = row.timestamp.max(timestamp);
        if hold_back && !row.is_changed {
            row.is_changed = true;
            self.changed.push(key.into());
            self.changed_bytes += key.len() + ENTRY_BYTES;
        }
        (row.count, row.timestamp)
    }

    /// Bytes of updates that wait.
    pub(crate) fn held_back_bytes(&self) -> usize {
        self.changed_bytes
    }

    /// Hands out what was changed: key, count and timestamp.
    pub(crate) fn take_updates<E>(&mut self, mut each: impl FnMut(&[u8], u64, i64) -> Result<(), E>) -> Result<(), E> {
        self.changed_bytes = 0;
        for key in self.changed.drain(..) {
            if let Some(row) = self.rows.get_mut(&key) {
                row.is_changed = false;
                each(&key, row.count, row.timestamp)?;
            }
        }
        Ok(())
    }
}

/// Values by key.
#[derive(Default)]
pub(crate) struct Table(FxHashMap<Box<[u8]>, Box<[u8]>>);

impl Table {
    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) {
        self.0.insert(key.into(), value.into());
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.0.get(key).map(|value| &**value)
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len() as u64
    }
}
