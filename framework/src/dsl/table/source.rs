//! Tables that are read from a topic or made of a stream.

use super::KTable;
use crate::dsl::builder::add_source;
use crate::dsl::materialize::{self, stored_table};
use crate::dsl::options::{Consumed, Materialized, Topics};
use crate::dsl::repartition::{self, Names, Through};
use crate::dsl::steps::Steps;
use crate::dsl::stream::{KStream, add_below};
use crate::operator::{Forwarder, TableSource};
use crate::record::Change;
use crate::serde::{Datum, Nullable, Wire};
use crate::store::{StoreBlueprint, TimestampedKeyValueStore};
use crate::topology::{Derivation, NodeId, Plan, StepId, Table, TableId, WireOperator, Wiring, boxed};
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

/// A table read from a topic.
pub(in crate::dsl) fn source<K: Datum, V: Datum>(
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
        ..stored_table::<TimestampedKeyValueStore<K::Inner, V::Inner>, _, _>(node, store.to_owned())
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
        let forwarder = Forwarder::new(node.clone(), down, sends_old_values, store.as_ref());
        Ok(boxed::<K, V>(Rc::new(TableSource { store, forwarder, node })))
    })
}

impl<K, V> KStream<K, V> {
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
    pub fn to_table<KT: Wire, VT: Wire>(self) -> KTable<KT, VT>
    where
        K: Nullable<Inner = KT>,
        V: Nullable<Inner = VT>,
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
    pub fn to_table_with<KT: Datum, VT: Datum>(self, materialized: impl Into<Materialized<KT, VT>>) -> KTable<KT, VT>
    where
        K: Nullable<Inner = KT>,
        V: Nullable<Inner = VT>,
    {
        let (parent, key_changed, materialized) = (self.step, self.key_changed, materialized.into());
        let step = self.steps.take(Location::caller(), move |plan, taken| {
            let name = plan.name(taken.name, "KSTREAM-TOTABLE-");
            let store = plan.name_or_generate(materialized.name.as_deref(), "KSTREAM-TOTABLE-STATE-STORE-");
            let mut below = plan.output(parent);
            if key_changed {
                let names = Names::take(plan, &name);
                let (key, value) = (materialized.key.clone(), materialized.value.clone());
                let through = Through::<K, V>::of(key, value);
                below = repartition::insert(plan, below, names, &through);
            }
            add_source_table::<K, V>(plan, taken.step, name, below, &store, &materialized, materialized.name.is_some());
        });
        KTable::new(self.steps, step)
    }
}
