//! How far the page is behind the topics, on a clock that moves only when nobody has anything to do: what is measured
//! is how long the parts wait for each other, whatever the machine.

use kstreams::config::{Config, EngineKind};
use kstreams::log::embedded::{EmbeddedLog, EmbeddedOptions};
use kstreams::log::{Log, NewTopic};
use kstreams::record::{Clock, ManualClock, Topic};
use kstreams::runtime::StartOptions;
use kstreams::serde::registry::EmbeddedRegistry;
use kstreams::serde::{Registry, Wire};
use kstreams::testing::SteppedStreams;
use kstreams::topology::Topology;
use std::collections::BTreeMap;
use std::sync::Arc;
use transit_dashboard::{Hub, Options};
use transit_model::calendar::HOUR_MS;
use transit_model::names::{ArrivalsBy, DEAD_LETTERS, STATIONS, TURNSTILES, WEATHER};
use transit_model::records::{ArrivalKey, ArrivalValue, StopRow, TurnstileKey, TurnstileValue};
use transit_model::simulation::{Incidents, SimulatedClock, StepMinutes, Trains, Turnstiles};
use transit_model::{Line, Network};
use transit_part::StreamsSettings;
use transit_part::log::{Codec, Writer, create_topics};

/// What the page may lag behind the topics.
const LAG_MAX_MS: i64 = 2_000;
/// Real time of one step.
const STEP_MS: i64 = 5_000;
/// Eight in the morning of a Friday, when most riders come.
const START_MS: i64 = 1_795_161_600_000;

/// The three topologies on one log, and what they read.
struct City {
    clock: ManualClock,
    applications: Vec<SteppedStreams>,
    hub: Hub,
    registry: Arc<dyn Registry>,
    writer: Writer,
    trains: Trains,
    turnstiles: Turnstiles,
    hour_ms: i64,
    shown: Shown,
}

/// What the page is to show.
#[derive(Debug, Default, PartialEq)]
struct Shown {
    rows: usize,
    trains: BTreeMap<String, i32>,
    /// By station: all riders, and those of the simulated hour so far.
    riders: BTreeMap<i32, (u64, u64)>,
}

impl City {
    fn start() -> City {
        let clock = ManualClock::new(START_MS);
        let log: Arc<dyn Log> = EmbeddedLog::in_memory(EmbeddedOptions::with_clock(Arc::new(clock.clone())));
        let registry: Arc<dyn Registry> = Arc::new(EmbeddedRegistry::default());
        create_all_topics(&*log);
        let hub = Hub::new();
        let simulated = SimulatedClock::new(7, START_MS);
        City {
            clock,
            applications: applications(&log, &registry, &hub),
            hub,
            registry,
            writer: Writer::open(&*log, "city").unwrap(),
            trains: Trains::new(simulated.clone()),
            turnstiles: Turnstiles::new(simulated),
            hour_ms: 0,
            shown: Shown::default(),
        }
    }

    /// Every stop, as the stations source writes them.
    fn write_stations(&mut self) {
        let codec = Codec::<String, StopRow>::new(Topic::from(STATIONS), &self.registry).unwrap();
        let rows = Network::chicago().stop_rows();
        let rows = rows.iter().map(|row| codec.message(Some(0), &row.stop_id.to_string(), row).unwrap());
        self.writer.write(&rows.collect::<Vec<_>>()).unwrap();
        self.shown.rows = 94;
    }

    fn write_trains(&mut self) {
        for arrival in self.trains.step(&Incidents::NONE, StepMinutes::default()) {
            let topic = ArrivalsBy::Line.topic(arrival.value.line, arrival.station);
            let key = ArrivalKey { timestamp: self.clock.now_ms(), train_id: arrival.value.train_id.clone() };
            self.shown.trains.insert(arrival.value.train_id.clone(), arrival.value.station_id);
            self.write::<ArrivalKey, ArrivalValue>(&topic, &[(key, arrival.value)]);
        }
    }

    fn write_riders(&mut self) {
        let timestamp = self.clock.now_ms();
        let riders = self.turnstiles.step(StepMinutes::default());
        for rider in &riders {
            let time_ms = rider.simulated_time.expect("simulated riders say when");
            self.begin_hour(time_ms - time_ms % HOUR_MS);
            let (entries, in_hour) = self.shown.riders.entry(rider.station_id).or_default();
            (*entries, *in_hour) = (*entries + 1, *in_hour + 1);
        }
        let keyed = |rider: TurnstileValue| (TurnstileKey { timestamp, station_id: rider.station_id }, rider);
        self.write(TURNSTILES, &riders.into_iter().map(keyed).collect::<Vec<_>>());
    }

