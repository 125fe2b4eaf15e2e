//! Cutting the blueprint into sub-topologies: what is linked by edges or shares a store stays together.

use super::{GlobalStore, Node, NodeId, NodeKind, Subscription, TopicName};
use crate::topology::java_order::hash_order;

/// A part of the topology that one task runs.
#[derive(Debug, Clone)]
pub(crate) struct Subtopology {
    pub(crate) id: u32,
    /// In insertion order.
    pub(crate) nodes: Vec<NodeId>,
    pub(crate) sources: Vec<NodeId>,
    /// In the order in which they are flushed.
    pub(crate) stores: Vec<String>,
    /// Only fills a global store; has no tasks.
    pub(crate) is_global: bool,
}

/// The sub-topologies, numbered by their first node.
pub(super) fn divide(nodes: &[Node], globals: &[GlobalStore]) -> Vec<Subtopology> {
    let mut groups = Groups::new(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        for parent in &node.parents {
            groups.unite(index, parent.0);
        }
    }
    unite_sharers_of_stores(nodes, globals, &mut groups);
    let mut roots: Vec<usize> = Vec::new();
    let mut subtopologies: Vec<Subtopology> = Vec::new();
    for index in 0..nodes.len() {
        let root = groups.root(index);
        let at = roots.iter().position(|&known| known == root).unwrap_or_else(|| {
            roots.push(root);
            subtopologies.push(empty(subtopologies.len()));
            roots.len() - 1
        });
        add(&mut subtopologies[at], nodes, NodeId(index));
    }
    subtopologies
}

fn unite_sharers_of_stores(nodes: &[Node], globals: &[GlobalStore], groups: &mut Groups) {
    let mut owners: Vec<(&str, usize)> = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        for store in &node.stores {
            if globals.iter().any(|global| global.store == *store) {
                continue;
            }
            match owners.iter().find(|(name, _)| name == store) {
                Some(&(_, owner)) => groups.unite(index, owner),
                None => owners.push((store, index)),
            }
        }
    }
}

fn empty(id: usize) -> Subtopology {
    let id = u32::try_from(id).expect("a topology has fewer than 2^32 nodes");
    Subtopology { id, nodes: Vec::new(), sources: Vec::new(), stores: Vec::new(), is_global: false }
}

fn add(subtopology: &mut Subtopology, nodes: &[Node], id: NodeId) {
    let node = &nodes[id.0];
    subtopology.nodes.push(id);
    if let NodeKind::Source(source) = &node.kind {
        subtopology.sources.push(id);
        subtopology.is_global |= source.global;
    }
    for store in hash_order(node.stores.clone()) {
        if !subtopology.stores.contains(&store) {
            subtopology.stores.push(store);
        }
    }
}

impl Subtopology {
    /// The topics read, without those of patterns.
    pub(crate) fn source_topics<'a>(&'a self, nodes: &'a [Node]) -> impl Iterator<Item = &'a TopicName> {
        self.subscriptions(nodes).flat_map(|subscription| match subscription {
            Subscription::Topics(topics) => topics.as_slice(),
            Subscription::Pattern(_) => &[],
        })
    }

    /// What the sources read.
    pub(crate) fn subscriptions<'a>(&'a self, nodes: &'a [Node]) -> impl Iterator<Item = &'a Subscription> {
        self.sources.iter().filter_map(|&id| nodes[id.0].source()).map(|source| &source.subscription)
    }
}

/// Union-find over node numbers.
struct Groups(Vec<usize>);

impl Groups {
    fn new(count: usize) -> Self {
        Groups((0..count).collect())
    }

    fn root(&mut self, index: usize) -> usize {
        let mut root = index;
        while self.0[root] != root {
            root = self.0[root];
        }
        self.0[index] = root;
        root
    }

    fn unite(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }
}
