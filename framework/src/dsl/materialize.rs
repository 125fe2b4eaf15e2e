//! From options to stores.

use super::options::Materialized;
use super::stream::add_below;
use crate::operator::{Edge, Forwarder, NodeContext, TableStore};
use crate::serde::Datum;
use crate::store::{
    Backing, KeyValueSupplier, StoreBuilder, StoreHandle, Stores, TimestampedKeyValueStore, TimestampedWindowStore,
    WindowSpec, WindowSupplier,
};
use crate::topology::{Derivation, NodeId, Plan, StepId, Table, WireOperator, Wiring, boxed, boxed_lookup};
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

/// What an operator that keeps a table in a store is made of.
pub(super) struct Kept<S, K, V> {
    pub(super) store: S,
    pub(super) forwarder: Forwarder<K, V>,
    pub(super) node: NodeContext,
}

/// Adds a node below `parent` whose operator keeps a table in a store of its own: the table of `step`.
pub(super) fn add_kept<S, K, V, KIn: 'static, VIn: 'static>(
    plan: &mut Plan,
    step: StepId,
    (name, parent): (String, NodeId),
    store: StoreBuilder<S>,
    make: impl Fn(&Wiring<'_>, Kept<S, K, V>) -> Edge<KIn, VIn> + Send + Sync + 'static,
) where
    S: TableStore<K, V>,
    K: Clone + 'static,
    V: Clone + 'static,
{
    let (store_name, table) = (store.spec().name.to_string(), plan.tables.next());
    plan.add_store(store.build());
    let wired = store_name.clone();
    let wire: WireOperator = Arc::new(move |wiring: &Wiring<'_>, id| {
        let (node, store) = (wiring.node(id), wiring.store::<S>(&wired)?);
        let (down, sends_old_values) = (wiring.below(id), wiring.sends_old_values(table));
        let forwarder = Forwarder::new(node.clone(), down, sends_old_values, Some(&store));
        Ok(boxed(make(wiring, Kept { store, forwarder, node })))
    });
    let node = add_below(plan, name, vec![parent], vec![store_name.clone()], wire);
    plan.add_table(step, stored_table::<S, K, V>(node, store_name));
}

/// A table whose rows are in a store.
pub(super) fn stored_table<S, K: 'static, V: 'static>(node: NodeId, store: String) -> Table
where
    S: TableStore<K, V>,
{
    let name = store.clone();
    let lookup = move |wiring: &Wiring<'_>| {
        let store: S = wiring.store(&name)?;
        Ok(boxed_lookup::<K, V>(Rc::new(store)))
    };
    Table { derivation: Derivation::Stored { store }, sends_old_values: false, lookup: Arc::new(lookup), node }
}
