//! Grouped streams and their aggregations.

use super::materialize;
use super::options::{Grouped, Materialized};
use super::repartition::{self, Names, Through};
use super::steps::Steps;
use super::stream::{KStream, add_below};
use super::table::KTable;
use super::windowed::TimeWindowedKStream;
use crate::error::Result;
use crate::operator::{Aggregate, Forwarder, Lookup};
use crate::serde::{Datum, Format, Nullable, Wire};
use crate::store::TimestampedKeyValueStore;
use crate::topology::{Derivation, NodeId, Plan, StepId, Table, TableId, WireOperator, Wiring, boxed, boxed_lookup};
use crate::window::Windows;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

/// A stream whose records are grouped by key. Kafka Streams: `org.apache.kafka.streams.kstream.KGroupedStream`.
///
/// Aggregations drop records with a null key or value and count them as dropped.
pub struct KGroupedStream<K: Nullable, V: Nullable> {
    pub(super) steps: Steps,
    pub(super) grouping: Grouping<K, V>,
}

/// What an aggregation needs to know of its grouping.
pub(super) struct Grouping<K: Nullable, V: Nullable> {
    /// The step that grouped; its name names the repartition topic, too.
    pub(super) step: StepId,
    pub(super) key_changed: bool,
    key: Format<K::Inner>,
    value: Format<V::Inner>,
}

impl<K: Nullable, V: Nullable> Clone for Grouping<K, V> {
    fn clone(&self) -> Self {
        Grouping { step: self.step, key_changed: self.key_changed, key: self.key.clone(), value: self.value.clone() }
    }
}

impl<K: Nullable, V: Nullable> Clone for KGroupedStream<K, V> {
    fn clone(&self) -> Self {
        KGroupedStream { steps: self.steps.clone(), grouping: self.grouping.clone() }
    }
}

impl<K: Nullable, V: Nullable> Grouping<K, V> {
    /// The node below which an aggregation into `store` stands: behind a repartition topic if the key may have changed.
    /// A grouping with a name is repartitioned once for all its aggregations.
    pub(super) fn attach(&self, plan: &mut Plan, store: &str) -> NodeId {
        let parent = plan.output(self.step);
        if !self.key_changed {
            return parent;
        }
        let given = plan.name_of(self.step);
        let names = Names::take(plan, given.as_deref().unwrap_or(store));
        if let Some(shared) = plan.repartitioned(self.step) {
            return shared;
        }
        let (key, value) = (self.key.clone(), self.value.clone());
        let through = Through::<K, V> { key, value, partitions: None, partitioner: None };
        let source = repartition::insert(plan, parent, names, &through);
        if given.is_some() {
            plan.share_repartitioned(self.step, source);
        }
        source
    }
}

impl<K: Nullable, V: Nullable> KStream<K, V> {
    /// Groups the records by their key.
    #[track_caller]
    pub fn group_by_key(self) -> KGroupedStream<K, V>
    where
        K::Inner: Wire,
        V::Inner: Wire,
    {
        self.group_by_key_with(Grouped::with(K::Inner::format(), V::Inner::format()))
    }

    /// [`group_by_key`](Self::group_by_key) with formats or a name for a repartition topic.
    #[track_caller]
    pub fn group_by_key_with(self, grouped: Grouped<K::Inner, V::Inner>) -> KGroupedStream<K, V> {
        let (parent, name) = (self.step, grouped.name);
        let step = self.steps.take(Location::caller(), move |plan, taken| {
            plan.checked(taken.name.or(name.as_deref()));
            plan.remember_name(taken.step, taken.name.or(name.as_deref()));
            let node = plan.output(parent);
            plan.set_output(taken.step, node);
        });
        let grouping = Grouping { step, key_changed: self.key_changed, key: grouped.key, value: grouped.value };
        KGroupedStream { steps: self.steps, grouping }
    }

    /// Groups the records by a key made of each; they are repartitioned.
    #[track_caller]
    pub fn group_by<K2: Nullable>(
        self,
        selector: impl Fn(&K, &V) -> K2 + Send + Sync + 'static,
    ) -> KGroupedStream<K2, V>
    where
        K2::Inner: Wire,
        V::Inner: Wire,
    {
        self.group_by_with(selector, Grouped::with(K2::Inner::format(), V::Inner::format()))
    }

