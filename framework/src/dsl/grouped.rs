//! [`KGroupedStream`] and its aggregations.

use super::fold;
use super::group_by::Grouping;
use super::materialize::{self, Kept};
use super::options::Materialized;
use super::steps::Steps;
use super::table::KTable;
use super::windowed::TimeWindowedKStream;
use crate::error::Result;
use crate::operator::{Aggregate, Edge};
use crate::serde::{Datum, Nullable};
use crate::topology::{NodeId, Plan, StepId};
use crate::window::Windows;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

/// A stream whose records are grouped by key. Kafka Streams: `org.apache.kafka.streams.kstream.KGroupedStream`.
///
/// Aggregations drop records with a null key or value and count them as dropped. Their result is a table whose rows have
/// the largest timestamp of the records in them. With caching on, the default outside tests, several updates of one key
/// between two commits reach the next step as one.
pub struct KGroupedStream<K: Nullable, V: Nullable> {
    pub(super) steps: Steps,
    pub(super) grouping: Grouping<K, V>,
}

impl<K: Nullable, V: Nullable> Clone for KGroupedStream<K, V> {
    fn clone(&self) -> Self {
        KGroupedStream { steps: self.steps.clone(), grouping: self.grouping.clone() }
    }
}

impl<K: Nullable, V: Nullable> KGroupedStream<K, V> {
    /// Names the grouping: its repartition topic, if it has one, is `<application id>-<name>-repartition`
    /// (`Grouped.as`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").group_by(|_, v| *v).named("by-value").count("counts");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.internal_messages("test-by-value-repartition").len(), 1);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn named(self, name: &str) -> Self {
        self.steps.name(self.grouping.step, name);
        self
    }

    /// Groups within windows of time; see [`TimeWindowedKStream`].
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::window::TimeWindows;
    /// # use std::time::Duration;
    /// let minutes = TimeWindows::of(Duration::from_secs(60));
    /// let counts = builder.stream::<i32, i32>("in").group_by_key().windowed_by(minutes).count("per-minute");
    /// counts.to_stream().map(|key, count| (key.window.start_ms, count)).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_at(1, 5, 59_000)?;
    /// driver.input("in").pipe_at(1, 5, 60_000)?;
    /// assert_eq!(driver.output("out").read_key_values::<i64, i64>()?, [(0, 1), (60_000, 1)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn windowed_by<W: Windows>(self, windows: W) -> TimeWindowedKStream<K, V, W> {
        TimeWindowedKStream::new(self.steps, self.grouping, windows)
    }

    /// Counts the records of each key. Records with a null key or value are not counted.
    ///
    /// The store is named by a text, or described by [`Materialized`]; `()` lets the library name it.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, Option<i32>>("in").group_by_key().count("counts").to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, Some(5)), (1, None), (1, Some(7))])?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i64>()?, [(1, 1), (1, 2)]);
    /// assert_eq!(driver.dropped_records(), 1);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn count(self, materialized: impl Into<Materialized<K::Inner, i64>>) -> KTable<K::Inner, i64> {
        self.fold(Location::caller(), AggregateNames::COUNT, materialized.into(), fold::counting())
    }

    /// Combines the values of each key: the first one is the row as it is, each later one is combined with the row. `None`
    /// deletes the row. Records with a null key or value are dropped.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").group_by_key().reduce(|row, v| row.max(v), "largest").to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (1, 50), (1, 7)])?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i32>()?, [(1, 5), (1, 50), (1, 50)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
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

    /// [`reduce`](Self::reduce) with a reducer that may fail. A record that it fails on goes to the policy for processing
    /// errors, and the row stays as it was.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").group_by_key().try_reduce(|row, v| {
    ///     row.checked_add(v).ok_or_else(|| kstreams::error::Error::processing("the sum is too large"))
    /// }, "sums").to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (1, 7)])?;
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [5, 12]);
    /// assert_eq!(driver.input("in").pipe(1, i32::MAX).unwrap_err().message(), "the sum is too large");
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
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

    /// Folds the values of each key into a row that begins with `initializer`. `None` deletes the row, and the next record
    /// begins anew. Records with a null key or value are dropped.
    ///
    /// The row's type needs a format, by default its own; [`Materialized::with`] names another.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let lengths = builder.stream::<i32, String>("in").group_by_key().aggregate(
    ///     || 0_i64,
    ///     |_, word, total| total + word.len() as i64,
    ///     "lengths",
    /// );
    /// lengths.to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values(["so", "goes"].map(|word| (1, word.to_owned())))?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i64>()?, [(1, 2), (1, 6)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    ///
    /// A row without a format does not compile:
    ///
    /// ```compile_fail
    /// # use kstreams::{dsl::StreamsBuilder, serde::Datum};
    /// #[derive(Clone)]
    /// struct Opaque;
    /// impl Datum for Opaque {}
    ///
    /// StreamsBuilder::new().stream::<i32, i32>("in").group_by_key().aggregate(|| Opaque, |_, _, row| row, "rows");
    /// ```
    #[track_caller]
    pub fn aggregate<A: Datum, R: Into<Option<A>>>(
        self,
        initializer: impl Fn() -> A + Send + Sync + 'static,
        aggregator: impl Fn(&K::Inner, V::Inner, A) -> R + Send + Sync + 'static,
        materialized: impl Into<Materialized<K::Inner, A>>,
    ) -> KTable<K::Inner, A> {
        self.fold(
            Location::caller(),
            AggregateNames::AGGREGATE,
            materialized.into(),
            fold::aggregating(initializer, aggregator),
        )
    }

    /// [`aggregate`](Self::aggregate) with an aggregator that may fail; it gets the row by reference. A record that it fails
    /// on goes to the policy for processing errors, and the row stays as it was.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").group_by_key().try_aggregate(|| 0_i32, |_, v, sum| {
    ///     sum.checked_add(v).ok_or_else(|| kstreams::error::Error::processing("the sum is too large"))
    /// }, "sums").to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (1, 7)])?;
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [5, 12]);
    /// assert_eq!(driver.input("in").pipe(1, i32::MAX).unwrap_err().message(), "the sum is too large");
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn try_aggregate<A: Datum, R: Into<Option<A>>>(
        self,
        initializer: impl Fn() -> A + Send + Sync + 'static,
        aggregator: impl Fn(&K::Inner, V::Inner, &A) -> Result<R> + Send + Sync + 'static,
        materialized: impl Into<Materialized<K::Inner, A>>,
    ) -> KTable<K::Inner, A> {
        self.fold(
            Location::caller(),
            AggregateNames::AGGREGATE,
            materialized.into(),
            fold::trying_to_aggregate(initializer, aggregator),
        )
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
            add_aggregate::<_, K, V, A>(plan, taken.step, (name, parent), &store, &materialized, fold.clone());
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
    pub(super) const TABLE_AGGREGATE: Self =
        AggregateNames { store: "KTABLE-AGGREGATE-STATE-STORE-", node: "KTABLE-AGGREGATE-", burns: false };
    pub(super) const TABLE_REDUCE: Self = AggregateNames { node: "KTABLE-REDUCE-", ..Self::TABLE_AGGREGATE };

    /// The name of the store.
    pub(super) fn store<K, A>(self, plan: &mut Plan, materialized: &Materialized<K, A>) -> String {
        if self.burns && materialized.given && materialized.name.is_none() {
            plan.generate(self.store);
        }
        plan.name_or_generate(materialized.name.as_deref(), self.store)
    }
}

/// Adds a node below `parent` that folds records into a table.
pub(super) fn add_aggregate<F, K: Nullable, V: Nullable, A: Datum>(
    plan: &mut Plan,
    step: StepId,
    place: (String, NodeId),
    store: &str,
    materialized: &Materialized<K::Inner, A>,
    fold: Arc<F>,
) where
    F: Fn(&K::Inner, V::Inner, Option<A>) -> Result<Option<A>> + Send + Sync + 'static,
{
    let store = materialize::key_value(store, materialized);
    materialize::add_kept(plan, step, place, store, move |_, Kept { store, forwarder, node }| -> Edge<K, V> {
        Rc::new(Aggregate { fold: fold.clone(), store, forwarder, node })
    });
}
