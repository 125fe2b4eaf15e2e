//! `Stores`: where stores come from, under Kafka Streams' names.

use super::{
    Backing, KeyValueStore, StoreBuilder, StoreKind, TimestampedKeyValueStore, TimestampedWindowStore, WindowSpec,
    WindowStore,
};
use crate::serde::{Datum, Format};
use crate::window::window_segment_interval_ms;
use std::sync::Arc;

/// Where a key-value store's rows live; see [`Stores`].
/// Kafka Streams: `org.apache.kafka.streams.state.KeyValueBytesStoreSupplier`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyValueSupplier {
    /// The store's name.
    pub name: Arc<str>,
    /// Where the rows live.
    pub backing: Backing,
}

/// Where a window store's rows live and how long; see [`Stores`].
/// Kafka Streams: `org.apache.kafka.streams.state.WindowBytesStoreSupplier`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowSupplier {
    /// The store's name.
    pub name: Arc<str>,
    /// Where the rows live.
    pub backing: Backing,
    /// Retention, window size and segments.
    pub window: WindowSpec,
}

/// Makes stores. Kafka Streams: `org.apache.kafka.streams.state.Stores`.
///
/// ```
/// use kstreams::serde::Format;
/// use kstreams::store::Stores;
///
/// let counts = Stores::timestamped_key_value_store_builder(
///     Stores::persistent_key_value_store("counts"),
///     Format::string(),
///     Format::i64(),
/// )
/// .with_caching_enabled();
/// assert_eq!(counts.name(), "counts");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Stores;

impl Stores {
    /// A key-value store in the disk engine. It serves plain and timestamped stores alike
    /// (Kafka Streams' `persistentTimestampedKeyValueStore`).
    pub fn persistent_key_value_store(name: impl Into<Arc<str>>) -> KeyValueSupplier {
        KeyValueSupplier { name: name.into(), backing: Backing::Persistent }
    }

    /// A key-value store in memory.
    pub fn in_memory_key_value_store(name: impl Into<Arc<str>>) -> KeyValueSupplier {
        KeyValueSupplier { name: name.into(), backing: Backing::InMemory }
    }

    /// A key-value store in memory that keeps the `max_entries` most recently used keys, at least one.
    pub fn lru_map(name: impl Into<Arc<str>>, max_entries: usize) -> KeyValueSupplier {
        KeyValueSupplier { name: name.into(), backing: Backing::Lru(max_entries.max(1)) }
    }

    /// A window store in the disk engine. It serves plain and timestamped stores alike
    /// (Kafka Streams' `persistentTimestampedWindowStore`).
    pub fn persistent_window_store(
        name: impl Into<Arc<str>>,
        retention_ms: i64,
        size_ms: i64,
        retain_duplicates: bool,
    ) -> WindowSupplier {
        let segment_interval_ms = window_segment_interval_ms(retention_ms);
        let window = WindowSpec { retention_ms, size_ms, segment_interval_ms, retain_duplicates };
        WindowSupplier { name: name.into(), backing: Backing::Persistent, window }
    }

    /// A window store in memory. Its rows are listed by window start, then key; those of a persistent store by segment,
    /// key, then window start.
    pub fn in_memory_window_store(
        name: impl Into<Arc<str>>,
        retention_ms: i64,
        size_ms: i64,
        retain_duplicates: bool,
    ) -> WindowSupplier {
        let supplier = Stores::persistent_window_store(name, retention_ms, size_ms, retain_duplicates);
        WindowSupplier { backing: Backing::InMemory, ..supplier }
    }

    /// A store of key and value.
    pub fn key_value_store_builder<K: Datum, V: Datum>(
        supplier: KeyValueSupplier,
        key: Format<K>,
        value: Format<V>,
    ) -> StoreBuilder<KeyValueStore<K, V>> {
        StoreBuilder::new(supplier.name, StoreKind::KeyValue, supplier.backing, key, value)
    }

    /// A store of key, value and timestamp.
    pub fn timestamped_key_value_store_builder<K: Datum, V: Datum>(
        supplier: KeyValueSupplier,
        key: Format<K>,
        value: Format<V>,
    ) -> StoreBuilder<TimestampedKeyValueStore<K, V>> {
        StoreBuilder::new(supplier.name, StoreKind::TimestampedKeyValue, supplier.backing, key, value)
    }

    /// A store of key, window start and value.
    pub fn window_store_builder<K: Datum, V: Datum>(
        supplier: WindowSupplier,
        key: Format<K>,
        value: Format<V>,
    ) -> StoreBuilder<WindowStore<K, V>> {
        StoreBuilder::new(supplier.name, StoreKind::Window(supplier.window), supplier.backing, key, value)
    }

    /// A store of key, window start, value and timestamp.
    pub fn timestamped_window_store_builder<K: Datum, V: Datum>(
        supplier: WindowSupplier,
        key: Format<K>,
        value: Format<V>,
    ) -> StoreBuilder<TimestampedWindowStore<K, V>> {
        StoreBuilder::new(supplier.name, StoreKind::TimestampedWindow(supplier.window), supplier.backing, key, value)
    }
}
