//! Key-value stores.

use super::typed::{RowListener, RowScan, TypedRows};
use super::{
    FlushListener, QuerySource, ReadOnlyKeyValueStore, StoreBuilder, StoreHandle, Stored, TaskStores, ValueAndTimestamp,
};
use crate::engine::{Direction, KeyRange};
use crate::error::Result;
use crate::record::{Change, Record};
use crate::serde::{Datum, Serde};
use std::cell::RefCell;
use std::ops::Bound;
use std::rc::Rc;
use std::sync::Arc;

/// A key-value store; a cheap handle whose clones are the same store. `S` is the value, or [`ValueAndTimestamp`] of it.
/// Kafka Streams: `org.apache.kafka.streams.state.KeyValueStore`.
///
/// Keys are ordered by their bytes, unsigned; so numbers in Java's formats put negative ones last. A scan sees the
/// store as it is when the scan is made, whatever is written while it is walked.
pub struct KeyValueStore<K, S: Stored>(Rc<Open<K, S>>);

/// A key-value store that keeps the timestamp of each value: what the DSL's tables use.
/// Kafka Streams: `org.apache.kafka.streams.state.TimestampedKeyValueStore`.
pub type TimestampedKeyValueStore<K, V> = KeyValueStore<K, ValueAndTimestamp<V>>;

struct Open<K, S: Stored> {
    rows: Rc<TypedRows<S>>,
    key: Arc<dyn Serde<K>>,
    buffer: RefCell<Vec<u8>>,
}

impl<K: Datum, S: Stored> KeyValueStore<K, S> {
    /// The store's name.
    pub fn name(&self) -> &str {
        &self.0.rows.table().spec().name
    }

    /// The value of `key`.
    ///
    /// # Errors
    /// What the serdes or the engine refuse; the same goes for every method here. With caching on, what an eviction
    /// forwards may fail, too.
    pub fn get(&self, key: &K) -> Result<Option<S>> {
        self.with_row(key, |row| self.0.rows.get(row))
    }

    /// Sets `key`, or deletes it if `value` is `None`.
    ///
    /// # Errors
    /// As in [`get`](Self::get).
    pub fn put(&self, key: &K, value: impl Into<Option<S>>) -> Result<()> {
        let value = value.into();
        self.with_row(key, |row| self.0.rows.put(row, value))
    }

    /// Sets `key` if it has no value, and returns the value it has otherwise.
    ///
    /// # Errors
    /// As in [`get`](Self::get).
    pub fn put_if_absent(&self, key: &K, value: S) -> Result<Option<S>> {
        let present = self.get(key)?;
        if present.is_none() {
            self.put(key, value)?;
        }
        Ok(present)
    }

    /// Sets or deletes all of them, in order.
    ///
    /// # Errors
    /// As in [`get`](Self::get); those before the failing one are set.
    pub fn put_all(&self, entries: impl IntoIterator<Item = (K, Option<S>)>) -> Result<()> {
        entries.into_iter().try_for_each(|(key, value)| self.put(&key, value))
    }

    /// Deletes `key` and returns the value it had.
    ///
    /// # Errors
    /// As in [`get`](Self::get).
    pub fn delete(&self, key: &K) -> Result<Option<S>> {
        let present = self.get(key)?;
        self.put(key, None::<S>)?;
        Ok(present)
    }

    /// The rows from one key to another, both inclusive; `None` is an open end. An inverted range has no rows.
    ///
    /// # Errors
    /// As in [`get`](Self::get).
    pub fn range(&self, from: Option<&K>, to: Option<&K>) -> Result<KeyValueIter<K, S>> {
        self.scan(self.key_range(from, to)?, Direction::Forward)
    }

    /// The same rows, largest key first.
    ///
    /// # Errors
    /// As in [`get`](Self::get).
    pub fn reverse_range(&self, from: Option<&K>, to: Option<&K>) -> Result<KeyValueIter<K, S>> {
        self.scan(self.key_range(from, to)?, Direction::Backward)
    }

    /// All rows.
    ///
    /// # Errors
    /// As in [`get`](Self::get).
    pub fn all(&self) -> Result<KeyValueIter<K, S>> {
        self.scan(KeyRange::all(), Direction::Forward)
    }

    /// All rows, largest key first.
    ///
    /// # Errors
    /// As in [`get`](Self::get).
    pub fn reverse_all(&self) -> Result<KeyValueIter<K, S>> {
        self.scan(KeyRange::all(), Direction::Backward)
    }

