//! The blueprint: which nodes there are, how they are linked, which stores they use, what everything is called.
//!
//! A [`Topology`] is immutable and shared by all threads; each task wires a chain of operators of its own from
//! it (`wiring`). Built by the DSL through a `Plan`. Nothing here processes a record or talks to a broker.

mod connection;
mod description;
mod java_order;
mod naming;
mod node;
mod plan;
mod problem;
mod subtopology;
mod table;
mod wiring;

pub(crate) use node::{
    Node, NodeId, NodeKind, SinkTarget, SourceNode, Subscription, TopicName, WireOperator, WireSource,
};
pub(crate) use plan::{NewNode, Plan, RepartitionTopic, StepId};
pub(crate) use subtopology::Subtopology;
pub(crate) use table::{Derivation, Table, TableId, boxed_lookup};
pub(crate) use wiring::{Chain, Surroundings, Wiring, boxed};

pub use crate::config::AutoOffsetReset;

use crate::config::{Config, DslStore};
use crate::record::Topic;
use crate::store::{Backing, StoreBlueprint};
use std::fmt;
use std::sync::Arc;

/// A stream-processing program: sources, operators, stores and sinks. Immutable, `Send + Sync`, cheap to clone.
/// Kafka Streams: `org.apache.kafka.streams.Topology`.
///
/// ```
/// use kstreams::dsl::StreamsBuilder;
///
/// let builder = StreamsBuilder::new();
/// builder.stream::<String, String>("in").filter(|_, v| v.len() > 3).to("out");
/// let topology = builder.build()?;
/// assert!(topology.describe().to_string().contains("Processor: KSTREAM-FILTER-0000000001 (stores: [])"));
/// # Ok::<(), kstreams::error::Error>(())
/// ```
#[derive(Clone)]
pub struct Topology {
    blueprint: Arc<Blueprint>,
}

/// A global store: read in full from its topic by every instance.
#[derive(Clone)]
pub(crate) struct GlobalStore {
    pub(crate) topic: TopicName,
    pub(crate) store: String,
    /// The one node that writes to it.
    pub(crate) filled_by: NodeId,
    /// A processor of the program's own fills it, so that it may keep other rows than its topic holds. In a running instance every
    /// restore goes through that one node, whichever it is.
    pub(crate) processed: bool,
}

/// What a [`Topology`] shares.
#[derive(Clone)]
pub(crate) struct Blueprint {
    pub(crate) nodes: Vec<Node>,
    pub(crate) stores: Vec<Arc<dyn StoreBlueprint>>,
    pub(crate) tables: Vec<table::Table>,
    pub(crate) repartition_topics: Vec<RepartitionTopic>,
    pub(crate) globals: Vec<GlobalStore>,
    /// Pairs of nodes whose source topics must have equal numbers of partitions.
    pub(crate) copartitioned: Vec<(NodeId, NodeId)>,
    pub(crate) subtopologies: Vec<Subtopology>,
}

impl Blueprint {
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// Whether the store is a global one.
    pub(crate) fn is_global(&self, name: &str) -> bool {
        self.globals.iter().any(|global| global.store == name)
    }

    pub(crate) fn store(&self, name: &str) -> Option<&Arc<dyn StoreBlueprint>> {
        self.stores.iter().find(|store| *store.spec().name == *name)
    }

    /// Whether tasks read a topic. That of a global table is read by every instance in full, and by no task.
    pub(crate) fn reads(&self, topic: &Topic, application_id: &str) -> bool {
        let is_global = self.globals.iter().any(|global| global.topic.full(application_id) == *topic);
        let of_tasks = self.subtopologies.iter().filter(|subtopology| !subtopology.is_global);
        let mut subscriptions = of_tasks.flat_map(|subtopology| subtopology.subscriptions(&self.nodes));
        !is_global && subscriptions.any(|subscription| subscription.reads(topic, application_id))
    }
}

impl Topology {
    pub(crate) fn new(blueprint: Blueprint) -> Self {
        Topology { blueprint: Arc::new(blueprint) }
    }

    /// The blueprint with what a configuration decides: where stores live whose backing nobody chose.
    pub(crate) fn configured(&self, config: &Config) -> Arc<Blueprint> {
        let mut blueprint = (*self.blueprint).clone();
        if config.dsl_store == DslStore::InMemory {
            for store in blueprint.stores.iter_mut().filter(|store| store.spec().backing_is_default) {
                *store = store.with_backing(Backing::InMemory);
            }
        }
        Arc::new(blueprint)
    }

    /// The sub-topologies with their nodes, stores and topics, as Kafka Streams prints them.
    ///
    /// ```
    /// # let builder = kstreams::dsl::StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").named("rides").to("out").named("all");
    /// let expected = "\
    /// Topologies:
    ///    Sub-topology: 0
    ///     Source: rides (topics: [in])
    ///       --> all
    ///     Sink: all (topic: out)
    ///       <-- rides
    ///
    /// ";
    /// assert_eq!(builder.build()?.describe().to_string(), expected);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn describe(&self) -> TopologyDescription {
        TopologyDescription(description::describe(&self.blueprint))
    }

    /// The names of all state stores, in the order in which they are flushed.
    ///
    /// ```
    /// # let builder = kstreams::dsl::StreamsBuilder::new();
    /// let rides = builder.stream::<i32, i32>("in").group_by_key();
    /// rides.clone().count("counts");
    /// rides.reduce(i32::max, "largest");
    /// assert_eq!(builder.build()?.store_names(), ["counts", "largest"]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn store_names(&self) -> Vec<String> {
        self.blueprint.stores.iter().map(|store| store.spec().name.to_string()).collect()
    }
}

impl fmt::Debug for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe().0)
    }
}

/// The text of [`Topology::describe`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopologyDescription(String);

impl fmt::Display for TopologyDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
