//! The one table of names.
//!
//! They are the names that the Prometheus JMX exporter gives to Kafka Streams' metrics with its default pattern and
//! lower-case output (`<domain>_<type>_<attribute>`), which are also those of Strimzi's metrics reporter. What Java
//! does not have begins with `kstreams_`.

use prometheus::{GaugeVec, IntCounterVec, Opts, Registry};

macro_rules! families {
    ($($field:ident: $kind:ident [$($label:literal),+] $name:literal, $help:literal;)+) => {
        /// Every metric of an instance.
        pub(super) struct Families {
            $(pub(super) $field: $kind,)+
        }

        impl Families {
            pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
                $(
                    let $field = $kind::new(Opts::new($name, $help), &[$($label),+])?;
                    registry.register(Box::new($field.clone()))?;
                )+
                Ok(Families { $($field),+ })
            }
        }

        /// Name, kind, labels and meaning of each; for the reference.
        #[cfg(test)]
        const TABLE: &[(&str, &str, &[&str], &str)] = &[$(($name, stringify!($kind), &[$($label),+], $help)),+];
    };
}

families! {
    client_state: GaugeVec ["client_id"] "kafka_streams_stream_metrics_client_state",
        "0 created, 1 rebalancing, 2 running, 3 pending shutdown, 4 not running, 5 pending error, 6 error";
    alive_stream_threads: GaugeVec ["client_id"] "kafka_streams_stream_metrics_alive_stream_threads",
        "stream threads that run";
    failed_stream_threads: GaugeVec ["client_id"] "kafka_streams_stream_metrics_failed_stream_threads",
        "stream threads that failed since the start";
    records_lag: GaugeVec ["client_id", "topic", "partition"]
        "kafka_consumer_consumer_fetch_manager_metrics_records_lag",
        "records of the partition that are not processed yet";

    thread_state: GaugeVec ["thread_id"] "kafka_streams_stream_thread_metrics_thread_state",
        "0 created, 1 starting, 2 partitions revoked, 3 partitions assigned, 4 running, 5 pending shutdown, 6 dead";
    process_total: IntCounterVec ["thread_id"] "kafka_streams_stream_thread_metrics_process_total",
        "records processed";
    process_rate: GaugeVec ["thread_id"] "kafka_streams_stream_thread_metrics_process_rate",
        "records processed a second";
    poll_total: IntCounterVec ["thread_id"] "kafka_streams_stream_thread_metrics_poll_total",
        "polls of the consumer";
    poll_rate: GaugeVec ["thread_id"] "kafka_streams_stream_thread_metrics_poll_rate",
        "polls of the consumer a second";
    punctuate_total: IntCounterVec ["thread_id"] "kafka_streams_stream_thread_metrics_punctuate_total",
        "punctuations that fired";
    punctuate_rate: GaugeVec ["thread_id"] "kafka_streams_stream_thread_metrics_punctuate_rate",
        "punctuations that fired a second";
    commit_total: IntCounterVec ["thread_id"] "kafka_streams_stream_thread_metrics_commit_total",
        "commits";
    commit_rate: GaugeVec ["thread_id"] "kafka_streams_stream_thread_metrics_commit_rate",
        "commits a second";
    commit_latency_avg: GaugeVec ["thread_id"] "kafka_streams_stream_thread_metrics_commit_latency_avg",
        "milliseconds from the start of a commit to its end, on average";
    commit_latency_max: GaugeVec ["thread_id"] "kafka_streams_stream_thread_metrics_commit_latency_max",
        "milliseconds from the start of a commit to its end, at most";
    task_created_total: IntCounterVec ["thread_id"] "kafka_streams_stream_thread_metrics_task_created_total",
        "tasks opened";
    task_closed_total: IntCounterVec ["thread_id"] "kafka_streams_stream_thread_metrics_task_closed_total",
        "tasks closed";
    tasks_active: GaugeVec ["thread_id"] "kstreams_thread_tasks",
        "tasks the thread owns";
    rollback_total: IntCounterVec ["thread_id"] "kstreams_thread_rollback_total",
        "transactions or batches that were given up and done again";
    uncommitted_bytes: GaugeVec ["thread_id"] "kstreams_thread_uncommitted_bytes",
        "bytes in stores that are not committed yet";

    task_process_total: IntCounterVec ["thread_id", "task_id"] "kafka_streams_stream_task_metrics_process_total",
        "records processed";
    task_process_rate: GaugeVec ["thread_id", "task_id"] "kafka_streams_stream_task_metrics_process_rate",
        "records processed a second";
    dropped_records_total: IntCounterVec ["thread_id", "task_id"]
        "kafka_streams_stream_task_metrics_dropped_records_total",
        "records dropped by a documented rule or skipped by an error policy";
    dropped_records_rate: GaugeVec ["thread_id", "task_id"]
        "kafka_streams_stream_task_metrics_dropped_records_rate",
        "records dropped or skipped a second";
    enforced_processing_total: IntCounterVec ["thread_id", "task_id"]
        "kafka_streams_stream_task_metrics_enforced_processing_total",
        "times that processing went on although an input was empty";
    active_buffer_count: GaugeVec ["thread_id", "task_id"] "kafka_streams_stream_task_metrics_active_buffer_count",
        "records read ahead";
    restore_total: IntCounterVec ["thread_id", "task_id"] "kafka_streams_stream_task_metrics_restore_total",
        "records restored from changelogs";
    restore_remaining: GaugeVec ["thread_id", "task_id"]
        "kafka_streams_stream_task_metrics_restore_remaining_records_total",
        "records of changelogs that are still to be restored";
    dead_letters_total: IntCounterVec ["thread_id", "task_id"] "kstreams_task_dead_letters_total",
        "records sent to the dead-letter topic";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;
    use std::path::PathBuf;

    const INTRODUCTION: &str = "# Metrics

Served in Prometheus' text format under `/metrics` of `kstreams.http.listen`, and as text by `Metrics::text`.

Names are those that the Prometheus JMX exporter gives to Kafka Streams' metrics with its default pattern and lower-case
output (`<domain>_<type>_<attribute>`, also used by Strimzi's metrics reporter), so dashboards for Java applications
work here. What Kafka Streams does not have begins with `kstreams_`. Rates, averages and maxima are over the last 30 to
60 seconds. Counters begin at zero with each thread and each time a task is opened.

This page is made from the table in `framework/src/metrics/families.rs`, and a test compares the two.

| name | kind | labels | meaning |
|---|---|---|---|
";

    #[test]
    fn reference_page_lists_the_table() {
        let mut page = INTRODUCTION.to_string();
        for (name, kind, labels, help) in TABLE {
            let kind = if kind.contains("Counter") { "counter" } else { "gauge" };
            let _ = writeln!(page, "| `{name}` | {kind} | {} | {help} |", labels.join(", "));
        }
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/metrics.md");
        if std::env::var_os("UPDATE_REFERENCE").is_some() {
            std::fs::write(&path, &page).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap();
        assert!(written == page, "{} is not up to date; run this test with UPDATE_REFERENCE=1", path.display());
    }
}
