//! Weather: one report a simulated hour; the temperature walks at random and stays plausible for the month.

use super::{SimulatedClock, rng_of};
use crate::calendar::{Date, HOUR_MS};
use crate::records::{WeatherStatus, WeatherValue};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// A report, as it is sent.
pub type WeatherReport = WeatherValue;

/// The coldest and warmest plausible degrees Fahrenheit of each month in Chicago, January first.
const PLAUSIBLE: [(f32, f32); 12] = [
    (-10.0, 50.0),
    (-5.0, 55.0),
    (10.0, 70.0),
    (25.0, 80.0),
    (35.0, 90.0),
    (45.0, 98.0),
    (55.0, 102.0),
    (55.0, 100.0),
    (40.0, 95.0),
    (28.0, 84.0),
    (12.0, 70.0),
    (-5.0, 58.0),
];

/// The farthest that the temperature moves in an hour.
const STEP_DEGREES_MAX: f32 = 10.0;

/// The state that reports are resumed from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weather {
    /// Where the simulation is; a step is an hour.
    pub clock: SimulatedClock,
    /// The last report's temperature; none before the first.
    pub temperature: Option<f32>,
}

impl Weather {
    /// The weather before its first report.
    pub fn new(clock: SimulatedClock) -> Self {
        Weather { clock, temperature: None }
    }

    /// The weather of `seed` after `last` was reported, in a simulation that began at `start_ms`.
    pub fn resume(seed: u64, start_ms: i64, last: &WeatherReport) -> Self {
        let mut clock = SimulatedClock::new(seed, start_ms);
        clock.now_ms = last.simulated_time.unwrap_or(clock.start_ms) + HOUR_MS;
        clock.step = ((clock.now_ms - clock.start_ms) / HOUR_MS).unsigned_abs();
        Weather { clock, temperature: Some(last.temperature) }
    }

    /// The report of the next hour.
    pub fn step(&mut self) -> WeatherReport {
        let mut rng = rng_of(self.clock.seed, "weather", self.clock.step);
        let month = Date::of_ms(self.clock.now_ms).month;
        let temperature = walk(self.temperature, month, &mut rng);
        let status = WeatherStatus::ALL[rng.random_range(0..WeatherStatus::ALL.len())];
        let report = WeatherValue { temperature, status, simulated_time: Some(self.clock.now_ms) };
        self.temperature = Some(temperature);
        self.clock.tick(HOUR_MS);
        report
    }
}

fn walk(last: Option<f32>, month: u32, rng: &mut impl Rng) -> f32 {
    let (coldest, warmest) = PLAUSIBLE[month as usize - 1];
    let from = last.unwrap_or((coldest + warmest) / 2.0);
    let mode = match month {
        12 | 1 | 2 => -1.0,
        6..=8 => 1.0,
        _ => 0.0,
    };
    bounce(from + triangular(mode, rng.random()), coldest, warmest)
}

/// Turns a walk back at the bounds, where clamping would make it stick; a new month's bounds may be far off.
fn bounce(temperature: f32, coldest: f32, warmest: f32) -> f32 {
    let turned =
        if temperature > warmest { 2.0 * warmest - temperature } else { temperature.max(2.0 * coldest - temperature) };
    turned.clamp(coldest, warmest)
}

/// The triangular variate between -10 and 10 that belongs to a uniform draw.
fn triangular(mode: f32, uniform: f32) -> f32 {
    let (low, high) = (-STEP_DEGREES_MAX, STEP_DEGREES_MAX);
    let split = (mode - low) / (high - low);
    if uniform < split {
        low + (uniform * (high - low) * (mode - low)).sqrt()
    } else {
        high - ((1.0 - uniform) * (high - low) * (high - mode)).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triangular_stays_within_ten_degrees_and_peaks_at_its_mode() {
        for mode in [-1.0, 0.0, 1.0] {
            let draws: Vec<f32> = (0..=1_000).map(|n| triangular(mode, n as f32 / 1_000.0)).collect();
            assert!(draws.iter().all(|x| (-10.0..=10.0).contains(x)));
            let mean = draws.iter().sum::<f32>() / draws.len() as f32;
            assert!((mean - mode / 3.0).abs() < 0.05, "mode {mode}: mean {mean}");
        }
    }

    #[test]
    fn new_month_brings_the_walk_into_its_range() {
        let mut rng = rng_of(1, "test", 0);
        assert!(walk(Some(100.0), 12, &mut rng) <= 58.0);
        assert!(walk(Some(-10.0), 7, &mut rng) >= 55.0);
    }
}
