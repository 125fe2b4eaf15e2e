//! [`KStream`] and its stateless steps.

use super::options::{Printed, Produced};
use super::steps::Steps;
use crate::error::Result;
use crate::operator::{
    Edge, Filter, FlatMap, FlatMapValues, ForEach, Forward, Map, MapValues, NodeContext, Peek, Print, SelectKey, Sink,
    Target,
};
use crate::record::Topic;
use crate::serde::{Nullable, SerdeContext};
use crate::topology::{NewNode, NodeId, NodeKind, Plan, SinkTarget, StepId, TopicName, WireOperator, Wiring, boxed};
use std::cell::RefCell;
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

/// A stream of records: each one is a fact of its own. Kafka Streams: `org.apache.kafka.streams.kstream.KStream`.
///
/// Every method takes the stream; `.clone()` it to attach several steps. A stream that may carry nulls has
/// `Option` types.
pub struct KStream<K, V> {
    pub(super) steps: Steps,
    pub(super) step: StepId,
    /// The key may have changed since the records were partitioned.
    pub(super) key_changed: bool,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Clone for KStream<K, V> {
    fn clone(&self) -> Self {
        KStream::new(self.steps.clone(), self.step, self.key_changed)
    }
}

impl<K, V> KStream<K, V> {
    pub(super) fn new(steps: Steps, step: StepId, key_changed: bool) -> Self {
        KStream { steps, step, key_changed, types: PhantomData }
    }

    /// Names the step that made this stream.
    pub fn named(self, name: &str) -> Self {
        self.steps.name(self.step, name);
        self
    }
}

/// Adds a processor node below the output of `parent`.
pub(super) fn add_below(
    plan: &mut Plan,
    name: String,
    parents: Vec<NodeId>,
    stores: Vec<String>,
    wire: WireOperator,
) -> NodeId {
    plan.add(NewNode { name, kind: NodeKind::Processor(wire), parents, stores })
}

/// The recipe for an operator that needs only its node and what is below it.
pub(super) fn wire_simple<K, V, K2, V2>(
    make: impl Fn(NodeContext, Edge<K2, V2>) -> Edge<K, V> + Send + Sync + 'static,
) -> WireOperator
where
    K: 'static,
    V: 'static,
    K2: Clone + 'static,
    V2: Clone + 'static,
{
    Arc::new(move |wiring: &Wiring<'_>, id| Ok(boxed(make(wiring.node(id), wiring.below(id)))))
}

impl<K: Clone + 'static, V: Clone + 'static> KStream<K, V> {
    /// A step that is one operator.
    fn operator<K2: Clone + 'static, V2: Clone + 'static>(
        self,
        at: &'static Location<'static>,
        prefix: &'static str,
        key_changed: bool,
        make: impl Fn(NodeContext, Edge<K2, V2>) -> Edge<K, V> + Send + Sync + 'static,
    ) -> KStream<K2, V2> {
        let (parent, wire) = (self.step, wire_simple(make));
        let step = self.steps.take_node(at, move |plan, taken| {
            let name = plan.name(taken.name, prefix);
            let parent = plan.output(parent);
            add_below(plan, name, vec![parent], Vec::new(), wire.clone())
        });
        KStream::new(self.steps, step, self.key_changed || key_changed)
    }

    /// Keeps the records for which the predicate holds.
    #[track_caller]
    pub fn filter(self, predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static) -> Self {
        self.try_filter(move |key, value| Ok(predicate(key, value)))
    }

    /// [`filter`](Self::filter) with a predicate that may fail.
    #[track_caller]
    pub fn try_filter(self, predicate: impl Fn(&K, &V) -> Result<bool> + Send + Sync + 'static) -> Self {
        self.keep(Location::caller(), predicate, true)
    }

    /// Keeps the records for which the predicate does not hold.
    #[track_caller]
    pub fn filter_not(self, predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static) -> Self {
        self.keep(Location::caller(), move |key, value| Ok(predicate(key, value)), false)
    }

    fn keep(
        self,
        at: &'static Location<'static>,
        predicate: impl Fn(&K, &V) -> Result<bool> + Send + Sync + 'static,
        keep: bool,
    ) -> Self {
        let predicate = Arc::new(predicate);
        self.operator(at, "KSTREAM-FILTER-", false, move |node, down| {
            Rc::new(Filter { predicate: predicate.clone(), keep, node, down })
        })
    }

    /// Makes another key and value of each. The key may change, so that a later grouping or join repartitions.
    #[track_caller]
    pub fn map<K2: Clone + 'static, V2: Clone + 'static>(
        self,
        mapper: impl Fn(K, V) -> (K2, V2) + Send + Sync + 'static,
    ) -> KStream<K2, V2> {
        self.try_map(move |key, value| Ok(mapper(key, value)))
    }

    /// [`map`](Self::map) with a mapper that may fail.
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

    /// Makes another value of each; the key stays.
    #[track_caller]
    pub fn map_values<V2: Clone + 'static>(self, mapper: impl Fn(V) -> V2 + Send + Sync + 'static) -> KStream<K, V2> {
        self.try_map_values_with_key(move |_, value| Ok(mapper(value)))
    }

    /// [`map_values`](Self::map_values) with a mapper that may fail.
    #[track_caller]
    pub fn try_map_values<V2: Clone + 'static>(
        self,
        mapper: impl Fn(V) -> Result<V2> + Send + Sync + 'static,
    ) -> KStream<K, V2> {
        self.try_map_values_with_key(move |_, value| mapper(value))
    }

