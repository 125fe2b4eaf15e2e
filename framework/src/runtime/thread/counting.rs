//! What a thread counts: for the metrics, for [`Counts`](crate::runtime::Counts), and for a summary in the log.

use super::{Assigned, Stage, StreamThread};
use crate::record::{TaskId, TopicPartition};
use std::collections::BTreeSet;

/// Metrics are published so often, in milliseconds: a look at them is rarer than a step.
const PUBLISH_INTERVAL_MS: i64 = 250;

/// When to publish and to summarise.
#[derive(Default)]
pub(super) struct Counting {
    publish_due_ms: i64,
    summary_due_ms: i64,
    /// Processed records and commits at the last summary.
    summarised: (u64, u64),
    /// The partitions whose lag is told.
    lags: BTreeSet<TopicPartition>,
}

impl StreamThread {
    pub(super) fn count_processed(&mut self, task: TaskId, records: u64) {
        self.instance.counters.processed.add(records);
        self.metrics.counts.processed += records;
        if let Some(assigned) = self.tasks.get_mut(&task) {
            assigned.metrics.counts.processed += records;
        }
    }

    pub(super) fn count_punctuations(&mut self, fired: u64) {
        self.instance.counters.punctuations.add(fired);
        self.metrics.counts.punctuations += fired;
    }

    pub(super) fn count_commit(&mut self, began_ms: i64, now_ms: i64) {
        self.instance.counters.commits.add(1);
        self.metrics.committed(now_ms - began_ms, now_ms);
    }

    pub(super) fn count_rollback(&mut self) {
        self.count_tasks();
        self.instance.counters.rollbacks.add(1);
        self.metrics.counts.rollbacks += 1;
        let running = self.tasks.values().filter(|assigned| assigned.is_running()).count();
        self.metrics.counts.tasks_closed += running as u64;
    }

    pub(super) fn count_opened(&mut self) {
        self.instance.counters.tasks_opened.add(1);
        self.metrics.counts.tasks_created += 1;
    }

    pub(super) fn count_closed(&mut self, assigned: &Assigned) {
        self.metrics.counts.tasks_closed += u64::from(assigned.is_running());
        for partition in &assigned.partitions {
            self.instance.metrics.remove_lag(partition.topic.as_str(), partition.partition);
        }
    }

    /// Takes over what tasks and outlet have counted themselves.
    fn count_tasks(&mut self) {
        let sent = self.outlet.take_sent();
        self.instance.counters.sent.add(sent);
        for assigned in self.tasks.values_mut() {
            let Assigned { metrics, number, stage: Stage::Running(running), .. } = assigned else { continue };
            let dropped = running.task.record_context().dropped();
            self.instance.counters.dropped.add(dropped - running.dropped);
            metrics.counts.dropped += dropped - running.dropped;
            metrics.counts.enforced += std::mem::take(&mut running.enforced);
            let dead_letters = self.outlet.take_dead_letters(*number);
            self.instance.counters.dead_letters.add(dead_letters);
            metrics.counts.dead_letters += dead_letters;
            running.dropped = dropped;
        }
    }

    /// Lets others see what was counted; in every step the plain numbers, from time to time the metrics.
    pub(super) fn publish(&mut self, now_ms: i64) {
        self.count_tasks();
        self.metrics.counts.polls += 1;
        self.summarise(now_ms);
        if now_ms < self.counting.publish_due_ms {
            return;
        }
        self.counting.publish_due_ms = now_ms + PUBLISH_INTERVAL_MS;
        self.metrics.counts.uncommitted_bytes = self.uncommitted_bytes();
        self.publish_tasks(now_ms);
        self.metrics.publish(now_ms);
    }

    fn publish_tasks(&mut self, now_ms: i64) {
        let StreamThread { tasks, consumer, instance, counting, .. } = self;
        let mut lags = BTreeSet::new();
        for assigned in tasks.values_mut() {
            if let Stage::Running(running) = &assigned.stage {
                let mut buffered = 0;
                for (input, partition) in running.task.partitions().enumerate() {
                    let waiting = running.task.buffered(input);
                    buffered += waiting as u64;
                    if let Some(lag) = consumer.lag(partition) {
                        let records = lag.saturating_add(i64::try_from(waiting).unwrap_or(i64::MAX));
                        instance.metrics.set_lag(partition.topic.as_str(), partition.partition, records);
                        lags.insert(partition.clone());
                    }
                }
                assigned.metrics.counts.buffered = buffered;
            }
            assigned.metrics.publish(now_ms);
        }
        for gone in counting.lags.difference(&lags) {
            instance.metrics.remove_lag(gone.topic.as_str(), gone.partition);
        }
        counting.lags = lags;
    }

    /// Says in the log from time to time what is done, and where it waits.
    fn summarise(&mut self, now_ms: i64) {
        let interval_ms = self.instance.config.log_summary_interval_ms;
        if interval_ms < 0 || now_ms < self.counting.summary_due_ms {
            return;
        }
        let (processed, commits) = (self.metrics.counts.processed, self.metrics.counts.commits);
        if self.counting.summary_due_ms > 0 {
            let (processed_before, commits_before) = self.counting.summarised;
            tracing::info!(
                thread = self.name,
                state = %self.reported,
                tasks = self.tasks.len(),
                processed = processed - processed_before,
                commits = commits - commits_before,
                "summary"
            );
        }
        self.counting.summarised = (processed, commits);
        self.counting.summary_due_ms = now_ms.saturating_add(interval_ms);
    }
}
