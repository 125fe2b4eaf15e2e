//! The loop of a producer that writes to a log: a step, a transaction, a pause.

use crate::{Produced, Production, Saved, SimulationSettings};
use kstreams::error::Result;
use kstreams::log::Log;
use serde::Serialize;
use serde::de::DeserializeOwned;
use transit_model::simulation::SimulatedClock;
use transit_part::log::{Outbound, Writer};

/// A simulation as its producer sees it.
pub(crate) trait Simulation: Clone + Serialize + DeserializeOwned {
    /// The part's name: key of its state, end of its transactional id.
    const PART: &'static str;

    /// The simulation before its first step.
    fn new(clock: SimulatedClock) -> Self;

    /// Where it is.
    fn clock(&self) -> &SimulatedClock;
}

/// Produces until a stop is requested or all steps are done. `step` advances the simulation and encodes its events.
pub(crate) fn produce<S: Simulation>(
    production: &Production,
    mut step: impl FnMut(&mut S) -> Result<Vec<Outbound>>,
) -> Result<Produced> {
    // The id is taken over first: then no earlier producer can commit behind the state that is read next.
    let Production { log, pace, stop, .. } = production;
    let mut writer = Writer::open(&**log, &format!("transit-{}", S::PART))?;
    let mut saved = resume::<S>(&**log, &production.simulation)?;
    let events_before = saved.events;
    let (mut steps, mut due) = (0, pace.every(1));
    while pace.steps.is_none_or(|all| steps < all) && due.wait(stop) {
        let mut next = saved.clone();
        let mut messages = step(&mut next.simulation)?;
        next.events += messages.len() as u64;
        messages.push(next.message(S::PART)?);
        writer.write(&messages)?;
        saved = next;
        steps += 1;
    }
    Ok(Produced {
        part: S::PART,
        events: saved.events - events_before,
        steps,
        events_total: saved.events,
        simulated_ms: saved.simulation.clock().now_ms,
    })
}

fn resume<S: Simulation>(log: &dyn Log, settings: &SimulationSettings) -> Result<Saved<S>> {
    match Saved::<S>::load(log, S::PART)? {
        Some(saved) => {
            let clock = saved.simulation.clock();
            settings.check_resumed(S::PART, clock)?;
            tracing::info!(part = S::PART, seed = clock.seed, step = clock.step, events = saved.events, "resumed");
            Ok(saved)
        }
        None => {
            let simulation = S::new(settings.new_clock(log.clock().now_ms()));
            tracing::info!(part = S::PART, seed = simulation.clock().seed, "a new simulation");
            Ok(Saved::new(simulation))
        }
    }
}
