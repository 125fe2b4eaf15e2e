//! How an embedded log is opened.

use super::faults::FaultPlan;
use crate::record::{Clock, SystemClock};
use std::fmt;
use std::sync::Arc;

/// How often retention and compaction are looked at, unless the options say otherwise.
pub(super) const HOUSEKEEPING_INTERVAL_MS: i64 = 5_000;

/// The newest messages of a durable log that stay in memory, unless the options say otherwise.
const CACHE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Options of an embedded log.
///
/// ```
/// use kstreams::log::embedded::{EmbeddedLog, EmbeddedOptions};
/// use kstreams::record::ManualClock;
/// use std::sync::Arc;
///
/// let clock = ManualClock::new(0);
/// let log = EmbeddedLog::in_memory(EmbeddedOptions { stepped: true, ..EmbeddedOptions::with_clock(Arc::new(clock)) });
/// assert!(!log.step(5)?);
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub struct EmbeddedOptions {
    /// The clock of clients that are given none; see [`Log::clock`](crate::log::Log::clock).
    pub clock: Arc<dyn Clock>,
    /// What goes wrong; `None`: nothing.
    pub faults: Option<Box<dyn FaultPlan>>,
    /// What is due by itself (markers, timeouts, rebalances, retention, compaction) runs only in
    /// [`EmbeddedLog::step`](super::EmbeddedLog::step), for a simulator; otherwise whoever calls runs it on the way.
    pub stepped: bool,
    /// Bytes of the newest messages that a durable log keeps in memory.
    pub cache_bytes_max: usize,
    /// How often retention and compaction are looked at.
    pub housekeeping_interval_ms: i64,
}

impl EmbeddedOptions {
    /// The defaults with this clock.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        EmbeddedOptions { clock, ..EmbeddedOptions::default() }
    }
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        EmbeddedOptions {
            clock: Arc::new(SystemClock),
            faults: None,
            stepped: false,
            cache_bytes_max: CACHE_BYTES_MAX,
            housekeeping_interval_ms: HOUSEKEEPING_INTERVAL_MS,
        }
    }
}

impl fmt::Debug for EmbeddedOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedOptions")
            .field("stepped", &self.stepped)
            .field("cache_bytes_max", &self.cache_bytes_max)
            .field("housekeeping_interval_ms", &self.housekeeping_interval_ms)
            .finish_non_exhaustive()
    }
}
