//! Grouping the rows of a table.

use super::KTable;
use crate::dsl::grouped_table::KGroupedTable;
use crate::dsl::options::Grouped;
use crate::dsl::stream::{add_below, wire_simple};
use crate::error::Result;
use crate::operator::{Edge, TableGroup};
use crate::record::Change;
use crate::serde::{Datum, Nullable, Wire};
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

impl<K: Datum, V: Datum> KTable<K, V> {
    /// Groups the rows by another key. The selector makes the new key and value of each row; where either is `None` the row
    /// belongs to no group. When a row changes, its old value is taken away from the group that it was in and the new one
    /// is added to the group that it is in now; for that the table is kept in a store. The updates always go through a
    /// repartition topic.
    ///
    /// The selector is called for old values, too: it must give the same answer to the same row.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let line_of_train = builder.table::<i32, String>("trains");
    /// line_of_train.group_by(|train, line| (line, *train)).count("trains-of-line").to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// let trains = [(1, "red"), (2, "red"), (1, "blue")].map(|(train, line)| (train, line.to_owned()));
    /// driver.input("trains").pipe_key_values(trains)?;
    /// let counts = driver.output("out").read_key_values::<String, i64>()?;
    /// assert_eq!(counts, [("red", 1), ("red", 2), ("red", 1), ("blue", 1)].map(|(line, n)| (line.to_owned(), n)));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn group_by<K2: Nullable, V2: Nullable>(
        self,
        selector: impl Fn(&K, V) -> (K2, V2) + Send + Sync + 'static,
    ) -> KGroupedTable<K2::Inner, V2::Inner>
    where
        K2::Inner: Wire + PartialEq,
        V2::Inner: Wire,
    {
        self.group_by_with(selector, Grouped::with(K2::Inner::format(), V2::Inner::format()))
    }

    /// [`group_by`](Self::group_by) with formats or a name for the repartition topic (`groupBy` with a `Grouped`). A grouping
    /// with a name is repartitioned once for all its aggregations.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let by_parity = Grouped::named("by-parity");
    /// let grouped = builder.table::<i32, i32>("in").group_by_with(|_, v| (v % 2, v), by_parity);
    /// grouped.clone().count("counts").to_stream().to("counts");
    /// grouped.reduce(|sum, v| sum + v, |sum, v| sum - v, "sums").to_stream().to("sums");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 7), (1, 9)])?;
    /// assert_eq!(driver.output("counts").read_key_values::<i32, i64>()?, [(1, 1), (1, 2), (1, 2)]);
    /// assert_eq!(driver.output("sums").read_key_values::<i32, i32>()?, [(1, 5), (1, 12), (1, 16)]);
    /// assert_eq!(driver.internal_messages("test-by-parity-repartition").len(), 3);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn group_by_with<K2: Nullable, V2: Nullable>(
        self,
        selector: impl Fn(&K, V) -> (K2, V2) + Send + Sync + 'static,
        grouped: Grouped<K2::Inner, V2::Inner>,
    ) -> KGroupedTable<K2::Inner, V2::Inner>
    where
        K2::Inner: PartialEq,
    {
        self.try_group_by_with(move |key, value| Ok(selector(key, value)), grouped)
    }

    /// [`group_by_with`](Self::group_by_with) with a selector that may fail. An update that it fails on, for the old value or
    /// the new one, goes to the policy for processing errors and changes no group.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let by_sign = |key: &i32, v: i32| match v.signum() {
    ///     0 => Err(kstreams::error::Error::processing("zero has no sign")),
    ///     sign => Ok((sign, *key)),
    /// };
    /// let grouped = builder.table::<i32, i32>("in").try_group_by_with(by_sign, Grouped::named("by-sign"));
    /// grouped.count("counts").to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, -5)?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i64>()?, [(-1, 1)]);
    /// assert_eq!(driver.input("in").pipe(2, 0).unwrap_err().message(), "zero has no sign");
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn try_group_by_with<K2: Nullable, V2: Nullable>(
        self,
        selector: impl Fn(&K, V) -> Result<(K2, V2)> + Send + Sync + 'static,
        grouped: Grouped<K2::Inner, V2::Inner>,
    ) -> KGroupedTable<K2::Inner, V2::Inner>
    where
        K2::Inner: PartialEq,
    {
        let Grouped { name: given, key, value } = grouped;
        let selector = Arc::new(move |key: &K, value: V| {
            selector(key, value).map(|(key, value)| (key.into_option(), value.into_option()))
        });
        let wire = wire_simple(move |node, down: Edge<K2::Inner, Change<V2::Inner>>| -> Edge<K, Change<V>> {
            Rc::new(TableGroup { selector: selector.clone(), node, down })
        });
        let parent = self.step;
        let step = self.steps.take_node(Location::caller(), move |plan, taken| {
            let given = taken.name.or(given.as_deref());
            plan.remember_name(taken.step, given);
            let name = plan.name(given, "KTABLE-SELECT-");
            let (parent_node, parent_table) = (plan.output(parent), plan.table(parent));
            plan.tables.demand_old_values(parent_table, true);
            add_below(plan, name, vec![parent_node], Vec::new(), wire.clone())
        });
        KGroupedTable::new(self.steps, step, key, value)
    }
}
