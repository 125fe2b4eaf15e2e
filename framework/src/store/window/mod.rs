//! Window stores.

mod filter;
pub(super) mod keys;
mod scan;

pub use scan::{WindowIter, WindowedIter};

use super::typed::{RowListener, TypedRows};
use super::{
    FlushListener, QuerySource, ReadOnlyWindowStore, StoreBuilder, StoreHandle, Stored, TaskStores, ValueAndTimestamp,
};
use crate::engine::Direction;
use crate::error::Result;
use crate::record::{Change, Record, Window, Windowed};
use crate::serde::{Datum, Serde};
pub(super) use filter::WindowFilter;
use keys::RowKey;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// A window store; a cheap handle whose clones are the same store. `S` is the value, or [`ValueAndTimestamp`] of it.
/// Kafka Streams: `org.apache.kafka.streams.state.WindowStore`.
///
/// Rows expire by the store's own stream time, the largest window start that was put: what is older than the
/// retention is not seen, and puts to expired segments are dropped and counted, but logged. Persistent stores
/// list rows by segment, key and start; stores in memory by start and key. Starts are not negative.
pub struct WindowStore<K, S: Stored>(Rc<Open<K, S>>);

/// A window store that keeps the timestamp of each value: what the DSL's windowed tables use.
/// Kafka Streams: `org.apache.kafka.streams.state.TimestampedWindowStore`.
pub type TimestampedWindowStore<K, V> = WindowStore<K, ValueAndTimestamp<V>>;

struct Open<K, S: Stored> {
    rows: Rc<TypedRows<S>>,
    key: Arc<dyn Serde<K>>,
    key_buffer: RefCell<Vec<u8>>,
    row_buffer: RefCell<Vec<u8>>,
}

impl<K: Datum, S: Stored> WindowStore<K, S> {
    /// The store's name.
    pub fn name(&self) -> &str {
        &self.0.rows.table().spec().name
    }

    /// Sets the value of `key` in the window that begins at `start_ms`, or deletes it if `value` is `None`. A store
    /// that retains duplicates adds a row, and ignores deletions.
    ///
    /// # Errors
    /// What the serdes or the engine refuse; the same goes for every method here. With caching on, what an eviction
    /// forwards may fail, too.
    pub fn put(&self, key: &K, value: impl Into<Option<S>>, start_ms: i64) -> Result<()> {
        let window = self.0.rows.table().expect_window();
        let value = value.into();
        self.with_row(key, start_ms, window.next_sequence(), |row| self.0.rows.put(row, value))
    }

    /// The value of `key` in the window that begins at `start_ms`.
    ///
    /// # Errors
    /// As in [`put`](Self::put).
    pub fn fetch(&self, key: &K, start_ms: i64) -> Result<Option<S>> {
        self.with_row(key, start_ms, 0, |row| self.0.rows.get(row))
    }

    /// The windows of `key` that begin between the two times, both inclusive, oldest first.
    ///
    /// # Errors
    /// As in [`put`](Self::put).
    pub fn fetch_range(&self, key: &K, from_ms: i64, to_ms: i64) -> Result<WindowIter<S>> {
        self.fetch_key(key, from_ms, to_ms, Direction::Forward)
    }

    /// The same windows, newest first.
    ///
    /// # Errors
    /// As in [`put`](Self::put).
    pub fn backward_fetch_range(&self, key: &K, from_ms: i64, to_ms: i64) -> Result<WindowIter<S>> {
        self.fetch_key(key, from_ms, to_ms, Direction::Backward)
    }

    /// The windows of the keys from one to another that begin between the two times, all inclusive; `None` is an open
    /// end. An inverted range has no rows.
    ///
    /// # Errors
    /// As in [`put`](Self::put).
    pub fn fetch_keys(&self, from: Option<&K>, to: Option<&K>, from_ms: i64, to_ms: i64) -> Result<WindowedIter<K, S>> {
        self.scan(self.filter(from, to, from_ms, to_ms)?, Direction::Forward)
    }

