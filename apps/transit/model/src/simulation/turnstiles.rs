//! Riders: how many enter each station in a step, by day type and hour, and one event for each.

use super::{SimulatedClock, StepMinutes, rng_of};
use crate::calendar::{Date, hour_of_day};
use crate::network::{Entrance, Network};
use crate::records::TurnstileValue;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// A mean above this is drawn in parts: `exp` of a larger one loses precision.
const MEAN_MAX: f64 = 16.0;

/// One rider's entry.
pub type Rider = TurnstileValue;

/// The state that turnstile events are resumed from: only a clock, for riders are drawn anew in each step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turnstiles {
    /// Where the simulation is.
    pub clock: SimulatedClock,
}

impl Turnstiles {
    /// Turnstiles before their first step.
    pub fn new(clock: SimulatedClock) -> Self {
        Turnstiles { clock }
    }

    /// One step: its riders in the order in which they enter.
    pub fn step(&mut self, step: StepMinutes) -> Vec<Rider> {
        let mut rng = rng_of(self.clock.seed, "turnstiles", self.clock.step);
        let now_ms = self.clock.now_ms;
        let mut riders = Vec::new();
        for entrance in entrances() {
            for _ in 0..poisson(&mut rng, mean_riders(entrance, now_ms, step)) {
                riders.push(rider(entrance, now_ms, step, &mut rng));
            }
        }
        riders.sort_by_key(|rider: &Rider| rider.simulated_time);
        self.clock.tick(step.as_ms());
        riders
    }
}

fn entrances() -> &'static [Entrance] {
    static ENTRANCES: OnceLock<Vec<Entrance>> = OnceLock::new();
    ENTRANCES.get_or_init(|| Network::chicago().entrances())
}

/// Riders expected at the station in the step that begins at `now_ms`.
fn mean_riders(entrance: &Entrance, now_ms: i64, step: StepMinutes) -> f64 {
    let of_day = f64::from(entrance.entries.on(Date::of_ms(now_ms).day_type()));
    of_day * Network::chicago().hourly_share(hour_of_day(now_ms)) / f64::from(step.steps_per_hour())
}

fn rider(entrance: &Entrance, now_ms: i64, step: StepMinutes, rng: &mut impl Rng) -> Rider {
    TurnstileValue {
        station_id: entrance.station_id,
        station_name: entrance.name.to_owned(),
        line: entrance.lines[rng.random_range(0..entrance.lines.len())],
        simulated_time: Some(now_ms + rng.random_range(0..step.as_ms())),
    }
}

/// A Poisson variate: the number of arrivals of a process with that mean.
fn poisson(rng: &mut impl Rng, mut mean: f64) -> u32 {
    let mut total = 0;
    while mean > 0.0 {
        total += poisson_part(rng, mean.min(MEAN_MAX));
        mean -= MEAN_MAX;
    }
    total
}

/// Knuth's method: multiplies uniform draws until the product falls below `exp(-mean)`.
fn poisson_part(rng: &mut impl Rng, mean: f64) -> u32 {
    let limit = (-mean).exp();
    let mut product = rng.random::<f64>();
    let mut arrivals = 0;
    while product > limit {
        arrivals += 1;
        product *= rng.random::<f64>();
    }
    arrivals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poisson_has_its_mean_and_variance() {
        for mean in [0.3, 7.0, 16.0, 240.5] {
            let mut rng = rng_of(7, "test", 0);
            let draws: Vec<f64> = (0..20_000).map(|_| f64::from(poisson(&mut rng, mean))).collect();
            let average = draws.iter().sum::<f64>() / 20_000.0;
            let variance = draws.iter().map(|x| (x - average).powi(2)).sum::<f64>() / 20_000.0;
            assert!((average / mean - 1.0).abs() < 0.03, "mean {mean}: {average}");
            assert!((variance / mean - 1.0).abs() < 0.06, "mean {mean}: variance {variance}");
        }
        assert_eq!(poisson(&mut rng_of(7, "test", 0), 0.0), 0);
    }
}
