//! [`KStream`]: steps that look at records or bring streams together.

use super::steps::Steps;
use crate::error::Result;
use crate::operator::{Edge, Filter, NodeContext, Peek};
use crate::topology::{NewNode, NodeId, NodeKind, Plan, StepId, WireOperator, Wiring, boxed};
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
