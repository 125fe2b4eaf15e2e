//! [`KTable`] and its steps.

use super::builder::add_source;
use super::grouped::stored_table;
use super::materialize;
use super::options::{Consumed, Materialized, Topics};
use super::repartition::{self, Names, Through};
use super::steps::Steps;
use super::stream::{KStream, add_below, wire_simple};
use crate::error::Result;
use crate::operator::{
    Edge, FilteredLookup, Forwarder, Lookup, MappedLookup, NodeContext, StoredTable, TableFilter, TableMapValues,
    TableSource, TableToStream,
};
use crate::record::Change;
use crate::serde::{Datum, Nullable, Wire};
use crate::store::{StoreBlueprint, TimestampedKeyValueStore};
use crate::topology::{Derivation, NodeId, Plan, StepId, Table, TableId, WireOperator, Wiring, boxed, boxed_lookup};
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

/// A table: the latest value of each key, as a stream of updates. Kafka Streams: `org.apache.kafka.streams.kstream.KTable`.
///
/// Keys and values are never null; an update to null deletes the key. A table is kept in a store only where something
/// needs it: a name for queries, a join, old values.
///
/// ```
/// # use kstreams::{dsl::*, testing::*};
/// # let builder = StreamsBuilder::new();
/// let stations = builder.table::<i32, String>("stations");
/// stations.to_stream().map_values(|name| name.unwrap_or("closed".to_owned())).to("out");
/// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
/// driver.input("stations").pipe_key_values([(1, Some("Loop".to_owned())), (1, None)])?;
/// assert_eq!(driver.output("out").read_values::<String>()?, ["Loop", "closed"]);
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub struct KTable<K, V> {
    pub(super) steps: Steps,
    pub(super) step: StepId,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Clone for KTable<K, V> {
    fn clone(&self) -> Self {
        KTable::new(self.steps.clone(), self.step)
    }
}

impl<K, V> KTable<K, V> {
    pub(super) fn new(steps: Steps, step: StepId) -> Self {
        KTable { steps, step, types: PhantomData }
    }

    /// Names the step that made this table (`Named.as`); its store is named by [`Materialized`].
    ///
    /// ```
    /// # use kstreams::dsl::*;
    /// # let builder = StreamsBuilder::new();
    /// builder.table::<i32, i32>("in").filter(|_, v| *v > 10).named("large-only").to_stream().to("out");
    /// let description = builder.build()?.describe().to_string();
    /// assert!(description.contains("Processor: large-only (stores: [])"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn named(self, name: &str) -> Self {
        self.steps.name(self.step, name);
        self
    }
}

/// A table read from a topic.
pub(super) fn source<K: Datum, V: Datum>(
    steps: &Steps,
    at: &'static Location<'static>,
    consumed: Consumed<Option<K>, Option<V>>,
    materialized: Option<Materialized<K, V>>,
) -> KTable<K, V> {
    let step = steps.take(at, move |plan, taken| {
        let given = taken.name.or(consumed.name.as_deref());
        let named_store = materialized.as_ref().and_then(|materialized| materialized.name.as_deref());
        let prefix = format!("{}-STATE-STORE-", first_topic(plan, &consumed.topics));
        let store = plan.name_or_generate(named_store, &prefix);
        let source_name = plan.name(given.map(|name| format!("{name}-source")).as_deref(), "KSTREAM-SOURCE-");
        let name = plan.name(given, "KTABLE-SOURCE-");
        let source = add_source(plan, source_name, &consumed, false);
        let options =
            materialized.clone().unwrap_or_else(|| Materialized::with(consumed.key.clone(), consumed.value.clone()));
        let needed = options.name.is_some();
        add_source_table::<Option<K>, Option<V>>(plan, taken.step, name, source, &store, &options, needed);
    });
    KTable::new(steps.clone(), step)
}

fn first_topic(plan: &mut Plan, topics: &Topics) -> String {
    match topics {
        Topics::Named(names) if names.len() == 1 => names[0].clone(),
        _ => {
            plan.problem("a table is read from exactly one topic");
            String::new()
        }
    }
}

