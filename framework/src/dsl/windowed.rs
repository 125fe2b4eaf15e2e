//! Windowed groupings and their aggregations.

use super::grouped::{AggregateNames, Grouping};
use super::materialize;
use super::options::Materialized;
use super::steps::Steps;
use super::stream::add_below;
use super::table::KTable;
use crate::error::Result;
use crate::operator::{Forwarder, Lookup, WindowAggregate};
use crate::record::Windowed;
use crate::serde::{Datum, Nullable};
use crate::store::TimestampedWindowStore;
use crate::topology::{Derivation, NodeId, Plan, Table, TableId, WireOperator, Wiring, boxed, boxed_lookup};
use crate::window::Windows;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

/// A grouped stream whose records are aggregated per window of time.
/// Kafka Streams: `org.apache.kafka.streams.kstream.TimeWindowedKStream`.
///
/// Records with a null key are dropped, records for windows that have closed, too; both are counted. Null values
/// reach the aggregator.
pub struct TimeWindowedKStream<K: Nullable, V: Nullable, W> {
    steps: Steps,
    grouping: Grouping<K, V>,
    windows: W,
}

impl<K: Nullable, V: Nullable, W: Windows> TimeWindowedKStream<K, V, W> {
    pub(super) fn new(steps: Steps, grouping: Grouping<K, V>, windows: W) -> Self {
        TimeWindowedKStream { steps, grouping, windows }
    }

    /// Counts the records of each key and window.
    #[track_caller]
    pub fn count(self, materialized: impl Into<Materialized<K::Inner, i64>>) -> KTable<Windowed<K::Inner>, i64> {
        let fold = |_: &K::Inner, _: V, count: Option<i64>| Ok(Some(count.unwrap_or(0) + 1));
        self.fold(Location::caller(), AggregateNames::COUNT, materialized.into(), fold)
    }

    /// Combines the values of each key and window, the first one as it is. A null deletes the row.
    #[track_caller]
    pub fn reduce(
        self,
        reducer: impl Fn(V, V) -> V + Send + Sync + 'static,
        materialized: impl Into<Materialized<K::Inner, V::Inner>>,
    ) -> KTable<Windowed<K::Inner>, V::Inner> {
        let fold = move |_: &K::Inner, value: V, old: Option<V::Inner>| {
            Ok(match old.and_then(|old| V::from_option(Some(old))) {
                Some(old) => reducer(old, value).into_option(),
                None => value.into_option(),
            })
        };
        self.fold(Location::caller(), AggregateNames::REDUCE, materialized.into(), fold)
    }

    /// Folds the values of each key and window into a row that begins with `initializer`. A `None` deletes the row.
    #[track_caller]
    pub fn aggregate<A: Datum, R: Into<Option<A>>>(
        self,
        initializer: impl Fn() -> A + Send + Sync + 'static,
        aggregator: impl Fn(&K::Inner, V, A) -> R + Send + Sync + 'static,
        materialized: impl Into<Materialized<K::Inner, A>>,
    ) -> KTable<Windowed<K::Inner>, A> {
        let fold = move |key: &K::Inner, value: V, old: Option<A>| {
            Ok(aggregator(key, value, old.unwrap_or_else(&initializer)).into())
        };
        self.fold(Location::caller(), AggregateNames::AGGREGATE, materialized.into(), fold)
    }

    /// [`aggregate`](Self::aggregate) with an aggregator that may fail; the row then stays as it was.
    #[track_caller]
    pub fn try_aggregate<A: Datum, R: Into<Option<A>>>(
        self,
        initializer: impl Fn() -> A + Send + Sync + 'static,
        aggregator: impl Fn(&K::Inner, V, &A) -> Result<R> + Send + Sync + 'static,
        materialized: impl Into<Materialized<K::Inner, A>>,
    ) -> KTable<Windowed<K::Inner>, A> {
        let fold = move |key: &K::Inner, value: V, old: Option<A>| {
            aggregator(key, value, &old.unwrap_or_else(&initializer)).map(Into::into)
        };
        self.fold(Location::caller(), AggregateNames::AGGREGATE, materialized.into(), fold)
    }

    fn fold<A: Datum>(
        self,
        at: &'static Location<'static>,
        names: AggregateNames,
        materialized: Materialized<K::Inner, A>,
        fold: impl Fn(&K::Inner, V, Option<A>) -> Result<Option<A>> + Send + Sync + 'static,
    ) -> KTable<Windowed<K::Inner>, A> {
        let (grouping, windows, fold) = (self.grouping, self.windows, Arc::new(fold));
        let step = self.steps.take(at, move |plan, taken| {
            let retention_ms = check_windows(plan, &windows, &materialized);
            let store = names.store(plan, &materialized);
            let name = plan.name(taken.name, names.node);
            let parent = grouping.attach(plan, &store);
            plan.add_store(materialize::window(&store, windows.size_ms(), retention_ms, &materialized).build());
            let table = plan.tables.next();
            let wire = wire_aggregate::<_, W, K, V, A>(store.clone(), table, windows.clone(), fold.clone());
            let node = add_below(plan, name, vec![parent], vec![store.clone()], wire);
            plan.add_table(taken.step, stored_table::<K::Inner, A>(node, store));
        });
        KTable::new(self.steps, step)
    }
}

/// Reports what is wrong with the windows; returns how long the store keeps them.
fn check_windows<K, A>(plan: &mut Plan, windows: &impl Windows, materialized: &Materialized<K, A>) -> i64 {
    if let Err(error) = windows.validate() {
        plan.problem(error.message());
    }
    let least_ms = windows.retention_ms();
    let Some(retention) = materialized.retention else { return least_ms };
    let retention_ms = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
    if retention_ms < least_ms {
        plan.problem(format!(
            "a retention of {retention_ms} ms is shorter than the {least_ms} ms of window size and grace period"
        ));
    }
    retention_ms.max(least_ms)
}

fn wire_aggregate<F, W: Windows, K: Nullable, V: Nullable, A: Datum>(
    store: String,
    table: TableId,
    windows: W,
    fold: Arc<F>,
) -> WireOperator
where
    F: Fn(&K::Inner, V, Option<A>) -> Result<Option<A>> + Send + Sync + 'static,
{
    Arc::new(move |wiring: &Wiring<'_>, id| {
        let store: TimestampedWindowStore<K::Inner, A> = wiring.store(&store)?;
        let (node, down) = (wiring.node(id), wiring.below(id));
        let sends_old_values = wiring.sends_old_values(table);
        let forwarder = Forwarder::new(node.clone(), down, sends_old_values, |listener, old| {
            store.set_flush_listener(listener, old)
        });
        let stream_time = wiring.remembered(&format!("{}.stream-time", node.name()));
        let (fold, windows) = (fold.clone(), windows.clone());
        Ok(boxed::<K, V>(Rc::new(WindowAggregate { fold, windows, store, forwarder, node, stream_time })))
    })
}

/// A table whose rows are in a window store.
fn stored_table<K: Datum, V: Datum>(node: NodeId, store: String) -> Table {
    let name = store.clone();
    let lookup = move |wiring: &Wiring<'_>| {
        let store: TimestampedWindowStore<K, V> = wiring.store(&name)?;
        Ok(boxed_lookup::<Windowed<K>, V>(Rc::new(store) as Rc<dyn Lookup<Windowed<K>, V>>))
    };
    Table { derivation: Derivation::Stored { store }, sends_old_values: false, lookup: Arc::new(lookup), node }
}
