//! ```text
//! (k, v) ─┬─ key is not null ─> (k, v)
//!         └─ key is null: dropped, unless the way leads to a join that takes null keys
//! ```

use super::{Edge, Forward};
use crate::error::Result;
use crate::record::Record;
use crate::serde::Nullable;

/// The filter in front of a repartition topic.
pub(crate) struct NotNullKey<K, V> {
    pub(crate) down: Edge<K, V>,
}

impl<K: Nullable, V> Forward<K, V> for NotNullKey<K, V> {
    fn record(&self, record: Record<K, V>) -> Result<()> {
        match record.key.as_option() {
            Some(_) => self.down.record(record),
            None => Ok(()),
        }
    }
}
