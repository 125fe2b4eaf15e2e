//! What a program that is no topology shows of itself: that it lives, and counters of what it has written.
//!
//! The counters are the process's: every [`Writer`](crate::log::Writer) counts there, whether anybody asks or not.

use clap::Args;
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::metrics::{HttpServer, Pages};
use prometheus::{IntCounterVec, Opts, Registry, TextEncoder};
use std::sync::{Arc, LazyLock};

static WRITING: LazyLock<Writing> = LazyLock::new(Writing::new);

/// Flags of a program that is no topology.
#[derive(Debug, Clone, Default, Args)]
pub struct VitalsSettings {
    /// Where metrics and health are served [default: nowhere]
    #[arg(long, env = "TRANSIT_HTTP", value_name = "HOST:PORT")]
    pub http: Option<String>,
}

/// Counters of what the process has written, by transactional id.
struct Writing {
    registry: Registry,
    records: IntCounterVec,
    transactions: IntCounterVec,
    retries: IntCounterVec,
}

impl Writing {
    fn new() -> Self {
        let registry = Registry::new();
        let counter = |name: &str, help: &str| {
            let counter = IntCounterVec::new(Opts::new(name, help), &["writer"]).expect("a fixed name is valid");
            registry.register(Box::new(counter.clone())).expect("names differ");
            counter
        };
        Writing {
            records: counter("transit_written_records_total", "Records written and committed"),
            transactions: counter("transit_written_transactions_total", "Transactions committed"),
            retries: counter("transit_writing_retries_total", "Transactions that were given up and written again"),
            registry,
        }
    }
}

/// Counts a transaction that is committed.
pub(crate) fn written(writer: &str, records: usize) {
    WRITING.records.with_label_values(&[writer]).inc_by(records as u64);
    WRITING.transactions.with_label_values(&[writer]).inc();
}

/// Counts a transaction that is written again.
pub(crate) fn written_again(writer: &str) {
    WRITING.retries.with_label_values(&[writer]).inc();
}

impl VitalsSettings {
    /// Serves `/metrics`, `/healthz` and `/readyz` until the server is dropped; `None` if that is not asked for.
    ///
    /// # Errors
    /// `Config` if the address is none, `InUse` if another process listens there.
    pub fn serve(&self) -> Result<Option<HttpServer>> {
        let Some(address) = &self.http else { return Ok(None) };
        let pages = Pages {
            metrics: Arc::new(|| metrics().unwrap_or_else(|error| format!("# {error}\n"))),
            health: Arc::new(|| Ok(())),
            ready: Arc::new(|| Ok(())),
            topology: Arc::new(|| "this program runs no topology\n".to_owned()),
        };
        let server = HttpServer::start(address, pages)?;
        tracing::info!(address = %server.address(), "serving metrics and health");
        Ok(Some(server))
    }
}

/// The counters in Prometheus' text format.
///
/// # Errors
/// `Bug` if they cannot be written as text.
fn metrics() -> Result<String> {
    let text = TextEncoder::new().encode_to_string(&WRITING.registry.gather());
    text.map_err(|error| Error::new(ErrorKind::Bug, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_by_writer() {
        written("vitals-test", 3);
        written("vitals-test", 4);
        written_again("vitals-test");
        let text = metrics().unwrap();
        for line in [
            r#"transit_written_records_total{writer="vitals-test"} 7"#,
            r#"transit_written_transactions_total{writer="vitals-test"} 2"#,
            r#"transit_writing_retries_total{writer="vitals-test"} 1"#,
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn nothing_is_served_unless_asked_for() {
        assert!(VitalsSettings::default().serve().unwrap().is_none());
        let settings = VitalsSettings { http: Some("127.0.0.1:0".into()) };
        assert_ne!(settings.serve().unwrap().unwrap().address().port(), 0);
    }
}
