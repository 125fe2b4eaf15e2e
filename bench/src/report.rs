//! The line of JSON that a peer ends with.

use crate::arguments::Workload;
use crate::resources::{age_seconds, cpu_seconds, memory_peak_mb};
use std::io;
use std::time::Instant;

/// A moment, and the CPU seconds that were used up to it.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    /// When.
    pub at: Instant,
    /// CPU seconds since the process began.
    pub cpu_seconds: f64,
}

impl Mark {
    /// This moment.
    ///
    /// # Errors
    /// What `/proc` cannot be read for.
    pub fn now() -> io::Result<Mark> {
        Ok(Mark { at: Instant::now(), cpu_seconds: cpu_seconds()? })
    }
}

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Input records; for `restore` the keys that were found.
    pub records: u64,
    /// The first record; for `restore` the start.
    pub first: Mark,
    /// The last commit; for `restore` when all is there.
    pub last: Mark,
    /// Seconds from the last commit to the clean end.
    pub shutdown_seconds: f64,
}

impl Measured {
    /// The report of `peer`, which is near its end.
    ///
    /// # Errors
    /// What `/proc` cannot be read for.
    pub fn report(&self, peer: &str, workload: Workload) -> io::Result<serde_json::Value> {
        let (seconds, cpu) = ((self.last.at - self.first.at).as_secs_f64(), cpu_seconds()?);
        let records = self.records as f64;
        Ok(serde_json::json!({
            "peer": peer,
            "workload": workload.name(),
            "records": self.records,
            "seconds": rounded(seconds),
            "records_per_second": rounded(records / seconds),
            "cpu_seconds": rounded(cpu),
            "cpu_seconds_per_million": rounded(cpu * 1e6 / records),
            "cpu_seconds_run": rounded(self.last.cpu_seconds - self.first.cpu_seconds),
            "max_rss_mb": rounded(memory_peak_mb()?),
            "startup_seconds": rounded(age_seconds()? - self.first.at.elapsed().as_secs_f64()),
            "shutdown_seconds": rounded(self.shutdown_seconds),
        }))
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