    /// The rows whose key's bytes begin with `prefix`.
    ///
    /// # Errors
    /// As in [`get`](Self::get).
    pub fn prefix_scan(&self, prefix: &[u8]) -> Result<KeyValueIter<K, S>> {
        self.scan(KeyRange::prefix(prefix), Direction::Forward)
    }

    /// A guess at the number of rows.
    pub fn approximate_num_entries(&self) -> u64 {
        self.0.rows.table().approximate_entries()
    }

    /// Asks to be told of updates when the cache pushes them downstream. False if caching is off: then every update is
    /// written at once, and whoever puts it has to forward it.
    pub fn set_flush_listener(&self, listener: Rc<dyn FlushListener<K, S::Value>>, send_old_values: bool) -> bool {
        let listener = KeyListener { key: self.0.key.clone(), listener };
        self.0.rows.set_listener(Rc::new(listener), send_old_values)
    }

    fn with_row<T>(&self, key: &K, run: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
        let mut row = self.0.buffer.take();
        row.clear();
        let result = self.0.key.serialize(key, &mut row).and_then(|()| run(&row));
        self.0.buffer.replace(row);
        result
    }

    fn key_range(&self, from: Option<&K>, to: Option<&K>) -> Result<KeyRange> {
        let range = key_range(&*self.0.key, from, to)?;
        if range.is_empty() {
            tracing::warn!(
                store = self.name(),
                "no rows: the range ends before it begins, in the order of the keys' bytes"
            );
        }
        Ok(range)
    }

    fn scan(&self, range: KeyRange, direction: Direction) -> Result<KeyValueIter<K, S>> {
        let scan = self.0.rows.scan(range, direction, |_, is_held| is_held)?;
        Ok(KeyValueIter { scan: Some(scan), key: self.0.key.clone() })
    }
}

/// The bytes from one key to another.
pub(super) fn key_range<K>(serde: &dyn Serde<K>, from: Option<&K>, to: Option<&K>) -> Result<KeyRange> {
    let bound = |key: Option<&K>| -> Result<Bound<Vec<u8>>> {
        let Some(key) = key else { return Ok(Bound::Unbounded) };
        let mut bytes = Vec::new();
        serde.serialize(key, &mut bytes)?;
        Ok(Bound::Included(bytes))
    };
    Ok(KeyRange { from: bound(from)?, to: bound(to)? })
}

impl<K, S: Stored> Clone for KeyValueStore<K, S> {
    fn clone(&self) -> Self {
        KeyValueStore(self.0.clone())
    }
}

impl<K: Datum, S: Stored> StoreHandle for KeyValueStore<K, S> {
    type Key = K;
    type Value = S::Value;
    type ReadOnly = ReadOnlyKeyValueStore<K, S>;

    fn open(blueprint: &StoreBuilder<Self>, stores: &TaskStores) -> Result<Self> {
        let (key, value) = stores.serdes(blueprint)?;
        let rows = stores.open_rows(&blueprint.spec, value)?;
        stores.check_keys(key.clone());
        Ok(KeyValueStore(Rc::new(Open { rows, key, buffer: RefCell::default() })))
    }

    fn read_only(blueprint: &StoreBuilder<Self>, source: &QuerySource) -> Result<Self::ReadOnly> {
        ReadOnlyKeyValueStore::new(blueprint, source)
    }
}

/// Decodes the key of a flushed row.
struct KeyListener<K, V> {
    key: Arc<dyn Serde<K>>,
    listener: Rc<dyn FlushListener<K, V>>,
}

impl<K, V> RowListener<V> for KeyListener<K, V> {
    fn flushed(&self, row: &[u8], record: Record<(), Change<V>>) -> Result<()> {
        self.listener.flushed(record.with_key(self.key.deserialize(row)?))
    }
}

/// Rows of a key-value store, as it was when the iterator was made. Ends after an error.
pub struct KeyValueIter<K, S: Stored> {
    scan: Option<RowScan<S>>,
    key: Arc<dyn Serde<K>>,
}

impl<K, S: Stored> Iterator for KeyValueIter<K, S> {
    type Item = Result<(K, S)>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.scan.as_mut()?.next(|row, _| self.key.deserialize(row).map(Some));
        if !matches!(row, Ok(Some(_))) {
            self.scan = None;
        }
        row.transpose()
    }
}
