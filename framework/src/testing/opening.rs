//! Opening a [`TopologyTestDriver`]'s tasks: at first, and after a crash.

use super::driver::TopologyTestDriver;
use crate::error::Result;
use crate::record::{TaskId, Topic, TopicPartition};
use crate::runtime::{OpenStores, Task};
use crate::store::CacheBudget;
use crate::topology::{GlobalStore, Subtopology};

/// Decoded rows that stores without caching keep at hand, in bytes.
const READ_CACHE_BYTES: usize = 1 << 20;

const TASK: TaskId = TaskId { subtopology: 0, partition: 0 };

impl TopologyTestDriver {
    /// Opens the tasks where the last commit left them, and processes what waits.
    pub(super) fn open(&mut self) -> Result<()> {
        if let Some(global) = self.global.clone() {
            let task = self.open_task(&global)?;
            self.settings.globals = Some(task.stores().query_source());
            self.global_task = Some(task);
            self.process_lost_globals()?;
        }
        let mut task = self.open_task(&self.whole.clone())?;
        for (number, partition) in task.partitions().cloned().enumerate().collect::<Vec<_>>() {
            if let Some(metadata) = self.committed.get(&partition) {
                task.resume(number, metadata);
            }
        }
        self.task = Some(task);
        self.finish()
    }

    /// Global stores in memory that a processor fills have no rows to be restored from: it runs again.
    fn process_lost_globals(&mut self) -> Result<()> {
        let lost = |global: &&GlobalStore| {
            global.processed && !self.blueprint.store(&global.store).is_some_and(|store| store.spec().is_persistent())
        };
        let topics: Vec<Topic> =
            self.blueprint.globals.iter().filter(lost).map(|global| Topic::from(&global.topic.name)).collect();
        for topic in topics {
            for (offset, message) in self.kept.get(&topic).cloned().unwrap_or_default().iter().enumerate() {
                self.process_global(&topic, &message.as_message(offset as i64))?;
            }
        }
        Ok(())
    }

    fn open_task(&self, subtopology: &Subtopology) -> Result<Task> {
        let threads = 1 + u64::from(self.global.is_some());
        let budget = usize::try_from(self.config.statestore_cache_max_bytes / threads).unwrap_or(usize::MAX);
        let budget = CacheBudget::new(budget, READ_CACHE_BYTES);
        let memory = self.memory.clone();
        let open = OpenStores::open(&self.blueprint, subtopology, TASK, &self.settings, memory, budget, self.now_ms)?;
        self.restore(&open)?;
        let application_id = &self.settings.application_id;
        let mut partitions: Vec<TopicPartition> = subtopology
            .source_topics(&self.blueprint.nodes)
            .map(|topic| TopicPartition::new(topic.full(application_id).as_str(), 0))
            .collect();
        let known =
            self.committed.keys().filter(|partition| !partitions.contains(partition)).cloned().collect::<Vec<_>>();
        let matching = |partition: &TopicPartition| self.matches(subtopology, &partition.topic);
        partitions.extend(known.into_iter().filter(matching));
        Task::wire(&self.blueprint, subtopology, &self.settings, open, &partitions)
    }

    /// Brings stores up to the end of their changelogs, as a start after a crash does.
    fn restore(&self, open: &OpenStores) -> Result<()> {
        for store in 0..open.stores.len() {
            let Some(changelog) = open.stores.changelog(store) else { continue };
            let Some(messages) = self.kept.get(&changelog.topic) else { continue };
            let from = usize::try_from(open.stores.position(store).unwrap_or(0)).unwrap_or(0);
            for (offset, message) in messages.iter().enumerate().skip(from) {
                let message = message.as_message(offset as i64);
                open.stores.restore(store, &[message])?;
            }
            open.stores.restored(store, messages.len() as i64, self.now_ms)?;
        }
        Ok(())
    }
}
