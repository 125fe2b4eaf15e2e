//! Watching the demo run: whether everything lives, what it uses, how far the topologies are behind.

use crate::applications::Applications;
use crate::parts::Parts;
use crate::report::Usage;
use crate::sources::Sources;
use crate::usage;
use kstreams::error::Result;
use std::time::{Duration, Instant};
use transit_part::{Connection, Stop};

/// How often is looked.
const LOOK: Duration = Duration::from_millis(250);

/// Watches until a stop is requested, or the producers are done and everything they wrote is counted.
///
/// # Errors
/// What the log answers when it is asked for the lag.
pub(crate) fn watch(
    parts: &Parts,
    connection: &Connection,
    applications: &Applications,
    sources: &Sources,
    stop: &Stop,
) -> Result<Usage> {
    let meter = Meter::start();
    let mut lag_max = 0;
    while !stop.is_requested() && !sources.have_produced() {
        stop.wait(LOOK);
        look(parts, applications);
        lag_max = lag_max.max(applications.lag(connection)?.unwrap_or_default());
    }
    let (wall, cpu) = meter.read();
    let lag_at_end = applications.lag(connection)?.unwrap_or_default();
    let caught_up_after = catch_up(parts, connection, applications, stop)?;
    let peak_memory_bytes = usage::peak_memory_bytes();
    Ok(Usage { wall, cpu, peak_memory_bytes, lag_max: lag_max.max(lag_at_end), lag_at_end, caught_up_after })
}

/// Waits until the topologies have read everything; `None` if they were stopped before.
fn catch_up(
    parts: &Parts,
    connection: &Connection,
    applications: &Applications,
    stop: &Stop,
) -> Result<Option<Duration>> {
    let begun = Instant::now();
    while !stop.is_requested() {
        if applications.lag(connection)? == Some(0) {
            return Ok(Some(begun.elapsed()));
        }
        stop.wait(LOOK);
        look(parts, applications);
    }
    Ok(None)
}

fn look(parts: &Parts, applications: &Applications) {
    applications.check().unwrap_or_else(|error| parts.fail(error));
}

/// Measures from the moment it is made.
struct Meter {
    begun: Instant,
    cpu_before: Duration,
}

impl Meter {
    fn start() -> Self {
        Meter { begun: Instant::now(), cpu_before: usage::cpu() }
    }

    /// Real time and processor time since the beginning.
    fn read(&self) -> (Duration, Duration) {
        (self.begun.elapsed(), usage::cpu().saturating_sub(self.cpu_before))
    }
}
