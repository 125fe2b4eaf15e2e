//! What a [`TopologyTestDriver`] does with a record: everything that follows from it, and a commit.

use super::driver::TopologyTestDriver;
use super::message::{self, OutputMessage};
use crate::error::Result;
use crate::record::{Message, Topic, TopicPartition};
use crate::runtime::Task;
use crate::store::{StoreBlueprint, TaskStores};
use crate::topology::{Subscription, Subtopology};
use std::sync::Arc;

impl TopologyTestDriver {
    /// Writes to the end of a topic; returns the offset.
    pub(super) fn append(&mut self, topic: &Topic, message: &OutputMessage) -> i64 {
        if self.is_own(topic) || self.is_changelog(topic) {
            self.kept.entry(topic.clone()).or_default().push(message.clone());
        }
        let next_offset = self.next_offsets.entry(topic.clone()).or_insert(0);
        *next_offset += 1;
        *next_offset - 1
    }

    pub(super) fn is_own(&self, topic: &Topic) -> bool {
        let rest = topic.as_str().strip_prefix(&*self.settings.application_id);
        rest.is_some_and(|rest| rest.starts_with('-'))
    }

    /// Whether a store is restored from the topic, or a processor fills one from it.
    pub(super) fn is_changelog(&self, topic: &Topic) -> bool {
        let application_id = &self.settings.application_id;
        let restores =
            |store: &Arc<dyn StoreBlueprint>| store.spec().changelog_topic(application_id).as_ref() == Some(topic);
        self.blueprint.stores.iter().any(restores)
            || self.blueprint.globals.iter().any(|global| *global.topic.name == *topic.as_str())
    }

    pub(super) fn process_global(&mut self, topic: &Topic, message: &Message<'_>) -> Result<()> {
        let task = self.global_task.as_mut().expect("a topology with global tables has a global task");
        let number =
            task.input_number(&TopicPartition::new(topic.as_str(), 0)).expect("every global topic is an input");
        task.push(number, message)?;
        while task.process(self.now_ms)? {}
        task.flush()?;
        task.committed();
        let stores = task.stores().clone();
        stores.commit(&self.changelog_ends(&stores), self.now_ms)
    }

    pub(super) fn push(&mut self, topic: &Topic, message: &Message<'_>) -> Result<()> {
        let partition = TopicPartition::new(topic.as_str(), 0);
        let known = self.running().input_number(&partition);
        let number = match known {
            Some(number) => number,
            None if self.matches(&self.whole, topic) => {
                let task = self.running();
                task.add_input(partition)?;
                task.partitions().count() - 1
            }
            None => return Err(self.unknown_input(topic)),
        };
        self.running().push(number, message)
    }

    pub(super) fn running(&mut self) -> &mut Task {
        self.task.as_mut().expect("a driver always has a task, save while it opens one")
    }

    pub(super) fn reads(&self, subtopology: &Subtopology, topic: &Topic) -> bool {
        let application_id = &self.settings.application_id;
        subtopology.source_topics(&self.blueprint.nodes).any(|name| name.full(application_id) == *topic)
    }

    pub(super) fn matches(&self, subtopology: &Subtopology, topic: &Topic) -> bool {
        subtopology.subscriptions(&self.blueprint.nodes).any(|subscription| match subscription {
            Subscription::Pattern(pattern) => pattern.is_match(topic.as_str()),
            Subscription::Topics(_) => false,
        })
    }

    /// Processes until nothing is left: a record, the punctuations it makes due, a commit, and what it sent to topics
    /// that are read again.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.commit()?;
        loop {
            let now_ms = self.now_ms;
            let task = self.running();
            if !task.process(now_ms)? {
                return Ok(());
            }
            task.punctuate_stream_time()?;
            self.commit()?;
        }
    }

    fn commit(&mut self) -> Result<()> {
        let now_ms = self.now_ms;
        let task = self.running();
        task.flush()?;
        let sent = message::drain(task);
        let progress = task.progress();
        task.committed();
        let back = self.capture(sent);
        self.committed.extend(progress.into_iter().map(|progress| (progress.partition, progress.metadata)));
        let stores = self.running().stores().clone();
        stores.commit(&self.changelog_ends(&stores), now_ms)?;
        for (topic, offset, message) in back {
            self.push(&topic, &message.as_message(offset))?;
        }
        Ok(())
    }

    /// Keeps what was sent; returns what the topology reads again, with its offsets.
    fn capture(&mut self, sent: Vec<(Topic, OutputMessage)>) -> Vec<(Topic, i64, OutputMessage)> {
        let mut back = Vec::new();
        for (topic, message) in sent {
            let offset = self.append(&topic, &message);
            if self.reads(&self.whole, &topic) || self.matches(&self.whole, &topic) {
                back.push((topic.clone(), offset, message.clone()));
            }
            self.outputs.entry(topic).or_default().push_back(message);
        }
        back
    }

    /// By store, the end of the topic it is restored from.
    fn changelog_ends(&self, stores: &TaskStores) -> Vec<(u32, i64)> {
        let end = |store| {
            let changelog = stores.changelog(store)?;
            Some((store, self.kept.get(&changelog.topic).map_or(0, Vec::len) as i64))
        };
        (0..stores.len()).filter_map(end).collect()
    }
}
