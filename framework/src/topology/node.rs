//! The nodes of a blueprint.

use super::wiring::Wiring;
use crate::config::AutoOffsetReset;
use crate::error::Result;
use crate::operator::Input;
use crate::record::{Topic, TopicPartition};
use std::any::{Any, TypeId};
use std::rc::Rc;
use std::sync::Arc;

/// The number of a node, in insertion order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(pub(crate) usize);

/// A topic as the topology names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TopicName {
    pub(crate) name: String,
    /// Whether the topic belongs to the application, whose id then goes before the name.
    pub(crate) internal: bool,
}

impl TopicName {
    pub(crate) fn external(name: impl Into<String>) -> Self {
        TopicName { name: name.into(), internal: false }
    }

    pub(crate) fn internal(name: impl Into<String>) -> Self {
        TopicName { name: name.into(), internal: true }
    }

    /// The name that the log knows.
    pub(crate) fn full(&self, application_id: &str) -> Topic {
        match self.internal {
            true => Topic::from(format!("{application_id}-{}", self.name)),
            false => Topic::from(&self.name),
        }
    }
}

/// What a source reads.
#[derive(Debug, Clone)]
pub(crate) enum Subscription {
    Topics(Vec<TopicName>),
    /// Every topic whose name matches.
    Pattern(regex::Regex),
}

impl Subscription {
    /// Whether it includes a topic, under the name that the log knows.
    pub(crate) fn reads(&self, topic: &Topic, application_id: &str) -> bool {
        match self {
            Subscription::Topics(names) => names.iter().any(|name| name.full(application_id) == *topic),
            Subscription::Pattern(pattern) => pattern.is_match(topic.as_str()),
        }
    }
}

/// Where a sink writes.
#[derive(Debug, Clone)]
pub(crate) enum SinkTarget {
    Topic(TopicName),
    /// A function names the topic.
    Extracted,
}

/// Makes the running part of a node that has parents; the result is a boxed `Edge<K, V>`.
pub(crate) type WireOperator = Arc<dyn Fn(&Wiring<'_>, NodeId) -> Result<Box<dyn Any>> + Send + Sync>;

/// Makes the running part of one partition of a source.
pub(crate) type WireSource = Arc<dyn Fn(&Wiring<'_>, NodeId, TopicPartition) -> Result<Rc<dyn Input>> + Send + Sync>;

/// A source's own facts.
#[derive(Clone)]
pub(crate) struct SourceNode {
    pub(crate) subscription: Subscription,
    pub(crate) reset: Option<AutoOffsetReset>,
    /// Key and value type, so that two sources of one topic can be merged.
    pub(crate) types: TypeId,
    pub(crate) wire: WireSource,
    /// Read in full by every instance into a global store.
    pub(crate) global: bool,
}

/// What a node is.
#[derive(Clone)]
pub(crate) enum NodeKind {
    Source(SourceNode),
    Processor(WireOperator),
    Sink(SinkTarget, WireOperator),
}

/// A node of the blueprint.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) name: Arc<str>,
    pub(crate) kind: NodeKind,
    pub(crate) parents: Vec<NodeId>,
    pub(crate) children: Vec<NodeId>,
    /// The stores that the node may use.
    pub(crate) stores: Vec<String>,
    /// The filter in front of a repartition topic: drops null keys unless they may reach a join that takes them.
    pub(crate) guards_keys: bool,
    /// A left or outer join, to which null keys are of use.
    pub(crate) takes_null_keys: bool,
}

impl Node {
    pub(crate) fn source(&self) -> Option<&SourceNode> {
        match &self.kind {
            NodeKind::Source(source) => Some(source),
            _ => None,
        }
    }
}
