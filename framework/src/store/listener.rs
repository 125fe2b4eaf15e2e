//! Who is told when a cached store pushes updates downstream.

use crate::error::Result;
use crate::record::{Change, Record};

/// Receives what a store's cache held back, one record a key, at flush or eviction.
///
/// The record carries the timestamp and headers of the key's last update; for timestamped stores the timestamp
/// is the stored one. While it runs, the task's record context is that of the last update, too.
/// For window stores the key is `Windowed<K>`.
pub trait FlushListener<K, V> {
    /// Forwards one update.
    ///
    /// # Errors
    /// What downstream failed with; the flush stops there.
    fn flushed(&self, record: Record<K, Change<V>>) -> Result<()>;
}

impl<K, V, F: Fn(Record<K, Change<V>>) -> Result<()>> FlushListener<K, V> for F {
    fn flushed(&self, record: Record<K, Change<V>>) -> Result<()> {
        self(record)
    }
}