    /// [`map_values`](Self::map_values) with a mapper that also sees the key.
    #[track_caller]
    pub fn map_values_with_key<V2: Clone + 'static>(
        self,
        mapper: impl Fn(&K, V) -> V2 + Send + Sync + 'static,
    ) -> KStream<K, V2> {
        self.try_map_values_with_key(move |key, value| Ok(mapper(key, value)))
    }

    /// [`map_values_with_key`](Self::map_values_with_key) with a mapper that may fail.
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

    /// Makes any number of records of each. The key may change.
    #[track_caller]
    pub fn flat_map<K2, V2, I>(self, mapper: impl Fn(K, V) -> I + Send + Sync + 'static) -> KStream<K2, V2>
    where
        K2: Clone + 'static,
        V2: Clone + 'static,
        I: IntoIterator<Item = (K2, V2)> + 'static,
    {
        self.try_flat_map(move |key, value| Ok(mapper(key, value)))
    }

    /// [`flat_map`](Self::flat_map) with a mapper that may fail.
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

    /// Makes any number of values of each, under the same key.
    #[track_caller]
    pub fn flat_map_values<V2, I>(self, mapper: impl Fn(V) -> I + Send + Sync + 'static) -> KStream<K, V2>
    where
        V2: Clone + 'static,
        I: IntoIterator<Item = V2> + 'static,
    {
        self.try_flat_map_values_with_key(move |_, value| Ok(mapper(value)))
    }

    /// [`flat_map_values`](Self::flat_map_values) with a mapper that may fail.
    #[track_caller]
    pub fn try_flat_map_values<V2, I>(self, mapper: impl Fn(V) -> Result<I> + Send + Sync + 'static) -> KStream<K, V2>
    where
        V2: Clone + 'static,
        I: IntoIterator<Item = V2> + 'static,
    {
        self.try_flat_map_values_with_key(move |_, value| mapper(value))
    }

    /// [`flat_map_values`](Self::flat_map_values) with a mapper that also sees the key.
    #[track_caller]
    pub fn flat_map_values_with_key<V2, I>(self, mapper: impl Fn(&K, V) -> I + Send + Sync + 'static) -> KStream<K, V2>
    where
        V2: Clone + 'static,
        I: IntoIterator<Item = V2> + 'static,
    {
        self.try_flat_map_values_with_key(move |key, value| Ok(mapper(key, value)))
    }

    /// [`flat_map_values_with_key`](Self::flat_map_values_with_key) with a mapper that may fail.
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

    /// Gives each record another key. A later grouping or join repartitions.
    #[track_caller]
    pub fn select_key<K2: Clone + 'static>(
        self,
        selector: impl Fn(&K, &V) -> K2 + Send + Sync + 'static,
    ) -> KStream<K2, V> {
        self.try_select_key(move |key, value| Ok(selector(key, value)))
    }

    /// [`select_key`](Self::select_key) with a selector that may fail.
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

    /// Looks at each record on its way.
    #[track_caller]
    pub fn peek(self, look: impl Fn(&K, &V) + Send + Sync + 'static) -> Self {
        self.try_peek(move |key, value| {
            look(key, value);
            Ok(())
        })
    }

    /// [`peek`](Self::peek) with a closure that may fail; the record then does not go on.
    #[track_caller]
    pub fn try_peek(self, look: impl Fn(&K, &V) -> Result<()> + Send + Sync + 'static) -> Self {
        let look = Arc::new(look);
        self.operator(Location::caller(), "KSTREAM-PEEK-", false, move |node, down| {
            Rc::new(Peek { look: look.clone(), node, down })
        })
    }

    /// Takes each record; the end of the stream.
    #[track_caller]
    pub fn for_each(self, take: impl Fn(K, V) + Send + Sync + 'static) -> Ended {
        self.try_for_each(move |key, value| {
            take(key, value);
            Ok(())
        })
    }

    /// [`for_each`](Self::for_each) with a closure that may fail.
    #[track_caller]
    pub fn try_for_each(self, take: impl Fn(K, V) -> Result<()> + Send + Sync + 'static) -> Ended {
        let take = Arc::new(take);
        let ended = self.operator(Location::caller(), "KSTREAM-FOREACH-", false, move |node, _: Edge<K, V>| {
            Rc::new(ForEach { take: take.clone(), node })
        });
        Ended { steps: ended.steps, step: ended.step }
    }

    /// Prints each record; the end of the stream.
    #[track_caller]
    pub fn print(self, printed: Printed<K, V>) -> Ended {
        let ended = self.operator(Location::caller(), "KSTREAM-PRINTER-", false, move |node, _: Edge<K, V>| {
            let (line, label) = (printed.line.clone(), printed.label.clone());
            let label = label.unwrap_or_else(|| node.name().to_string());
            let line = Arc::new(move |key: &K, value: &V| line(&label, key, value));
            Rc::new(Print { line, output: printed.output.clone(), node })
        });
        Ended { steps: ended.steps, step: ended.step }
    }

    /// The records of both streams. Between the two there is no order.
    #[track_caller]
    pub fn merge(self, other: KStream<K, V>) -> Self {
        let (first, second) = (self.step, other.step);
        let wire = wire_simple(|_, down: Edge<K, V>| down);
        let one_builder = self.steps.is_same(&other.steps);
        let step = self.steps.take_node(Location::caller(), move |plan, taken| {
            let name = plan.name(taken.name, "KSTREAM-MERGE-");
            if !one_builder {
                plan.problem("the merged streams come from different builders");
            }
            let parents = vec![plan.output(first), plan.output(if one_builder { second } else { first })];
            add_below(plan, name, parents, Vec::new(), wire.clone())
        });
        KStream::new(self.steps, step, self.key_changed || other.key_changed)
    }
}

impl<K: Nullable, V: Nullable> KStream<K, V> {
    /// Writes the stream to a topic, which must exist; the end of the stream.
    #[track_caller]
    pub fn to(self, produced: impl Into<Produced<K, V>>) -> Ended {
        let produced = produced.into();
        let parent = self.step;
        let step = self.steps.take_node(Location::caller(), move |plan, taken| {
            let name = plan.name(taken.name, "KSTREAM-SINK-");
            let parent = plan.output(parent);
            let target = match &produced.destination {
                super::options::Destination::Topic(topic) => SinkTarget::Topic(TopicName::external(topic)),
                super::options::Destination::Extracted(_) => SinkTarget::Extracted,
            };
            add_sink(plan, name, parent, target, &produced)
        });
        Ended { steps: self.steps, step }
    }
}

/// Adds a sink node.
pub(super) fn add_sink<K: Nullable, V: Nullable>(
    plan: &mut Plan,
    name: String,
    parent: NodeId,
    target: SinkTarget,
    produced: &Produced<K, V>,
) -> NodeId {
    let wire = wire_sink(target.clone(), produced);
    plan.add(NewNode { name, kind: NodeKind::Sink(target, wire), parents: vec![parent], stores: Vec::new() })
}

fn wire_sink<K: Nullable, V: Nullable>(target: SinkTarget, produced: &Produced<K, V>) -> WireOperator {
    let (key, value) = (produced.key.clone(), produced.value.clone());
    let (destination, partitioner) = (produced.destination.clone(), produced.partitioner.clone());
    Arc::new(move |wiring: &Wiring<'_>, id| {
        let registry = wiring.registry();
        let (key, value) = (key.clone(), value.clone());
        let make = move |topic: &Topic| -> Result<crate::operator::Serdes<K, V>> {
            let context = |is_key| SerdeContext { topic: topic.clone(), is_key, registry: registry.clone() };
            Ok(crate::operator::Serdes { key: key.serde(&context(true))?, value: value.serde(&context(false))? })
        };
        let target = match (&target, &destination) {
            (SinkTarget::Extracted, super::options::Destination::Extracted(extractor)) => {
                Target::Extracted { extractor: extractor.clone(), make: Box::new(make), made: RefCell::default() }
            }
            (SinkTarget::Topic(topic), _) => {
                let topic = topic.full(wiring.context().application_id());
                Target::Fixed { serdes: make(&topic)?, topic }
            }
            (SinkTarget::Extracted, super::options::Destination::Topic(topic)) => {
                let topic = Topic::from(topic);
                Target::Fixed { serdes: make(&topic)?, topic }
            }
        };
        let sink: Rc<dyn Forward<K, V>> = Rc::new(Sink::new(target, partitioner.clone(), wiring.node(id)));
        Ok(boxed(sink))
    })
}

/// The end of a stream: nothing comes after it, but it can be named.
pub struct Ended {
    steps: Steps,
    step: StepId,
}

impl Ended {
    /// Names the step that ended the stream.
    pub fn named(self, name: &str) {
        self.steps.name(self.step, name);
    }
}
