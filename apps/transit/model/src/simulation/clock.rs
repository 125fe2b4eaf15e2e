//! The simulated clock: which step it is, and how long a step lasts in simulated time.

use crate::calendar::FullHour;
use serde::{Deserialize, Serialize};

/// Simulated minutes that pass in one step: a divisor of 60, so that no step crosses a full hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct StepMinutes(u32);

impl StepMinutes {
    /// The step in simulated milliseconds.
    pub fn as_ms(self) -> i64 {
        i64::from(self.0) * 60_000
    }

    /// Steps in one simulated hour.
    pub fn steps_per_hour(self) -> u32 {
        60 / self.0
    }
}

impl Default for StepMinutes {
    fn default() -> Self {
        StepMinutes(5)
    }
}

impl TryFrom<u32> for StepMinutes {
    type Error = String;

    fn try_from(minutes: u32) -> Result<Self, String> {
        match minutes {
            1..=60 if 60 % minutes == 0 => Ok(StepMinutes(minutes)),
            _ => Err(format!("a step of {minutes} minutes does not divide an hour")),
        }
    }
}

impl From<StepMinutes> for u32 {
    fn from(step: StepMinutes) -> u32 {
        step.0
    }
}

impl std::fmt::Display for StepMinutes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for StepMinutes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse::<u32>().map_err(|error| format!("`{text}` is not a number of minutes: {error}"))?.try_into()
    }
}

/// Where the simulation is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimulatedClock {
    /// The seed of everything random.
    pub seed: u64,
    /// Steps done.
    pub step: u64,
    /// When the simulation began, in simulated milliseconds: a full hour.
    pub start_ms: i64,
    /// When the next step begins, in simulated milliseconds.
    pub now_ms: i64,
}

impl SimulatedClock {
    /// A clock at the last full hour before or at `start_ms`.
    pub fn new(seed: u64, start_ms: i64) -> Self {
        let start_ms = FullHour::of_ms(start_ms).as_ms();
        SimulatedClock { seed, step: 0, start_ms, now_ms: start_ms }
    }

    pub(super) fn tick(&mut self, by_ms: i64) {
        self.step += 1;
        self.now_ms += by_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_divides_the_hour() {
        assert_eq!(StepMinutes::default().steps_per_hour(), 12);
        assert_eq!("15".parse::<StepMinutes>().unwrap().as_ms(), 900_000);
        for refused in ["0", "7", "61", "five"] {
            assert!(refused.parse::<StepMinutes>().is_err(), "{refused}");
        }
    }

    #[test]
    fn simulation_starts_at_a_full_hour() {
        let clock = SimulatedClock::new(1, 1_540_034_567_890);
        assert_eq!(clock.now_ms % crate::calendar::HOUR_MS, 0);
        assert!((0..crate::calendar::HOUR_MS).contains(&(1_540_034_567_890 - clock.now_ms)));
    }
}