/// Adds the node that turns records into updates of a table.
fn add_source_table<K: Nullable, V: Nullable>(
    plan: &mut Plan,
    step: StepId,
    name: String,
    parent: NodeId,
    store: &str,
    options: &Materialized<K::Inner, V::Inner>,
    needed: bool,
) {
    let blueprint: Arc<dyn StoreBlueprint> = materialize::key_value(store, options).build();
    let wire = wire_source::<K, V>(store.to_owned(), plan.tables.next());
    let node = add_below(plan, name, vec![parent], Vec::new(), wire);
    let table = Table {
        derivation: Derivation::Source { store: blueprint, materialised: needed },
        ..stored_table::<K::Inner, V::Inner>(node, store.to_owned())
    };
    plan.add_table(step, table);
}

fn wire_source<K: Nullable, V: Nullable>(store: String, table: TableId) -> WireOperator {
    Arc::new(move |wiring: &Wiring<'_>, id| {
        let (node, down) = (wiring.node(id), wiring.below::<K::Inner, Change<V::Inner>>(id));
        let store: Option<TimestampedKeyValueStore<K::Inner, V::Inner>> = match wiring.is_materialised(table) {
            true => Some(wiring.store(&store)?),
            false => None,
        };
        let sends_old_values = wiring.sends_old_values(table);
        let forwarder = Forwarder::new(node.clone(), down, sends_old_values, |listener, old| {
            store.as_ref().is_some_and(|store| store.set_flush_listener(listener, old))
        });
        Ok(boxed::<K, V>(Rc::new(TableSource { store, forwarder, node })))
    })
}

impl<K: Nullable, V: Nullable> KStream<K, V> {
    /// Reads the stream as a table of the latest value of each key. A null value deletes its key; records with a null key are
    /// dropped and counted. If the key may have changed the stream is repartitioned first.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let table = builder.stream::<i32, Option<i32>>("in").to_table();
    /// table.filter(|_, v| *v > 10).to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, Some(50)), (1, Some(5)), (2, None)])?;
    /// let updates = driver.output("out").read_key_values::<i32, Option<i32>>()?;
    /// assert_eq!(updates, [(1, Some(50)), (1, None), (2, None)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn to_table(self) -> KTable<K::Inner, V::Inner>
    where
        K::Inner: Wire,
        V::Inner: Wire,
    {
        self.to_table_with(())
    }

    /// [`to_table`](Self::to_table) with a name or formats for the store (`toTable` with a `Materialized`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::store::TimestampedKeyValueStore;
    /// builder.stream::<i32, i32>("in").to_table_with("latest");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (1, 7)])?;
    /// let latest: TimestampedKeyValueStore<i32, i32> = driver.store("latest")?;
    /// assert_eq!(latest.get(&1)?.map(|row| row.value), Some(7));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn to_table_with(
        self,
        materialized: impl Into<Materialized<K::Inner, V::Inner>>,
    ) -> KTable<K::Inner, V::Inner> {
        let (parent, key_changed, materialized) = (self.step, self.key_changed, materialized.into());
        let step = self.steps.take(Location::caller(), move |plan, taken| {
            let name = plan.name(taken.name, "KSTREAM-TOTABLE-");
            let store = plan.name_or_generate(materialized.name.as_deref(), "KSTREAM-TOTABLE-STATE-STORE-");
            let mut below = plan.output(parent);
            if key_changed {
                let names = Names::take(plan, &name);
                let (key, value) = (materialized.key.clone(), materialized.value.clone());
                let through = Through::<K, V> { key, value, partitions: None, partitioner: None };
                below = repartition::insert(plan, below, names, &through);
            }
            add_source_table::<K, V>(plan, taken.step, name, below, &store, &materialized, materialized.name.is_some());
        });
        KTable::new(self.steps, step)
    }
}