    /// [`group_by`](Self::group_by) with formats or a name for the repartition topic.
    #[track_caller]
    pub fn group_by_with<K2: Nullable>(
        self,
        selector: impl Fn(&K, &V) -> K2 + Send + Sync + 'static,
        grouped: Grouped<K2::Inner, V::Inner>,
    ) -> KGroupedStream<K2, V> {
        self.try_group_by_with(move |key, value| Ok(selector(key, value)), grouped)
    }

    /// [`group_by_with`](Self::group_by_with) with a selector that may fail.
    #[track_caller]
    pub fn try_group_by_with<K2: Nullable>(
        self,
        selector: impl Fn(&K, &V) -> Result<K2> + Send + Sync + 'static,
        grouped: Grouped<K2::Inner, V::Inner>,
    ) -> KGroupedStream<K2, V> {
        let at = Location::caller();
        let selected = self.key_select(at, selector);
        if let Some(name) = &grouped.name {
            selected.steps.name(selected.step, name);
        }
        let step = selected.step;
        let grouping = Grouping { step, key_changed: true, key: grouped.key, value: grouped.value };
        KGroupedStream { steps: selected.steps, grouping }
    }
}

impl<K: Nullable, V: Nullable> KGroupedStream<K, V> {
    /// Names the grouping: its repartition topic is `<application id>-<name>-repartition`.
    pub fn named(self, name: &str) -> Self {
        self.steps.name(self.grouping.step, name);
        self
    }

    /// Groups within windows of time.
    pub fn windowed_by<W: Windows>(self, windows: W) -> TimeWindowedKStream<K, V, W> {
        TimeWindowedKStream::new(self.steps, self.grouping, windows)
    }

    /// Counts the records of each key.
    #[track_caller]
    pub fn count(self, materialized: impl Into<Materialized<K::Inner, i64>>) -> KTable<K::Inner, i64> {
        let fold = |_: &K::Inner, _: V::Inner, count: Option<i64>| Ok(Some(count.unwrap_or(0) + 1));
        self.fold(Location::caller(), AggregateNames::COUNT, materialized.into(), fold)
    }

    /// Combines the values of each key, the first one as it is. A `None` deletes the row.
    #[track_caller]
    pub fn reduce<R: Into<Option<V::Inner>>>(
        self,
        reducer: impl Fn(V::Inner, V::Inner) -> R + Send + Sync + 'static,
        materialized: impl Into<Materialized<K::Inner, V::Inner>>,
    ) -> KTable<K::Inner, V::Inner> {
        let fold = move |_: &K::Inner, value: V::Inner, old: Option<V::Inner>| {
            Ok(match old {
                Some(old) => reducer(old, value).into(),
                None => Some(value),
            })
        };
        self.fold(Location::caller(), AggregateNames::REDUCE, materialized.into(), fold)
    }

    /// [`reduce`](Self::reduce) with a reducer that may fail; the row then stays as it was.
    #[track_caller]
    pub fn try_reduce<R: Into<Option<V::Inner>>>(
        self,
        reducer: impl Fn(&V::Inner, V::Inner) -> Result<R> + Send + Sync + 'static,
        materialized: impl Into<Materialized<K::Inner, V::Inner>>,
    ) -> KTable<K::Inner, V::Inner> {
        let fold = move |_: &K::Inner, value: V::Inner, old: Option<V::Inner>| match old {
            Some(old) => reducer(&old, value).map(Into::into),
            None => Ok(Some(value)),
        };
        self.fold(Location::caller(), AggregateNames::REDUCE, materialized.into(), fold)
    }

    /// Folds the values of each key into a row that begins with `initializer`. A `None` deletes the row.
    #[track_caller]
    pub fn aggregate<A: Datum, R: Into<Option<A>>>(
        self,
        initializer: impl Fn() -> A + Send + Sync + 'static,
        aggregator: impl Fn(&K::Inner, V::Inner, A) -> R + Send + Sync + 'static,
        materialized: impl Into<Materialized<K::Inner, A>>,
    ) -> KTable<K::Inner, A> {
        let fold = move |key: &K::Inner, value: V::Inner, old: Option<A>| {
            Ok(aggregator(key, value, old.unwrap_or_else(&initializer)).into())
        };
        self.fold(Location::caller(), AggregateNames::AGGREGATE, materialized.into(), fold)
    }

