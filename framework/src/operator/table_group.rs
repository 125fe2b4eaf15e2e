//! ```text
//! (k, new, old) ─┬─ one new key:  (k', new', old')
//!                └─ two new keys: (k'old, none, old'), then (k'new, new', none)
//! ```

use super::{Edge, Forward, NodeContext};
use crate::error::Result;
use crate::record::{Change, Record};
use std::sync::Arc;

/// Gives the rows of a table other keys and values: what a row was is taken away from one group, what it is now is added
/// to another. Rows without a new key or value belong to no group.
pub(crate) struct TableGroup<F, K2, V2> {
    pub(crate) selector: Arc<F>,
    pub(crate) node: NodeContext,
    pub(crate) down: Edge<K2, Change<V2>>,
}

impl<F, K, V, K2, V2> Forward<K, Change<V>> for TableGroup<F, K2, V2>
where
    F: Fn(&K, V) -> Result<(Option<K2>, Option<V2>)>,
    K2: PartialEq,
{
    fn record(&self, record: Record<K, Change<V>>) -> Result<()> {
        let Record { key, value: Change { new, old, .. }, timestamp, headers } = record;
        let select = |value: Option<V>| match value {
            Some(value) => (self.selector)(&key, value).map(|(key, value)| key.zip(value)),
            None => Ok(None),
        };
        let (new, old) = match select(new).and_then(|new| Ok((new, select(old)?))) {
            Ok(selected) => selected,
            Err(error) => return self.node.failed(error),
        };
        let send = |key, change, headers| self.down.record(Record { key, value: change, timestamp, headers });
        match (new, old) {
            (Some((key, new)), Some((old_key, old))) if key == old_key => {
                send(key, Change::new(Some(new), Some(old)), headers)
            }
            // The old value goes first, as aggregates take it away before they add the new one.
            (new, old) => {
                if let Some((key, old)) = old {
                    send(key, Change::new(None, Some(old)), headers.clone())?;
                }
                new.map_or(Ok(()), |(key, new)| send(key, Change::new(Some(new), None), headers))
            }
        }
    }
}
