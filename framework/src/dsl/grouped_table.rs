//! [`KGroupedTable`] and its aggregations.

use super::grouped::{AggregateNames, add_aggregate};
use super::options::Materialized;
use super::repartition::{self, Names, Through};
use super::steps::Steps;
use super::table::KTable;
use crate::error::Result;
use crate::record::Change;
use crate::serde::{Datum, Format};
use crate::topology::StepId;
use std::panic::Location;
use std::sync::Arc;

/// A table whose rows are grouped by another key. Kafka Streams: `org.apache.kafka.streams.kstream.KGroupedTable`.
///
/// Aggregations follow each change of a row: the value that it had is taken away by a *subtractor*, then the one that it
/// has is added by an *adder*. If the row moves to another group, these are two updates, of two rows of the result; whoever
/// reads it may see the one without the other. The subtractor is not called for a group that has no row.
///
/// Rows of the result have the largest timestamp of the updates in them. With caching on, the default outside tests,
/// several updates of one key between two commits reach the next step as one.
pub struct KGroupedTable<K, V> {
    steps: Steps,
    /// The step that grouped; its name names the repartition topic, too.
    step: StepId,
    key: Format<K>,
    value: Format<V>,
}

impl<K, V> Clone for KGroupedTable<K, V> {
    fn clone(&self) -> Self {
        KGroupedTable { steps: self.steps.clone(), step: self.step, key: self.key.clone(), value: self.value.clone() }
    }
}

impl<K: Datum, V: Datum> KGroupedTable<K, V> {
    pub(super) fn new(steps: Steps, step: StepId, key: Format<K>, value: Format<V>) -> Self {
        KGroupedTable { steps, step, key, value }
    }

