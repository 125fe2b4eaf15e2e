//! Joins of a stream with a table.

mod global;

use super::options::Joined;
use super::repartition::{self, Names, Through};
use super::stream::{KStream, add_below};
use super::table::KTable;
use crate::error::Result;
use crate::operator::StreamTableJoin;
use crate::serde::{Datum, Nullable, Wire};
use crate::topology::{NodeId, Plan, StepId, WireOperator, Wiring, boxed};
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

impl<K, V> KStream<K, V> {
    /// Joins each record with the table's row of its key at that moment; without one nothing comes out. Only records of the
    /// stream make results, with their own timestamps; an update of the table alone makes none.
    ///
    /// Records with a null key or value are dropped and counted. If the stream's key may have changed it is repartitioned
    /// first. The topics of stream and table must have equally many partitions: [`join_global`](Self::join_global) needs no
    /// such thing.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let names = builder.table::<i32, String>("names");
    /// builder.stream::<i32, i32>("in").join(&names, |v, name| format!("{name}: {v}")).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("names").pipe(1, "Loop".to_owned())?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50)])?;
    /// assert_eq!(driver.output("out").read_values::<String>()?, ["Loop: 5"]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn join<KI: Wire, VT: Datum, VR: Clone + 'static>(
        self,
        table: &KTable<K::Inner, VT>,
        joiner: impl Fn(V::Inner, VT) -> VR + Send + Sync + 'static,
    ) -> KStream<KI, VR>
    where
        K: Nullable<Inner = KI>,
        V: Nullable<Inner: Wire>,
    {
        let joined = Joined::with(KI::format(), V::Inner::format());
        self.join_with(table, move |_, value, row| joiner(value, row), joined)
    }

    /// [`join`](Self::join) with a joiner that also sees the key (`ValueJoinerWithKey`), and formats or a name for a
    /// repartition topic.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let names = builder.table::<i32, String>("names");
    /// let joined = Joined::named("named");
    /// builder.stream::<i32, i32>("in").join_with(&names, |k, v, name| format!("{k} {name}: {v}"), joined).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("names").pipe(1, "Loop".to_owned())?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.output("out").read_values::<String>()?, ["1 Loop: 5"]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn join_with<KI: Datum, VT: Datum, VR: Clone + 'static>(
        self,
        table: &KTable<K::Inner, VT>,
        joiner: impl Fn(&K::Inner, V::Inner, VT) -> VR + Send + Sync + 'static,
        joined: Joined<K::Inner, V::Inner>,
    ) -> KStream<KI, VR>
    where
        K: Nullable<Inner = KI>,
        V: Nullable,
    {
        let joiner = move |key: K, value: V::Inner, row: Option<VT>| {
            Ok(key.into_option().zip(row).map(|(key, row)| {
                let value = joiner(&key, value, row);
                (key, value)
            }))
        };
        self.join_table(Location::caller(), Kind::Inner, table, joined, joiner)
    }

    /// Joins each record with the table's row of its key at that moment, or with `None`. Otherwise as [`join`](Self::join),
    /// except that a record with a null key goes on: it has no row.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let names = builder.table::<i32, String>("names");
    /// builder.stream::<Option<i32>, i32>("in").left_join(&names, |v, name| if name.is_some() { v } else { -v }).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("names").pipe(1, "Loop".to_owned())?;
    /// driver.input("in").pipe_key_values([(Some(1), 5), (Some(2), 50), (None, 7)])?;
    /// let joined = driver.output("out").read_key_values::<Option<i32>, i32>()?;
    /// assert_eq!(joined, [(Some(1), 5), (Some(2), -50), (None, -7)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn left_join<VT: Datum, VR: Clone + 'static>(
        self,
        table: &KTable<K::Inner, VT>,
        joiner: impl Fn(V::Inner, Option<VT>) -> VR + Send + Sync + 'static,
    ) -> KStream<K, VR>
    where
        K: Nullable<Inner: Wire>,
        V: Nullable<Inner: Wire>,
    {
        let joined = Joined::with(K::Inner::format(), V::Inner::format());
        self.left_join_with(table, move |_, value, row| joiner(value, row), joined)
    }

    /// [`left_join`](Self::left_join) with a joiner that also sees the key (`ValueJoinerWithKey`), and formats or a name for a
    /// repartition topic.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let names = builder.table::<i32, String>("names");
    /// let joiner = |k: &i32, _: i32, name: Option<String>| name.unwrap_or_else(|| format!("station {k}"));
    /// builder.stream::<i32, i32>("in").left_join_with(&names, joiner, Joined::named("named")).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("names").pipe(1, "Loop".to_owned())?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50)])?;
    /// assert_eq!(driver.output("out").read_values::<String>()?, ["Loop", "station 2"]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn left_join_with<VT: Datum, VR: Clone + 'static>(
        self,
        table: &KTable<K::Inner, VT>,
        joiner: impl Fn(&K, V::Inner, Option<VT>) -> VR + Send + Sync + 'static,
        joined: Joined<K::Inner, V::Inner>,
    ) -> KStream<K, VR>
    where
        K: Nullable,
        V: Nullable,
    {
        let joiner = move |key: K, value: V::Inner, row: Option<VT>| {
            let value = joiner(&key, value, row);
            Ok(Some((key, value)))
        };
        self.join_table(Location::caller(), Kind::Left, table, joined, joiner)
    }

    fn join_table<VT: Datum, KOut: Clone + 'static, VR: Clone + 'static, F>(
        self,
        at: &'static Location<'static>,
        kind: Kind,
        table: &KTable<K::Inner, VT>,
        joined: Joined<K::Inner, V::Inner>,
        joiner: F,
    ) -> KStream<KOut, VR>
    where
        K: Nullable,
        V: Nullable,
        F: Fn(K, V::Inner, Option<VT>) -> Result<Option<(KOut, VR)>> + Send + Sync + 'static,
    {
        let (stream, table_step, key_changed) = (self.step, table.step, self.key_changed);
        let joiner = Arc::new(joiner);
        let one_builder = self.steps.is_same(&table.steps);
        let step = self.steps.take_node(at, move |plan, taken| {
            let given = taken.name.or(joined.name.as_deref());
            let parent = match key_changed {
                true => repartition_for_join::<K, V>(plan, stream, given, &joined),
                false => plan.output(stream),
            };
            let name = plan.name(given, kind.prefix());
            if !one_builder {
                plan.problem("the joined stream and table come from different builders");
                return parent;
            }
            let table = plan.table(table_step);
            let stores = plan.tables.demand_lookup(table);
            let wire: WireOperator = {
                let joiner = joiner.clone();
                Arc::new(move |wiring: &Wiring<'_>, id| {
                    let (table, joiner) = (wiring.lookup::<K::Inner, VT>(table)?, joiner.clone());
                    let (node, down) = (wiring.node(id), wiring.below::<KOut, VR>(id));
                    let takes_null_keys = kind == Kind::Left;
                    Ok(boxed::<K, V>(Rc::new(StreamTableJoin { joiner, table, takes_null_keys, node, down })))
                })
            };
            let node = add_below(plan, name, vec![parent], stores, wire);
            plan.node_mut(node).takes_null_keys = kind == Kind::Left;
            let table_node = plan.output(table_step);
            plan.copartition(parent, table_node);
            node
        });
        KStream::new(self.steps, step, false)
    }
}

/// What becomes of a record without a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Inner,
    Left,
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Kind::Inner => "KSTREAM-JOIN-",
            Kind::Left => "KSTREAM-LEFTJOIN-",
        }
    }
}

/// The stream behind a repartition topic that is named after the join, or after the stream.
fn repartition_for_join<K: Nullable, V: Nullable>(
    plan: &mut Plan,
    stream: StepId,
    given: Option<&str>,
    joined: &Joined<K::Inner, V::Inner>,
) -> NodeId {
    let base = given.map_or_else(|| plan.output_name(stream), str::to_owned);
    let names = Names::take(plan, &base);
    let parent = plan.output(stream);
    let (key, value) = (joined.key.clone(), joined.value.clone());
    repartition::insert(plan, parent, names, &Through::<K, V>::of(key, value))
}