impl<K: Datum, V: Datum> KTable<K, V> {
    /// The table's updates as a stream; a deleted key comes with `None`. Each update has the timestamp of the record that
    /// caused it, or of the row if that is later. The stream counts as partitioned by its key.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.table::<i32, i32>("in").to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, Some(5)), (1, None)])?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, Option<i32>>()?, [(1, Some(5)), (1, None)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn to_stream(self) -> KStream<K, Option<V>> {
        let (parent, wire) = (self.step, wire_simple(to_stream::<K, V>));
        let step = self.steps.take_node(Location::caller(), move |plan, taken| {
            let name = plan.name(taken.name, "KTABLE-TOSTREAM-");
            let parent = plan.output(parent);
            add_below(plan, name, vec![parent], Vec::new(), wire.clone())
        });
        KStream::new(self.steps, step, false)
    }

    /// Keeps the rows for which the predicate holds. A row that no longer passes is deleted: its update goes on with `None`.
    /// Deletions are not shown to the predicate and go on as they are.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.table::<i32, i32>("in").filter(|_, v| *v > 10).to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 50), (1, 5)])?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, Option<i32>>()?, [(1, Some(50)), (1, None)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn filter(self, predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static) -> Self {
        self.keep(Location::caller(), move |key, value| Ok(predicate(key, value)), true, None)
    }

    /// Keeps the rows for which the predicate does not hold; otherwise as [`filter`](Self::filter).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.table::<i32, i32>("in").filter_not(|_, v| *v > 10).to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 50), (1, 5)])?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, Option<i32>>()?, [(1, None), (1, Some(5))]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn filter_not(self, predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static) -> Self {
        self.keep(Location::caller(), move |key, value| Ok(predicate(key, value)), false, None)
    }

    /// [`filter`](Self::filter) with a predicate that may fail. An update that it fails on goes to the policy for processing
    /// errors, and the row stays as it was.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.table::<i32, i32>("in").try_filter(|_, v| match v {
    ///     0.. => Ok(*v > 10),
    ///     _ => Err(kstreams::error::Error::processing("a negative amount")),
    /// }).to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 50)?;
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [50]);
    /// assert_eq!(driver.input("in").pipe(1, -1).unwrap_err().message(), "a negative amount");
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn try_filter(self, predicate: impl Fn(&K, &V) -> Result<bool> + Send + Sync + 'static) -> Self {
        self.keep(Location::caller(), predicate, true, None)
    }

    /// [`filter`](Self::filter) kept in a store of its own (`filter` with a `Materialized`), for queries by its name.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::store::TimestampedKeyValueStore;
    /// builder.table::<i32, i32>("in").filter_with(|_, v| *v > 10, "large");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 50), (2, 5)])?;
    /// let large: TimestampedKeyValueStore<i32, i32> = driver.store("large")?;
    /// assert_eq!(large.get(&1)?.map(|row| row.value), Some(50));
    /// assert_eq!(large.get(&2)?, None);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn filter_with(
        self,
        predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static,
        materialized: impl Into<Materialized<K, V>>,
    ) -> Self {
        self.keep(Location::caller(), move |key, value| Ok(predicate(key, value)), true, Some(materialized.into()))
    }

    /// [`filter_not`](Self::filter_not) kept in a store of its own (`filterNot` with a `Materialized`), for queries by its
    /// name.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::store::TimestampedKeyValueStore;
    /// builder.table::<i32, i32>("in").filter_not_with(|_, v| *v > 10, "small");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 50), (2, 5)])?;
    /// let small: TimestampedKeyValueStore<i32, i32> = driver.store("small")?;
    /// assert_eq!(small.get(&1)?, None);
    /// assert_eq!(small.get(&2)?.map(|row| row.value), Some(5));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn filter_not_with(
        self,
        predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static,
        materialized: impl Into<Materialized<K, V>>,
    ) -> Self {
        self.keep(Location::caller(), move |key, value| Ok(predicate(key, value)), false, Some(materialized.into()))
    }

    fn keep(
        self,
        at: &'static Location<'static>,
        predicate: impl Fn(&K, &V) -> Result<bool> + Send + Sync + 'static,
        keep: bool,
        materialized: Option<Materialized<K, V>>,
    ) -> Self {
        let predicate = Arc::new(predicate);
        self.derive(at, "KTABLE-FILTER-", materialized, move |parent| {
            let (for_operator, for_lookup) = (predicate.clone(), predicate.clone());
            let operator = move |stored, sends_old_values, node, down: Edge<K, Change<V>>| -> Edge<K, Change<V>> {
                let predicate = for_operator.clone();
                Rc::new(TableFilter { predicate, keep, sends_old_values, stored, node, down })
            };
            let lookup = move |wiring: &Wiring<'_>| {
                let (parent, predicate) = (wiring.lookup::<K, V>(parent)?, for_lookup.clone());
                Ok(Rc::new(FilteredLookup { parent, predicate, keep }) as Rc<dyn Lookup<K, V>>)
            };
            (operator, lookup)
        })
    }

    /// Makes another value of each row. The mapper is not called for a deletion, which goes on as it is; where it
    /// gives `None`, the row is deleted. Keys and timestamps
    /// stay. The mapper may be called again for the same row, when a join looks it up: it must not have effects.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.table::<i32, i32>("in").map_values(|v| v * 10).to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, Some(5)), (1, None)])?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, Option<i32>>()?, [(1, Some(50)), (1, None)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn map_values<R: Nullable>(self, mapper: impl Fn(V) -> R + Send + Sync + 'static) -> KTable<K, R::Inner> {
        self.mapped(Location::caller(), move |_, value| Ok(mapper(value)), None)
    }

    /// [`map_values`](Self::map_values) with a mapper that also sees the key (`mapValues` with a `ValueMapperWithKey`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.table::<i32, i32>("in").map_values_with_key(|k, v| *k * v).to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(2, 5), (3, 7)])?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i32>()?, [(2, 10), (3, 21)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn map_values_with_key<R: Nullable>(
        self,
        mapper: impl Fn(&K, V) -> R + Send + Sync + 'static,
    ) -> KTable<K, R::Inner> {
        self.mapped(Location::caller(), move |key, value| Ok(mapper(key, value)), None)
    }

    /// [`map_values_with_key`](Self::map_values_with_key) with a mapper that may fail. An update that it fails on goes to the
    /// policy for processing errors, and the row stays as it was.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.table::<i32, i32>("in").try_map_values_with_key(|k, v| {
    ///     v.checked_div(*k).ok_or_else(|| kstreams::error::Error::processing("no share for nobody"))
    /// }).to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(4, 100)?;
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [25]);
    /// assert_eq!(driver.input("in").pipe(0, 100).unwrap_err().message(), "no share for nobody");
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn try_map_values_with_key<R: Nullable>(
        self,
        mapper: impl Fn(&K, V) -> Result<R> + Send + Sync + 'static,
    ) -> KTable<K, R::Inner> {
        self.mapped(Location::caller(), mapper, None)
    }

    /// [`map_values_with_key`](Self::map_values_with_key) kept in a store of its own (`mapValues` with a `Materialized`), for
    /// queries by its name.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::store::TimestampedKeyValueStore;
    /// builder.table::<i32, i32>("in").map_values_with(|_, v| v * 10, "tenfold");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// let tenfold: TimestampedKeyValueStore<i32, i32> = driver.store("tenfold")?;
    /// assert_eq!(tenfold.get(&1)?.map(|row| row.value), Some(50));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn map_values_with<R: Nullable>(
        self,
        mapper: impl Fn(&K, V) -> R + Send + Sync + 'static,
        materialized: impl Into<Materialized<K, R::Inner>>,
    ) -> KTable<K, R::Inner> {
        self.mapped(Location::caller(), move |key, value| Ok(mapper(key, value)), Some(materialized.into()))
    }

    fn mapped<R: Nullable>(
        self,
        at: &'static Location<'static>,
        mapper: impl Fn(&K, V) -> Result<R> + Send + Sync + 'static,
        materialized: Option<Materialized<K, R::Inner>>,
    ) -> KTable<K, R::Inner> {
        let mapper = Arc::new(move |key: &K, value: V| mapper(key, value).map(R::into_option));
        self.derive(at, "KTABLE-MAPVALUES-", materialized, move |parent| {
            let (for_operator, for_lookup) = (mapper.clone(), mapper.clone());
            let operator = move |stored, sends_old_values, node, down: Edge<K, Change<R::Inner>>| {
                let mapper = for_operator.clone();
                Rc::new(TableMapValues { mapper, sends_old_values, stored, node, down }) as Edge<K, Change<V>>
            };
            let lookup = move |wiring: &Wiring<'_>| {
                let (parent, mapper) = (wiring.lookup::<K, V>(parent)?, for_lookup.clone());
                Ok(Rc::new(MappedLookup { parent, mapper }) as Rc<dyn Lookup<K, R::Inner>>)
            };
            (operator, lookup)
        })
    }

    /// A table computed from this one row by row, in a store of its own if options are given that name one.
    fn derive<V2: Datum, O, L>(
        self,
        at: &'static Location<'static>,
        prefix: &'static str,
        materialized: Option<Materialized<K, V2>>,
        recipe: impl Fn(TableId) -> (O, L) + 'static,
    ) -> KTable<K, V2>
    where
        O: Fn(Option<StoredTable<K, V2>>, bool, NodeContext, Edge<K, Change<V2>>) -> Edge<K, Change<V>>
            + Send
            + Sync
            + 'static,
        L: Fn(&Wiring<'_>) -> Result<Rc<dyn Lookup<K, V2>>> + Send + Sync + 'static,
    {
        let parent = self.step;
        let step = self.steps.take(at, move |plan, taken| {
            let given = materialized.as_ref().and_then(|materialized| materialized.name.clone());
            if materialized.is_some() && given.is_none() {
                plan.generate(prefix);
            }
            let name = plan.name(taken.name, prefix);
            let (parent_node, parent_table) = (plan.output(parent), plan.table(parent));
            let (operator, lookup) = recipe(parent_table);
            let wire = wire_derived(given.clone(), plan.tables.next(), operator);
            let node = add_below(plan, name, vec![parent_node], given.iter().cloned().collect(), wire);
            let table = match (&materialized, given) {
                (Some(options), Some(store)) => {
                    plan.add_store(materialize::key_value(&store, options).build());
                    stored_table::<K, V2>(node, store)
                }
                _ => computed_table(node, parent_table, lookup),
            };
            plan.add_table(taken.step, table);
        });
        KTable::new(self.steps, step)
    }
}

