//! ```text
//! (k, v) ─> predicate ─┬─ as expected ─> (k, v)
//!                      └─ otherwise: nothing
//! ```

use super::{Edge, Forward, NodeContext};
use crate::error::Result;
use crate::record::Record;
use std::sync::Arc;

/// Lets through the records for which the predicate gives `keep`.
pub(crate) struct Filter<F, K, V> {
    pub(crate) predicate: Arc<F>,
    pub(crate) keep: bool,
    pub(crate) node: NodeContext,
    pub(crate) down: Edge<K, V>,
}

impl<F, K, V> Forward<K, V> for Filter<F, K, V>
where
    F: Fn(&K, &V) -> Result<bool>,
{
    fn record(&self, record: Record<K, V>) -> Result<()> {
        match (self.predicate)(&record.key, &record.value) {
            Ok(answer) if answer == self.keep => self.down.record(record),
            Ok(_) => Ok(()),
            Err(error) => self.node.failed(error),
        }
    }
}
