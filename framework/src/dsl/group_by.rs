//! Grouping a stream by key.

use super::grouped::KGroupedStream;
use super::options::Grouped;
use super::repartition::{self, Names, Through};
use super::stream::KStream;
use crate::error::Result;
use crate::serde::{Nullable, Wire};
use crate::topology::{NodeId, Plan, StepId};
use std::panic::Location;

/// What an aggregation needs to know of its grouping.
pub(super) struct Grouping<K: Nullable, V: Nullable> {
    /// The step that grouped; its name names the repartition topic, too.
    pub(super) step: StepId,
    pub(super) key_changed: bool,
    through: Through<K, V>,
}

impl<K: Nullable, V: Nullable> Clone for Grouping<K, V> {
    fn clone(&self) -> Self {
        Grouping { step: self.step, key_changed: self.key_changed, through: self.through.clone() }
    }
}

impl<K: Nullable, V: Nullable> Grouping<K, V> {
    /// The node below which an aggregation into `store` stands: behind a repartition topic if the key may have changed.
    /// A grouping with a name is repartitioned once for all its aggregations.
    pub(super) fn attach(&self, plan: &mut Plan, store: &str) -> NodeId {
        if !self.key_changed {
            return plan.output(self.step);
        }
        let given = plan.name_of(self.step);
        let names = Names::take(plan, given.as_deref().unwrap_or(store));
        repartition::insert_for_grouping(plan, self.step, names, &self.through)
    }
}

impl<K, V> KStream<K, V> {
    /// Groups the records by their key. They are repartitioned only if a step before may have changed the key.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").group_by_key().count("counts").to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50), (1, 7)])?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i64>()?, [(1, 1), (2, 1), (1, 2)]);
    /// assert!(driver.internal_topics().all(|topic| topic == "test-counts-changelog"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    ///
    /// A type that is grouped needs a format, or the program does not compile:
    ///
    /// ```compile_fail
    /// # use kstreams::dsl::StreamsBuilder;
    /// #[derive(Clone)]
    /// struct Opaque;
    ///
    /// StreamsBuilder::new().stream::<i32, i32>("in").map_values(|_| Opaque).group_by_key();
    /// ```
    #[track_caller]
    pub fn group_by_key(self) -> KGroupedStream<K, V>
    where
        K: Nullable<Inner: Wire>,
        V: Nullable<Inner: Wire>,
    {
        self.group_by_key_with(Grouped::with(K::Inner::format(), V::Inner::format()))
    }

    /// [`group_by_key`](Self::group_by_key) with formats or a name for a repartition topic (`groupByKey` with a `Grouped`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").map(|k, v| (v, k)).group_by_key_with(Grouped::named("by-value")).count("counts");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.internal_messages("test-by-value-repartition").len(), 1);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn group_by_key_with(self, grouped: Grouped<K::Inner, V::Inner>) -> KGroupedStream<K, V>
    where
        K: Nullable,
        V: Nullable,
    {
        let (parent, name) = (self.step, grouped.name);
        let step = self.steps.take(Location::caller(), move |plan, taken| {
            plan.checked(taken.name.or(name.as_deref()));
            plan.remember_name(taken.step, taken.name.or(name.as_deref()));
            let node = plan.output(parent);
            plan.set_output(taken.step, node);
        });
        let grouping =
            Grouping { step, key_changed: self.key_changed, through: Through::of(grouped.key, grouped.value) };
        KGroupedStream { steps: self.steps, grouping }
    }

    /// Groups the records by a key made of each. They always go through a repartition topic, with their timestamps and
    /// headers; those whose new key is null are dropped.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, String>("in").group_by(|_, v| v.len() as i32).count("lengths").to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values(["so", "it", "goes"].map(|word| (0, word.to_owned())))?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i64>()?, [(2, 1), (2, 2), (4, 1)]);
    /// assert_eq!(driver.internal_messages("test-lengths-repartition").len(), 3);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn group_by<K2: Nullable>(
        self,
        selector: impl Fn(&K, &V) -> K2 + Send + Sync + 'static,
    ) -> KGroupedStream<K2, V>
    where
        K: Nullable,
        V: Nullable<Inner: Wire>,
        K2::Inner: Wire,
    {
        self.group_by_with(selector, Grouped::with(K2::Inner::format(), V::Inner::format()))
    }

    /// [`group_by`](Self::group_by) with formats or a name for the repartition topic (`groupBy` with a `Grouped`). A grouping
    /// with a name is repartitioned once for all its aggregations.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let grouped = builder.stream::<i32, i32>("in").group_by_with(|_, v| v % 2, Grouped::named("by-parity"));
    /// grouped.clone().count("counts").to_stream().to("counts");
    /// grouped.reduce(|a, b| a + b, "sums").to_stream().to("sums");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50), (3, 7)])?;
    /// assert_eq!(driver.output("counts").read_key_values::<i32, i64>()?, [(1, 1), (0, 1), (1, 2)]);
    /// assert_eq!(driver.output("sums").read_key_values::<i32, i32>()?, [(1, 5), (0, 50), (1, 12)]);
    /// assert_eq!(driver.internal_messages("test-by-parity-repartition").len(), 3);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn group_by_with<K2: Nullable>(
        self,
        selector: impl Fn(&K, &V) -> K2 + Send + Sync + 'static,
        grouped: Grouped<K2::Inner, V::Inner>,
    ) -> KGroupedStream<K2, V>
    where
        K: Nullable,
        V: Nullable,
    {
        self.try_group_by_with(move |key, value| Ok(selector(key, value)), grouped)
    }

    /// [`group_by_with`](Self::group_by_with) with a selector that may fail. A record that it fails on goes to the policy for
    /// processing errors.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let by_sign = |_: &i32, v: &i32| match v.signum() {
    ///     0 => Err(kstreams::error::Error::processing("zero has no sign")),
    ///     sign => Ok(sign),
    /// };
    /// let grouped = builder.stream::<i32, i32>("in").try_group_by_with(by_sign, Grouped::named("by-sign"));
    /// grouped.count("counts").to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, -5)?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i64>()?, [(-1, 1)]);
    /// assert_eq!(driver.input("in").pipe(2, 0).unwrap_err().message(), "zero has no sign");
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn try_group_by_with<K2: Nullable>(
        self,
        selector: impl Fn(&K, &V) -> Result<K2> + Send + Sync + 'static,
        grouped: Grouped<K2::Inner, V::Inner>,
    ) -> KGroupedStream<K2, V>
    where
        K: Nullable,
        V: Nullable,
    {
        let at = Location::caller();
        let selected = self.key_select(at, selector);
        if let Some(name) = &grouped.name {
            selected.steps.name(selected.step, name);
        }
        let step = selected.step;
        let grouping = Grouping { step, key_changed: true, through: Through::of(grouped.key, grouped.value) };
        KGroupedStream { steps: selected.steps, grouping }
    }
}