    /// Names the grouping: its repartition topic is `<application id>-<name>-repartition` (`Grouped.as`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.table::<i32, i32>("in").group_by(|k, v| (v, *k)).named("by-value").count("counts");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.internal_messages("test-by-value-repartition").len(), 1);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn named(self, name: &str) -> Self {
        self.steps.name(self.step, name);
        self
    }

    /// Counts the rows of each group. A group that has lost all its rows stays with a count of 0.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.table::<i32, i32>("in").group_by(|k, v| (v, *k)).count("counts").to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, Some(5)), (2, Some(5)), (1, Some(7)), (2, None)])?;
    /// let counts = driver.output("out").read_key_values::<i32, i64>()?;
    /// assert_eq!(counts, [(5, 1), (5, 2), (5, 1), (7, 1), (5, 0)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn count(self, materialized: impl Into<Materialized<K, i64>>) -> KTable<K, i64> {
        let add = |_: &K, _: V, count: Option<i64>| Ok(Some(count.unwrap_or(0) + 1));
        let subtract = |_: &K, _: V, count: i64| Ok(Some(count - 1));
        self.fold(Location::caller(), AggregateNames::TABLE_AGGREGATE, materialized.into(), add, subtract)
    }

    /// Combines the values of each group: the first one is the row as it is, `adder` combines the row with each later one,
    /// `subtractor` undoes that. `None` from either deletes the row; the next value is then the row as it is.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let by_parity = builder.table::<i32, i32>("in").group_by(|_, v| (v % 2, v));
    /// by_parity.reduce(|sum, v| sum + v, |sum, v| if sum == v { None } else { Some(sum - v) }, "sums").to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 7), (1, 4), (2, 6)])?;
    /// let sums = driver.output("out").read_key_values::<i32, Option<i32>>()?;
    /// assert_eq!(sums, [(1, Some(5)), (1, Some(12)), (1, Some(7)), (0, Some(4)), (1, None), (0, Some(10))]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn reduce<R: Into<Option<V>>, S: Into<Option<V>>>(
        self,
        adder: impl Fn(V, V) -> R + Send + Sync + 'static,
        subtractor: impl Fn(V, V) -> S + Send + Sync + 'static,
        materialized: impl Into<Materialized<K, V>>,
    ) -> KTable<K, V> {
        let add = move |_: &K, value: V, row: Option<V>| {
            Ok(match row {
                Some(row) => adder(row, value).into(),
                None => Some(value),
            })
        };
        let subtract = move |_: &K, value: V, row: V| Ok(subtractor(row, value).into());
        self.fold(Location::caller(), AggregateNames::TABLE_REDUCE, materialized.into(), add, subtract)
    }

    /// [`reduce`](Self::reduce) with reducers that may fail; they get the row by reference. An update that one of them fails
    /// on goes to the policy for processing errors, and the group's row stays as it was.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::error::Error;
    /// let too_large = || Error::processing("the sum is too large");
    /// builder.table::<i32, i32>("in").group_by(|_, v| (0, v)).try_reduce(
    ///     move |sum, v| sum.checked_add(v).ok_or_else(too_large),
    ///     |sum, v| Ok(sum - v),
    ///     "sums",
    /// ).to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 7), (1, 1)])?;
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [5, 12, 8]);
    /// assert_eq!(driver.input("in").pipe(3, i32::MAX).unwrap_err().message(), "the sum is too large");
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn try_reduce<R: Into<Option<V>>, S: Into<Option<V>>>(
        self,
        adder: impl Fn(&V, V) -> Result<R> + Send + Sync + 'static,
        subtractor: impl Fn(&V, V) -> Result<S> + Send + Sync + 'static,
        materialized: impl Into<Materialized<K, V>>,
    ) -> KTable<K, V> {
        let add = move |_: &K, value: V, row: Option<V>| match row {
            Some(row) => adder(&row, value).map(Into::into),
            None => Ok(Some(value)),
        };
        let subtract = move |_: &K, value: V, row: V| subtractor(&row, value).map(Into::into);
        self.fold(Location::caller(), AggregateNames::TABLE_REDUCE, materialized.into(), add, subtract)
    }

    /// Folds the values of each group into a row that begins with `initializer`: `adder` adds a value, `subtractor` takes one
    /// away. `None` from either deletes the row, and the next value begins anew.
    ///
    /// The row's type needs a format, by default its own; [`Materialized::with`] names another.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let lengths = builder.table::<i32, String>("in").group_by(|_, word| (word.len() as i32 % 2, word)).aggregate(
    ///     || 0_i64,
    ///     |_, word, total| total + word.len() as i64,
    ///     |_, word, total| total - word.len() as i64,
    ///     "lengths",
    /// );
    /// lengths.to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, "so"), (2, "it"), (1, "goes")].map(|(k, word)| (k, word.to_owned())))?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i64>()?, [(0, 2), (0, 4), (0, 6)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn aggregate<A: Datum, R: Into<Option<A>>, S: Into<Option<A>>>(
        self,
        initializer: impl Fn() -> A + Send + Sync + 'static,
        adder: impl Fn(&K, V, A) -> R + Send + Sync + 'static,
        subtractor: impl Fn(&K, V, A) -> S + Send + Sync + 'static,
        materialized: impl Into<Materialized<K, A>>,
    ) -> KTable<K, A> {
        let add =
            move |key: &K, value: V, row: Option<A>| Ok(adder(key, value, row.unwrap_or_else(&initializer)).into());
        let subtract = move |key: &K, value: V, row: A| Ok(subtractor(key, value, row).into());
        self.fold(Location::caller(), AggregateNames::TABLE_AGGREGATE, materialized.into(), add, subtract)
    }

    /// [`aggregate`](Self::aggregate) with functions that may fail; they get the row by reference. An update that one of them
    /// fails on goes to the policy for processing errors, and the group's row stays as it was.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::error::Error;
    /// builder.table::<i32, i32>("in").group_by(|_, v| (v % 2, v)).try_aggregate(
    ///     || 0_i32,
    ///     |_, v, sum| sum.checked_add(v).ok_or_else(|| Error::processing("the sum is too large")),
    ///     |_, v, sum| Ok(sum - v),
    ///     "sums",
    /// ).to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (1, 4)])?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i32>()?, [(1, 5), (1, 0), (0, 4)]);
    /// assert_eq!(driver.input("in").pipe(2, i32::MAX - 1).unwrap_err().message(), "the sum is too large");
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn try_aggregate<A: Datum, R: Into<Option<A>>, S: Into<Option<A>>>(
        self,
        initializer: impl Fn() -> A + Send + Sync + 'static,
        adder: impl Fn(&K, V, &A) -> Result<R> + Send + Sync + 'static,
        subtractor: impl Fn(&K, V, &A) -> Result<S> + Send + Sync + 'static,
        materialized: impl Into<Materialized<K, A>>,
    ) -> KTable<K, A> {
        let add = move |key: &K, value: V, row: Option<A>| {
            adder(key, value, &row.unwrap_or_else(&initializer)).map(Into::into)
        };
        let subtract = move |key: &K, value: V, row: A| subtractor(key, value, &row).map(Into::into);
        self.fold(Location::caller(), AggregateNames::TABLE_AGGREGATE, materialized.into(), add, subtract)
    }

    fn fold<A: Datum>(
        self,
        at: &'static Location<'static>,
        names: AggregateNames,
        materialized: Materialized<K, A>,
        add: impl Fn(&K, V, Option<A>) -> Result<Option<A>> + Send + Sync + 'static,
        subtract: impl Fn(&K, V, A) -> Result<Option<A>> + Send + Sync + 'static,
    ) -> KTable<K, A> {
        let fold = Arc::new(move |key: &K, Change { new, old, .. }: Change<V>, row: Option<A>| {
            let row = match (old, row) {
                (Some(old), Some(row)) => subtract(key, old, row)?,
                (_, row) => row,
            };
            match new {
                Some(new) => add(key, new, row),
                None => Ok(row),
            }
        });
        let grouping = self.step;
        let (key, value) = (self.key, Format::change(self.value));
        let through = Through::<K, Change<V>>::of(key, value);
        let step = self.steps.take(at, move |plan, taken| {
            let store = names.store(plan, &materialized);
            let base = plan.name_of(grouping).unwrap_or_else(|| store.clone());
            let ends = Names::take_for_table(plan, &base, taken.name);
            let name = plan.name(taken.name, names.node);
            let parent = repartition::insert_for_grouping(plan, grouping, ends, &through);
            let place = (name, parent);
            add_aggregate::<_, K, Change<V>, A>(plan, taken.step, place, &store, &materialized, fold.clone());
        });
        KTable::new(self.steps, step)
    }
}