    /// The same windows in reverse order.
    ///
    /// # Errors
    /// As in [`put`](Self::put).
    pub fn backward_fetch_keys(
        &self,
        from: Option<&K>,
        to: Option<&K>,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<WindowedIter<K, S>> {
        self.scan(self.filter(from, to, from_ms, to_ms)?, Direction::Backward)
    }

    /// The windows of all keys that begin between the two times, both inclusive.
    ///
    /// # Errors
    /// As in [`put`](Self::put).
    pub fn fetch_all(&self, from_ms: i64, to_ms: i64) -> Result<WindowedIter<K, S>> {
        self.fetch_keys(None, None, from_ms, to_ms)
    }

    /// The same windows in reverse order.
    ///
    /// # Errors
    /// As in [`put`](Self::put).
    pub fn backward_fetch_all(&self, from_ms: i64, to_ms: i64) -> Result<WindowedIter<K, S>> {
        self.backward_fetch_keys(None, None, from_ms, to_ms)
    }

    /// All windows that are not past retention.
    ///
    /// # Errors
    /// As in [`put`](Self::put).
    pub fn all(&self) -> Result<WindowedIter<K, S>> {
        self.fetch_all(0, i64::MAX)
    }

    /// The same windows in reverse order.
    ///
    /// # Errors
    /// As in [`put`](Self::put).
    pub fn backward_all(&self) -> Result<WindowedIter<K, S>> {
        self.backward_fetch_all(0, i64::MAX)
    }

    /// A guess at the number of rows, expired ones that were not erased yet included.
    pub fn approximate_num_entries(&self) -> u64 {
        self.0.rows.table().approximate_entries()
    }

    /// The store's stream time: the largest window start that was put; [`NO_TIMESTAMP`](crate::record::NO_TIMESTAMP)
    /// before the first. Updates that the cache holds back do not count yet.
    pub fn observed_stream_time_ms(&self) -> i64 {
        self.0.rows.table().expect_window().observed_ms()
    }

    /// Asks to be told of updates when the cache pushes them downstream. False if caching is off: then every update is
    /// written at once, and whoever puts it has to forward it.
    pub fn set_flush_listener(
        &self,
        listener: Rc<dyn FlushListener<Windowed<K>, S::Value>>,
        send_old_values: bool,
    ) -> bool {
        let keys = *self.0.rows.table().expect_window().keys();
        let size_ms = self.0.rows.table().expect_window().size_ms();
        let listener = WindowedListener { key: self.0.key.clone(), keys, size_ms, listener };
        self.0.rows.set_listener(Rc::new(listener), send_old_values)
    }

    fn with_row<T>(&self, key: &K, start_ms: i64, sequence: i32, run: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
        let (mut key_bytes, mut row) = (self.0.key_buffer.take(), self.0.row_buffer.take());
        key_bytes.clear();
        row.clear();
        let result = self.0.key.serialize(key, &mut key_bytes).and_then(|()| {
            let keys = self.0.rows.table().expect_window().keys();
            keys.write_row(RowKey { key: &key_bytes, start_ms, sequence }, &mut row);
            run(&row)
        });
        self.0.key_buffer.replace(key_bytes);
        self.0.row_buffer.replace(row);
        result
    }

    fn filter(&self, from: Option<&K>, to: Option<&K>, from_ms: i64, to_ms: i64) -> Result<WindowFilter> {
        let filter = WindowFilter::new(self.0.rows.table().expect_window(), from_ms, to_ms);
        filter.with_keys(&*self.0.key, from, to)
    }

    fn fetch_key(&self, key: &K, from_ms: i64, to_ms: i64, direction: Direction) -> Result<WindowIter<S>> {
        let filter = self.filter(Some(key), Some(key), from_ms, to_ms)?;
        WindowIter::new(&self.0.rows, filter, direction)
    }

    fn scan(&self, filter: WindowFilter, direction: Direction) -> Result<WindowedIter<K, S>> {
        if filter.is_inverted() {
            tracing::warn!(
                store = self.name(),
                "no rows: the range ends before it begins, in the order of the keys' bytes"
            );
        }
        WindowedIter::new(&self.0.rows, self.0.key.clone(), filter, direction)
    }
}

impl<K, S: Stored> Clone for WindowStore<K, S> {
    fn clone(&self) -> Self {
        WindowStore(self.0.clone())
    }
}

impl<K: Datum, S: Stored> StoreHandle for WindowStore<K, S> {
    type Key = K;
    type Value = S::Value;
    type ReadOnly = ReadOnlyWindowStore<K, S>;

    fn open(blueprint: &StoreBuilder<Self>, stores: &TaskStores) -> Result<Self> {
        let (key, value) = stores.serdes(blueprint)?;
        let rows = stores.open_rows(&blueprint.spec, value)?;
        let (key_buffer, row_buffer) = (RefCell::default(), RefCell::default());
        Ok(WindowStore(Rc::new(Open { rows, key, key_buffer, row_buffer })))
    }

    fn read_only(blueprint: &StoreBuilder<Self>, source: &QuerySource) -> Result<Self::ReadOnly> {
        ReadOnlyWindowStore::new(blueprint, source)
    }
}

/// Decodes the windowed key of a flushed row.
struct WindowedListener<K, V> {
    key: Arc<dyn Serde<K>>,
    keys: keys::WindowKeys,
    size_ms: i64,
    listener: Rc<dyn FlushListener<Windowed<K>, V>>,
}

impl<K, V> RowListener<V> for WindowedListener<K, V> {
    fn flushed(&self, row: &[u8], record: Record<(), Change<V>>) -> Result<()> {
        let RowKey { key, start_ms, .. } = self.keys.split(row)?;
        let window = Window::of_size(start_ms, self.size_ms);
        self.listener.flushed(record.with_key(Windowed::new(self.key.deserialize(key)?, window)))
    }
}
