//! What an application tells about itself: counters in plain memory, published once a loop, read over HTTP.
//!
//! A thread and each of its tasks count in ordinary numbers ([`ThreadCounts`], [`TaskCounts`]); `publish` hands them
//! on to the [`Metrics`] of the instance, where other threads read them. Nothing on a record's path is atomic or
//! locked. Names are those of one table, `docs/reference/metrics.md`. This module measures nothing by itself and
//! reads no clock.

mod families;
#[cfg(feature = "http")]
mod http;
mod task;
mod thread;
mod window;

#[cfg(feature = "http")]
pub use http::{HttpServer, Pages};
pub use task::{TaskCounts, TaskMetrics};
pub use thread::{ThreadCounts, ThreadMetrics};

use crate::error::{Error, ErrorKind, Result};
use crate::record::TaskId;
use families::Families;
use prometheus::{Encoder, Registry, TextEncoder};
use std::sync::Arc;

/// The metrics of one application instance; clones share them.
///
/// ```
/// use kstreams::metrics::Metrics;
///
/// let metrics = Metrics::new("transit-1")?;
/// let mut thread = metrics.thread("transit-1-StreamThread-1");
/// thread.counts.processed += 3;
/// thread.publish(1_000);
/// assert!(metrics.text().contains("kafka_streams_stream_thread_metrics_process_total"));
/// # Ok::<(), kstreams::error::Error>(())
/// ```
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    families: Arc<Families>,
    client_id: Arc<str>,
}

/// The states of an instance. Kafka Streams: `KafkaStreams.State`; the numbers are its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientState {
    /// Made and not started.
    Created = 0,
    /// Waiting for its tasks or restoring them.
    Rebalancing = 1,
    /// Processing.
    Running = 2,
    /// Told to stop.
    PendingShutdown = 3,
    /// Stopped.
    NotRunning = 4,
    /// Failed and stopping.
    PendingError = 5,
    /// Failed.
    Error = 6,
}

/// The states of a stream thread. Kafka Streams: `StreamThread.State`; the numbers are its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThreadState {
    /// Made and not started.
    #[default]
    Created = 0,
    /// Resolving topics and joining its group.
    Starting = 1,
    /// Giving tasks back.
    PartitionsRevoked = 2,
    /// Restoring tasks.
    PartitionsAssigned = 3,
    /// Processing.
    Running = 4,
    /// Told to stop.
    PendingShutdown = 5,
    /// Ended.
    Dead = 6,
}

impl Metrics {
    /// The metrics of the instance with that client id.
    ///
    /// # Errors
    /// `Bug` if the table of names is not consistent.
    pub fn new(client_id: impl Into<Arc<str>>) -> Result<Self> {
        let registry = Registry::new();
        let families = Families::register(&registry).map_err(|error| {
            Error::new(ErrorKind::Bug, "the metrics cannot be registered").with_detail(error.to_string())
        })?;
        let metrics = Metrics { registry, families: Arc::new(families), client_id: client_id.into() };
        metrics.set_state(ClientState::Created);
        Ok(metrics)
    }

    /// Sets the instance's state.
    pub fn set_state(&self, state: ClientState) {
        self.families.client_state.with_label_values(&[&*self.client_id]).set(f64::from(state as u8));
    }

    /// Sets how many stream threads are alive and how many have failed since the start.
    pub fn set_threads(&self, alive: usize, failed: usize) {
        self.families.alive_stream_threads.with_label_values(&[&*self.client_id]).set(alive as f64);
        self.families.failed_stream_threads.with_label_values(&[&*self.client_id]).set(failed as f64);
    }

    /// Where a stream thread counts. Its metrics disappear with it.
    pub fn thread(&self, thread_id: &str) -> ThreadMetrics {
        ThreadMetrics::new(self.families.clone(), thread_id)
    }

    /// Where a task counts while that thread owns it. Its metrics disappear with it.
    pub fn task(&self, thread_id: &str, task: TaskId) -> TaskMetrics {
        TaskMetrics::new(self.families.clone(), thread_id, task)
    }

    /// Sets how many records of a partition are not processed yet.
    pub fn set_lag(&self, topic: &str, partition: i32, records: i64) {
        let labels = [&*self.client_id, topic, &partition.to_string()];
        self.families.records_lag.with_label_values(&labels).set(records as f64);
    }

    /// Forgets the lag of a partition that was given back.
    pub fn remove_lag(&self, topic: &str, partition: i32) {
        // Not there is as good as removed.
        let _ = self.families.records_lag.remove_label_values(&[&*self.client_id, topic, &partition.to_string()]);
    }

    /// Where an application registers metrics of its own.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Everything in Prometheus' text format.
    pub fn text(&self) -> String {
        let mut text = Vec::new();
        match TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            Ok(()) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) => {
                tracing::error!("the metrics cannot be written: {error}");
                String::new()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(metrics: &Metrics, begin: &str) -> Option<String> {
        metrics.text().lines().find(|line| line.starts_with(begin)).map(str::to_string)
    }

    #[test]
    fn counts_are_seen_once_they_are_published() {
        let metrics = Metrics::new("app").unwrap();
        let mut thread = metrics.thread("app-StreamThread-1");
        let total = "kafka_streams_stream_thread_metrics_process_total{";
        thread.counts.processed += 2;
        thread.publish(0);
        thread.counts.processed += 5;
        assert!(line(&metrics, total).unwrap().ends_with(" 2"));
        thread.publish(1_000);
        let seen = line(&metrics, total).unwrap();
        assert_eq!(seen, r#"kafka_streams_stream_thread_metrics_process_total{thread_id="app-StreamThread-1"} 7"#);
    }

    #[test]
    fn tasks_metrics_disappear_with_the_task() {
        let metrics = Metrics::new("app").unwrap();
        let mut task = metrics.task("t", TaskId { subtopology: 1, partition: 2 });
        task.counts.dropped += 1;
        task.publish(0);
        let dropped = "kafka_streams_stream_task_metrics_dropped_records_total{";
        assert_eq!(line(&metrics, dropped).unwrap(), format!(r#"{dropped}task_id="1_2",thread_id="t"}} 1"#));
        drop(task);
        assert_eq!(line(&metrics, dropped), None);
    }

    #[test]
    fn state_and_lag_are_told() {
        let metrics = Metrics::new("app").unwrap();
        metrics.set_state(ClientState::Running);
        metrics.set_lag("input", 3, 42);
        assert!(line(&metrics, "kafka_streams_stream_metrics_client_state").unwrap().ends_with(" 2"));
        assert!(line(&metrics, "kafka_consumer_consumer_fetch_manager_metrics_records_lag").unwrap().ends_with(" 42"));
        metrics.remove_lag("input", 3);
        assert_eq!(line(&metrics, "kafka_consumer_consumer_fetch_manager_metrics_records_lag"), None);
    }

    #[test]
    fn instances_do_not_share_metrics() {
        let (one, other) = (Metrics::new("one").unwrap(), Metrics::new("other").unwrap());
        one.set_threads(2, 1);
        assert!(!other.text().contains("alive_stream_threads{"));
    }
}
