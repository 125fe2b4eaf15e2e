//! A topology while it is built.
//!
//! The steps of the DSL are replayed into a plan in the order in which the program took them; each takes its
//! numbers from one counter, adds its nodes and stores, and says where later steps attach. At the end the plan
//! checks itself and becomes a [`Topology`].

use super::connection::{self, Connection};
use super::problem::{self, Problem};
use super::table::{Derivation, Table, TableId, Tables};
use super::{Blueprint, GlobalStore, Node, NodeId, NodeKind, SourceNode, Subscription, TopicName, Topology};
use super::{naming, subtopology};
use crate::error::Result;
use crate::store::StoreBlueprint;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;
use std::sync::Arc;

/// The number of a step of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StepId(pub(crate) usize);

/// A topic that the application writes and reads again to bring equal keys together.
#[derive(Debug, Clone)]
pub(crate) struct RepartitionTopic {
    pub(crate) topic: TopicName,
    /// The number of partitions, where it was given.
    pub(crate) partitions: Option<i32>,
    pub(crate) sink: NodeId,
    pub(crate) source: NodeId,
}

/// A node to be added.
pub(crate) struct NewNode {
    pub(crate) name: String,
    pub(crate) kind: NodeKind,
    pub(crate) parents: Vec<NodeId>,
    pub(crate) stores: Vec<String>,
}

/// A topology under construction.
pub(crate) struct Plan {
    next_index: usize,
    at: &'static Location<'static>,
    nodes: Vec<Node>,
    connections: Vec<Connection>,
    stores: Vec<Arc<dyn StoreBlueprint>>,
    pub(crate) tables: Tables,
    repartition_topics: Vec<RepartitionTopic>,
    globals: Vec<GlobalStore>,
    outputs: BTreeMap<StepId, NodeId>,
    table_of_step: BTreeMap<StepId, TableId>,
    /// The repartitioned source of a grouping with a name, which later aggregations share.
    repartitioned: BTreeMap<StepId, NodeId>,
    problems: Vec<Problem>,
    copartitioned: Vec<(NodeId, NodeId)>,
    /// The names that steps were given, for later steps that use them.
    given_names: BTreeMap<StepId, String>,
}

impl Plan {
    #[track_caller]
    pub(crate) fn new() -> Self {
        Plan {
            next_index: 0,
            at: Location::caller(),
            nodes: Vec::new(),
            connections: Vec::new(),
            stores: Vec::new(),
            tables: Tables::default(),
            repartition_topics: Vec::new(),
            globals: Vec::new(),
            outputs: BTreeMap::new(),
            table_of_step: BTreeMap::new(),
            repartitioned: BTreeMap::new(),
            problems: Vec::new(),
            copartitioned: Vec::new(),
            given_names: BTreeMap::new(),
        }
    }

    /// From here on nodes and problems belong to this line of the program.
    pub(crate) fn begin_step(&mut self, at: &'static Location<'static>) {
        self.at = at;
    }

    /// Reports a problem at the line of the current step.
    pub(crate) fn problem(&mut self, sentence: impl Into<String>) {
        self.problems.push(Problem { sentence: sentence.into(), at: self.at });
    }

    /// The next generated name; takes a number.
    pub(crate) fn generate(&mut self, prefix: &str) -> String {
        let name = naming::numbered(prefix, self.next_index);
        self.next_index += 1;
        name
    }

    /// The given name, or a generated one. A number is taken either way.
    pub(crate) fn name(&mut self, given: Option<&str>, prefix: &str) -> String {
        let generated = self.generate(prefix);
        self.checked(given).unwrap_or(generated)
    }

    /// The given name, or a generated one, which alone takes a number.
    pub(crate) fn name_or_generate(&mut self, given: Option<&str>, prefix: &str) -> String {
        self.checked(given).unwrap_or_else(|| self.generate(prefix))
    }

    /// The given name, checked.
    pub(crate) fn checked(&mut self, given: Option<&str>) -> Option<String> {
        if let Some(flaw) = given.and_then(naming::flaw) {
            self.problem(flaw);
        }
        given.map(str::to_owned)
    }

    /// Adds a node below its parents.
    pub(crate) fn add(&mut self, new: NewNode) -> NodeId {
        let id = NodeId(self.nodes.len());
        if self.nodes.iter().any(|node| *node.name == *new.name) {
            self.problem(format!("there is already a node named `{}`", new.name));
        }
        for parent in &new.parents {
            self.nodes[parent.0].children.push(id);
        }
        self.nodes.push(Node {
            name: new.name.into(),
            kind: new.kind,
            parents: new.parents,
            children: Vec::new(),
            stores: Vec::new(),
            guards_keys: false,
            takes_null_keys: false,
        });
        new.stores.iter().for_each(|store| self.connect(id, store));
        id
    }

