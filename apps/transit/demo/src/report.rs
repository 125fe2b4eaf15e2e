//! What the demo did and what it took.

use std::fmt;
use std::time::Duration;
use transit_producers::Produced;

/// What was used while the producers ran, and how far behind the topologies were.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// Real time from the first step to the last.
    pub wall: Duration,
    /// Processor time of all threads in it.
    pub cpu: Duration,
    /// The most memory that the process has held, in bytes.
    pub peak_memory_bytes: u64,
    /// The largest lag that was seen, in records and transaction markers.
    pub lag_max: i64,
    /// The lag when the last producer ended.
    pub lag_at_end: i64,
    /// How long after that the lag was zero; `None` if the demo was stopped before.
    pub caught_up_after: Option<Duration>,
}

impl Usage {
    /// Processor seconds for each real second: the share of one core.
    pub fn cores(&self) -> f64 {
        self.cpu.as_secs_f64() / self.wall.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// What the demo did.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What each producer wrote; a producer that failed is missing.
    pub produced: Vec<Produced>,
    /// New rows of the stations' database.
    pub stations_published: u64,
    /// What it took.
    pub usage: Usage,
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "processor: {:.2} CPU seconds per second ({:.1} s in {:.1} s)",
            self.cores(),
            self.cpu.as_secs_f64(),
            self.wall.as_secs_f64()
        )?;
        writeln!(f, "memory:    {} MiB at the peak", self.peak_memory_bytes >> 20)?;
        write!(f, "lag:       {} records at most, {} when the producers ended, ", self.lag_max, self.lag_at_end)?;
        match self.caught_up_after {
            Some(after) => write!(f, "zero {:.1} s later", after.as_secs_f64()),
            None => write!(f, "not waited for"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_said_in_three_lines() {
        let usage = Usage {
            wall: Duration::from_secs(60),
            cpu: Duration::from_secs(15),
            peak_memory_bytes: 100 << 20,
            lag_max: 5_000,
            lag_at_end: 12,
            caught_up_after: Some(Duration::from_millis(400)),
        };
        let expected = "processor: 0.25 CPU seconds per second (15.0 s in 60.0 s)\n\
                        memory:    100 MiB at the peak\n\
                        lag:       5000 records at most, 12 when the producers ended, zero 0.4 s later";
        assert_eq!(usage.to_string(), expected);
    }
}
