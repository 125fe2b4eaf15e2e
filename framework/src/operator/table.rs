//! Steps of tables: updates travel as a pair of new and old value.
//!
//! ```text
//! TableFilter     (k, new, old) ─> (k, new if it passes, old if it passed)
//! TableMapValues  (k, new, old) ─> (k, f(new), f(old))
//! TableToStream   (k, new, old) ─> (k, new)
//! ```

use super::aggregate::Forwarder;
use super::{Edge, Forward, NodeContext};
use crate::error::Result;
use crate::record::{Change, Record};
use crate::serde::Datum;
use crate::store::{TimestampedKeyValueStore, ValueAndTimestamp};
use std::sync::Arc;

/// A table that a step of a table keeps for itself.
pub(crate) struct StoredTable<K: Datum, V: Datum> {
    pub(crate) store: TimestampedKeyValueStore<K, V>,
    pub(crate) forwarder: Forwarder<K, V>,
}

impl<K: Datum, V: Datum> StoredTable<K, V> {
    /// Keeps the new value and sends the change down with the value it replaces.
    fn update(&self, node: &NodeContext, key: K, new: Option<V>, old: Option<V>, record: Record<(), ()>) -> Result<()> {
        let row = new.clone().map(|new| ValueAndTimestamp::new(new, record.timestamp));
        if let Err(error) = self.store.put(&key, row) {
            return node.failed(error);
        }
        let Record { timestamp, headers, .. } = record;
        self.forwarder.forward(Record { key, value: Change::new(new, old), timestamp, headers })
    }
}

/// Keeps the rows for which the predicate gives `keep`; others become tombstones.
pub(crate) struct TableFilter<F, K: Datum, V: Datum> {
    pub(crate) predicate: Arc<F>,
    pub(crate) keep: bool,
    pub(crate) sends_old_values: bool,
    pub(crate) stored: Option<StoredTable<K, V>>,
    pub(crate) node: NodeContext,
    pub(crate) down: Edge<K, Change<V>>,
}

impl<F, K: Datum, V: Datum> TableFilter<F, K, V>
where
    F: Fn(&K, &V) -> Result<bool>,
{
    fn pass(&self, key: &K, value: Option<V>) -> Result<Option<V>> {
        match value {
            Some(value) => Ok(((self.predicate)(key, &value)? == self.keep).then_some(value)),
            None => Ok(None),
        }
    }

    fn old(&self, key: &K, old: Option<V>) -> Result<Option<V>> {
        match &self.stored {
            _ if !self.sends_old_values => Ok(None),
            Some(stored) => Ok(stored.store.get(key)?.map(|row| row.value)),
            None => self.pass(key, old),
        }
    }
}

impl<F, K: Datum, V: Datum> Forward<K, Change<V>> for TableFilter<F, K, V>
where
    F: Fn(&K, &V) -> Result<bool>,
{
    fn record(&self, record: Record<K, Change<V>>) -> Result<()> {
        let Record { key, value: Change { new, old, is_latest }, timestamp, headers } = record;
        let passed = self.pass(&key, new).and_then(|new| Ok((new, self.old(&key, old)?)));
        let (new, old) = match passed {
            Ok(passed) => passed,
            Err(error) => return self.node.failed(error),
        };
        if self.sends_old_values && new.is_none() && old.is_none() {
            return Ok(());
        }
        match &self.stored {
            Some(stored) => stored.update(&self.node, key, new, old, Record { key: (), value: (), timestamp, headers }),
            None => self.down.record(Record { key, value: Change { new, old, is_latest }, timestamp, headers }),
        }
    }
}

/// Makes another value of each row; tombstones stay, and a mapper that gives `None` makes one.
pub(crate) struct TableMapValues<F, K: Datum, V: Datum> {
    pub(crate) mapper: Arc<F>,
    pub(crate) sends_old_values: bool,
    pub(crate) stored: Option<StoredTable<K, V>>,
    pub(crate) node: NodeContext,
    pub(crate) down: Edge<K, Change<V>>,
}

impl<F, K: Datum, V: Datum> TableMapValues<F, K, V> {
    fn old<VIn>(&self, key: &K, old: Option<VIn>) -> Result<Option<V>>
    where
        F: Fn(&K, VIn) -> Result<Option<V>>,
    {
        match &self.stored {
            _ if !self.sends_old_values => Ok(None),
            Some(stored) => Ok(stored.store.get(key)?.map(|row| row.value)),
            None => old.map_or(Ok(None), |old| (self.mapper)(key, old)),
        }
    }
}

impl<F, K: Datum, VIn, V: Datum> Forward<K, Change<VIn>> for TableMapValues<F, K, V>
where
    F: Fn(&K, VIn) -> Result<Option<V>>,
{
    fn record(&self, record: Record<K, Change<VIn>>) -> Result<()> {
        let Record { key, value: Change { new, old, is_latest }, timestamp, headers } = record;
        let mapped = new.map_or(Ok(None), |new| (self.mapper)(&key, new));
        let (new, old) = match mapped.and_then(|new| Ok((new, self.old(&key, old)?))) {
            Ok(mapped) => mapped,
            Err(error) => return self.node.failed(error),
        };
        match &self.stored {
            Some(stored) => stored.update(&self.node, key, new, old, Record { key: (), value: (), timestamp, headers }),
            None => self.down.record(Record { key, value: Change { new, old, is_latest }, timestamp, headers }),
        }
    }
}

/// Sends each new value on, tombstones included.
pub(crate) struct TableToStream<K, V> {
    pub(crate) down: Edge<K, Option<V>>,
}

impl<K, V> Forward<K, Change<V>> for TableToStream<K, V> {
    fn record(&self, record: Record<K, Change<V>>) -> Result<()> {
        let Record { key, value, timestamp, headers } = record;
        self.down.record(Record { key, value: value.new, timestamp, headers })
    }
}
