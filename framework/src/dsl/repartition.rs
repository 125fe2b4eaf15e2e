//! Writing a stream to a topic of the application's own and reading it again, so that equal keys come together.

use super::builder::wire_source;
use super::ending::add_sink;
use super::options::{Consumed, Produced, Repartitioned};
use super::stream::{KStream, add_below};
use crate::operator::{KeyPart, NotNullKey, StreamPartitioner, TimestampExtractor};
use crate::serde::{Format, Nullable, Wire};
use crate::topology::{
    NodeId, Plan, RepartitionTopic, SinkTarget, SourceNode, StepId, Subscription, TopicName, WireOperator, Wiring,
    boxed,
};
use std::any::TypeId;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

/// How a stream goes through a repartition topic.
pub(super) struct Through<K: Nullable, V: Nullable> {
    pub(super) key: Format<K::Inner>,
    pub(super) value: Format<V::Inner>,
    pub(super) partitions: Option<i32>,
    pub(super) partitioner: Option<StreamPartitioner<K, V>>,
}

impl<K: Nullable, V: Nullable> Through<K, V> {
    /// In these formats, to the partition that the key chooses, of as many as the input has.
    pub(super) fn of(key: Format<K::Inner>, value: Format<V::Inner>) -> Self {
        Through { key, value, partitions: None, partitioner: None }
    }
}

impl<K: Nullable, V: Nullable> Clone for Through<K, V> {
    fn clone(&self) -> Self {
        let (key, value) = (self.key.clone(), self.value.clone());
        Through { key, value, partitions: self.partitions, partitioner: self.partitioner.clone() }
    }
}

/// The names that a repartition takes, whether they are used or not.
pub(super) struct Names {
    base: String,
    sink: String,
    /// Updates of tables have no filter: their keys are never null.
    filter: Option<String>,
    source: String,
}

impl Names {
    pub(super) fn take(plan: &mut Plan, base: &str) -> Self {
        Names {
            base: base.to_owned(),
            sink: plan.repartition_node(base, "KSTREAM-SINK-", "sink"),
            filter: Some(plan.repartition_node(base, "KSTREAM-FILTER-", "filter")),
            source: plan.repartition_node(base, "KSTREAM-SOURCE-", "source"),
        }
    }

    /// Those of an aggregation of a table, which may have a name of its own.
    pub(super) fn take_for_table(plan: &mut Plan, base: &str, aggregation: Option<&str>) -> Self {
        let given = |suffix| aggregation.map(|name| format!("{name}-{suffix}"));
        Names {
            base: base.to_owned(),
            sink: plan.name(given("sink").as_deref(), "KSTREAM-SINK-"),
            filter: None,
            source: plan.name(given("source").as_deref(), "KSTREAM-SOURCE-"),
        }
    }
}

/// Repartitions what comes out of a grouping, once for all aggregations if the grouping has a name; returns the source.
pub(super) fn insert_for_grouping<K: Nullable, V: Nullable>(
    plan: &mut Plan,
    grouping: StepId,
    names: Names,
    through: &Through<K, V>,
) -> NodeId {
    if let Some(shared) = plan.repartitioned(grouping) {
        return shared;
    }
    let source = insert(plan, plan.output(grouping), names, through);
    if plan.name_of(grouping).is_some() {
        plan.share_repartitioned(grouping, source);
    }
    source
}

/// Adds filter, sink and source of a repartition topic below `parent`; returns the source.
pub(super) fn insert<K: Nullable, V: Nullable>(
    plan: &mut Plan,
    parent: NodeId,
    names: Names,
    through: &Through<K, V>,
) -> NodeId {
    let topic = TopicName::internal(format!("{}-repartition", names.base));
    if plan.has_repartition(&topic) {
        plan.problem(format!("there is already a repartition topic `{}`; give this one another name", topic.name));
    }
    let parent = match names.filter {
        Some(filter) => add_filter::<K, V>(plan, filter, parent),
        None => parent,
    };
    let mut produced = Produced::<K, V>::with(&topic.name, through.key.clone(), through.value.clone());
    produced.partitioner = through.partitioner.clone();
    let sink = add_sink(plan, names.sink, vec![parent], SinkTarget::Topic(topic.clone()), KeyPart::Whole, &produced);
    let source = add_source(plan, names.source, &topic, through);
    plan.add_repartition(RepartitionTopic { topic, partitions: through.partitions, sink, source });
    source
}

fn add_filter<K: Nullable, V: Nullable>(plan: &mut Plan, name: String, parent: NodeId) -> NodeId {
    let filter = add_below(plan, name, vec![parent], Vec::new(), wire_filter::<K, V>());
    plan.node_mut(filter).guards_keys = true;
    filter
}

fn wire_filter<K: Nullable, V: Nullable>() -> WireOperator {
    Arc::new(|wiring: &Wiring<'_>, id| {
        let down = wiring.below::<K, V>(id);
        match wiring.blueprint().node(id).guards_keys {
            true => Ok(boxed::<K, V>(Rc::new(NotNullKey { down }))),
            false => Ok(boxed(down)),
        }
    })
}

fn add_source<K: Nullable, V: Nullable>(
    plan: &mut Plan,
    name: String,
    topic: &TopicName,
    through: &Through<K, V>,
) -> NodeId {
    // Timestamps of our own topics are never negative, whatever the default extractor does about it.
    let consumed = Consumed::<K, V>::with(&topic.name, through.key.clone(), through.value.clone())
        .with_timestamp_extractor(TimestampExtractor::FailOnInvalid);
    let source = SourceNode {
        subscription: Subscription::Topics(vec![topic.clone()]),
        reset: None,
        types: TypeId::of::<(K, V)>(),
        wire: wire_source(&consumed),
        global: false,
    };
    plan.add_source(name, source)
}

impl<K, V> KStream<K, V> {
    /// Writes the stream to a repartition topic and reads it from there, even if its key did not change. Timestamps and
    /// headers go along. What follows counts as partitioned by its key.
    ///
    /// Records with a null key are dropped silently, unless the stream leads to a left join, which takes them.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").map(|k, v| (v, k)).repartition().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50)])?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i32>()?, [(5, 1), (50, 2)]);
    /// assert!(driver.internal_topics().next().is_some_and(|topic| topic.ends_with("-repartition")));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn repartition(self) -> KStream<K, V>
    where
        K: Nullable<Inner: Wire>,
        V: Nullable<Inner: Wire>,
    {
        self.repartition_with(Repartitioned::with(K::Inner::format(), V::Inner::format()))
    }

    /// [`repartition`](Self::repartition) with formats, a name, a number of partitions or a partitioner
    /// (`repartition` with a `Repartitioned`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").repartition_with(Repartitioned::named("wide").number_of_partitions(12)).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.internal_messages("test-wide-repartition").len(), 1);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn repartition_with(self, repartitioned: Repartitioned<K, V>) -> KStream<K, V>
    where
        K: Nullable,
        V: Nullable,
    {
        let Repartitioned { name: option, key, value, partitions, partitioner } = repartitioned;
        let (parent, through) = (self.step, Through { key, value, partitions, partitioner });
        let step = self.steps.take_node(Location::caller(), move |plan, taken| {
            if through.partitions.is_some_and(|partitions| partitions < 1) {
                plan.problem("a repartition topic has at least one partition");
            }
            let base = plan.name_or_generate(taken.name.or(option.as_deref()), "KSTREAM-REPARTITION-");
            let names = Names::take(plan, &base);
            let parent = plan.output(parent);
            insert(plan, parent, names, &through)
        });
        KStream::new(self.steps, step, false)
    }
}
