//! Window stores.
use super::*;
use crate::error::Result;
use crate::record::Windowed;
use crate::serde::Datum;
use std::marker::PhantomData;
use std::rc::Rc;

/// A window store; a cheap handle. `S` is the value, or [`ValueAndTimestamp`] of it.
/// Kafka Streams: `org.apache.kafka.streams.state.WindowStore`.
pub struct WindowStore<K, S: Stored>(PhantomData<(K, S)>);

/// Kafka Streams: `org.apache.kafka.streams.state.TimestampedWindowStore`.
pub type TimestampedWindowStore<K, V> = WindowStore<K, ValueAndTimestamp<V>>;

impl<K, S: Stored> Clone for WindowStore<K, S> {
    fn clone(&self) -> Self {
        todo!()
    }
}

impl<K: Datum, S: Stored> WindowStore<K, S> {
    /// The store's name.
    pub fn name(&self) -> &str {
        todo!()
    }
    /// Sets the value of `key` in the window that begins at `start_ms`; `None` deletes it.
    pub fn put(&self, _key: &K, _value: impl Into<Option<S>>, _start_ms: i64) -> Result<()> {
        todo!()
    }
    /// The value of `key` in the window that begins at `start_ms`.
    pub fn fetch(&self, _key: &K, _start_ms: i64) -> Result<Option<S>> {
        todo!()
    }
    /// The windows of `key` that begin between the two times, both inclusive, oldest first.
    pub fn fetch_range(&self, _key: &K, _from_ms: i64, _to_ms: i64) -> Result<WindowIter<S>> {
        todo!()
    }
    /// The same, newest first.
    pub fn backward_fetch_range(&self, _key: &K, _from_ms: i64, _to_ms: i64) -> Result<WindowIter<S>> {
        todo!()
    }
    /// The windows of a range of keys; `None` is an open end.
    pub fn fetch_keys(
        &self,
        _from: Option<&K>,
        _to: Option<&K>,
        _from_ms: i64,
        _to_ms: i64,
    ) -> Result<WindowedIter<K, S>> {
        todo!()
    }
    /// The same, backwards.
    pub fn backward_fetch_keys(
        &self,
        _from: Option<&K>,
        _to: Option<&K>,
        _from_ms: i64,
        _to_ms: i64,
    ) -> Result<WindowedIter<K, S>> {
        todo!()
    }
    /// The windows of all keys that begin between the two times, both inclusive.
    pub fn fetch_all(&self, _from_ms: i64, _to_ms: i64) -> Result<WindowedIter<K, S>> {
        todo!()
    }
    /// The same, backwards.
    pub fn backward_fetch_all(&self, _from_ms: i64, _to_ms: i64) -> Result<WindowedIter<K, S>> {
        todo!()
    }
    /// All rows that are not past retention.
    pub fn all(&self) -> Result<WindowedIter<K, S>> {
        todo!()
    }
    /// The same, backwards.
    pub fn backward_all(&self) -> Result<WindowedIter<K, S>> {
        todo!()
    }
    /// Asks to be told of updates when the cache pushes them down; false if every update is written at once and the
    /// caller has to forward by itself.
    pub fn set_flush_listener(
        &self,
        _listener: Rc<dyn FlushListener<Windowed<K>, S::Value>>,
        _send_old_values: bool,
    ) -> bool {
        todo!()
    }
}

impl<K: Datum, S: Stored> StoreHandle for WindowStore<K, S> {
    type Key = K;
    type Value = S::Value;
    type ReadOnly = ReadOnlyWindowStore<K, S>;
    fn open(_: &StoreBuilder<Self>, _: &TaskStores) -> Result<Self> {
        todo!()
    }
    fn read_only(_: &StoreBuilder<Self>, _: &QuerySource) -> Result<Self::ReadOnly> {
        todo!()
    }
}

/// Window starts and values of one key.
pub struct WindowIter<S>(PhantomData<S>);

impl<S> Iterator for WindowIter<S> {
    type Item = Result<(i64, S)>;
    fn next(&mut self) -> Option<Self::Item> {
        todo!()
    }
}

/// Windowed keys and values.
pub struct WindowedIter<K, S>(PhantomData<(K, S)>);

impl<K, S> Iterator for WindowedIter<K, S> {
    type Item = Result<(Windowed<K>, S)>;
    fn next(&mut self) -> Option<Self::Item> {
        todo!()
    }
}