    /// [`aggregate`](Self::aggregate) with an aggregator that may fail; the row then stays as it was.
    #[track_caller]
    pub fn try_aggregate<A: Datum, R: Into<Option<A>>>(
        self,
        initializer: impl Fn() -> A + Send + Sync + 'static,
        aggregator: impl Fn(&K::Inner, V::Inner, &A) -> Result<R> + Send + Sync + 'static,
        materialized: impl Into<Materialized<K::Inner, A>>,
    ) -> KTable<K::Inner, A> {
        let fold = move |key: &K::Inner, value: V::Inner, old: Option<A>| {
            aggregator(key, value, &old.unwrap_or_else(&initializer)).map(Into::into)
        };
        self.fold(Location::caller(), AggregateNames::AGGREGATE, materialized.into(), fold)
    }

    fn fold<A: Datum>(
        self,
        at: &'static Location<'static>,
        names: AggregateNames,
        materialized: Materialized<K::Inner, A>,
        fold: impl Fn(&K::Inner, V::Inner, Option<A>) -> Result<Option<A>> + Send + Sync + 'static,
    ) -> KTable<K::Inner, A> {
        let (grouping, fold) = (self.grouping, Arc::new(fold));
        let step = self.steps.take(at, move |plan, taken| {
            let store = names.store(plan, &materialized);
            let name = plan.name(taken.name, names.node);
            let parent = grouping.attach(plan, &store);
            plan.add_store(materialize::key_value(&store, &materialized).build());
            let wire = wire_aggregate::<_, K, V, A>(store.clone(), plan.tables.next(), fold.clone());
            let node = add_below(plan, name, vec![parent], vec![store.clone()], wire);
            plan.add_table(taken.step, stored_table::<K::Inner, A>(node, store));
        });
        KTable::new(self.steps, step)
    }
}

/// The prefixes of generated names of one kind of aggregation.
#[derive(Clone, Copy)]
pub(super) struct AggregateNames {
    pub(super) store: &'static str,
    pub(super) node: &'static str,
    /// Kafka Streams takes a number too many for `count` with options that do not name the store.
    pub(super) burns: bool,
}

impl AggregateNames {
    pub(super) const COUNT: Self = AggregateNames { burns: true, ..Self::AGGREGATE };
    pub(super) const AGGREGATE: Self =
        AggregateNames { store: "KSTREAM-AGGREGATE-STATE-STORE-", node: "KSTREAM-AGGREGATE-", burns: false };
    pub(super) const REDUCE: Self =
        AggregateNames { store: "KSTREAM-REDUCE-STATE-STORE-", node: "KSTREAM-REDUCE-", burns: false };

    /// The name of the store.
    pub(super) fn store<K, A>(self, plan: &mut Plan, materialized: &Materialized<K, A>) -> String {
        if self.burns && materialized.given && materialized.name.is_none() {
            plan.generate(self.store);
        }
        plan.name_or_generate(materialized.name.as_deref(), self.store)
    }
}

fn wire_aggregate<F, K: Nullable, V: Nullable, A: Datum>(store: String, table: TableId, fold: Arc<F>) -> WireOperator
where
    F: Fn(&K::Inner, V::Inner, Option<A>) -> Result<Option<A>> + Send + Sync + 'static,
{
    Arc::new(move |wiring: &Wiring<'_>, id| {
        let store: TimestampedKeyValueStore<K::Inner, A> = wiring.store(&store)?;
        let (node, down) = (wiring.node(id), wiring.below(id));
        let sends_old_values = wiring.sends_old_values(table);
        let forwarder = Forwarder::new(node.clone(), down, sends_old_values, |listener, old| {
            store.set_flush_listener(listener, old)
        });
        Ok(boxed::<K, V>(Rc::new(Aggregate { fold: fold.clone(), store, forwarder, node })))
    })
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
