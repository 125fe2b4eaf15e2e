//! The rows of tables: what joins and old values are made of.

use crate::error::Result;
use crate::record::Windowed;
use crate::serde::Datum;
use crate::store::{
    FlushListener, ReadOnlyKeyValueStore, StoreHandle, TimestampedKeyValueStore, TimestampedWindowStore,
    ValueAndTimestamp,
};
use std::rc::Rc;
use std::sync::Arc;

/// The rows of a table, wherever they come from.
pub(crate) trait Lookup<K, V> {
    /// The row of `key`.
    fn get(&self, key: &K) -> Result<Option<ValueAndTimestamp<V>>>;
}

/// A store that keeps the rows of a table of these types.
pub(crate) trait TableStore<K, V>: StoreHandle + Lookup<K, V> {
    /// Asks to be told of updates when the store's cache lets them go; false if it holds none back.
    fn listen(&self, listener: Rc<dyn FlushListener<K, V>>, send_old_values: bool) -> bool;
}

impl<K: Datum, V: Datum> Lookup<K, V> for TimestampedKeyValueStore<K, V> {
    fn get(&self, key: &K) -> Result<Option<ValueAndTimestamp<V>>> {
        TimestampedKeyValueStore::get(self, key)
    }
}

impl<K: Datum, V: Datum> TableStore<K, V> for TimestampedKeyValueStore<K, V> {
    fn listen(&self, listener: Rc<dyn FlushListener<K, V>>, send_old_values: bool) -> bool {
        self.set_flush_listener(listener, send_old_values)
    }
}

impl<K: Datum, V: Datum> Lookup<Windowed<K>, V> for TimestampedWindowStore<K, V> {
    fn get(&self, key: &Windowed<K>) -> Result<Option<ValueAndTimestamp<V>>> {
        self.fetch(&key.key, key.window.start_ms)
    }
}

impl<K: Datum, V: Datum> TableStore<Windowed<K>, V> for TimestampedWindowStore<K, V> {
    fn listen(&self, listener: Rc<dyn FlushListener<Windowed<K>, V>>, send_old_values: bool) -> bool {
        self.set_flush_listener(listener, send_old_values)
    }
}

impl<K: Datum, V: Datum> Lookup<K, V> for ReadOnlyKeyValueStore<K, ValueAndTimestamp<V>> {
    fn get(&self, key: &K) -> Result<Option<ValueAndTimestamp<V>>> {
        ReadOnlyKeyValueStore::get(self, key)
    }
}

/// The rows of another table that pass a filter.
pub(crate) struct FilteredLookup<F, K, V> {
    pub(crate) parent: Rc<dyn Lookup<K, V>>,
    pub(crate) predicate: Arc<F>,
    pub(crate) keep: bool,
}

impl<F, K, V> Lookup<K, V> for FilteredLookup<F, K, V>
where
    F: Fn(&K, &V) -> Result<bool>,
{
    fn get(&self, key: &K) -> Result<Option<ValueAndTimestamp<V>>> {
        let Some(row) = self.parent.get(key)? else { return Ok(None) };
        Ok(((self.predicate)(key, &row.value)? == self.keep).then_some(row))
    }
}

/// The rows of another table with other values.
pub(crate) struct MappedLookup<F, K, V> {
    pub(crate) parent: Rc<dyn Lookup<K, V>>,
    pub(crate) mapper: Arc<F>,
}

impl<F, K, V, V2> Lookup<K, V2> for MappedLookup<F, K, V>
where
    F: Fn(&K, V) -> Result<Option<V2>>,
{
    fn get(&self, key: &K) -> Result<Option<ValueAndTimestamp<V2>>> {
        let Some(ValueAndTimestamp { value, timestamp }) = self.parent.get(key)? else { return Ok(None) };
        Ok((self.mapper)(key, value)?.map(|value| ValueAndTimestamp::new(value, timestamp)))
    }
}
