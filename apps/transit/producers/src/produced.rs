//! What a producer reports when it ends.

use std::fmt;
use transit_model::calendar::{DAY_MS, Date};

/// What a producer has written and committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Produced {
    /// The producer.
    pub part: &'static str,
    /// Events of this run.
    pub events: u64,
    /// Steps of this run.
    pub steps: u64,
    /// Events since the simulation began, earlier runs included.
    pub events_total: u64,
    /// When the next step begins, in simulated milliseconds.
    pub simulated_ms: i64,
}

impl fmt::Display for Produced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.simulated_ms.rem_euclid(DAY_MS) / 60_000;
        write!(
            f,
            "{}: produced {} events in {} steps, {} in all, up to {} {:02}:{:02} simulated time",
            self.part,
            self.events,
            self.steps,
            self.events_total,
            Date::of_ms(self.simulated_ms),
            minutes / 60,
            minutes % 60,
        )
    }
}
