//! Steps that make other records of each record.

use super::stream::KStream;
use crate::error::Result;
use crate::operator::{FlatMap, FlatMapValues, Map, MapValues, SelectKey};
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

impl<K: Clone + 'static, V: Clone + 'static> KStream<K, V> {
    /// Makes another key and value of each record. The key may change, so that a later grouping or join repartitions; use
    /// [`map_values`](Self::map_values) where it does not.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").map(|k, v| (v, k * 10)).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50)])?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i32>()?, [(5, 10), (50, 20)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn map<K2: Clone + 'static, V2: Clone + 'static>(
        self,
        mapper: impl Fn(K, V) -> (K2, V2) + Send + Sync + 'static,
    ) -> KStream<K2, V2> {
        self.try_map(move |key, value| Ok(mapper(key, value)))
    }

    /// [`map`](Self::map) with a mapper that may fail. A record that it fails on goes to the policy for processing errors.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, String>("in").try_map(|k, v| match v.parse::<i32>() {
    ///     Ok(number) => Ok((number, k)),
    ///     Err(error) => Err(kstreams::error::Error::processing(format!("`{v}`: {error}"))),
    /// }).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, "17".to_owned())?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i32>()?, [(17, 1)]);
    /// assert!(driver.input("in").pipe(2, "x".to_owned()).unwrap_err().message().starts_with("`x`: invalid digit"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn try_map<K2: Clone + 'static, V2: Clone + 'static>(
        self,
        mapper: impl Fn(K, V) -> Result<(K2, V2)> + Send + Sync + 'static,
    ) -> KStream<K2, V2> {
        let mapper = Arc::new(mapper);
        self.operator(Location::caller(), "KSTREAM-MAP-", true, move |node, down| {
            Rc::new(Map { mapper: mapper.clone(), node, down })
        })
    }

    /// Makes another value of each record. The key stays, so that nothing needs to be repartitioned.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, String>("in").map_values(|v| v.to_uppercase()).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, "hello".to_owned())?;
    /// assert_eq!(driver.output("out").read_values::<String>()?, ["HELLO"]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    ///
    /// A value becomes null where the mapper gives an `Option`:
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").map_values(|v| 100_i32.checked_div(v)).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 0)])?;
    /// assert_eq!(driver.output("out").read_values::<Option<i32>>()?, [Some(20), None]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn map_values<V2: Clone + 'static>(self, mapper: impl Fn(V) -> V2 + Send + Sync + 'static) -> KStream<K, V2> {
        self.try_map_values_with_key(move |_, value| Ok(mapper(value)))
    }

    /// [`map_values`](Self::map_values) with a mapper that may fail. A record that it fails on goes to the policy for
    /// processing errors.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, String>("in").try_map_values(|v| {
    ///     v.parse::<i32>().map_err(|error| kstreams::error::Error::processing(error.to_string()))
    /// }).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, "17".to_owned())?;
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [17]);
    /// assert!(driver.input("in").pipe(1, "x".to_owned()).is_err());
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn try_map_values<V2: Clone + 'static>(
        self,
        mapper: impl Fn(V) -> Result<V2> + Send + Sync + 'static,
    ) -> KStream<K, V2> {
        self.try_map_values_with_key(move |_, value| mapper(value))
    }

    /// [`map_values`](Self::map_values) with a mapper that also sees the key (`mapValues` with a `ValueMapperWithKey`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").map_values_with_key(|k, v| *k * v).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(2, 5), (3, 7)])?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i32>()?, [(2, 10), (3, 21)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn map_values_with_key<V2: Clone + 'static>(
        self,
        mapper: impl Fn(&K, V) -> V2 + Send + Sync + 'static,
    ) -> KStream<K, V2> {
        self.try_map_values_with_key(move |key, value| Ok(mapper(key, value)))
    }

    /// [`map_values_with_key`](Self::map_values_with_key) with a mapper that may fail. A record that it fails on goes to the
    /// policy for processing errors.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").try_map_values_with_key(|k, v| {
    ///     v.checked_div(*k).ok_or_else(|| kstreams::error::Error::processing("no share for nobody"))
    /// }).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(4, 100)?;
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [25]);
    /// assert_eq!(driver.input("in").pipe(0, 100).unwrap_err().message(), "no share for nobody");
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn try_map_values_with_key<V2: Clone + 'static>(
        self,
        mapper: impl Fn(&K, V) -> Result<V2> + Send + Sync + 'static,
    ) -> KStream<K, V2> {
        let mapper = Arc::new(mapper);
        self.operator(Location::caller(), "KSTREAM-MAPVALUES-", false, move |node, down| {
            Rc::new(MapValues { mapper: mapper.clone(), node, down })
        })
    }

    /// Makes any number of records of each, also none. All have the timestamp and headers of the record they come from. The
    /// key may change, so that a later grouping or join repartitions.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").flat_map(|k, v| [(k, v), (v, k)]).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i32>()?, [(1, 5), (5, 1)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn flat_map<K2, V2, I>(self, mapper: impl Fn(K, V) -> I + Send + Sync + 'static) -> KStream<K2, V2>
    where
        K2: Clone + 'static,
        V2: Clone + 'static,
        I: IntoIterator<Item = (K2, V2)> + 'static,
    {
        self.try_flat_map(move |key, value| Ok(mapper(key, value)))
    }

    /// [`flat_map`](Self::flat_map) with a mapper that may fail. A record that it fails on goes to the policy for processing
    /// errors; nothing of it was sent on.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").try_flat_map(|k, v| match v {
    ///     0.. => Ok((0..v).map(move |n| (n, k))),
    ///     _ => Err(kstreams::error::Error::processing("a negative number of copies")),
    /// }).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(7, 2)?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i32>()?, [(0, 7), (1, 7)]);
    /// assert!(driver.input("in").pipe(7, -2).is_err());
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn try_flat_map<K2, V2, I>(self, mapper: impl Fn(K, V) -> Result<I> + Send + Sync + 'static) -> KStream<K2, V2>
    where
        K2: Clone + 'static,
        V2: Clone + 'static,
        I: IntoIterator<Item = (K2, V2)> + 'static,
    {
        let mapper = Arc::new(mapper);
        self.operator(Location::caller(), "KSTREAM-FLATMAP-", true, move |node, down| {
            Rc::new(FlatMap { mapper: mapper.clone(), node, down, several: PhantomData })
        })
    }

    /// Makes any number of values of each, also none, under the same key. Nothing needs to be repartitioned.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").flat_map_values(|v| 0..v).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 2), (2, 0), (3, 1)])?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i32>()?, [(1, 0), (1, 1), (3, 0)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn flat_map_values<V2, I>(self, mapper: impl Fn(V) -> I + Send + Sync + 'static) -> KStream<K, V2>
    where
        V2: Clone + 'static,
        I: IntoIterator<Item = V2> + 'static,
    {
        self.try_flat_map_values_with_key(move |_, value| Ok(mapper(value)))
    }

    /// [`flat_map_values`](Self::flat_map_values) with a mapper that may fail. A record that it fails on goes to the policy
    /// for processing errors.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, String>("in").try_flat_map_values(|v| {
    ///     let numbers: Result<Vec<i32>, _> = v.split(',').map(str::parse).collect();
    ///     numbers.map_err(|error| kstreams::error::Error::processing(error.to_string()))
    /// }).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, "7,8".to_owned())?;
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [7, 8]);
    /// assert!(driver.input("in").pipe(1, "7,".to_owned()).is_err());
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn try_flat_map_values<V2, I>(self, mapper: impl Fn(V) -> Result<I> + Send + Sync + 'static) -> KStream<K, V2>
    where
        V2: Clone + 'static,
        I: IntoIterator<Item = V2> + 'static,
    {
        self.try_flat_map_values_with_key(move |_, value| mapper(value))
    }

    /// [`flat_map_values`](Self::flat_map_values) with a mapper that also sees the key (`flatMapValues` with a
    /// `ValueMapperWithKey`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").flat_map_values_with_key(|k, v| [*k + v, *k - v]).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(10, 1)?;
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [11, 9]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn flat_map_values_with_key<V2, I>(self, mapper: impl Fn(&K, V) -> I + Send + Sync + 'static) -> KStream<K, V2>
    where
        V2: Clone + 'static,
        I: IntoIterator<Item = V2> + 'static,
    {
        self.try_flat_map_values_with_key(move |key, value| Ok(mapper(key, value)))
    }

    /// [`flat_map_values_with_key`](Self::flat_map_values_with_key) with a mapper that may fail. A record that it fails on
    /// goes to the policy for processing errors.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").try_flat_map_values_with_key(|k, v| match v {
    ///     0.. => Ok(vec![*k; v as usize]),
    ///     _ => Err(kstreams::error::Error::processing("a negative number of copies")),
    /// }).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(7, 2)?;
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [7, 7]);
    /// assert!(driver.input("in").pipe(7, -2).is_err());
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn try_flat_map_values_with_key<V2, I>(
        self,
        mapper: impl Fn(&K, V) -> Result<I> + Send + Sync + 'static,
    ) -> KStream<K, V2>
    where
        V2: Clone + 'static,
        I: IntoIterator<Item = V2> + 'static,
    {
        let mapper = Arc::new(mapper);
        self.operator(Location::caller(), "KSTREAM-FLATMAPVALUES-", false, move |node, down| {
            Rc::new(FlatMapValues { mapper: mapper.clone(), node, down, several: PhantomData })
        })
    }

    /// Gives each record another key; the value stays. A later grouping or join repartitions.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, String>("in").select_key(|_, v| v.len() as i32).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, "hello".to_owned())?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, String>()?, [(5, "hello".to_owned())]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn select_key<K2: Clone + 'static>(
        self,
        selector: impl Fn(&K, &V) -> K2 + Send + Sync + 'static,
    ) -> KStream<K2, V> {
        self.try_select_key(move |key, value| Ok(selector(key, value)))
    }

    /// [`select_key`](Self::select_key) with a selector that may fail. A record that it fails on goes to the policy for
    /// processing errors.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, String>("in").try_select_key(|_, v| {
    ///     v.parse::<i32>().map_err(|error| kstreams::error::Error::processing(error.to_string()))
    /// }).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, "17".to_owned())?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, String>()?, [(17, "17".to_owned())]);
    /// assert!(driver.input("in").pipe(1, "x".to_owned()).is_err());
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn try_select_key<K2: Clone + 'static>(
        self,
        selector: impl Fn(&K, &V) -> Result<K2> + Send + Sync + 'static,
    ) -> KStream<K2, V> {
        self.key_select(Location::caller(), selector)
    }

    pub(super) fn key_select<K2: Clone + 'static>(
        self,
        at: &'static Location<'static>,
        selector: impl Fn(&K, &V) -> Result<K2> + Send + Sync + 'static,
    ) -> KStream<K2, V> {
        let selector = Arc::new(selector);
        self.operator(at, "KSTREAM-KEY-SELECT-", true, move |node, down| {
            Rc::new(SelectKey { selector: selector.clone(), node, down })
        })
    }
}
