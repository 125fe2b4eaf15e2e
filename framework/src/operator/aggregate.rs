//! ```text
//! (k, v) ─> store[k] = fold(store[k], v) ─> (k, new, old)
//! ```

use super::{Edge, Forward, NodeContext, TableStore};
use crate::error::Result;
use crate::record::{Change, Record};
use crate::serde::{Datum, Nullable};
use crate::store::{TimestampedKeyValueStore, ValueAndTimestamp};
use std::rc::Rc;
use std::sync::Arc;

/// Sends a table's updates down, unless the store's cache holds them back and sends them itself.
pub(crate) struct Forwarder<K, V> {
    node: NodeContext,
    down: Edge<K, Change<V>>,
    cached: bool,
    sends_old_values: bool,
}

impl<K: Clone + 'static, V: Clone + 'static> Forwarder<K, V> {
    /// Listens to the store, if the table has one.
    pub(crate) fn new(
        node: NodeContext,
        down: Edge<K, Change<V>>,
        sends_old_values: bool,
        store: Option<&impl TableStore<K, V>>,
    ) -> Self {
        let below = down.clone();
        let listener = Rc::new(move |record: Record<K, Change<V>>| below.record(record));
        let cached = store.is_some_and(|store| store.listen(listener, sends_old_values));
        Forwarder { node, down, cached, sends_old_values }
    }

    /// A copy of the replaced value, where it is sent down and no cache remembers it.
    pub(crate) fn kept(&self, old: &Option<V>) -> Option<V> {
        if self.cached || !self.sends_old_values { None } else { old.clone() }
    }

    /// Sends the update down, at its own timestamp.
    pub(crate) fn forward(&self, mut record: Record<K, Change<V>>) -> Result<()> {
        if self.cached {
            return Ok(());
        }
        if !self.sends_old_values {
            record.value.old = None;
        }
        let (timestamp, headers) = (record.timestamp, record.headers.clone());
        self.node.with_record(timestamp, &headers, || self.down.record(record))
    }
}

/// Folds the records of each key into one row.
pub(crate) struct Aggregate<F, K: Datum, A: Datum> {
    pub(crate) fold: Arc<F>,
    pub(crate) store: TimestampedKeyValueStore<K, A>,
    pub(crate) forwarder: Forwarder<K, A>,
    pub(crate) node: NodeContext,
}

impl<F, K: Nullable, V: Nullable, A: Datum> Forward<K, V> for Aggregate<F, K::Inner, A>
where
    F: Fn(&K::Inner, V::Inner, Option<A>) -> Result<Option<A>>,
{
    fn record(&self, record: Record<K, V>) -> Result<()> {
        let Record { key, value, timestamp, headers } = record;
        let (Some(key), Some(value)) = (key.into_option(), value.into_option()) else {
            self.node.drop_record("null key or value");
            return Ok(());
        };
        let old = self.store.get(&key)?;
        let timestamp = old.as_ref().map_or(timestamp, |old| old.timestamp.max(timestamp));
        let old = old.map(|old| old.value);
        let kept = self.forwarder.kept(&old);
        let new = match (self.fold)(&key, value, old) {
            Ok(new) => new,
            Err(error) => return self.node.failed(error),
        };
        if let Err(error) = self.store.put(&key, new.clone().map(|new| ValueAndTimestamp::new(new, timestamp))) {
            return self.node.failed(error);
        }
        self.forwarder.forward(Record { key, value: Change::new(new, kept), timestamp, headers })
    }
}
