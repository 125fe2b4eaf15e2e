//! `describe()`: the topology as text, equal to the letter to what Kafka Streams prints.

use super::java_order::{TreeOrder, hash_order};
use super::{Blueprint, NodeId, NodeKind, SinkTarget, Subscription, Subtopology};
use std::cmp::Ordering;
use std::fmt::{self, Write};

/// The text of [`Topology::describe`](super::Topology::describe).
pub(super) fn describe(blueprint: &Blueprint) -> String {
    let mut text = String::from("Topologies:\n ");
    for subtopology in &blueprint.subtopologies {
        text.push_str("  ");
        let written = match subtopology.is_global {
            true => write_global(&mut text, blueprint, subtopology),
            false => write_subtopology(&mut text, blueprint, subtopology),
        };
        written.expect("writing to a string does not fail");
    }
    if blueprint.subtopologies.is_empty() {
        text.push('\n');
    }
    text
}

fn write_global(text: &mut String, blueprint: &Blueprint, subtopology: &Subtopology) -> fmt::Result {
    writeln!(text, "Sub-topology: {} for global store (will not generate tasks)", subtopology.id)?;
    for &id in &subtopology.nodes {
        let node = blueprint.node(id);
        match &node.kind {
            NodeKind::Source(source) => {
                writeln!(text, "    Source: {} (topics: {})", node.name, topics(&source.subscription))?;
                writeln!(text, "      --> {}", names(blueprint, &node.children))?;
            }
            _ => {
                writeln!(text, "    Processor: {} (stores: {})", node.name, list(node.stores.clone()))?;
                writeln!(text, "      --> none")?;
                writeln!(text, "      <-- {}", names(blueprint, &node.parents))?;
            }
        }
    }
    Ok(())
}

fn write_subtopology(text: &mut String, blueprint: &Blueprint, subtopology: &Subtopology) -> fmt::Result {
    writeln!(text, "Sub-topology: {}", subtopology.id)?;
    let order = Order::of(blueprint, subtopology);
    for &id in &order.all {
        let node = blueprint.node(id);
        match &node.kind {
            NodeKind::Source(source) => {
                write!(text, "    Source: {} (topics: {})", node.name, topics(&source.subscription))?;
                write!(text, "\n      --> {}", names(blueprint, &order.successors[id.0]))?;
            }
            NodeKind::Processor(_) => {
                write!(text, "    Processor: {} (stores: {})", node.name, list(node.stores.clone()))?;
                write!(text, "\n      --> {}", names(blueprint, &order.successors[id.0]))?;
                write!(text, "\n      <-- {}", names(blueprint, &order.predecessors[id.0]))?;
            }
            NodeKind::Sink(target, _) => {
                match target {
                    SinkTarget::Topic(topic) => write!(text, "    Sink: {} (topic: {})", node.name, topic.name)?,
                    SinkTarget::Extracted => write!(text, "    Sink: {} (extractor class: closure)", node.name)?,
                }
                write!(text, "\n      <-- {}", names(blueprint, &order.predecessors[id.0]))?;
            }
        }
        text.push('\n');
    }
    writeln!(text)
}

fn topics(subscription: &Subscription) -> String {
    match subscription {
        Subscription::Topics(topics) => list(topics.iter().map(|topic| topic.name.clone()).collect()),
        Subscription::Pattern(pattern) => pattern.as_str().to_owned(),
    }
}

fn list(items: Vec<String>) -> String {
    format!("[{}]", hash_order(items).join(", "))
}

fn names(blueprint: &Blueprint, ids: &[NodeId]) -> String {
    match ids {
        [] => "none".to_owned(),
        ids => ids.iter().map(|&id| &*blueprint.node(id).name).collect::<Vec<_>>().join(", "),
    }
}

/// The orders in which a sub-topology's nodes, and each node's neighbours, are listed.
///
/// Larger subtrees come first, then names. Neighbours are ordered by the sizes known at the moment when they
/// were linked, while sizes still grow: the walk over the hash map decides.
struct Order {
    all: Vec<NodeId>,
    successors: Vec<Vec<NodeId>>,
    predecessors: Vec<Vec<NodeId>>,
}

impl Order {
    fn of(blueprint: &Blueprint, subtopology: &Subtopology) -> Order {
        let count = blueprint.nodes.len();
        let mut sizes = vec![1u64; count];
        let mut linked: Vec<Vec<usize>> = vec![Vec::new(); count];
        let mut successors: Vec<TreeOrder> = (0..count).map(|_| TreeOrder::default()).collect();
        let mut predecessors: Vec<TreeOrder> = (0..count).map(|_| TreeOrder::default()).collect();
        let named = subtopology.nodes.iter().map(|&id| ByName(id, &blueprint.node(id).name)).collect();
        for ByName(NodeId(node), _) in hash_order(named) {
            for &NodeId(parent) in &blueprint.nodes[node].parents {
                let compare = |a: usize, b: usize| larger_first(blueprint, &sizes, a, b);
                predecessors[node].insert(parent, compare);
                successors[parent].insert(node, compare);
                linked[node].push(parent);
                let by = sizes[node];
                grow(&mut sizes, &linked, parent, by);
            }
        }
        let mut all: Vec<NodeId> = subtopology.nodes.clone();
        all.sort_by(|a, b| larger_first(blueprint, &sizes, a.0, b.0));
        Order { all, successors: listed(&successors), predecessors: listed(&predecessors) }
    }
}

struct ByName<'a>(NodeId, &'a str);

impl AsRef<str> for ByName<'_> {
    fn as_ref(&self) -> &str {
        self.1
    }
}

fn larger_first(blueprint: &Blueprint, sizes: &[u64], a: usize, b: usize) -> Ordering {
    sizes[b].cmp(&sizes[a]).then_with(|| blueprint.nodes[a].name.cmp(&blueprint.nodes[b].name))
}

/// A node's size grew by `by`: so did the size of everything above it that is linked already.
fn grow(sizes: &mut [u64], linked: &[Vec<usize>], node: usize, by: u64) {
    sizes[node] += by;
    for &parent in &linked[node] {
        grow(sizes, linked, parent, by);
    }
}

fn listed(trees: &[TreeOrder]) -> Vec<Vec<NodeId>> {
    trees.iter().map(|tree| tree.items().into_iter().map(NodeId).collect()).collect()
}
