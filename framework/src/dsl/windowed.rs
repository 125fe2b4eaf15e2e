//! Windowed groupings and their aggregations.

use super::fold;
use super::group_by::Grouping;
use super::grouped::AggregateNames;
use super::materialize::{self, Kept};
use super::options::Materialized;
use super::steps::Steps;
use super::table::KTable;
use crate::error::Result;
use crate::operator::{Edge, WindowAggregate};
use crate::record::Windowed;
use crate::serde::{Datum, Nullable};
use crate::topology::{Plan, Wiring};
use crate::window::Windows;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

/// A grouped stream whose records are aggregated per window of time.
/// Kafka Streams: `org.apache.kafka.streams.kstream.TimeWindowedKStream`.
///
/// A record counts in every window that contains its timestamp. A window closes when stream time, the largest timestamp
/// seen here, reaches its end and grace; what comes later is dropped. Records with a null key are dropped, too; both are
/// counted. Null values reach the aggregator, unlike without windows.
///
/// The result is a table by key and window, whose rows have the largest timestamp of the records in them. To read such
/// keys from a topic name the windows' size: [`Format::time_windowed`](crate::serde::Format::time_windowed).
pub struct TimeWindowedKStream<K: Nullable, V: Nullable, W> {
    steps: Steps,
    grouping: Grouping<K, V>,
    windows: W,
}

impl<K: Nullable, V: Nullable, W: Windows> TimeWindowedKStream<K, V, W> {
    pub(super) fn new(steps: Steps, grouping: Grouping<K, V>, windows: W) -> Self {
        TimeWindowedKStream { steps, grouping, windows }
    }

    /// Counts the records of each key and window. Records with a null value count, too.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::window::TimeWindows;
    /// # use std::time::Duration;
    /// let windows = TimeWindows::of(Duration::from_secs(60)).grace(Duration::from_secs(30));
    /// let counts = builder.stream::<i32, i32>("in").group_by_key().windowed_by(windows).count("per-minute");
    /// counts.to_stream().map(|key, count| (key.window.start_ms, count)).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// for time_ms in [59_000, 60_000, 58_000, 90_000, 57_000] {
    ///     driver.input("in").pipe_at(1, 0, time_ms)?;
    /// }
    /// let counts = driver.output("out").read_key_values::<i64, i64>()?;
    /// assert_eq!(counts, [(0, 1), (60_000, 1), (0, 2), (60_000, 2)]);
    /// assert_eq!(driver.dropped_records(), 1); // at 90 s the first minute has closed
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn count(self, materialized: impl Into<Materialized<K::Inner, i64>>) -> KTable<Windowed<K::Inner>, i64> {
        self.fold(Location::caller(), AggregateNames::COUNT, materialized.into(), fold::counting())
    }