    /// Adds a source, or finds the one that reads the same already.
    pub(crate) fn add_source(&mut self, name: String, source: SourceNode) -> NodeId {
        match self.source_alike(&source) {
            Some(known) => known,
            None => {
                self.check_overlap(&source);
                self.add(NewNode { name, kind: NodeKind::Source(source), parents: Vec::new(), stores: Vec::new() })
            }
        }
    }

    fn source_alike(&mut self, new: &SourceNode) -> Option<NodeId> {
        let alike = |known: &SourceNode| match (&known.subscription, &new.subscription) {
            (Subscription::Topics(a), Subscription::Topics(b)) => {
                a.iter().collect::<BTreeSet<_>>() == b.iter().collect()
            }
            (Subscription::Pattern(a), Subscription::Pattern(b)) => a.as_str() == b.as_str(),
            _ => false,
        };
        let at = self.nodes.iter().position(|node| node.source().is_some_and(alike))?;
        let known = self.nodes[at].source()?.clone();
        if known.global || new.global {
            self.problem(format!("{} is read twice, once as a global table", described(&new.subscription)));
        } else if known.types != new.types {
            self.problem(format!("{} is read twice, with different types", described(&new.subscription)));
        } else if known.reset != new.reset {
            self.problem(format!(
                "{} is read twice, with different offset reset policies",
                described(&new.subscription)
            ));
        }
        Some(NodeId(at))
    }

    fn check_overlap(&mut self, new: &SourceNode) {
        let mut twice = Vec::new();
        for known in self.nodes.iter().filter_map(Node::source) {
            twice.extend(overlap(&known.subscription, &new.subscription));
        }
        for topic in twice {
            self.problem(format!("topic `{topic}` is read by two sources that are not the same"));
        }
    }

