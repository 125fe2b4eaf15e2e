//! The weather producer: one report a simulated hour, posted to the gateway.
//!
//! An HTTP answer may be lost, and then nobody knows whether its report was written. So the weather topic itself is
//! asked: its last report says where the walk is. The producer's own state is only what that report does not say,
//! seed and start.

mod post;

use crate::run::Simulation;
use crate::{Produced, Production, Saved, TopicSettings};
use clap::Args;
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::log::{Log, NewTopic};
use kstreams::record::Topic;
use kstreams::serde::{Registry, SerdeContext, Wire};
use post::{Posted, post};
use std::sync::Arc;
use std::time::Duration;
use transit_model::names::{SIMULATION_STATE, WEATHER};
use transit_model::records::WeatherValue;
use transit_model::simulation::{SimulatedClock, Weather, WeatherReport};
use transit_part::log::{Writer, create_topics, read_to_end};
use transit_part::{Stop, block_on};

/// The pause after a gateway that could not be reached; it doubles up to the largest.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Flags of the weather producer.
#[derive(Debug, Clone, Args)]
pub struct WeatherSettings {
    /// The gateway's address
    #[arg(long, env = "TRANSIT_GATEWAY", value_name = "URL", default_value = "http://127.0.0.1:8082")]
    pub gateway: String,
}

impl Simulation for Weather {
    const PART: &'static str = "weather";

    fn new(clock: SimulatedClock) -> Self {
        Weather::new(clock)
    }

    fn clock(&self) -> &SimulatedClock {
        &self.clock
    }
}

/// Runs the weather producer until a stop is requested or the hours of its steps are done.
///
/// # Errors
/// `Config` if another simulation is on this log or the gateway's address is none; `Production` if the gateway
/// refuses a report; what the log and the registry answer. A gateway that is not there is waited for.
pub fn run_weather(production: &Production, settings: &WeatherSettings) -> Result<Produced> {
    let Production { log, topics, pace, stop, simulation, .. } = production;
    create_topics(&**log, &[weather_topic(topics), topics.table(SIMULATION_STATE)])?;
    let target = post::Target::new(&settings.gateway, WEATHER)?;
    let mut weather = resume(production)?;
    let steps_per_hour = simulation.step_minutes.steps_per_hour();
    let hours = pace.steps.map(|steps| steps.div_ceil(steps_per_hour.into()));
    let (mut done, mut due) = (0, pace.every(steps_per_hour));
    while hours.is_none_or(|hours| done < hours) && due.wait(stop) {
        let mut next = weather.clone();
        let report = next.step();
        if !deliver(production, &target, &report)? {
            break;
        }
        weather = next;
        done += 1;
    }
    Ok(Produced {
        part: Weather::PART,
        events: done,
        steps: done,
        events_total: weather.clock.step,
        simulated_ms: weather.clock.now_ms,
    })
}

/// The topic of weather reports: one partition, so that they have an order.
pub fn weather_topic(topics: &TopicSettings) -> NewTopic {
    NewTopic { partitions: 1, ..topics.events(WEATHER) }
}

/// Posts the report until it is known to be written; false if a stop was requested before.
fn deliver(production: &Production, target: &post::Target, report: &WeatherReport) -> Result<bool> {
    let mut pause = FIRST_PAUSE;
    loop {
        let now_ms = production.log.clock().now_ms();
        match block_on(post(target, report, now_ms))?? {
            Posted::Written => return Ok(true),
            Posted::Unknown(reason) => tracing::warn!(reason, "the gateway did not answer; asking the topic"),
        }
        if is_written(production, report)? {
            return Ok(true);
        }
        if pause_or_stop(&production.stop, &mut pause) {
            return Ok(false);
        }
    }
}

fn pause_or_stop(stop: &Stop, pause: &mut Duration) -> bool {
    let stopped = stop.wait(*pause);
    *pause = (*pause * 2).min(PAUSE_MAX);
    stopped
}

fn is_written(production: &Production, report: &WeatherReport) -> Result<bool> {
    let last = last_report(&*production.log, &production.registry)?;
    Ok(last.is_some_and(|last| last.simulated_time >= report.simulated_time))
}

fn resume(production: &Production) -> Result<Weather> {
    let Production { log, simulation, registry, .. } = production;
    let mut writer = Writer::open(&**log, "transit-weather")?;
    let Some(saved) = Saved::<Weather>::load(&**log, Weather::PART)? else {
        let new = Saved::new(Weather::new(simulation.new_clock(log.clock().now_ms())));
        writer.write(&[new.message(Weather::PART)?])?;
        return Ok(new.simulation);
    };
    let clock = &saved.simulation.clock;
    simulation.check_resumed(Weather::PART, clock)?;
    match last_report(&**log, registry)? {
        Some(last) => Ok(Weather::resume(clock.seed, clock.start_ms, &last)),
        None => Ok(saved.simulation),
    }
}

/// The last report of the simulation; reports of others are passed over.
fn last_report(log: &dyn Log, registry: &Arc<dyn Registry>) -> Result<Option<WeatherReport>> {
    let topic = Topic::from(WEATHER);
    let context = SerdeContext { topic: topic.clone(), is_key: false, registry: registry.clone() };
    let serde = WeatherValue::format().serde(&context)?;
    let mut values = Vec::new();
    read_to_end(log, &topic, |message| values.extend(message.value.map(<[u8]>::to_vec)))?;
    for value in values.iter().rev() {
        match transit_part::log::decoded(&*serde, value) {
            Ok(report) if report.simulated_time.is_some() => return Ok(Some(report)),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Deserialization => {}
            Err(error) => return Err(Error::context(error, "reading the last weather report")),
        }
    }
    Ok(None)
}
