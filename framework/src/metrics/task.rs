//! What a task counts.

use super::families::Families;
use super::window::Window;
use crate::record::TaskId;
use std::sync::Arc;

/// Running counts of a task, in plain memory.
#[derive(Debug, Default, Clone)]
pub struct TaskCounts {
    /// Records processed.
    pub processed: u64,
    /// Records dropped by a documented rule or skipped by an error policy.
    pub dropped: u64,
    /// Times that processing went on although an input was empty.
    pub enforced: u64,
    /// Records sent to the dead-letter topic.
    pub dead_letters: u64,
    /// Records restored from changelogs.
    pub restored: u64,
    /// Records read ahead, now.
    pub buffered: u64,
    /// Records of changelogs that are still to be restored, now.
    pub restore_remaining: u64,
}

/// Where a task counts, and its thread publishes.
pub struct TaskMetrics {
    /// What is counted; not seen by others until [`publish`](Self::publish).
    pub counts: TaskCounts,
    published: TaskCounts,
    families: Arc<Families>,
    thread_id: String,
    task_id: String,
    processed: Window,
    dropped: Window,
}

impl TaskMetrics {
    pub(super) fn new(families: Arc<Families>, thread_id: &str, task: TaskId) -> Self {
        TaskMetrics {
            counts: TaskCounts::default(),
            published: TaskCounts::default(),
            families,
            thread_id: thread_id.to_string(),
            task_id: task.to_string(),
            processed: Window::default(),
            dropped: Window::default(),
        }
    }

    /// Lets others see the counts.
    pub fn publish(&mut self, now_ms: i64) {
        self.processed.update(self.counts.processed, now_ms);
        self.dropped.update(self.counts.dropped, now_ms);
        let (families, now, before) = (&self.families, &self.counts, &self.published);
        let id = [self.thread_id.as_str(), self.task_id.as_str()];
        families.task_process_total.with_label_values(&id).inc_by(now.processed - before.processed);
        families.task_process_rate.with_label_values(&id).set(self.processed.rate(now_ms));
        families.dropped_records_total.with_label_values(&id).inc_by(now.dropped - before.dropped);
        families.dropped_records_rate.with_label_values(&id).set(self.dropped.rate(now_ms));
        families.enforced_processing_total.with_label_values(&id).inc_by(now.enforced - before.enforced);
        families.dead_letters_total.with_label_values(&id).inc_by(now.dead_letters - before.dead_letters);
        families.restore_total.with_label_values(&id).inc_by(now.restored - before.restored);
        families.active_buffer_count.with_label_values(&id).set(now.buffered as f64);
        families.restore_remaining.with_label_values(&id).set(now.restore_remaining as f64);
        self.published = self.counts.clone();
    }
}

impl Drop for TaskMetrics {
    /// What was never published is not there, which is as good as removed.
    fn drop(&mut self) {
        let (families, id) = (&self.families, [self.thread_id.as_str(), self.task_id.as_str()]);
        for counter in [
            &families.task_process_total,
            &families.dropped_records_total,
            &families.enforced_processing_total,
            &families.dead_letters_total,
            &families.restore_total,
        ] {
            let _ = counter.remove_label_values(&id);
        }
        for gauge in [
            &families.task_process_rate,
            &families.dropped_records_rate,
            &families.active_buffer_count,
            &families.restore_remaining,
        ] {
            let _ = gauge.remove_label_values(&id);
        }
    }
}
