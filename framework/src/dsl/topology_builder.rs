//! A topology put together node by node: Kafka Streams' Processor API without the DSL.

use super::builder::add_source;
use super::ending::add_sink;
use super::global_store::{GlobalFill, Nothing, single_topic};
use super::options::{Consumed, Destination, Produced};
use super::process::ProcessorNode;
use super::steps::Steps;
use crate::error::Result;
use crate::operator::{KeyPart, Processor};
use crate::record::Topic;
use crate::serde::Nullable;
use crate::store::{StoreBlueprint, StoreBuilder, StoreHandle};
use crate::topology::{AutoOffsetReset, NodeId, Plan, SinkTarget, StepId, TopicName, Topology};
use std::marker::PhantomData;
use std::panic::Location;

/// Puts a topology together node by node. Kafka Streams: `org.apache.kafka.streams.Topology`, as far as it is a builder.
///
/// Every node is named by the program. What a node hands on has types, and only nodes that take these can be put
/// below it.
///
/// ```
/// use kstreams::dsl::TopologyBuilder;
/// use kstreams::operator::ProcessorContext;
/// use kstreams::record::Record;
/// use kstreams::serde::Format;
/// use kstreams::store::{KeyValueStore, Stores};
/// use kstreams::testing::TopologyTestDriver;
///
/// let topology = TopologyBuilder::new();
/// let totals = Stores::persistent_key_value_store("totals");
/// topology.add_state_store(Stores::key_value_store_builder(totals, Format::i32(), Format::i64()));
/// let source = topology.add_source::<i32, i64>("source", "in");
/// let sum = topology.add_processor("sum", &[&source], &["totals"], || {
///     |context: &ProcessorContext<i32, i64>, record: Record<i32, i64>| {
///         let totals: KeyValueStore<i32, i64> = context.state_store("totals")?;
///         let total = totals.get(&record.key)?.unwrap_or(0) + record.value;
///         totals.put(&record.key, total)?;
///         context.forward(record.with_value(total))
///     }
/// });
/// topology.add_sink("sink", &[&sum], "out");
///
/// let mut driver = TopologyTestDriver::new(&topology.build()?)?;
/// driver.input("in").pipe_key_values([(1, 5_i64), (1, 7)])?;
/// assert_eq!(driver.output("out").read_values::<i64>()?, [5, 12]);
/// # Ok::<(), kstreams::error::Error>(())
/// ```
///
/// A node below one that hands on something else does not compile:
///
/// ```compile_fail,E0308
/// # use kstreams::dsl::TopologyBuilder;
/// let topology = TopologyBuilder::new();
/// let numbers = topology.add_source::<i32, i64>("numbers", "numbers");
/// let words = topology.add_source::<i32, String>("words", "words");
/// topology.add_sink("sink", &[&numbers, &words], "out");
/// ```
#[derive(Default)]
pub struct TopologyBuilder {
    steps: Steps,
}

/// A node of a topology that hands on records with keys `K` and values `V`.
pub struct Node<K, V> {
    steps: Steps,
    step: StepId,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Clone for Node<K, V> {
    fn clone(&self) -> Self {
        Node { steps: self.steps.clone(), step: self.step, types: PhantomData }
    }
}

impl TopologyBuilder {
    /// A topology without nodes.
    ///
    /// ```
    /// # use kstreams::{dsl::*};
    /// let topology = TopologyBuilder::new();
    /// let source = topology.add_source::<i32, i32>("source", "in");
    /// topology.add_sink("sink", &[&source], "out");
    /// assert!(topology.build()?.describe().to_string().contains("Source: source (topics: [in])"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn new() -> Self {
        TopologyBuilder::default()
    }

    fn node<K, V>(
        &self,
        at: &'static Location<'static>,
        name: &str,
        make: impl Fn(&mut Plan, String) -> NodeId + 'static,
    ) -> Node<K, V> {
        let name = name.to_owned();
        let step = self.steps.take_node(at, move |plan, _| {
            plan.checked(Some(&name));
            make(plan, name.clone())
        });
        Node { steps: self.steps.clone(), step, types: PhantomData }
    }

    /// The steps of the parents, which must belong to this topology.
    fn parents<K, V>(&self, parents: &[&Node<K, V>]) -> Parents {
        let are_own = parents.iter().all(|parent| parent.steps.is_same(&self.steps));
        Parents { steps: are_own.then(|| parents.iter().map(|parent| parent.step).collect()) }
    }

