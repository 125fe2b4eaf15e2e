//! ```text
//! (k, v) ─> store[k] = v ─> (k, new, old)
//! ```

use super::aggregate::Forwarder;
use super::{Forward, NodeContext};
use crate::error::Result;
use crate::record::{Change, Record};
use crate::serde::{Datum, Nullable};
use crate::store::{TimestampedKeyValueStore, ValueAndTimestamp};

/// Reads a stream as a table: the latest value of each key. Kept in a store only where something needs it.
pub(crate) struct TableSource<K: Datum, V: Datum> {
    pub(crate) store: Option<TimestampedKeyValueStore<K, V>>,
    pub(crate) forwarder: Forwarder<K, V>,
    pub(crate) node: NodeContext,
}

impl<K: Nullable, V: Nullable> Forward<K, V> for TableSource<K::Inner, V::Inner> {
    fn record(&self, record: Record<K, V>) -> Result<()> {
        let Record { key, value, timestamp, headers } = record;
        let Some(key) = key.into_option() else {
            self.node.drop_record("null key");
            return Ok(());
        };
        let new = value.into_option();
        let old = match &self.store {
            None => None,
            Some(store) => {
                let old = store.get(&key)?;
                if old.as_ref().is_some_and(|old| timestamp < old.timestamp) {
                    tracing::warn!(node = %self.node.name(), timestamp, "out-of-order update of a table");
                }
                let row = new.clone().map(|new| ValueAndTimestamp::new(new, timestamp));
                if let Err(error) = store.put(&key, row) {
                    return self.node.failed(error);
                }
                old.map(|old| old.value)
            }
        };
        self.forwarder.forward(Record { key, value: Change::new(new, old), timestamp, headers })
    }
}
