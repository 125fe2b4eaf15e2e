//! Key-value stores.
use super::*;
use crate::error::Result;
use crate::serde::Datum;
use std::marker::PhantomData;
use std::rc::Rc;

/// A key-value store; a cheap handle. `S` is the value, or [`ValueAndTimestamp`] of it.
/// Kafka Streams: `org.apache.kafka.streams.state.KeyValueStore`.
pub struct KeyValueStore<K, S: Stored>(PhantomData<(K, S)>);

/// Kafka Streams: `org.apache.kafka.streams.state.TimestampedKeyValueStore`.
pub type TimestampedKeyValueStore<K, V> = KeyValueStore<K, ValueAndTimestamp<V>>;

impl<K, S: Stored> Clone for KeyValueStore<K, S> {
    fn clone(&self) -> Self {
        todo!()
    }
}

impl<K: Datum, S: Stored> KeyValueStore<K, S> {
    /// The store's name.
    pub fn name(&self) -> &str {
        todo!()
    }
    /// The value of `key`.
    pub fn get(&self, _key: &K) -> Result<Option<S>> {
        todo!()
    }
    /// Sets `key`; `None` deletes it.
    pub fn put(&self, _key: &K, _value: impl Into<Option<S>>) -> Result<()> {
        todo!()
    }
    /// Sets `key` if it has no value; returns the value it has.
    pub fn put_if_absent(&self, _key: &K, _value: S) -> Result<Option<S>> {
        todo!()
    }
    /// Sets all of them, in order.
    pub fn put_all(&self, _entries: impl IntoIterator<Item = (K, Option<S>)>) -> Result<()> {
        todo!()
    }
    /// Deletes `key`; returns the value it had.
    pub fn delete(&self, _key: &K) -> Result<Option<S>> {
        todo!()
    }
    /// Rows from one key to another, both inclusive.
    pub fn range(&self, _from: Option<&K>, _to: Option<&K>) -> Result<KeyValueIter<K, S>> {
        todo!()
    }
    /// The same, backwards.
    pub fn reverse_range(&self, _from: Option<&K>, _to: Option<&K>) -> Result<KeyValueIter<K, S>> {
        todo!()
    }
    /// All rows.
    pub fn all(&self) -> Result<KeyValueIter<K, S>> {
        todo!()
    }
    /// All rows, backwards.
    pub fn reverse_all(&self) -> Result<KeyValueIter<K, S>> {
        todo!()
    }
    /// Rows whose key's bytes begin with `prefix`.
    pub fn prefix_scan(&self, _prefix: &[u8]) -> Result<KeyValueIter<K, S>> {
        todo!()
    }
    /// A guess at the number of rows.
    pub fn approximate_num_entries(&self) -> u64 {
        todo!()
    }
    /// Asks to be told of updates when the cache pushes them down; false if every update is written at once and the
    /// caller has to forward by itself.
    pub fn set_flush_listener(&self, _listener: Rc<dyn FlushListener<K, S::Value>>, _send_old_values: bool) -> bool {
        todo!()
    }
}

impl<K: Datum, S: Stored> StoreHandle for KeyValueStore<K, S> {
    type Key = K;
    type Value = S::Value;
    type ReadOnly = ReadOnlyKeyValueStore<K, S>;
    fn open(_: &StoreBuilder<Self>, _: &TaskStores) -> Result<Self> {
        todo!()
    }
    fn read_only(_: &StoreBuilder<Self>, _: &QuerySource) -> Result<Self::ReadOnly> {
        todo!()
    }
}

/// Rows of a key-value store at the moment the iterator was made.
pub struct KeyValueIter<K, S>(PhantomData<(K, S)>);

impl<K, S> Iterator for KeyValueIter<K, S> {
    type Item = Result<(K, S)>;
    fn next(&mut self) -> Option<Self::Item> {
        todo!()
    }
}
