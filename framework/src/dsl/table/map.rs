//! Tables with another value in each row.

use super::KTable;
use crate::dsl::options::Materialized;
use crate::error::Result;
use crate::operator::{Edge, Lookup, MappedLookup, TableMapValues};
use crate::record::Change;
use crate::serde::{Datum, Nullable};
use crate::topology::Wiring;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

impl<K: Datum, V: Datum> KTable<K, V> {
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
}
