//! Tables of the rows that pass a predicate.

use super::KTable;
use crate::dsl::options::Materialized;
use crate::error::Result;
use crate::operator::{Edge, FilteredLookup, Lookup, TableFilter};
use crate::record::Change;
use crate::serde::Datum;
use crate::topology::Wiring;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

impl<K: Datum, V: Datum> KTable<K, V> {
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
}