    /// The node's attributes, to be changed while the plan is made.
    pub(crate) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0]
    }

    /// Lets a node use a store.
    pub(crate) fn connect(&mut self, id: NodeId, store: &str) {
        let stores = &mut self.nodes[id.0].stores;
        if !stores.iter().any(|known| known == store) {
            stores.push(store.to_owned());
            self.connections.push(Connection { node: id, store: store.to_owned(), at: self.at });
        }
    }

    /// Adds a store. The same one may be added again; another one of the same name is a problem.
    pub(crate) fn add_store(&mut self, store: Arc<dyn StoreBlueprint>) {
        let name = store.spec().name.clone();
        if let Some(flaw) = naming::flaw(&name) {
            self.problem(flaw);
        }
        match self.stores.iter().find(|known| known.spec().name == name) {
            Some(known) if Arc::ptr_eq(known, &store) => {}
            Some(_) => self.problem(format!("there is already a store named `{name}`")),
            None => self.stores.push(store),
        }
    }

    /// Adds a global store that its source's topic fills.
    pub(crate) fn add_global(&mut self, global: GlobalStore) {
        self.globals.push(global);
    }

    /// Adds a repartition topic between two nodes.
    pub(crate) fn add_repartition(&mut self, repartition: RepartitionTopic) {
        self.repartition_topics.push(repartition);
    }

    /// Whether there is a repartition topic of that name.
    pub(crate) fn has_repartition(&self, topic: &TopicName) -> bool {
        self.repartition_topics.iter().any(|known| known.topic == *topic)
    }

    /// The topics above both nodes must have equal numbers of partitions.
    pub(crate) fn copartition(&mut self, a: NodeId, b: NodeId) {
        self.copartitioned.push((a, b));
    }

    /// The name of a node that belongs to a repartition topic: numbered where the topic's name is a generated one.
    /// Takes a number either way.
    pub(crate) fn repartition_node(&mut self, base: &str, prefix: &str, suffix: &str) -> String {
        let generated = self.generate(prefix);
        match naming::is_generated_stream_name(base) {
            true => generated,
            false => format!("{base}-repartition-{suffix}"),
        }
    }

    /// Remembers the name that a step was given.
    pub(crate) fn remember_name(&mut self, step: StepId, name: Option<&str>) {
        if let Some(name) = name {
            self.given_names.insert(step, name.to_owned());
        }
    }

    /// The name that a step was given.
    pub(crate) fn name_of(&self, step: StepId) -> Option<String> {
        self.given_names.get(&step).cloned()
    }

    /// The name of the node where later steps attach to `step`.
    pub(crate) fn output_name(&self, step: StepId) -> String {
        self.nodes[self.output(step).0].name.to_string()
    }

    /// Where later steps attach to `step`.
    pub(crate) fn output(&self, step: StepId) -> NodeId {
        *self.outputs.get(&step).expect("a step comes after those it uses")
    }

    /// Says where later steps attach to `step`.
    pub(crate) fn set_output(&mut self, step: StepId, node: NodeId) {
        self.outputs.insert(step, node);
    }

    /// The table that `step` made.
    pub(crate) fn table(&self, step: StepId) -> TableId {
        *self.table_of_step.get(&step).expect("a step comes after the tables it uses")
    }

    /// Adds the table that `step` makes.
    pub(crate) fn add_table(&mut self, step: StepId, table: Table) -> TableId {
        self.set_output(step, table.node);
        let id = self.tables.add(table);
        self.table_of_step.insert(step, id);
        id
    }

    /// The shared repartitioned source of a named grouping.
    pub(crate) fn repartitioned(&self, grouping: StepId) -> Option<NodeId> {
        self.repartitioned.get(&grouping).copied()
    }

    /// Shares a repartitioned source among the aggregations of a named grouping.
    pub(crate) fn share_repartitioned(&mut self, grouping: StepId, source: NodeId) {
        self.repartitioned.insert(grouping, source);
    }

    /// Checks everything and freezes it.
    pub(crate) fn finish(mut self) -> Result<Topology> {
        self.keep_materialised_tables();
        let known: Vec<&str> = self.stores.iter().map(|store| &*store.spec().name).collect();
        self.problems.extend(connection::problems(&self.connections, &self.nodes, &known, &self.globals));
        self.relax_repartition_filters();
        if let Some(error) = problem::report(&self.problems) {
            return Err(error);
        }
        let subtopologies = subtopology::divide(&self.nodes, &self.globals);
        let mut stores = self.stores;
        let order: Vec<&String> = subtopologies.iter().flat_map(|part| &part.stores).collect();
        stores.sort_by_key(|store| order.iter().position(|name| ***name == *store.spec().name));
        Ok(Topology::new(Blueprint {
            nodes: self.nodes,
            stores,
            tables: self.tables.0,
            repartition_topics: self.repartition_topics,
            globals: self.globals,
            copartitioned: self.copartitioned,
            subtopologies,
        }))
    }

    /// Source tables that something needs get their store.
    fn keep_materialised_tables(&mut self) {
        for table in self.tables.0.clone() {
            if let Derivation::Source { store, materialised: true } = table.derivation {
                self.connect(table.node, &store.spec().name);
                self.add_store(store);
            }
        }
    }

    /// Null keys pass a repartition topic only on the way to a join that takes them.
    fn relax_repartition_filters(&mut self) {
        let guards: Vec<usize> = (0..self.nodes.len()).filter(|&index| self.nodes[index].guards_keys).collect();
        for guard in guards {
            if self.reaches_null_key_join(guard) {
                self.nodes[guard].guards_keys = false;
            }
        }
    }

    fn reaches_null_key_join(&self, from: usize) -> bool {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![from];
        while let Some(index) = waiting.pop() {
            if self.nodes[index].takes_null_keys {
                return true;
            }
            if seen.insert(index) {
                waiting.extend(self.nodes[index].children.iter().map(|child| child.0));
                let through = self.repartition_topics.iter().filter(|topic| topic.sink.0 == index);
                waiting.extend(through.map(|topic| topic.source.0));
            }
        }
        false
    }
}

fn described(subscription: &Subscription) -> String {
    match subscription {
        Subscription::Topics(topics) => {
            format!("topic `{}`", topics.iter().map(|topic| topic.name.as_str()).collect::<Vec<_>>().join("`, `"))
        }
        Subscription::Pattern(pattern) => format!("the pattern `{pattern}`"),
    }
}

/// Topics that both subscriptions read.
fn overlap(a: &Subscription, b: &Subscription) -> Vec<String> {
    match (a, b) {
        (Subscription::Topics(a), Subscription::Topics(b)) => {
            a.iter().filter(|topic| b.contains(topic)).map(|topic| topic.name.clone()).collect()
        }
        (Subscription::Topics(topics), Subscription::Pattern(pattern))
        | (Subscription::Pattern(pattern), Subscription::Topics(topics)) => {
            topics.iter().filter(|topic| pattern.is_match(&topic.name)).map(|topic| topic.name.clone()).collect()
        }
        (Subscription::Pattern(_), Subscription::Pattern(_)) => Vec::new(),
    }
}
