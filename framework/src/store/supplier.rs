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
    ///
    /// ```
    /// # use kstreams::{serde::Format, store::*};
    /// assert_eq!(Stores::persistent_key_value_store("counts").backing, Backing::Persistent);
    /// ```
    pub fn persistent_key_value_store(name: impl Into<Arc<str>>) -> KeyValueSupplier {
        KeyValueSupplier { name: name.into(), backing: Backing::Persistent }
    }

    /// A key-value store in memory.
    ///
    /// ```
    /// # use kstreams::{serde::Format, store::*};
    /// let counts = Stores::in_memory_key_value_store("counts");
    /// let counts = Stores::key_value_store_builder(counts, Format::i32(), Format::i64());
    /// assert!(!counts.spec().is_persistent() && counts.spec().is_logged());
    /// ```
    pub fn in_memory_key_value_store(name: impl Into<Arc<str>>) -> KeyValueSupplier {
        KeyValueSupplier { name: name.into(), backing: Backing::InMemory }
    }

    /// A key-value store in memory that keeps the `max_entries` most recently used keys, at least one.
    ///
    /// ```
    /// # use kstreams::{dsl::*, operator::ProcessorContext, record::Record, serde::Format, store::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let recent = Stores::lru_map("recent", 2);
    /// builder.add_state_store(Stores::key_value_store_builder(recent, Format::i32(), Format::i32()));
    /// builder.stream::<i32, i32>("in").process(|| |context: &ProcessorContext<i32, i32>, record: Record<i32, i32>| {
    ///     context.state_store::<KeyValueStore<i32, i32>>("recent")?.put(&record.key, record.value)
    /// }, &["recent"]);
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 10), (2, 20), (3, 30)])?;
    /// let recent: KeyValueStore<i32, i32> = driver.store("recent")?;
    /// assert_eq!((recent.get(&1)?, recent.get(&3)?), (None, Some(30)));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn lru_map(name: impl Into<Arc<str>>, max_entries: usize) -> KeyValueSupplier {
        KeyValueSupplier { name: name.into(), backing: Backing::Lru(max_entries.max(1)) }
    }

    /// A window store in the disk engine. It serves plain and timestamped stores alike
    /// (Kafka Streams' `persistentTimestampedWindowStore`).
    ///
    /// ```
    /// # use kstreams::{serde::Format, store::*};
    /// let per_minute = Stores::persistent_window_store("per-minute", 600_000, 60_000, false);
    /// assert_eq!(per_minute.window.segment_interval_ms, 300_000);
    /// ```
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
    ///
    /// ```
    /// # use kstreams::{serde::Format, store::*};
    /// let per_minute = Stores::in_memory_window_store("per-minute", 600_000, 60_000, false);
    /// assert_eq!((per_minute.backing, per_minute.window.retention_ms), (Backing::InMemory, 600_000));
    /// ```
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
    ///
    /// ```
    /// # use kstreams::{dsl::*, operator::ProcessorContext, record::Record, serde::Format, store::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let latest = Stores::persistent_key_value_store("latest");
    /// builder.add_state_store(Stores::key_value_store_builder(latest, Format::i32(), Format::i32()));
    /// builder.stream::<i32, i32>("in").process(|| |context: &ProcessorContext<i32, i32>, record: Record<i32, i32>| {
    ///     context.state_store::<KeyValueStore<i32, i32>>("latest")?.put(&record.key, record.value)
    /// }, &["latest"]);
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 10), (1, 20)])?;
    /// assert_eq!(driver.store::<KeyValueStore<i32, i32>>("latest")?.get(&1)?, Some(20));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn key_value_store_builder<K: Datum, V: Datum>(
        supplier: KeyValueSupplier,
        key: Format<K>,
        value: Format<V>,
    ) -> StoreBuilder<KeyValueStore<K, V>> {
        StoreBuilder::new(supplier.name, StoreKind::KeyValue, supplier.backing, key, value)
    }

    /// A store of key, value and timestamp.
    ///
    /// ```
    /// # use kstreams::{dsl::*, operator::ProcessorContext, record::Record, serde::Format, store::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let latest = Stores::persistent_key_value_store("latest");
    /// builder.add_state_store(Stores::timestamped_key_value_store_builder(latest, Format::i32(), Format::i32()));
    /// builder.stream::<i32, i32>("in").process(|| |context: &ProcessorContext<i32, i32>, record: Record<i32, i32>| {
    ///     let latest: TimestampedKeyValueStore<i32, i32> = context.state_store("latest")?;
    ///     latest.put(&record.key, ValueAndTimestamp { value: record.value, timestamp: record.timestamp })
    /// }, &["latest"]);
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_at(1, 10, 5_000)?;
    /// assert_eq!(driver.store::<TimestampedKeyValueStore<i32, i32>>("latest")?.get(&1)?.map(|row| row.timestamp), Some(5_000));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn timestamped_key_value_store_builder<K: Datum, V: Datum>(
        supplier: KeyValueSupplier,
        key: Format<K>,
        value: Format<V>,
    ) -> StoreBuilder<TimestampedKeyValueStore<K, V>> {
        StoreBuilder::new(supplier.name, StoreKind::TimestampedKeyValue, supplier.backing, key, value)
    }

    /// A store of key, window start and value.
    ///
    /// ```
    /// # use kstreams::{dsl::*, operator::ProcessorContext, record::Record, serde::Format, store::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let hours = Stores::persistent_window_store("hours", 86_400_000, 3_600_000, false);
    /// builder.add_state_store(Stores::window_store_builder(hours, Format::i32(), Format::i32()));
    /// builder.stream::<i32, i32>("in").process(|| |context: &ProcessorContext<i32, i32>, record: Record<i32, i32>| {
    ///     let hours: WindowStore<i32, i32> = context.state_store("hours")?;
    ///     hours.put(&record.key, record.value, record.timestamp / 3_600_000 * 3_600_000)
    /// }, &["hours"]);
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_at(1, 10, 3_700_000)?;
    /// assert_eq!(driver.store::<WindowStore<i32, i32>>("hours")?.fetch(&1, 3_600_000)?, Some(10));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn window_store_builder<K: Datum, V: Datum>(
        supplier: WindowSupplier,
        key: Format<K>,
        value: Format<V>,
    ) -> StoreBuilder<WindowStore<K, V>> {
        StoreBuilder::new(supplier.name, StoreKind::Window(supplier.window), supplier.backing, key, value)
    }

    /// A store of key, window start, value and timestamp.
    ///
    /// ```
    /// # use kstreams::{serde::Format, store::*};
    /// let hours = Stores::persistent_window_store("hours", 86_400_000, 3_600_000, false);
    /// let hours = Stores::timestamped_window_store_builder(hours, Format::i32(), Format::i32());
    /// assert!(hours.spec().kind.is_timestamped());
    /// ```
    pub fn timestamped_window_store_builder<K: Datum, V: Datum>(
        supplier: WindowSupplier,
        key: Format<K>,
        value: Format<V>,
    ) -> StoreBuilder<TimestampedWindowStore<K, V>> {
        StoreBuilder::new(supplier.name, StoreKind::TimestampedWindow(supplier.window), supplier.backing, key, value)
    }
}