    /// Combines the values of each key and window, the first one as it is. A null deletes the row; where the stream's values
    /// are `Option` the reducer gets them.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::window::TimeWindows;
    /// # use std::time::Duration;
    /// let minutes = TimeWindows::of(Duration::from_secs(60));
    /// let largest = builder.stream::<i32, i32>("in").group_by_key().windowed_by(minutes).reduce(i32::max, "largest");
    /// largest.to_stream().map(|key, value| (key.window.start_ms, value)).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// for (value, time_ms) in [(5, 1_000), (3, 2_000), (1, 60_000)] {
    ///     driver.input("in").pipe_at(1, value, time_ms)?;
    /// }
    /// assert_eq!(driver.output("out").read_key_values::<i64, i32>()?, [(0, 5), (0, 5), (60_000, 1)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn reduce(
        self,
        reducer: impl Fn(V, V) -> V + Send + Sync + 'static,
        materialized: impl Into<Materialized<K::Inner, V::Inner>>,
    ) -> KTable<Windowed<K::Inner>, V::Inner> {
        let fold = move |_: &K::Inner, value: V, old: Option<V::Inner>| {
            Ok(match old.and_then(|old| V::from_option(Some(old))) {
                Some(old) => reducer(old, value).into_option(),
                None => value.into_option(),
            })
        };
        self.fold(Location::caller(), AggregateNames::REDUCE, materialized.into(), fold)
    }

    /// Folds the values of each key and window into a row that begins with `initializer`. `None` deletes the row.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::window::TimeWindows;
    /// # use std::time::Duration;
    /// let hopping = TimeWindows::of(Duration::from_secs(60)).advance_by(Duration::from_secs(30));
    /// let sums = builder.stream::<i32, i32>("in").group_by_key().windowed_by(hopping).aggregate(
    ///     || 0,
    ///     |_, value, sum| sum + value,
    ///     "sums",
    /// );
    /// sums.to_stream().map(|key, sum| (key.window.start_ms, sum)).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_at(1, 5, 10_000)?;
    /// driver.input("in").pipe_at(1, 7, 40_000)?;
    /// assert_eq!(driver.output("out").read_key_values::<i64, i32>()?, [(0, 5), (0, 12), (30_000, 7)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn aggregate<A: Datum, R: Into<Option<A>>>(
        self,
        initializer: impl Fn() -> A + Send + Sync + 'static,
        aggregator: impl Fn(&K::Inner, V, A) -> R + Send + Sync + 'static,
        materialized: impl Into<Materialized<K::Inner, A>>,
    ) -> KTable<Windowed<K::Inner>, A> {
        self.fold(
            Location::caller(),
            AggregateNames::AGGREGATE,
            materialized.into(),
            fold::aggregating(initializer, aggregator),
        )
    }

    /// [`aggregate`](Self::aggregate) with an aggregator that may fail; it gets the row by reference. A record that it fails
    /// on goes to the policy for processing errors, once for each window, and the row stays as it was.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::window::TimeWindows;
    /// # use std::time::Duration;
    /// let minutes = TimeWindows::of(Duration::from_secs(60));
    /// let sums = builder.stream::<i32, i32>("in").group_by_key().windowed_by(minutes).try_aggregate(
    ///     || 0_i32,
    ///     |_, value, sum| sum.checked_add(value).ok_or_else(|| kstreams::error::Error::processing("too large")),
    ///     "sums",
    /// );
    /// sums.to_stream().map(|key, sum| (key.window.start_ms, sum)).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_at(1, 5, 10_000)?;
    /// assert_eq!(driver.output("out").read_key_values::<i64, i32>()?, [(0, 5)]);
    /// assert_eq!(driver.input("in").pipe_at(1, i32::MAX, 10_000).unwrap_err().message(), "too large");
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn try_aggregate<A: Datum, R: Into<Option<A>>>(
        self,
        initializer: impl Fn() -> A + Send + Sync + 'static,
        aggregator: impl Fn(&K::Inner, V, &A) -> Result<R> + Send + Sync + 'static,
        materialized: impl Into<Materialized<K::Inner, A>>,
    ) -> KTable<Windowed<K::Inner>, A> {
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
        fold: impl Fn(&K::Inner, V, Option<A>) -> Result<Option<A>> + Send + Sync + 'static,
    ) -> KTable<Windowed<K::Inner>, A> {
        let (grouping, windows, fold) = (self.grouping, self.windows, Arc::new(fold));
        let step = self.steps.take(at, move |plan, taken| {
            let retention_ms = check_windows(plan, &windows, &materialized);
            let store = names.store(plan, &materialized);
            let name = plan.name(taken.name, names.node);
            let parent = grouping.attach(plan, &store);
            let store = materialize::window(&store, windows.size_ms(), retention_ms, &materialized);
            let (fold, windows) = (fold.clone(), windows.clone());
            let make = move |wiring: &Wiring<'_>, Kept { store, forwarder, node }: Kept<_, _, _>| -> Edge<K, V> {
                let stream_time = wiring.remembered(&format!("{}.stream-time", node.name()));
                let (fold, windows) = (fold.clone(), windows.clone());
                Rc::new(WindowAggregate { fold, windows, store, forwarder, node, stream_time })
            };
            materialize::add_kept(plan, taken.step, (name, parent), store, make);
        });
        KTable::new(self.steps, step)
    }
}

/// Reports what is wrong with the windows; returns how long the store keeps them.
fn check_windows<K, A>(plan: &mut Plan, windows: &impl Windows, materialized: &Materialized<K, A>) -> i64 {
    if let Err(error) = windows.validate() {
        plan.problem(error.message());
    }
    let least_ms = windows.retention_ms();
    let Some(retention) = materialized.retention else { return least_ms };
    let retention_ms = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
    if retention_ms < least_ms {
        plan.problem(format!(
            "a retention of {retention_ms} ms is shorter than the {least_ms} ms of window size and grace period"
        ));
    }
    retention_ms.max(least_ms)
}
