//! Keeping a pace in real time: a step is due every so often, and lost time is made up for within bounds.

use crate::Stop;
use std::time::{Duration, Instant};

/// Steps that may be made up for after a delay; what is older is given up, so that a laptop that slept does not
/// simulate its night in one burst.
const BEHIND_STEPS_MAX: u32 = 10;

/// When the next step is due.
#[derive(Debug, Clone)]
pub struct Pace {
    interval: Duration,
    due: Instant,
}

impl Pace {
    /// A pace of one step per `interval`, the first one due at once.
    pub fn new(interval: Duration, now: Instant) -> Self {
        Pace { interval, due: now }
    }

    /// The pace of `step_ms` real milliseconds a step, `speed` times as fast. A speed without end has no pauses.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use transit_part::Pace;
    ///
    /// assert_eq!(Pace::with_speed(5_000, 60.0, Instant::now()).interval(), Duration::from_micros(83_333));
    /// ```
    pub fn with_speed(step_ms: u64, speed: f64, now: Instant) -> Self {
        let interval_us = (step_ms as f64 * 1_000.0 / speed.max(f64::MIN_POSITIVE)).min(1e15);
        Pace::new(Duration::from_micros(interval_us as u64), now)
    }

    /// Real time between two steps.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Blocks until the next step is due; false if a stop was requested instead.
    pub fn wait(&mut self, stop: &Stop) -> bool {
        let is_due = !stop.wait_until(self.due);
        self.advance(Instant::now());
        is_due
    }

    fn advance(&mut self, now: Instant) {
        let oldest = now.checked_sub(self.interval.saturating_mul(BEHIND_STEPS_MAX)).unwrap_or(now);
        self.due = self.due.max(oldest) + self.interval;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delay_is_made_up_for_within_bounds() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut pace = Pace::new(second, start);
        pace.advance(start + second * 3);
        assert_eq!(pace.due, start + second, "two steps are overdue");
        pace.advance(start + second * 100);
        assert_eq!(pace.due, start + second * 91, "ten are, of ninety-nine");
    }

    #[test]
    fn stop_ends_the_wait() {
        let stop = Stop::default();
        let mut pace = Pace::new(Duration::from_secs(3_600), Instant::now());
        assert!(pace.wait(&stop), "the first step is due at once");
        stop.request();
        assert!(!pace.wait(&stop));
    }
}