fn to_stream<K: Datum, V: Datum>(_: NodeContext, down: Edge<K, Option<V>>) -> Edge<K, Change<V>> {
    Rc::new(TableToStream { down })
}

fn computed_table<K: 'static, V: 'static>(
    node: NodeId,
    parent: TableId,
    lookup: impl Fn(&Wiring<'_>) -> Result<Rc<dyn Lookup<K, V>>> + Send + Sync + 'static,
) -> Table {
    let lookup = move |wiring: &Wiring<'_>| lookup(wiring).map(boxed_lookup);
    Table { derivation: Derivation::Computed { parent }, sends_old_values: false, lookup: Arc::new(lookup), node }
}

fn wire_derived<K: Datum, V: Datum, V2: Datum, O>(store: Option<String>, table: TableId, operator: O) -> WireOperator
where
    O: Fn(Option<StoredTable<K, V2>>, bool, NodeContext, Edge<K, Change<V2>>) -> Edge<K, Change<V>>
        + Send
        + Sync
        + 'static,
{
    Arc::new(move |wiring: &Wiring<'_>, id| {
        let (node, down) = (wiring.node(id), wiring.below::<K, Change<V2>>(id));
        let sends_old_values = wiring.sends_old_values(table);
        let stored = match &store {
            None => None,
            Some(name) => {
                let store: TimestampedKeyValueStore<K, V2> = wiring.store(name)?;
                let forwarder = Forwarder::new(node.clone(), down.clone(), sends_old_values, |listener, old| {
                    store.set_flush_listener(listener, old)
                });
                Some(StoredTable { store, forwarder })
            }
        };
        Ok(boxed(operator(stored, sends_old_values, node, down)))
    })
}
