//! What the group decides: tasks that come and go.

use super::{Stage, StreamThread};
use crate::error::Result;
use crate::log::GroupEvent;
use crate::record::{TaskId, TopicPartition};
use crate::runtime::assigned::Assigned;

impl StreamThread {
    /// Hears all that the group has to say; in every step, which also keeps the membership.
    pub(super) fn heed_group(&mut self, now_ms: i64) -> Result<()> {
        while let Some(event) = self.consumer.poll_event(now_ms)? {
            match event {
                GroupEvent::Assigned(partitions) => self.assigned(&partitions, now_ms),
                GroupEvent::Revoked(partitions) => {
                    tracing::info!(thread = self.name, ?partitions, "partitions are to go");
                    self.revoked.extend(partitions);
                }
                GroupEvent::Lost(partitions) => self.lost(&partitions, now_ms),
            }
        }
        Ok(())
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
        let restoring = self.tasks.values().filter_map(|assigned| match &assigned.stage {
            Stage::Restoring(restoring) => Some(restoring),
            _ => None,
        });
        self.restorer.keep_only(&restoring.flat_map(|restoring| restoring.changelogs().cloned()).collect())?;
        self.consumer.unassign(&revoked)
    }
}