    /// Reads topics. A topic is read by one source only.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let topology = TopologyBuilder::new();
    /// let words = topology.add_source::<i32, String>("words", Consumed::topics(["short", "long"]));
    /// topology.add_sink("sink", &[&words], "out");
    /// # let mut driver = TopologyTestDriver::new(&topology.build()?)?;
    /// driver.input("short").pipe(1, "a".to_owned())?;
    /// driver.input("long").pipe(1, "antidisestablishmentarianism".to_owned())?;
    /// assert_eq!(driver.output("out").read_values::<String>()?, ["a", "antidisestablishmentarianism"]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn add_source<K: Nullable, V: Nullable>(&self, name: &str, consumed: impl Into<Consumed<K, V>>) -> Node<K, V> {
        let consumed = consumed.into();
        self.node(Location::caller(), name, move |plan, name| add_own_source(plan, name, &consumed))
    }

    /// Sends what the parents hand on through a processor; `supplier` makes one for each task. The stores of these
    /// names are connected.
    ///
    /// Below several parents a processor sees the records of all of them:
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*, operator::ProcessorContext, record::Record};
    /// # let topology = TopologyBuilder::new();
    /// let rides = topology.add_source::<i32, i64>("rides", "rides");
    /// let refunds = topology.add_source::<i32, i64>("refunds", "refunds");
    /// let cents = topology.add_processor("cents", &[&rides, &refunds], &[], || {
    ///     |context: &ProcessorContext<i32, i64>, record: Record<i32, i64>| {
    ///         let cents = record.value * 100;
    ///         context.forward(record.with_value(cents))
    ///     }
    /// });
    /// topology.add_sink("sink", &[&cents], "out");
    /// # let mut driver = TopologyTestDriver::new(&topology.build()?)?;
    /// driver.input("rides").pipe(1, 3_i64)?;
    /// driver.input("refunds").pipe(1, -2_i64)?;
    /// assert_eq!(driver.output("out").read_values::<i64>()?, [300, -200]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn add_processor<KIn, VIn, KOut, VOut, P>(
        &self,
        name: &str,
        parents: &[&Node<KIn, VIn>],
        stores: &[&str],
        supplier: impl Fn() -> P + Send + Sync + 'static,
    ) -> Node<KOut, VOut>
    where
        KIn: 'static,
        VIn: 'static,
        KOut: Clone + 'static,
        VOut: Clone + 'static,
        P: Processor<KIn, VIn, KOut, VOut>,
    {
        let (parents, processor) = (self.parents(parents), ProcessorNode::new(supplier, stores));
        self.node(Location::caller(), name, move |plan, name| {
            let parents = parents.nodes(plan, &name);
            processor.add(plan, name, parents)
        })
    }

    /// Writes what the parents hand on to a topic, which must exist, or to the topic that a function names.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let topology = TopologyBuilder::new();
    /// let numbers = topology.add_source::<i32, i32>("numbers", "in");
    /// topology.add_sink("all", &[&numbers], "all");
    /// topology.add_sink("sorted", &[&numbers], Produced::to_extracted(|_: &i32, v: &i32, _| match v % 2 {
    ///     0 => "even".to_owned(),
    ///     _ => "odd".to_owned(),
    /// }));
    /// # let mut driver = TopologyTestDriver::new(&topology.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (1, 6)])?;
    /// assert_eq!(driver.output("all").read_values::<i32>()?, [5, 6]);
    /// assert_eq!(driver.output("odd").read_values::<i32>()?, [5]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn add_sink<K: Nullable, V: Nullable>(
        &self,
        name: &str,
        parents: &[&Node<K, V>],
        produced: impl Into<Produced<K, V>>,
    ) -> &Self {
        let (parents, produced) = (self.parents(parents), produced.into());
        self.node::<K, V>(Location::caller(), name, move |plan, name| {
            let parents = parents.nodes(plan, &name);
            let target = match &produced.destination {
                Destination::Topic(topic) => SinkTarget::Topic(TopicName::external(topic)),
                Destination::Extracted(_) => SinkTarget::Extracted,
            };
            add_sink(plan, name, parents, target, KeyPart::Whole, &produced)
        });
        self
    }

    /// Adds a store that processors are connected with by its name.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*, operator::ProcessorContext, record::Record, serde::Format, store::{KeyValueStore, Stores}};
    /// # let topology = TopologyBuilder::new();
    /// let latest = Stores::in_memory_key_value_store("latest");
    /// topology.add_state_store(Stores::key_value_store_builder(latest, Format::i32(), Format::i32()));
    /// let source = topology.add_source::<i32, i32>("source", "in");
    /// topology.add_processor("keep", &[&source], &["latest"], || {
    ///     |context: &ProcessorContext<i32, i32>, record: Record<i32, i32>| {
    ///         context.state_store::<KeyValueStore<i32, i32>>("latest")?.put(&record.key, record.value)
    ///     }
    /// });
    /// # let mut driver = TopologyTestDriver::new(&topology.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (1, 7)])?;
    /// assert_eq!(driver.store::<KeyValueStore<i32, i32>>("latest")?.get(&1)?, Some(7));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn add_state_store(&self, store: impl StoreBlueprint + 'static) -> &Self {
        self.steps.add_state_store(Location::caller(), store);
        self
    }

    /// Connects a processor with further stores.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*, operator::ProcessorContext, record::Record, serde::Format, store::{KeyValueStore, Stores}};
    /// # let topology = TopologyBuilder::new();
    /// let source = topology.add_source::<i32, i32>("source", "in");
    /// let first = topology.add_processor("first", &[&source], &[], || {
    ///     |context: &ProcessorContext<i32, i32>, record: Record<i32, i32>| {
    ///         let seen: KeyValueStore<i32, i32> = context.state_store("seen")?;
    ///         match seen.put_if_absent(&record.key, record.value)? {
    ///             None => context.forward(record),
    ///             Some(_) => Ok(()),
    ///         }
    ///     }
    /// });
    /// let seen = Stores::persistent_key_value_store("seen");
    /// topology.add_state_store(Stores::key_value_store_builder(seen, Format::i32(), Format::i32()));
    /// topology.connect_processor_and_state_stores(&first, &["seen"]);
    /// topology.add_sink("sink", &[&first], "out");
    /// # let mut driver = TopologyTestDriver::new(&topology.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (1, 7), (2, 9)])?;
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [5, 9]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn connect_processor_and_state_stores<K, V>(&self, processor: &Node<K, V>, stores: &[&str]) -> &Self {
        let parents = self.parents(&[processor]);
        let stores: Vec<String> = stores.iter().map(|&store| store.to_owned()).collect();
        self.steps.take(Location::caller(), move |plan, _| {
            for node in parents.nodes(plan, "the connection") {
                stores.iter().for_each(|store| plan.connect(node, store));
            }
        });
        self
    }

    /// Adds a store that a processor of its own fills from a topic, which is read from its beginning and serves as
    /// the store's changelog: what the processor keeps must be what the topic holds. Other processors are connected
    /// with the store by its name, and only read it.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*, operator::ProcessorContext, record::Record, serde::Format, store::{KeyValueStore, Stores}};
    /// # let topology = TopologyBuilder::new();
    /// let names = Stores::persistent_key_value_store("names");
    /// let names = Stores::key_value_store_builder(names, Format::i32(), Format::string());
    /// topology.add_read_only_state_store(names, "name-source", "names", "keep-names", || {
    ///     |context: &ProcessorContext<Nothing, Nothing>, name: Record<i32, String>| {
    ///         context.state_store::<KeyValueStore<i32, String>>("names")?.put(&name.key, name.value)
    ///     }
    /// });
    /// let rides = topology.add_source::<i32, i64>("rides", "rides");
    /// let named = topology.add_processor("name", &[&rides], &["names"], || {
    ///     |context: &ProcessorContext<String, i64>, ride: Record<i32, i64>| {
    ///         let name = context.state_store::<KeyValueStore<i32, String>>("names")?.get(&ride.key)?;
    ///         context.forward(ride.with_key(name.unwrap_or_default()))
    ///     }
    /// });
    /// topology.add_sink("sink", &[&named], "out");
    /// # let mut driver = TopologyTestDriver::new(&topology.build()?)?;
    /// driver.input("names").pipe(1, "Loop".to_owned())?;
    /// driver.input("rides").pipe(1, 5_i64)?;
    /// assert_eq!(driver.output("out").read_key_values::<String, i64>()?, [("Loop".to_owned(), 5)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn add_read_only_state_store<K: Nullable, V: Nullable, S: StoreHandle, P: Processor<K, V, Nothing, Nothing>>(
        &self,
        store: StoreBuilder<S>,
        source: &str,
        consumed: impl Into<Consumed<K, V>>,
        processor: &str,
        supplier: impl Fn() -> P + Send + Sync + 'static,
    ) -> &Self {
        let at = Location::caller();
        let consumed = consumed.into().with_offset_reset(AutoOffsetReset::Earliest);
        let topics = consumed.topics.clone();
        let writer = ProcessorNode::new::<K, V, Nothing, Nothing, P>(supplier, &[store.name()]);
        self.steps.take(at, move |plan, _| {
            let topic = single_topic(plan, &topics);
            plan.add_store(store.clone().with_source_changelog(Topic::from(topic)).build());
        });
        let source = self.node::<K, V>(at, source, move |plan, name| add_own_source(plan, name, &consumed));
        let parents = self.parents(&[&source]);
        self.node::<Nothing, Nothing>(at, processor, move |plan, name| {
            let parents = parents.nodes(plan, &name);
            writer.add(plan, name, parents)
        });
        self
    }

    /// Adds a store that every instance fills from all partitions of a topic, with a processor of its own. Every
    /// processor may read it without being connected. Kafka Streams: `Topology.addGlobalStore`.
    ///
    /// A restore runs the processor again over the topic, as the topic holds what it reads, not what it keeps.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*, operator::ProcessorContext, record::Record, serde::Format, store::{KeyValueStore, Stores}};
    /// # let topology = TopologyBuilder::new();
    /// let lengths = Stores::persistent_key_value_store("lengths");
    /// let lengths = Stores::key_value_store_builder(lengths, Format::i32(), Format::i64());
    /// topology.add_global_store(lengths, "word-source", "words", "measure", || {
    ///     |context: &ProcessorContext<Nothing, Nothing>, word: Record<i32, String>| {
    ///         let lengths: KeyValueStore<i32, i64> = context.state_store("lengths")?;
    ///         lengths.put(&word.key, word.value.len() as i64)
    ///     }
    /// });
    /// let source = topology.add_source::<i32, i64>("source", "in");
    /// let compare = topology.add_processor("compare", &[&source], &[], || {
    ///     |context: &ProcessorContext<i32, bool>, record: Record<i32, i64>| {
    ///         let lengths = context.global_store::<KeyValueStore<i32, i64>>("lengths")?;
    ///         let is_longer = lengths.get(&record.key)?.is_some_and(|length| length > record.value);
    ///         context.forward(record.with_value(is_longer))
    ///     }
    /// });
    /// topology.add_sink("sink", &[&compare], "out");
    /// # let mut driver = TopologyTestDriver::new(&topology.build()?)?;
    /// driver.input("words").pipe(1, "hello".to_owned())?;
    /// driver.input("in").pipe_key_values([(1, 4_i64), (1, 5)])?;
    /// assert_eq!(driver.output("out").read_values::<bool>()?, [true, false]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn add_global_store<K: Nullable, V: Nullable, S: StoreHandle, P: Processor<K, V, Nothing, Nothing>>(
        &self,
        store: StoreBuilder<S>,
        source: &str,
        consumed: impl Into<Consumed<K, V>>,
        processor: &str,
        supplier: impl Fn() -> P + Send + Sync + 'static,
    ) -> &Self {
        let fill = GlobalFill::new(store, consumed.into(), supplier);
        fill.take_named(&self.steps, Location::caller(), source, processor);
        self
    }

    /// Checks the nodes and makes the topology.
    ///
    /// # Errors
    /// All problems at once, each with the line of the program that made it:
    ///
    /// ```
    /// # use kstreams::dsl::TopologyBuilder;
    /// let topology = TopologyBuilder::new();
    /// let numbers = topology.add_source::<i32, i32>("numbers", "in");
    /// topology.add_sink("numbers", &[&numbers], "out"); let line = line!();
    ///
    /// let error = topology.build().unwrap_err().to_string();
    /// assert!(error.contains(&format!("{}:{line}: there is already a node named `numbers`", file!())), "{error}");
    /// ```
    #[track_caller]
    pub fn build(&self) -> Result<Topology> {
        self.steps.build()
    }
}

/// What a node stands below; no steps at all if they belong to another topology.
struct Parents {
    steps: Option<Vec<StepId>>,
}

impl Parents {
    fn nodes(&self, plan: &mut Plan, node: &str) -> Vec<NodeId> {
        match &self.steps {
            None => {
                plan.problem(format!("`{node}` is below a node of another topology"));
                Vec::new()
            }
            Some(steps) if steps.is_empty() => {
                plan.problem(format!("`{node}` is below no node"));
                Vec::new()
            }
            Some(steps) => steps.iter().map(|&step| plan.output(step)).collect(),
        }
    }
}

/// Adds a source that no other source may stand in for.
fn add_own_source<K: Nullable, V: Nullable>(plan: &mut Plan, name: String, consumed: &Consumed<K, V>) -> NodeId {
    let node = add_source(plan, name.clone(), consumed, false);
    let known = plan.node_mut(node).name.to_string();
    if known != name {
        plan.problem(format!("source `{known}` reads the same topics as `{name}`"));
    }
    node
}
