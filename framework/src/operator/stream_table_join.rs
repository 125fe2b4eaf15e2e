//! ```text
//! (k, v) ─> row = table[k] ─> (k, joiner(v, row))
//! ```
//!
//! Only the stream's side triggers. Without a row an inner join is silent; a left join goes on without one.

use super::{Edge, Forward, Lookup, NodeContext};
use crate::error::Result;
use crate::record::Record;
use crate::serde::{Datum, Nullable};
use std::rc::Rc;
use std::sync::Arc;

/// Joins each record with the row of its key. `F` gives `None` where the join is silent.
pub(crate) struct StreamTableJoin<F, K: Nullable, VT, KOut, VR> {
    pub(crate) joiner: Arc<F>,
    pub(crate) table: Rc<dyn Lookup<K::Inner, VT>>,
    /// Whether a null key goes on without a row.
    pub(crate) takes_null_keys: bool,
    pub(crate) node: NodeContext,
    pub(crate) down: Edge<KOut, VR>,
}

impl<F, K: Nullable, V: Nullable, VT: Datum, KOut, VR> Forward<K, V> for StreamTableJoin<F, K, VT, KOut, VR>
where
    F: Fn(K, V::Inner, Option<VT>) -> Result<Option<(KOut, VR)>>,
{
    fn record(&self, record: Record<K, V>) -> Result<()> {
        let Record { key, value, timestamp, headers } = record;
        let value = value.into_option();
        let (Some(value), true) = (value, self.takes_null_keys || key.as_option().is_some()) else {
            self.node.drop_record("null key or value");
            return Ok(());
        };
        let row = match key.as_option() {
            Some(key) => self.table.get(key)?.map(|row| row.value),
            None => None,
        };
        match (self.joiner)(key, value, row) {
            Ok(None) => Ok(()),
            Ok(Some((key, value))) => self.down.record(Record { key, value, timestamp, headers }),
            Err(error) => self.node.failed(error),
        }
    }
}

/// Joins each record with the row of a global table whose key is made of the record.
pub(crate) struct GlobalJoin<S, F, KG: Datum, VG, K, VR> {
    pub(crate) selector: Arc<S>,
    pub(crate) joiner: Arc<F>,
    pub(crate) table: Rc<dyn Lookup<KG, VG>>,
    /// Whether a record without a key to look up goes on without a row.
    pub(crate) takes_null_keys: bool,
    pub(crate) node: NodeContext,
    pub(crate) down: Edge<K, VR>,
}

impl<S, F, KG: Datum, VG: Datum, K, V: Nullable, VR> Forward<K, V> for GlobalJoin<S, F, KG, VG, K, VR>
where
    S: Fn(&K, &V::Inner) -> Result<Option<KG>>,
    F: Fn(&K, V::Inner, Option<VG>) -> Result<Option<VR>>,
{
    fn record(&self, record: Record<K, V>) -> Result<()> {
        let Record { key, value, timestamp, headers } = record;
        let Some(value) = value.into_option() else {
            self.node.drop_record("null value");
            return Ok(());
        };
        let wanted = match (self.selector)(&key, &value) {
            Ok(wanted) => wanted,
            Err(error) => return self.node.failed(error),
        };
        if wanted.is_none() && !self.takes_null_keys {
            self.node.drop_record("null key");
            return Ok(());
        }
        let row = match &wanted {
            Some(wanted) => self.table.get(wanted)?.map(|row| row.value),
            None => None,
        };
        match (self.joiner)(&key, value, row) {
            Ok(None) => Ok(()),
            Ok(Some(value)) => self.down.record(Record { key, value, timestamp, headers }),
            Err(error) => self.node.failed(error),
        }
    }
}
