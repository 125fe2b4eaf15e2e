//! ```text
//! Peek     (k, v) ─> look ─> (k, v)
//! ForEach  (k, v) ─> take
//! ```

use super::{Edge, Forward, NodeContext};
use crate::error::Result;
use crate::record::Record;
use std::sync::Arc;

/// Looks at each record and lets it through.
pub(crate) struct Peek<F, K, V> {
    pub(crate) look: Arc<F>,
    pub(crate) node: NodeContext,
    pub(crate) down: Edge<K, V>,
}

impl<F, K, V> Forward<K, V> for Peek<F, K, V>
where
    F: Fn(&K, &V) -> Result<()>,
{
    fn record(&self, record: Record<K, V>) -> Result<()> {
        match (self.look)(&record.key, &record.value) {
            Ok(()) => self.down.record(record),
            Err(error) => self.node.failed(error),
        }
    }
}

/// Takes each record; the end of a stream.
pub(crate) struct ForEach<F> {
    pub(crate) take: Arc<F>,
    pub(crate) node: NodeContext,
}

impl<F, K, V> Forward<K, V> for ForEach<F>
where
    F: Fn(K, V) -> Result<()>,
{
    fn record(&self, record: Record<K, V>) -> Result<()> {
        (self.take)(record.key, record.value).or_else(|error| self.node.failed(error))
    }
}
