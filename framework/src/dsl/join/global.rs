//! Joins of a stream with a global table.

use super::Kind;
use crate::dsl::global_table::GlobalKTable;
use crate::dsl::stream::{KStream, add_below};
use crate::error::Result;
use crate::operator::{GlobalJoin, Lookup};
use crate::serde::{Datum, Nullable};
use crate::store::TimestampedKeyValueStore;
use crate::topology::{WireOperator, Wiring, boxed};
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

impl<K, V> KStream<K, V> {
    /// Joins each record with the global table's row of the key that `selector` makes of it (`join` with a `GlobalKTable`);
    /// without one nothing comes out. Key and timestamp stay those of the record, and no repartitioning is needed: every
    /// instance has the whole table.
    ///
    /// Records with a null value are dropped, as are those for which the selector gives `None`; both are counted.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let lines = builder.global_table::<String, String>("lines", "lines");
    /// let rides = builder.stream::<i32, String>("rides");
    /// rides.join_global(&lines, |_, ride| ride.clone(), |ride, color| format!("{ride} is {color}")).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("lines").pipe("A".to_owned(), "blue".to_owned())?;
    /// driver.input("rides").pipe_key_values([(1, "A".to_owned()), (2, "B".to_owned())])?;
    /// assert_eq!(driver.output("out").read_values::<String>()?, ["A is blue"]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn join_global<KG: Datum, VG: Datum, VR: Clone + 'static, S: Into<Option<KG>>>(
        self,
        table: &GlobalKTable<KG, VG>,
        selector: impl Fn(&K, &V::Inner) -> S + Send + Sync + 'static,
        joiner: impl Fn(V::Inner, VG) -> VR + Send + Sync + 'static,
    ) -> KStream<K, VR>
    where
        K: Nullable,
        V: Nullable,
    {
        let joiner = move |_: &K, value: V::Inner, row: Option<VG>| Ok(row.map(|row| joiner(value, row)));
        self.join_global_table(Location::caller(), Kind::Inner, table, selector, joiner)
    }

    /// [`join_global`](Self::join_global) with a joiner that also sees the record's key (`join` with a `ValueJoinerWithKey`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let lines = builder.global_table::<String, String>("lines", "lines");
    /// let rides = builder.stream::<i32, String>("rides");
    /// rides.join_global_with_key(&lines, |_, ride| ride.clone(), |k, _, color| format!("{k} {color}")).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("lines").pipe("A".to_owned(), "blue".to_owned())?;
    /// driver.input("rides").pipe_key_values([(1, "A".to_owned()), (2, "B".to_owned())])?;
    /// assert_eq!(driver.output("out").read_values::<String>()?, ["1 blue"]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn join_global_with_key<KG: Datum, VG: Datum, VR: Clone + 'static, S: Into<Option<KG>>>(
        self,
        table: &GlobalKTable<KG, VG>,
        selector: impl Fn(&K, &V::Inner) -> S + Send + Sync + 'static,
        joiner: impl Fn(&K, V::Inner, VG) -> VR + Send + Sync + 'static,
    ) -> KStream<K, VR>
    where
        K: Nullable,
        V: Nullable,
    {
        let joiner = move |key: &K, value: V::Inner, row: Option<VG>| Ok(row.map(|row| joiner(key, value, row)));
        self.join_global_table(Location::caller(), Kind::Inner, table, selector, joiner)
    }

    /// Joins each record with the global table's row of the key that `selector` makes of it, or with `None` (`leftJoin` with a
    /// `GlobalKTable`). Records with a null value are dropped; a key that is `None` has no row.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let lines = builder.global_table::<String, String>("lines", "lines");
    /// let rides = builder.stream::<i32, String>("rides");
    /// rides.left_join_global(&lines, |_, ride| ride.clone(), |_, color| color.unwrap_or("grey".to_owned())).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("lines").pipe("A".to_owned(), "blue".to_owned())?;
    /// driver.input("rides").pipe_key_values([(1, "A".to_owned()), (2, "B".to_owned())])?;
    /// assert_eq!(driver.output("out").read_values::<String>()?, ["blue", "grey"]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn left_join_global<KG: Datum, VG: Datum, VR: Clone + 'static, S: Into<Option<KG>>>(
        self,
        table: &GlobalKTable<KG, VG>,
        selector: impl Fn(&K, &V::Inner) -> S + Send + Sync + 'static,
        joiner: impl Fn(V::Inner, Option<VG>) -> VR + Send + Sync + 'static,
    ) -> KStream<K, VR>
    where
        K: Nullable,
        V: Nullable,
    {
        let joiner = move |_: &K, value: V::Inner, row: Option<VG>| Ok(Some(joiner(value, row)));
        self.join_global_table(Location::caller(), Kind::Left, table, selector, joiner)
    }

    /// [`left_join_global`](Self::left_join_global) with a joiner that also sees the record's key (`leftJoin` with a `ValueJoinerWithKey`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let lines = builder.global_table::<String, String>("lines", "lines");
    /// let rides = builder.stream::<i32, String>("rides");
    /// rides.left_join_global_with_key(&lines, |_, ride| ride.clone(), |k, _, color| format!("{k} {color:?}")).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("lines").pipe("A".to_owned(), "blue".to_owned())?;
    /// driver.input("rides").pipe_key_values([(1, "A".to_owned()), (2, "B".to_owned())])?;
    /// assert_eq!(driver.output("out").read_values::<String>()?, ["1 Some(\"blue\")", "2 None"]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn left_join_global_with_key<KG: Datum, VG: Datum, VR: Clone + 'static, S: Into<Option<KG>>>(
        self,
        table: &GlobalKTable<KG, VG>,
        selector: impl Fn(&K, &V::Inner) -> S + Send + Sync + 'static,
        joiner: impl Fn(&K, V::Inner, Option<VG>) -> VR + Send + Sync + 'static,
    ) -> KStream<K, VR>
    where
        K: Nullable,
        V: Nullable,
    {
        let joiner = move |key: &K, value: V::Inner, row: Option<VG>| Ok(Some(joiner(key, value, row)));
        self.join_global_table(Location::caller(), Kind::Left, table, selector, joiner)
    }

    fn join_global_table<KG: Datum, VG: Datum, VR: Clone + 'static, S: Into<Option<KG>>, F>(
        self,
        at: &'static Location<'static>,
        kind: Kind,
        table: &GlobalKTable<KG, VG>,
        selector: impl Fn(&K, &V::Inner) -> S + Send + Sync + 'static,
        joiner: F,
    ) -> KStream<K, VR>
    where
        K: Nullable,
        V: Nullable,
        F: Fn(&K, V::Inner, Option<VG>) -> Result<Option<VR>> + Send + Sync + 'static,
    {
        let (stream, table_step) = (self.step, table.step);
        let one_builder = self.steps.is_same(&table.steps);
        let selector = Arc::new(move |key: &K, value: &V::Inner| Ok(selector(key, value).into()));
        let joiner = Arc::new(joiner);
        let step = self.steps.take_node(at, move |plan, taken| {
            let name = plan.name(taken.name, "KSTREAM-LEFTJOIN-");
            let parent = plan.output(stream);
            if !one_builder {
                plan.problem("the joined stream and global table come from different builders");
                return parent;
            }
            let store = plan.name_of(table_step).unwrap_or_default();
            let (selector, joiner) = (selector.clone(), joiner.clone());
            let wire: WireOperator = Arc::new(move |wiring: &Wiring<'_>, id| {
                let view = wiring.global_store::<TimestampedKeyValueStore<KG, VG>>(&store)?;
                let table = Rc::new(view) as Rc<dyn Lookup<KG, VG>>;
                let (node, down) = (wiring.node(id), wiring.below::<K, VR>(id));
                let (selector, joiner, takes_null_keys) = (selector.clone(), joiner.clone(), kind == Kind::Left);
                Ok(boxed::<K, V>(Rc::new(GlobalJoin { selector, joiner, table, takes_null_keys, node, down })))
            });
            let node = add_below(plan, name, vec![parent], Vec::new(), wire);
            plan.node_mut(node).takes_null_keys = kind == Kind::Left;
            node
        });
        KStream::new(self.steps, step, self.key_changed)
    }
}
