//! The turnstile producer: one event per rider.

use crate::run::{Simulation, produce};
use crate::{Produced, Production};
use kstreams::error::Result;
use kstreams::log::partition_for_key;
use kstreams::record::Topic;
use transit_model::names::{SIMULATION_STATE, TURNSTILES};
use transit_model::records::TurnstileKey;
use transit_model::simulation::{Rider, SimulatedClock, Turnstiles};
use transit_part::log::{Codec, create_topics, partitions};

impl Simulation for Turnstiles {
    const PART: &'static str = "turnstiles";

    fn new(clock: SimulatedClock) -> Self {
        Turnstiles::new(clock)
    }

    fn clock(&self) -> &SimulatedClock {
        &self.clock
    }
}

/// Runs the turnstile producer until a stop is requested or its steps are done.
///
/// # Errors
/// `Config` if another simulation is on this log; what the log and the registry answer.
pub fn run_turnstiles(production: &Production) -> Result<Produced> {
    let Production { log, registry, topics, .. } = production;
    create_topics(&**log, &[topics.events(TURNSTILES), topics.table(SIMULATION_STATE)])?;
    let partitions = partitions(&**log, &[TURNSTILES])?[0];
    let codec = Codec::new(Topic::from(TURNSTILES), registry)?;
    let clock = log.clock();
    produce(production, |turnstiles: &mut Turnstiles| {
        let riders = turnstiles.step(production.simulation.step_minutes);
        let message = |rider: Rider| {
            // As Kafka writes an int, so that a station's riders are where a repartition by station would put them.
            let partition = partition_for_key(&i32::to_be_bytes(rider.station_id), partitions);
            let key = TurnstileKey { timestamp: clock.now_ms(), station_id: rider.station_id };
            codec.message(Some(partition), &key, &rider)
        };
        riders.into_iter().map(message).collect()
    })
}
