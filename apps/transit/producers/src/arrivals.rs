//! The arrivals producer: thirty trains.

use crate::run::{Simulation, produce};
use crate::{Produced, Production, TopicSettings};
use clap::{Args, ValueEnum};
use kstreams::error::Result;
use kstreams::log::{NewTopic, partition_for_key};
use kstreams::record::{Clock, Topic};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use transit_model::names::{ArrivalsBy, SIMULATION_STATE};
use transit_model::records::{ArrivalKey, ArrivalValue};
use transit_model::simulation::{Arrival, Incidents, SimulatedClock, Trains};
use transit_model::{Line, Network};
use transit_part::log::{Codec, Outbound, create_topics, partitions};

/// How arrivals are divided into topics, as a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum By {
    /// One topic a line
    #[default]
    Line,
    /// One topic for everything
    All,
    /// One topic a station name
    Station,
}

/// Flags of the arrivals producer.
#[derive(Debug, Clone, Default, Args)]
pub struct ArrivalsSettings {
    /// How arrivals are divided into topics
    #[arg(long, env = "TRANSIT_ARRIVALS_BY", value_enum, default_value_t)]
    arrivals_by: By,

    #[command(flatten)]
    incidents: IncidentSettings,
}

#[derive(Debug, Clone, Args)]
struct IncidentSettings {
    /// Probability that an arriving train is late, 0 to 1
    #[arg(long, env = "TRANSIT_DELAYS", value_name = "P", default_value_t = Incidents::default().delay, value_parser = probability)]
    delays: f64,

    /// Probability that an arriving train breaks down and stands for some steps, 0 to 1
    #[arg(long, env = "TRANSIT_BREAKDOWNS", value_name = "P", default_value_t = Incidents::default().breakdown, value_parser = probability)]
    breakdowns: f64,
}

impl Default for IncidentSettings {
    fn default() -> Self {
        let Incidents { delay, breakdown, .. } = Incidents::default();
        IncidentSettings { delays: delay, breakdowns: breakdown }
    }
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(probability) if (0.0..=1.0).contains(&probability) => Ok(probability),
        _ => Err(String::from("it is a number from 0 to 1")),
    }
}

impl ArrivalsSettings {
    /// The same settings with arrivals divided so.
    pub fn by(self, by: ArrivalsBy) -> Self {
        let arrivals_by = match by {
            ArrivalsBy::Line => By::Line,
            ArrivalsBy::All => By::All,
            ArrivalsBy::Station => By::Station,
        };
        ArrivalsSettings { arrivals_by, ..self }
    }

    fn division(&self) -> ArrivalsBy {
        match self.arrivals_by {
            By::Line => ArrivalsBy::Line,
            By::All => ArrivalsBy::All,
            By::Station => ArrivalsBy::Station,
        }
    }

    fn incidents(&self) -> Incidents {
        Incidents { delay: self.incidents.delays, breakdown: self.incidents.breakdowns, ..Incidents::default() }
    }
}

impl Simulation for Trains {
    const PART: &'static str = "arrivals";

    fn new(clock: SimulatedClock) -> Self {
        Trains::new(clock)
    }

    fn clock(&self) -> &SimulatedClock {
        &self.clock
    }
}

/// Runs the arrivals producer until a stop is requested or its steps are done.
///
/// # Errors
/// `Config` if another simulation is on this log; what the log and the registry answer.
pub fn run_arrivals(production: &Production, settings: &ArrivalsSettings) -> Result<Produced> {
    let encoders = Encoders::new(production, settings.division())?;
    let (incidents, step) = (settings.incidents(), production.simulation.step_minutes);
    produce(production, |trains: &mut Trains| {
        trains.step(&incidents, step).iter().map(|arrival| encoders.message(arrival)).collect()
    })
}

/// The topics that arrivals go to with these settings.
pub fn arrivals_topics(settings: &ArrivalsSettings, topics: &TopicSettings) -> Vec<NewTopic> {
    topic_names(settings.division()).iter().map(|name| topics.events(name)).collect()
}

/// Every topic that arrivals may go to.
fn topic_names(by: ArrivalsBy) -> Vec<String> {
    let stations = |line| Network::chicago().line(line).iter().map(move |station| by.topic(line, station));
    let names: BTreeSet<String> = Line::ALL.into_iter().flat_map(stations).collect();
    names.into_iter().collect()
}

struct Encoders {
    by: ArrivalsBy,
    clock: Arc<dyn Clock>,
    of_topic: BTreeMap<String, (Codec<ArrivalKey, ArrivalValue>, i32)>,
}

impl Encoders {
    /// Creates the topics and what encodes their records.
    fn new(production: &Production, by: ArrivalsBy) -> Result<Self> {
        let Production { log, registry, topics, .. } = production;
        let names = topic_names(by);
        let events = names.iter().map(|name| topics.events(name));
        create_topics(&**log, &events.chain([topics.table(SIMULATION_STATE)]).collect::<Vec<_>>())?;
        let partitions = partitions(&**log, &names)?;
        let codec =
            |name: String, partitions| Ok((name.clone(), (Codec::new(Topic::from(name), registry)?, partitions)));
        let of_topic = names.into_iter().zip(partitions).map(|(name, partitions)| codec(name, partitions));
        Ok(Encoders { by, clock: log.clock(), of_topic: of_topic.collect::<Result<_>>()? })
    }

    fn message(&self, arrival: &Arrival) -> Result<Outbound> {
        let name = self.by.topic(arrival.value.line, arrival.station);
        let (codec, partitions) = self.of_topic.get(&name).expect("every station has its topic");
        let train_id = arrival.value.train_id.clone();
        // The key holds a timestamp, so its bytes would scatter a train's arrivals over all partitions.
        let partition = partition_for_key(train_id.as_bytes(), *partitions);
        codec.message(Some(partition), &ArrivalKey { timestamp: self.clock.now_ms(), train_id }, &arrival.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divisions_have_their_topics() {
        assert_eq!(topic_names(ArrivalsBy::All), ["org.chicago.cta.station.arrivals"]);
        let lines = topic_names(ArrivalsBy::Line);
        assert_eq!(lines.len(), 3);
        assert!(lines.contains(&"org.chicago.cta.station.arrivals.green".to_string()));
        assert_eq!(topic_names(ArrivalsBy::Station).len(), 77, "stations of one name share a topic");
    }

    #[test]
    fn probability_is_from_zero_to_one() {
        assert_eq!(probability("0.25"), Ok(0.25));
        for refused in ["-0.1", "1.1", "NaN", "often"] {
            assert!(probability(refused).is_err(), "{refused}");
        }
    }
}
