//! Thirty trains: each moves one station a step, turns at both ends, and now and then is late or breaks down.

use super::{SimulatedClock, StepMinutes, TRAINS_PER_LINE, rng_of};
use crate::network::{Line, Network, Station};
use crate::records::{ArrivalValue, Direction, TrainStatus};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// How often things go wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Incidents {
    /// The probability that an arriving train is late, 0 to 1.
    pub delay: f64,
    /// The probability that an arriving train breaks down, 0 to 1.
    pub breakdown: f64,
    /// The most steps that a broken-down train stands; the least is one.
    pub standing_steps_max: u32,
}

impl Default for Incidents {
    fn default() -> Self {
        Incidents { delay: 0.01, breakdown: 0.002, standing_steps_max: 6 }
    }
}

impl Incidents {
    /// Nothing goes wrong.
    pub const NONE: Incidents = Incidents { delay: 0.0, breakdown: 0.0, standing_steps_max: 1 };
}

/// A train on its loop: from the first station to the last going "b", and back going "a".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Train {
    line: Line,
    number: usize,
    /// Place on the loop of twice N positions, N being the line's stations less one.
    position: usize,
    /// Place before the last move; none before the first one.
    previous: Option<usize>,
    /// Steps that it still stands, broken down.
    standing_steps: u32,
}

/// A train's arrival at a station of its line.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    /// The station, for names and topics.
    pub station: &'static Station,
    /// The event.
    pub value: ArrivalValue,
}

impl Train {
    fn new(line: Line, number: usize, stations: usize) -> Self {
        let apart = 2 * (stations - 1) / TRAINS_PER_LINE;
        Train { line, number, position: number * apart, previous: None, standing_steps: 0 }
    }

    /// `BL000` to `RL009`.
    pub fn id(&self) -> String {
        format!("{}{:03}", self.line.train_prefix(), self.number)
    }

    /// The station and direction at a place of the loop.
    fn place(&self, position: usize) -> (&'static Station, Direction) {
        let stations = Network::chicago().line(self.line);
        let last = stations.len() - 1;
        if position < last {
            (&stations[position], Direction::B)
        } else {
            (&stations[2 * last - position], Direction::A)
        }
    }

    /// Moves one station, unless it stands; tells where it arrived, if it did.
    fn step(&mut self, is_first: bool, rng: &mut impl Rng, incidents: &Incidents, now_ms: i64) -> Option<Arrival> {
        // Every train draws the same numbers in every step, so that one train's fate does not change another's.
        let (luck, standing) = (rng.random::<f64>(), rng.random_range(1..=incidents.standing_steps_max.max(1)));
        if self.standing_steps > 0 {
            self.standing_steps -= 1;
            return None;
        }
        if !is_first {
            let loop_length = 2 * (Network::chicago().line(self.line).len() - 1);
            self.previous = Some(self.position);
            self.position = (self.position + 1) % loop_length;
        }
        let status = incidents.strike(luck);
        if status == TrainStatus::BrokenDown {
            self.standing_steps = standing;
        }
        Some(self.arrival(status, now_ms))
    }

    fn arrival(&self, train_status: TrainStatus, now_ms: i64) -> Arrival {
        let (station, direction) = self.place(self.position);
        let from = self.previous.map(|position| self.place(position));
        let value = ArrivalValue {
            station_id: station.station_id,
            train_id: self.id(),
            direction,
            line: self.line,
            train_status,
            prev_station_id: from.map(|(station, _)| station.station_id),
            prev_direction: from.map(|(_, direction)| direction),
            simulated_time: Some(now_ms),
        };
        Arrival { station, value }
    }
}

impl Incidents {
    fn strike(&self, luck: f64) -> TrainStatus {
        if luck < self.breakdown {
            TrainStatus::BrokenDown
        } else if luck < self.breakdown + self.delay {
            TrainStatus::Delayed
        } else {
            TrainStatus::InService
        }
    }
}

/// All trains and their clock: the state that arrivals are resumed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trains {
    /// Where the simulation is.
    pub clock: SimulatedClock,
    trains: Vec<Train>,
}

impl Trains {
    /// Ten trains a line, spread evenly over its loop, before their first arrival.
    pub fn new(clock: SimulatedClock) -> Self {
        let on = |line| {
            let stations = Network::chicago().line(line).len();
            (0..TRAINS_PER_LINE).map(move |number| Train::new(line, number, stations))
        };
        Trains { clock, trains: Line::ALL.into_iter().flat_map(on).collect() }
    }

    /// One step: the arrivals, train by train. A train that stands has none.
    pub fn step(&mut self, incidents: &Incidents, step: StepMinutes) -> Vec<Arrival> {
        let mut rng = rng_of(self.clock.seed, "trains", self.clock.step);
        let (is_first, now_ms) = (self.clock.step == 0, self.clock.now_ms);
        let arrive = |train: &mut Train| train.step(is_first, &mut rng, incidents, now_ms);
        let arrivals = self.trains.iter_mut().filter_map(arrive).collect();
        self.clock.tick(step.as_ms());
        arrivals
    }
}
