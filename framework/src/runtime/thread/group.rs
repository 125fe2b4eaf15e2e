//! What the group decides: tasks that come and go.

use super::{Stage, StreamThread};
use crate::error::Result;
use crate::log::GroupEvent;
use crate::record::{TaskId, TopicPartition};
use crate::runtime::assigned::Assigned;

impl StreamThread {
    /// Hears all that the group has to say; in every step, which also keeps the membership.
    pub(super) fn heed_group(&mut self, now_ms: i64) -> Result<()> {
        let mut heard = false;
        while let Some(event) = self.consumer.poll_event(now_ms)? {
            heard = true;
            match event {
                GroupEvent::Assigned(partitions) => self.assigned(&partitions, now_ms),
                GroupEvent::Revoked(partitions) => {
                    tracing::info!(thread = self.name, ?partitions, "partitions are to go");
                    self.revoked.extend(partitions);
                }
                GroupEvent::Lost(partitions) => self.lost(&partitions, now_ms),
            }
        }
        if heard { self.stop_idle_restores() } else { Ok(()) }
    }

    /// Changelogs of tasks that are gone, or are opened anew, are not read on.
    pub(super) fn stop_idle_restores(&mut self) -> Result<()> {
        let restoring = self.tasks.values().filter_map(|assigned| match &assigned.stage {
            Stage::Restoring(restoring) => Some(restoring),
            _ => None,
        });
        self.restorer.keep_only(&restoring.flat_map(|restoring| restoring.changelogs().cloned()).collect())
    }

    fn assigned(&mut self, partitions: &[TopicPartition], now_ms: i64) {
        tracing::info!(thread = self.name, ?partitions, "partitions came");
        for partition in partitions {
            let Some(task) = self.resolved().plan.task_of(partition) else {
                tracing::warn!(thread = self.name, %partition, "partition of a topic that the topology does not read");
                continue;
            };
            self.add_partition(task, partition, now_ms);
        }
    }

    fn add_partition(&mut self, task: TaskId, partition: &TopicPartition, now_ms: i64) {
        let number = self.next_number;
        let metrics = || self.instance.metrics.task(&self.name, task);
        let assigned = self.tasks.entry(task).or_insert_with(|| Assigned::new(number, metrics(), now_ms));
        self.next_number += u32::from(assigned.number == number);
        assigned.partitions.insert(partition.clone());
        // A running task takes it as a further input; one that is being opened begins again, with all of them.
        if !assigned.is_running() {
            assigned.stage = Stage::Waiting { since_ms: now_ms };
        }
    }

    /// Others have these partitions already. What was done with them since the last commit can never be committed, and the
    /// transaction it is in is the whole thread's.
    fn lost(&mut self, partitions: &[TopicPartition], now_ms: i64) {
        tracing::warn!(thread = self.name, ?partitions, "partitions are lost");
        self.revoked.retain(|partition| !partitions.contains(partition));
        self.lost |= self.tasks.values().any(|assigned| {
            assigned.is_running() && assigned.partitions.iter().any(|partition| partitions.contains(partition))
        });
        self.remove_partitions(partitions, now_ms);
    }

    /// Takes partitions from their tasks. A task that is left without is closed, unless a rollback is to close it.
    pub(super) fn remove_partitions(&mut self, partitions: &[TopicPartition], now_ms: i64) {
        for assigned in self.tasks.values_mut() {
            let before = assigned.partitions.len();
            assigned.partitions.retain(|partition| !partitions.contains(partition));
            // One that is being opened waits for all of them again.
            if assigned.partitions.len() < before && !assigned.is_running() {
                assigned.stage = Stage::Waiting { since_ms: now_ms };
            }
        }
        if !self.lost {
            self.close_empty_tasks();
        }
    }

