//! Wiring: making a task's running chain from the blueprint, from the sinks upwards.
//!
//! Types are erased only here: a node's input is kept as a boxed `Edge<K, V>` until the node above asks for it
//! with its own types, which the typed DSL guarantees to be the same.

use super::{Blueprint, Derivation, NodeId, NodeKind, TableId};
use crate::config::TimestampPolicy;
use crate::error::{Error, ErrorKind, Result};
use crate::operator::{ConnectedStores, Edge, Input, Lookup, NodeContext, TaskContext, tee};
use crate::record::{Topic, TopicPartition};
use crate::serde::{Format, Registry, Serde, SerdeContext};
use crate::store::{QuerySource, StoreBlueprint, StoreHandle, TaskStores};
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// What a task brings along to be wired with.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) context: Rc<TaskContext>,
    pub(crate) stores: Rc<TaskStores>,
    /// Where the committed rows of global tables are.
    pub(crate) globals: Option<QuerySource>,
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) default_extractor: TimestampPolicy,
}

/// The running chain of a task.
pub(crate) struct Chain {
    blueprint: Arc<Blueprint>,
    surroundings: Surroundings,
    edges: Vec<RefCell<Option<Box<dyn Any>>>>,
}

/// A chain while it is wired; what node recipes get to see.
pub(crate) struct Wiring<'a> {
    chain: &'a Chain,
}

/// Boxes an operator as the input of its node.
pub(crate) fn boxed<K: 'static, V: 'static>(edge: Edge<K, V>) -> Box<dyn Any> {
    Box::new(edge)
}

impl Chain {
    /// Wires the operators of `nodes` (in insertion order: parents before children).
    pub(crate) fn wire(blueprint: &Arc<Blueprint>, nodes: &[NodeId], surroundings: Surroundings) -> Result<Chain> {
        let edges = blueprint.nodes.iter().map(|_| RefCell::new(None)).collect();
        let chain = Chain { blueprint: blueprint.clone(), surroundings, edges };
        for &id in nodes.iter().rev() {
            if let NodeKind::Processor(wire) | NodeKind::Sink(_, wire) = &blueprint.node(id).kind {
                let edge = wire(&Wiring { chain: &chain }, id)
                    .map_err(|error| error.context(format!("wiring `{}`", blueprint.node(id).name)))?;
                *chain.edges[id.0].borrow_mut() = Some(edge);
            }
        }
        Ok(chain)
    }

    /// The input for one partition that a source of `sources` reads.
    pub(crate) fn input(&self, sources: &[NodeId], partition: TopicPartition) -> Result<Rc<dyn Input>> {
        let application_id = self.surroundings.context.application_id();
        for &id in sources {
            let source = self.blueprint.node(id).source();
            if let Some(source) = source.filter(|source| source.subscription.reads(&partition.topic, application_id)) {
                return (source.wire)(&Wiring { chain: self }, id, partition);
            }
        }
        Err(Error::new(ErrorKind::Bug, format!("no source reads topic `{}`", partition.topic)))
    }
}

impl Wiring<'_> {
    /// The task's context.
    pub(crate) fn context(&self) -> &Rc<TaskContext> {
        &self.chain.surroundings.context
    }

    /// The blueprint.
    pub(crate) fn blueprint(&self) -> &Blueprint {
        &self.chain.blueprint
    }

    /// The context of one node.
    pub(crate) fn node(&self, id: NodeId) -> NodeContext {
        NodeContext::new(self.context().clone(), self.blueprint().node(id).name.clone())
    }

    /// The edge to everything below a node.
    pub(crate) fn below<K: Clone + 'static, V: Clone + 'static>(&self, id: NodeId) -> Edge<K, V> {
        tee(self.blueprint().node(id).children.iter().map(|&child| self.edge(child)).collect())
    }

    /// The edges to a node's children, with their names.
    pub(crate) fn children<K: 'static, V: 'static>(&self, id: NodeId) -> Vec<(String, Edge<K, V>)> {
        let children = &self.blueprint().node(id).children;
        children.iter().map(|&child| (self.blueprint().node(child).name.to_string(), self.edge(child))).collect()
    }

    /// The edge into a node.
    pub(crate) fn edge<K: 'static, V: 'static>(&self, id: NodeId) -> Edge<K, V> {
        let edge = self.chain.edges[id.0].borrow();
        let edge = edge.as_ref().expect("children come after their parents and are wired first");
        edge.downcast_ref::<Edge<K, V>>().expect("the DSL links only nodes of equal types").clone()
    }

    /// The serde of one side of a topic.
    pub(crate) fn serde<T: 'static>(
        &self,
        format: &Format<T>,
        topic: &Topic,
        is_key: bool,
    ) -> Result<Arc<dyn Serde<T>>> {
        let registry = self.chain.surroundings.registry.clone();
        format.serde(&SerdeContext { topic: topic.clone(), is_key, registry }).map_err(|error| {
            error.context(format!("the {} format of topic `{topic}`", if is_key { "key" } else { "value" }))
        })
    }

    /// Everything that makes serdes later, for topics that are named by records.
    pub(crate) fn registry(&self) -> Arc<dyn Registry> {
        self.chain.surroundings.registry.clone()
    }

    /// How event times are found where the program does not say.
    pub(crate) fn default_extractor(&self) -> TimestampPolicy {
        self.chain.surroundings.default_extractor
    }

    /// A handle of the task's store of that name.
    pub(crate) fn store<S: StoreHandle>(&self, name: &str) -> Result<S> {
        self.chain.surroundings.stores.store(name)
    }

    /// A view of a global store's committed rows that stays up to date.
    pub(crate) fn global_store<S: StoreHandle>(&self, name: &str) -> Result<S::ReadOnly> {
        self.connected(Vec::new()).global::<S>(name)
    }

    /// The stores that a processor may use: those of these names, and all global ones.
    pub(crate) fn connected(&self, names: Vec<String>) -> ConnectedStores {
        let blueprint = self.blueprint();
        let is_global = |store: &&Arc<dyn StoreBlueprint>| {
            blueprint.globals.iter().any(|global| *global.store == *store.spec().name)
        };
        ConnectedStores {
            names,
            stores: Rc::downgrade(&self.chain.surroundings.stores),
            globals: blueprint.stores.iter().filter(is_global).cloned().collect(),
            global_source: self.chain.surroundings.globals.clone(),
        }
    }

    /// A number that an operator remembers under a name of its own: it outlives rollbacks through the commit metadata.
    pub(crate) fn remembered(&self, name: &str) -> Rc<std::cell::Cell<i64>> {
        self.context().remembered(name)
    }

    /// The lookup of a table.
    pub(crate) fn lookup<K: 'static, V: 'static>(&self, TableId(table): TableId) -> Result<Rc<dyn Lookup<K, V>>> {
        let lookup = (self.blueprint().tables[table].lookup)(self)?;
        Ok(lookup.downcast_ref::<Rc<dyn Lookup<K, V>>>().expect("the DSL keeps a table's types").clone())
    }

    /// Whether a table that is read from a topic is kept in its store.
    pub(crate) fn is_materialised(&self, TableId(table): TableId) -> bool {
        match &self.blueprint().tables[table].derivation {
            Derivation::Source { materialised, .. } => *materialised,
            Derivation::Stored { .. } => true,
            Derivation::Computed { .. } => false,
        }
    }

    /// Whether a table sends old values.
    pub(crate) fn sends_old_values(&self, TableId(table): TableId) -> bool {
        self.blueprint().tables[table].sends_old_values
    }
}
