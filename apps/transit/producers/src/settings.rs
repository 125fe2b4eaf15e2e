//! Flags and environment variables that the producers share.

use clap::Args;
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::log::{Log, NewTopic, TopicConfig};
use kstreams::serde::Registry;
use std::sync::Arc;
use std::time::Instant;
use transit_model::calendar::{FullHour, midnight_before_ms};
use transit_model::simulation::{SimulatedClock, StepMinutes};
use transit_part::{Pace, Stop};

/// Where and how a part of the simulation is produced.
#[derive(Clone)]
pub struct Production {
    /// The log.
    pub log: Arc<dyn Log>,
    /// The schema registry that belongs to it.
    pub registry: Arc<dyn Registry>,
    /// Which simulation.
    pub simulation: SimulationSettings,
    /// How fast.
    pub pace: PaceSettings,
    /// How topics are created.
    pub topics: TopicSettings,
    /// When to end.
    pub stop: Stop,
}

/// Which simulation is produced. Once it has begun, its seed and start stay.
#[derive(Debug, Clone, Default, Args)]
pub struct SimulationSettings {
    /// Decides everything random: equal seeds give equal events [default: drawn at the first start]
    #[arg(long, env = "TRANSIT_SEED")]
    pub seed: Option<u64>,

    /// When the first start begins in simulated time, as 2026-03-31 or 2026-03-31T08:00 [default: today's midnight]
    #[arg(long, env = "TRANSIT_START", value_name = "TIME")]
    pub start: Option<FullHour>,

    /// Simulated minutes that pass in one step; a divisor of 60
    #[arg(long, env = "TRANSIT_STEP_MINUTES", value_name = "MINUTES", default_value_t)]
    pub step_minutes: StepMinutes,
}

impl SimulationSettings {
    /// The clock of a simulation that begins now.
    pub fn new_clock(&self, now_ms: i64) -> SimulatedClock {
        let seed = self.seed.unwrap_or_else(drawn_seed);
        SimulatedClock::new(seed, self.start.map_or(midnight_before_ms(now_ms), FullHour::as_ms))
    }

    /// Checks that a simulation which began earlier is the one that is asked for.
    ///
    /// # Errors
    /// `Config` if another seed or start is asked for.
    pub fn check_resumed(&self, part: &str, clock: &SimulatedClock) -> Result<()> {
        let differs = |flag: &str, asked: String, is: String| {
            Err(Error::new(
                ErrorKind::Config,
                format!("the simulation of {part} on this log has {flag} {is}, not {asked}"),
            )
            .with_hint(format!("leave out {flag} to resume, or begin on a new log")))
        };
        match (self.seed, self.start) {
            (Some(seed), _) if seed != clock.seed => differs("--seed", seed.to_string(), clock.seed.to_string()),
            (_, Some(start)) if start.as_ms() != clock.start_ms => {
                differs("--start", start.to_string(), FullHour::of_ms(clock.start_ms).to_string())
            }
            _ => Ok(()),
        }
    }
}

/// A seed nobody chose. It is written down with the first step, so that a restart goes on with it.
fn drawn_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    // Small enough to be typed, and exact in every JSON reader.
    RandomState::new().hash_one(std::process::id()) >> 24
}

/// How fast steps follow each other, and how many there are.
#[derive(Debug, Clone, Args)]
pub struct PaceSettings {
    /// Real milliseconds of a step at speed 1
    #[arg(long, env = "TRANSIT_STEP_MS", value_name = "MS", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub step_ms: u64,

    /// So many times faster
    #[arg(long, env = "TRANSIT_SPEED", value_name = "FACTOR", default_value_t = 1.0, value_parser = positive)]
    pub speed: f64,

    /// End after so many steps [default: run until stopped]
    #[arg(long, env = "TRANSIT_STEPS", value_name = "N")]
    pub steps: Option<u64>,
}

impl Default for PaceSettings {
    fn default() -> Self {
        PaceSettings { step_ms: 5_000, speed: 1.0, steps: None }
    }
}

impl PaceSettings {
    /// The pace of something that happens every `steps` steps, from now on.
    pub fn every(&self, steps: u32) -> Pace {
        Pace::with_speed(self.step_ms * u64::from(steps), self.speed, Instant::now())
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if factor > 0.0 && factor.is_finite() => Ok(factor),
        _ => Err(String::from("it is a positive number such as 1, 60 or 0.5")),
    }
}

/// How topics are created where they do not exist.
#[derive(Debug, Clone, Args)]
pub struct TopicSettings {
    /// Partitions of the topics of events
    #[arg(long, env = "TRANSIT_PARTITIONS", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..))]
    pub partitions: i32,

    /// Copies of each topic on different brokers [default: the broker's own]
    #[arg(long, env = "TRANSIT_REPLICATION", value_name = "N")]
    pub replication: Option<i16>,
}

impl Default for TopicSettings {
    fn default() -> Self {
        TopicSettings { partitions: 1, replication: None }
    }
}

impl TopicSettings {
    /// A topic of events with these partitions.
    pub fn events(&self, topic: &str) -> NewTopic {
        let topic = NewTopic::new(topic, self.partitions).with_config(transit_part::log::delete_old());
        NewTopic { replication: self.replication, ..topic }
    }

    /// A topic that keeps the last value of every key, in one partition.
    pub fn table(&self, topic: &str) -> NewTopic {
        let topic = NewTopic::new(topic, 1).with_config(TopicConfig::compacted());
        NewTopic { replication: self.replication, ..topic }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(seed: Option<u64>, start: Option<&str>) -> SimulationSettings {
        SimulationSettings { seed, start: start.map(|date| date.parse().unwrap()), ..SimulationSettings::default() }
    }

    #[test]
    fn another_seed_or_start_is_refused_on_resume() {
        let clock = settings(Some(7), Some("2026-11-20")).new_clock(0);
        assert!(settings(None, None).check_resumed("arrivals", &clock).is_ok());
        assert!(settings(Some(7), Some("2026-11-20")).check_resumed("arrivals", &clock).is_ok());
        let refused = settings(Some(8), None).check_resumed("arrivals", &clock).unwrap_err();
        assert!(
            refused.to_string().starts_with("the simulation of arrivals on this log has --seed 7, not 8"),
            "{refused}"
        );
        assert!(settings(None, Some("2026-11-21")).check_resumed("arrivals", &clock).is_err());
    }

    #[test]
    fn simulation_starts_today_unless_told_otherwise() {
        let now_ms = "2026-11-21T14:00".parse::<FullHour>().unwrap().as_ms() + 12_345;
        let start = |of| FullHour::of_ms(settings(None, of).new_clock(now_ms).start_ms).to_string();
        assert_eq!(start(None), "2026-11-21T00:00");
        assert_eq!(start(Some("2018-10-01T08:00")), "2018-10-01T08:00");
    }

    #[test]
    fn speed_is_a_positive_number() {
        assert_eq!(positive("0.5"), Ok(0.5));
        for refused in ["0", "-1", "inf", "NaN", "fast"] {
            assert!(positive(refused).is_err(), "{refused}");
        }
    }
}
