//! [`KStream`]: steps that look at records, bring streams together or end them.

use super::options::{Printed, Produced};
use super::steps::Steps;
use crate::error::Result;
use crate::operator::{Edge, Filter, ForEach, Forward, NodeContext, Peek, Print, Sink, Target};
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
/// `Option` types. Unless a step says otherwise a record keeps its key, timestamp and headers, and a null reaches the
/// closure as `None`.
///
/// A step that may change the key marks the stream: the next step that needs equal keys together (grouping, join,
/// `to_table`) sends it through a repartition topic first. Steps on values leave the mark as it is.
///
/// ```
/// # use kstreams::{dsl::*, testing::*};
/// # let builder = StreamsBuilder::new();
/// let words = builder.stream::<i32, String>("lines").flat_map_values(|line| {
///     line.split(' ').map(str::to_owned).collect::<Vec<_>>()
/// });
/// words.clone().filter(|_, word| word.len() > 2).to("long");
/// words.map_values(|word| word.to_uppercase()).to("loud");
/// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
/// driver.input("lines").pipe(1, "to be sure".to_owned())?;
/// assert_eq!(driver.output("long").read_values::<String>()?, ["sure"]);
/// assert_eq!(driver.output("loud").read_values::<String>()?, ["TO", "BE", "SURE"]);
/// # Ok::<(), kstreams::error::Error>(())
/// ```
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

    /// Names the step that made this stream (`Named.as`). The name replaces a generated one in `describe()`, in errors and
    /// in metrics.
    ///
    /// ```
    /// # use kstreams::dsl::*;
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").filter(|_, v| *v > 10).named("large-only").to("out");
    /// let description = builder.build()?.describe().to_string();
    /// assert!(description.contains("Processor: large-only (stores: [])"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
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
    pub(super) fn operator<K2: Clone + 'static, V2: Clone + 'static>(
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

    /// Keeps the records for which the predicate holds; the others are dropped silently.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").filter(|_, v| *v > 10).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50)])?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i32>()?, [(2, 50)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn filter(self, predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static) -> Self {
        self.try_filter(move |key, value| Ok(predicate(key, value)))
    }

    /// [`filter`](Self::filter) with a predicate that may fail. A record that it fails on goes to the policy for
    /// [processing errors](crate::config::Config::processing_errors), by default: the application stops.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").try_filter(|_, v| match v {
    ///     0.. => Ok(*v > 10),
    ///     _ => Err(kstreams::error::Error::processing("a negative amount")),
    /// }).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50)])?;
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [50]);
    /// let error = driver.input("in").pipe(3, -1).unwrap_err();
    /// assert!(error.to_string().ends_with("a negative amount"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn try_filter(self, predicate: impl Fn(&K, &V) -> Result<bool> + Send + Sync + 'static) -> Self {
        self.keep(Location::caller(), predicate, true)
    }

    /// Keeps the records for which the predicate does not hold; the others are dropped silently.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, Option<i32>>("in").filter_not(|_, v| v.is_none()).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, Some(5)), (2, None)])?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i32>()?, [(1, 5)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
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

    /// Looks at each record on its way; the stream goes on unchanged. A record is looked at again when it is processed again
    /// after a failure.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use std::sync::{Arc, atomic::{AtomicI32, Ordering}};
    /// let largest = Arc::new(AtomicI32::new(0));
    /// let seen = largest.clone();
    /// builder.stream::<i32, i32>("in").peek(move |_, v| { seen.fetch_max(*v, Ordering::Relaxed); }).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50)])?;
    /// assert_eq!(largest.load(Ordering::Relaxed), 50);
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [5, 50]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn peek(self, look: impl Fn(&K, &V) + Send + Sync + 'static) -> Self {
        self.try_peek(move |key, value| {
            look(key, value);
            Ok(())
        })
    }

    /// [`peek`](Self::peek) with a closure that may fail. A record that it fails on goes to the policy for processing errors,
    /// and not to the steps below.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").try_peek(|_, v| match v {
    ///     0.. => Ok(()),
    ///     _ => Err(kstreams::error::Error::processing("a negative amount")),
    /// }).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert!(driver.input("in").pipe(1, -5).is_err());
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [5]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn try_peek(self, look: impl Fn(&K, &V) -> Result<()> + Send + Sync + 'static) -> Self {
        let look = Arc::new(look);
        self.operator(Location::caller(), "KSTREAM-PEEK-", false, move |node, down| {
            Rc::new(Peek { look: look.clone(), node, down })
        })
    }

    /// Takes each record; the end of the stream. What the closure does outside the application is not part of a transaction:
    /// it is done again when a record is processed again after a failure.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use std::sync::{Arc, Mutex};
    /// let taken = Arc::new(Mutex::new(Vec::new()));
    /// let list = taken.clone();
    /// builder.stream::<i32, i32>("in").for_each(move |k, v| list.lock().unwrap().push((k, v)));
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50)])?;
    /// assert_eq!(*taken.lock().unwrap(), [(1, 5), (2, 50)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn for_each(self, take: impl Fn(K, V) + Send + Sync + 'static) -> Ended {
        self.try_for_each(move |key, value| {
            take(key, value);
            Ok(())
        })
    }

    /// [`for_each`](Self::for_each) with a closure that may fail. A record that it fails on goes to the policy for processing
    /// errors.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").try_for_each(|_, v| match v {
    ///     0.. => Ok(()),
    ///     _ => Err(kstreams::error::Error::processing("a negative amount")),
    /// });
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.input("in").pipe(1, -5).unwrap_err().message(), "a negative amount");
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn try_for_each(self, take: impl Fn(K, V) -> Result<()> + Send + Sync + 'static) -> Ended {
        let take = Arc::new(take);
        let ended = self.operator(Location::caller(), "KSTREAM-FOREACH-", false, move |node, _: Edge<K, V>| {
            Rc::new(ForEach { take: take.clone(), node })
        });
        Ended { steps: ended.steps, step: ended.step }
    }

    /// Prints each record on a line of its own; the end of the stream. See [`Printed`] for where and how.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").print(Printed::to_sys_out().with_label("in"));
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?; // prints `[in]: 1, 5`
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
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

    /// The records of both streams. Those of one stream keep their order; between the two there is none that the log
    /// promises, though a task takes the record with the smaller timestamp first where it has both. If the key of either may
    /// have changed, a later grouping or join repartitions both.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let (left, right) = (builder.stream::<i32, i32>("left"), builder.stream::<i32, i32>("right"));
    /// left.merge(right.map_values(|v| -v)).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("left").pipe(1, 5)?;
    /// driver.input("right").pipe(1, 7)?;
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [5, -7]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
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
    /// Writes the stream to a topic, which must exist; the end of the stream. Key, value, timestamp and headers are written
    /// as they are, `None` as null; the partition is chosen by the key unless [`Produced`] says otherwise.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_at(1, 5, 1_000)?;
    /// let record = driver.output("out").read_record::<i32, i32>()?.expect("one record was sent");
    /// assert_eq!((record.key, record.value, record.timestamp), (1, 5, 1_000));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    ///
    /// A type without a format of its own needs one here, or the program does not compile:
    ///
    /// ```compile_fail
    /// # use kstreams::dsl::StreamsBuilder;
    /// #[derive(Clone)]
    /// struct Opaque;
    ///
    /// StreamsBuilder::new().stream::<i32, i32>("in").map_values(|_| Opaque).to("out");
    /// ```
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
            add_sink(plan, name, vec![parent], target, &produced)
        });
        Ended { steps: self.steps, step }
    }
}

/// Adds a sink node.
pub(super) fn add_sink<K: Nullable, V: Nullable>(
    plan: &mut Plan,
    name: String,
    parents: Vec<NodeId>,
    target: SinkTarget,
    produced: &Produced<K, V>,
) -> NodeId {
    let wire = wire_sink(target.clone(), produced);
    plan.add(NewNode { name, kind: NodeKind::Sink(target, wire), parents, stores: Vec::new() })
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
///
/// ```
/// # use kstreams::dsl::*;
/// # let builder = StreamsBuilder::new();
/// builder.stream::<i32, i32>("in").to("out").named("the-end");
/// assert!(builder.build()?.describe().to_string().contains("Sink: the-end (topic: out)"));
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub struct Ended {
    steps: Steps,
    step: StepId,
}

impl Ended {
    /// Names the step that ended the stream (`Named.as`).
    pub fn named(self, name: &str) {
        self.steps.name(self.step, name);
    }
}