    fn begin_hour(&mut self, hour_ms: i64) {
        if self.hour_ms != hour_ms {
            self.hour_ms = hour_ms;
            self.shown.riders.values_mut().for_each(|(_, in_hour)| *in_hour = 0);
        }
    }

    fn write<K: Wire, V: Wire>(&mut self, topic: &str, records: &[(K, V)]) {
        let codec = Codec::<K, V>::new(Topic::from(topic), &self.registry).unwrap();
        let messages = records.iter().map(|(key, value)| codec.message(None, key, value).unwrap());
        self.writer.write(&messages.collect::<Vec<_>>()).unwrap();
    }

    /// Lets time pass until `ends`, given the time that has passed; returns that.
    fn pass(&mut self, ends: impl Fn(&City, i64) -> bool) -> i64 {
        let begun_ms = self.clock.now_ms();
        loop {
            let passed_ms = self.clock.now_ms() - begun_ms;
            if ends(self, passed_ms) {
                return passed_ms;
            }
            let mut did = false;
            for application in &mut self.applications {
                did |= application.step(self.clock.now_ms()).unwrap();
            }
            self.clock.advance_ms(i64::from(!did));
        }
    }

    /// Time until the page shows everything that was written.
    fn lag_ms(&mut self) -> i64 {
        self.pass(|city, passed_ms| passed_ms > LAG_MAX_MS || city.on_the_page() == city.shown)
    }

    fn on_the_page(&self) -> Shown {
        let picture = self.hub.picture();
        let riders = picture.counts.iter().filter_map(|counts| {
            let entries = counts.entries.filter(|entries| *entries > 0)?;
            Some((counts.station_id, (entries, counts.riders_last_hour?)))
        });
        Shown {
            rows: picture.rows.len(),
            trains: picture.trains.iter().map(|train| (train.train_id.clone(), train.station_id)).collect(),
            riders: riders.collect(),
        }
    }
}

fn create_all_topics(log: &dyn Log) {
    let mut topics = transit_stations::topics();
    topics.extend(transit_turnstiles::topics(1));
    let lines = Line::ALL.into_iter().map(|line| ArrivalsBy::Line.topic(line, &Network::chicago().line(line)[0]));
    topics.extend(lines.map(|topic| NewTopic::new(topic, 1)));
    topics.extend([WEATHER, DEAD_LETTERS].map(|topic| NewTopic::new(topic, 1)));
    create_topics(log, &topics).unwrap();
}

fn applications(log: &Arc<dyn Log>, registry: &Arc<dyn Registry>, hub: &Hub) -> Vec<SteppedStreams> {
    let config = |id: &str| {
        let config = StreamsSettings::default().config(id, "embedded:").unwrap();
        config.engine(EngineKind::Memory).seed(7)
    };
    let start = |topology: Topology, config: Config| {
        let options = StartOptions::new().log(log.clone()).registry(registry.clone());
        SteppedStreams::start(&topology, config, options).unwrap()
    };
    use transit_dashboard::topology as dashboard;
    vec![
        start(transit_stations::topology(&Default::default()).unwrap(), config(transit_stations::APPLICATION_ID)),
        start(transit_turnstiles::topology().unwrap(), config(transit_turnstiles::APPLICATION_ID)),
        start(dashboard::topology(hub).unwrap(), dashboard::adjusted(config(dashboard::APPLICATION_ID))),
    ]
}

#[test]
fn page_shows_every_step_within_two_seconds_of_its_being_written() {
    let mut city = City::start();
    city.write_stations();
    city.pass(|_, passed_ms| passed_ms >= STEP_MS);
    assert_eq!(city.on_the_page(), city.shown, "the stations, before the first train");
    let published_after_ms = i64::try_from(Options::default().publish_every_ms).unwrap();
    for step in 0..24 {
        city.write_trains();
        city.write_riders();
        let lag_ms = city.lag_ms();
        assert!(lag_ms + published_after_ms < LAG_MAX_MS, "step {step}: {:#?}", city.on_the_page());
        city.pass(|_, passed_ms| passed_ms >= STEP_MS - lag_ms);
    }
    assert_eq!((city.shown.trains.len(), city.shown.riders.len()), (30, 92));
}
