//! Which topics a [`TopologyTestDriver`]'s topology reads and writes, for tests that name another.

use super::driver::TopologyTestDriver;
use crate::error::{Error, ErrorKind, Result, nearest};
use crate::record::Topic;
use crate::topology::{NodeKind, SinkTarget, Subscription, TopicName};
use std::collections::BTreeSet;

impl TopologyTestDriver {
    /// That the topology may write the topic.
    ///
    /// # Errors
    /// `NotFound` if it does not; the hint names those that it writes.
    pub(super) fn check_output(&self, topic: &Topic) -> Result<()> {
        let mut written = BTreeSet::from_iter(self.config.dead_letter_topic.as_deref().map(Topic::from));
        for node in &self.blueprint.nodes {
            match &node.kind {
                NodeKind::Sink(SinkTarget::Topic(name), _) => written.insert(self.full(name)),
                NodeKind::Sink(SinkTarget::Extracted, _) => return Ok(()),
                NodeKind::Source(_) | NodeKind::Processor(_) => continue,
            };
        }
        if written.contains(topic) || self.is_changelog(topic) {
            return Ok(());
        }
        let sentence = format!("the topology does not write topic `{topic}`");
        Err(Error::new(ErrorKind::NotFound, sentence).with_hint(hint(topic, "writes", &written)))
    }

    /// The error for a topic that the topology does not read.
    pub(super) fn unknown_input(&self, topic: &Topic) -> Error {
        let mut read = BTreeSet::new();
        for source in self.blueprint.nodes.iter().filter_map(|node| node.source()) {
            match &source.subscription {
                Subscription::Topics(names) => read.extend(names.iter().map(|name| self.full(name))),
                Subscription::Pattern(pattern) => {
                    read.insert(Topic::from(pattern.as_str()));
                }
            }
        }
        let sentence = format!("the topology does not read topic `{topic}`");
        Error::new(ErrorKind::NotFound, sentence).with_hint(hint(topic, "reads", &read))
    }

    fn full(&self, name: &TopicName) -> Topic {
        name.full(&self.settings.application_id)
    }
}

fn hint(topic: &Topic, verb: &str, known: &BTreeSet<Topic>) -> String {
    let names: Vec<String> = known.iter().map(|known| format!("`{known}`")).collect();
    let all = format!("it {verb} {}", if names.is_empty() { "none".to_owned() } else { names.join(", ") });
    match nearest(topic.as_str(), known.iter().map(Topic::as_str)) {
        Some(nearest) => format!("did you mean `{nearest}`? {all}"),
        None => all,
    }
}