    /// Closes tasks without partitions: their rows are committed, or will be restored by whoever has them now.
    pub(super) fn close_empty_tasks(&mut self) {
        let empty = self.tasks.iter().filter(|(_, assigned)| assigned.partitions.is_empty());
        let empty: Vec<TaskId> = empty.map(|(task, _)| *task).collect();
        for task in empty {
            if let Some(assigned) = self.tasks.remove(&task) {
                self.outlet.forget_task(assigned.number);
                self.count_closed(&assigned);
                // The stores must be closed before another thread may open them.
                drop(assigned);
                self.instance.tasks.give_back(task, self.thread);
                tracing::info!(thread = self.name, %task, "task closed");
            }
        }
    }

    /// Gives back what the group wants, after the commit that concludes it.
    pub(super) fn release_revoked(&mut self, now_ms: i64) -> Result<()> {
        if self.revoked.is_empty() {
            return Ok(());
        }
        let revoked = std::mem::take(&mut self.revoked);
        self.remove_partitions(&revoked, now_ms);
        // A task that keeps some of its partitions cannot run with those alone.
        for (task, assigned) in &mut self.tasks {
            let needed = self.resolved.as_ref().map(|resolved| resolved.plan.partitions_of(*task)).unwrap_or_default();
            if assigned.is_running() && !needed.is_subset(&assigned.partitions) {
                assigned.stage = Stage::Waiting { since_ms: now_ms };
                self.instance.tasks.withdraw(*task, self.thread);
            }
        }
        self.stop_idle_restores()?;
        self.consumer.unassign(&revoked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, EngineKind};
    use crate::dsl::StreamsBuilder;
    use crate::log::NewTopic;
    use crate::log::client::{NewMessage, Producer, create_topics};
    use crate::log::embedded::{EmbeddedLog, EmbeddedOptions, Fault, Operation};
    use crate::record::{ManualClock, Topic};
    use crate::runtime::{Instance, StartOptions};
    use std::sync::Arc;
    use std::time::Duration;

    const TIMEOUT: Duration = Duration::from_secs(5);

    /// A thread whose one task is being restored from a changelog that never answers.
    fn restoring() -> (StreamThread, i64) {
        let is_changelog = |partition: &TopicPartition| partition.topic.as_str() == "app-counts-changelog";
        let faults = move |operation: &Operation<'_>, _now_ms: i64| match operation {
            Operation::Fetch { partition } if is_changelog(partition) => Fault::Delay { by_ms: i64::MAX },
            _ => Fault::None,
        };
        let clock = Arc::new(ManualClock::new(0));
        let log = EmbeddedLog::in_memory(EmbeddedOptions {
            faults: Some(Box::new(faults)),
            ..EmbeddedOptions::with_clock(clock)
        });
        create_topics(&*log, &[NewTopic::new("in", 1), NewTopic::new("app-counts-changelog", 1)], TIMEOUT).unwrap();
        let mut producer = Producer::new(&*log, &Default::default(), TIMEOUT).unwrap();
        let changelog = Topic::from("app-counts-changelog");
        producer.send(&NewMessage::new(&changelog, Some(b"a"), Some(&1_i64.to_be_bytes()))).unwrap();
        producer.flush().unwrap();
        let builder = StreamsBuilder::new();
        builder.stream::<String, String>("in").group_by_key().count("counts");
        let config = Config::new("app", "embedded:").engine(EngineKind::Memory);
        let instance = Instance::open(&builder.build().unwrap(), config, StartOptions::new().log(log)).unwrap();
        let mut thread = StreamThread::new(&instance, 0).unwrap();
        for now_ms in 0..1_000 {
            thread.step(now_ms).unwrap();
            if !thread.restorer.reading().is_empty() {
                return (thread, now_ms);
            }
        }
        panic!("no task came to be restored");
    }

    #[test]
    fn changelog_of_a_lost_task_is_not_read_on() {
        let (mut thread, now_ms) = restoring();
        let lost = thread.tasks.values().flat_map(|assigned| assigned.partitions.clone()).collect::<Vec<_>>();
        assert_eq!(lost, [TopicPartition::new("in", 0)]);
        // Silent for longer than it may be between two polls: the step hears of it.
        thread.step(now_ms + 400_000).unwrap();
        assert!(thread.tasks.is_empty());
        assert_eq!(thread.restorer.reading(), []);
    }
}
