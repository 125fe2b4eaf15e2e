//! ```text
//! (k, v) ─┬─ predicate 0 holds ─> branch 0
//!         ├─ else predicate 1 ─> branch 1
//!         └─ else ─> default branch, or nothing
//! ```

use super::{Edge, Forward, NodeContext};
use crate::error::Result;
use crate::record::Record;
use std::sync::Arc;

/// A predicate of a branch.
pub(crate) type Predicate<K, V> = Arc<dyn Fn(&K, &V) -> Result<bool> + Send + Sync>;

/// Sends each record to the first branch whose predicate holds.
pub(crate) struct Branch<K, V> {
    pub(crate) branches: Vec<(Predicate<K, V>, Edge<K, V>)>,
    pub(crate) otherwise: Option<Edge<K, V>>,
    pub(crate) node: NodeContext,
}

impl<K, V> Forward<K, V> for Branch<K, V> {
    fn record(&self, record: Record<K, V>) -> Result<()> {
        for (predicate, edge) in &self.branches {
            match predicate(&record.key, &record.value) {
                Ok(true) => return edge.record(record),
                Ok(false) => {}
                Err(error) => return self.node.failed(error),
            }
        }
        match &self.otherwise {
            Some(edge) => edge.record(record),
            None => Ok(()),
        }
    }
}
