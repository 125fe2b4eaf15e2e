//! From options to stores.

use super::options::Materialized;
use crate::operator::Lookup;
use crate::serde::Datum;
use crate::store::{
    Backing, KeyValueSupplier, StoreBuilder, StoreHandle, Stores, TimestampedKeyValueStore, TimestampedWindowStore,
    WindowSpec, WindowSupplier,
};
use crate::topology::{Derivation, NodeId, Table, Wiring, boxed_lookup};
use crate::window::window_segment_interval_ms;
use std::rc::Rc;
use std::sync::Arc;

/// A key-value store for a table.
pub(super) fn key_value<K: Datum, V: Datum>(
    name: &str,
    materialized: &Materialized<K, V>,
) -> StoreBuilder<TimestampedKeyValueStore<K, V>> {
    let supplier = KeyValueSupplier { name: name.into(), backing: materialized.backing.unwrap_or(Backing::Persistent) };
    let (key, value) = (materialized.key.clone(), materialized.value.clone());
    with_options(Stores::timestamped_key_value_store_builder(supplier, key, value), materialized)
}

/// A window store for a windowed table.
pub(super) fn window<K: Datum, V: Datum>(
    name: &str,
    size_ms: i64,
    retention_ms: i64,
    materialized: &Materialized<K, V>,
) -> StoreBuilder<TimestampedWindowStore<K, V>> {
    let segment_interval_ms = window_segment_interval_ms(retention_ms);
    let window = WindowSpec { retention_ms, size_ms, segment_interval_ms, retain_duplicates: false };
    let supplier =
        WindowSupplier { name: name.into(), backing: materialized.backing.unwrap_or(Backing::Persistent), window };
    let (key, value) = (materialized.key.clone(), materialized.value.clone());
    with_options(Stores::timestamped_window_store_builder(supplier, key, value), materialized)
}

fn with_options<S: StoreHandle, K, V>(store: StoreBuilder<S>, materialized: &Materialized<K, V>) -> StoreBuilder<S> {
    let store = match materialized.caching {
        true => store.with_caching_enabled(),
        false => store.with_caching_disabled(),
    };
    let store = match materialized.backing {
        Some(_) => store,
        None => store.with_default_backing(),
    };
    match &materialized.changelog {
        crate::store::Changelog::Own(settings) => store.with_logging_enabled(settings.clone()),
        crate::store::Changelog::Source(topic) => store.with_source_changelog(topic.clone()),
        crate::store::Changelog::Off => store.with_logging_disabled(),
    }
}

/// A table whose rows are in a key-value store.
pub(super) fn stored_table<K: Datum, V: Datum>(node: NodeId, store: String) -> Table {
    let name = store.clone();
    let lookup = move |wiring: &Wiring<'_>| {
        let store: TimestampedKeyValueStore<K, V> = wiring.store(&name)?;
        Ok(boxed_lookup::<K, V>(Rc::new(store) as Rc<dyn Lookup<K, V>>))
    };
    Table { derivation: Derivation::Stored { store }, sends_old_values: false, lookup: Arc::new(lookup), node }
}
