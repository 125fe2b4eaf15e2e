//! What a stream thread counts.

use super::ThreadState;
use super::families::Families;
use super::window::Window;
use std::sync::Arc;

/// Running counts of a thread, in plain memory.
#[derive(Debug, Default, Clone)]
pub struct ThreadCounts {
    /// The thread's state.
    pub state: ThreadState,
    /// Records processed.
    pub processed: u64,
    /// Polls of the consumer.
    pub polls: u64,
    /// Punctuations that fired.
    pub punctuations: u64,
    /// Commits that ended well.
    pub commits: u64,
    /// Rollbacks.
    pub rollbacks: u64,
    /// Tasks opened.
    pub tasks_created: u64,
    /// Tasks closed.
    pub tasks_closed: u64,
    /// Bytes in stores that are not committed yet.
    pub uncommitted_bytes: u64,
}

/// Where a stream thread counts, and publishes once a loop.
pub struct ThreadMetrics {
    /// What is counted; not seen by others until [`publish`](Self::publish).
    pub counts: ThreadCounts,
    published: ThreadCounts,
    families: Arc<Families>,
    thread_id: String,
    processed: Window,
    polls: Window,
    punctuations: Window,
    commits: Window,
    commit_latency: Window,
}

impl ThreadMetrics {
    pub(super) fn new(families: Arc<Families>, thread_id: &str) -> Self {
        ThreadMetrics {
            counts: ThreadCounts::default(),
            published: ThreadCounts::default(),
            families,
            thread_id: thread_id.to_string(),
            processed: Window::default(),
            polls: Window::default(),
            punctuations: Window::default(),
            commits: Window::default(),
            commit_latency: Window::default(),
        }
    }

    /// Counts a commit that ended well and took so many milliseconds.
    pub fn committed(&mut self, latency_ms: i64, now_ms: i64) {
        self.counts.commits += 1;
        self.commit_latency.measure(latency_ms as f64, now_ms);
    }

    /// Lets others see the counts.
    pub fn publish(&mut self, now_ms: i64) {
        self.publish_totals();
        self.publish_rates(now_ms);
        self.published = self.counts.clone();
    }

    fn publish_totals(&self) {
        let (families, now, before) = (&self.families, &self.counts, &self.published);
        let id = [self.thread_id.as_str()];
        families.process_total.with_label_values(&id).inc_by(now.processed - before.processed);
        families.poll_total.with_label_values(&id).inc_by(now.polls - before.polls);
        families.punctuate_total.with_label_values(&id).inc_by(now.punctuations - before.punctuations);
        families.commit_total.with_label_values(&id).inc_by(now.commits - before.commits);
        families.rollback_total.with_label_values(&id).inc_by(now.rollbacks - before.rollbacks);
        families.task_created_total.with_label_values(&id).inc_by(now.tasks_created - before.tasks_created);
        families.task_closed_total.with_label_values(&id).inc_by(now.tasks_closed - before.tasks_closed);
        families.tasks_active.with_label_values(&id).set((now.tasks_created - now.tasks_closed) as f64);
        families.uncommitted_bytes.with_label_values(&id).set(now.uncommitted_bytes as f64);
        families.thread_state.with_label_values(&id).set(f64::from(now.state as u8));
    }

    fn publish_rates(&mut self, now_ms: i64) {
        self.processed.update(self.counts.processed, now_ms);
        self.polls.update(self.counts.polls, now_ms);
        self.punctuations.update(self.counts.punctuations, now_ms);
        self.commits.update(self.counts.commits, now_ms);
        let (families, id) = (&self.families, [self.thread_id.as_str()]);
        families.process_rate.with_label_values(&id).set(self.processed.rate(now_ms));
        families.poll_rate.with_label_values(&id).set(self.polls.rate(now_ms));
        families.punctuate_rate.with_label_values(&id).set(self.punctuations.rate(now_ms));
        families.commit_rate.with_label_values(&id).set(self.commits.rate(now_ms));
        families.commit_latency_avg.with_label_values(&id).set(self.commit_latency.average());
        families.commit_latency_max.with_label_values(&id).set(self.commit_latency.max());
    }
}

impl Drop for ThreadMetrics {
    /// What was never published is not there, which is as good as removed.
    fn drop(&mut self) {
        let (families, id) = (&self.families, [self.thread_id.as_str()]);
        for counter in [
            &families.process_total,
            &families.poll_total,
            &families.punctuate_total,
            &families.commit_total,
            &families.rollback_total,
            &families.task_created_total,
            &families.task_closed_total,
        ] {
            let _ = counter.remove_label_values(&id);
        }
        for gauge in [
            &families.tasks_active,
            &families.uncommitted_bytes,
            &families.thread_state,
            &families.process_rate,
            &families.poll_rate,
            &families.punctuate_rate,
            &families.commit_rate,
            &families.commit_latency_avg,
            &families.commit_latency_max,
        ] {
            let _ = gauge.remove_label_values(&id);
        }
    }
}
