//! The topology from topics to what the page shows, without a log.

use kstreams::engine::SharedEngine;
use kstreams::engine::memory::MemoryEngine;
use kstreams::record::Headers;
use kstreams::testing::{OutputMessage, TopologyTestDriver};
use std::sync::Arc;
use transit_dashboard::Hub;
use transit_dashboard::topology::{APPLICATION_ID, adjusted, topology};
use transit_dashboard::view::{Counts, Picture, Source};
use transit_model::names::{self, ArrivalsBy};
use transit_model::records::{
    ArrivalKey, ArrivalValue, HourlyCount, StationKey, StationRow, TurnstileSummary, WeatherKey, WeatherStatus,
    WeatherValue,
};
use transit_model::simulation::{Arrival, Incidents, SimulatedClock, StepMinutes, Trains};
use transit_model::{Line, Network};
use transit_part::StreamsSettings;

/// A dashboard without a page, on an engine that outlives it.
struct Dashboard {
    hub: Hub,
    driver: TopologyTestDriver,
}

impl Dashboard {
    fn start() -> Dashboard {
        Dashboard::restart(Arc::new(MemoryEngine::default()))
    }

    fn restart(engine: SharedEngine) -> Dashboard {
        let hub = Hub::new();
        let config = adjusted(StreamsSettings::default().config(APPLICATION_ID, "embedded:").unwrap());
        let driver = TopologyTestDriver::with_engine(&topology(&hub).unwrap(), config, engine, 0).unwrap();
        Dashboard { hub, driver }
    }

    fn picture(&self) -> Picture {
        self.hub.picture()
    }

    fn station(&mut self, line: Line, station_id: i32, name: Option<&str>) {
        let key = StationKey { station_id, line };
        let row = name.map(|name| StationRow { station_id, station_name: name.into(), order: Some(1), line });
        self.driver.input(names::STATIONS_TABLE).pipe(key, row).unwrap();
    }

    fn count(&mut self, station_id: i32, count: i64) {
        let summary = TurnstileSummary { station_id, count };
        self.driver.input(names::TURNSTILE_SUMMARY).pipe(station_id, summary).unwrap();
        let hour = HourlyCount { station_id, window_start: 0, window_end: 3_600_000, count };
        self.driver.input(names::TURNSTILES_HOURLY).pipe(station_id, hour).unwrap();
    }

    fn arrive(&mut self, by: ArrivalsBy, arrival: &Arrival) {
        let topic = by.topic(arrival.value.line, arrival.station);
        let key = ArrivalKey { timestamp: 0, train_id: arrival.value.train_id.clone() };
        self.driver.input(&topic).pipe(key, arrival.value.clone()).unwrap();
    }

    fn report(&mut self, temperature: f32, simulated_time: Option<i64>) {
        let report = WeatherValue { temperature, status: WeatherStatus::Windy, simulated_time };
        self.driver.input(names::WEATHER).pipe(WeatherKey { timestamp: 0 }, report).unwrap();
    }
}

fn arrival(train_id: &str, simulated_time: i64) -> Arrival {
    let mut trains = Trains::new(SimulatedClock::new(1, simulated_time));
    let mut arrivals = trains.step(&Incidents::NONE, StepMinutes::default()).into_iter();
    arrivals.find(|arrival| arrival.value.train_id == train_id).expect("every train arrives")
}

#[test]
fn everything_on_the_topics_is_shown() {
    let mut dashboard = Dashboard::start();
    assert_eq!(dashboard.picture().waiting.len(), 5);
    dashboard.station(Line::Blue, 40890, Some("O'Hare"));
    dashboard.count(40890, 12);
    dashboard.arrive(ArrivalsBy::Line, &arrival("BL000", 0));
    dashboard.report(60.4, Some(0));
    let picture = dashboard.picture();
    assert_eq!(picture.rows[0].station_name, "O'Hare");
    assert_eq!(picture.counts, [Counts { station_id: 40890, entries: Some(12), riders_last_hour: Some(12) }]);
    assert_eq!((picture.trains[0].train_id.as_str(), picture.trains[0].station_id), ("BL000", 40890));
    assert_eq!(picture.weather.map(|weather| weather.temperature), Some(60));
    assert_eq!(picture.clock_ms, Some(0));
    assert_eq!(picture.waiting, []);
}

#[test]
fn a_station_that_is_deleted_leaves_the_page() {
    let mut dashboard = Dashboard::start();
    dashboard.station(Line::Blue, 40380, Some("Clark/Lake"));
    dashboard.station(Line::Green, 40380, Some("Clark/Lake"));
    dashboard.station(Line::Blue, 40380, None);
    let lines: Vec<Line> = dashboard.picture().rows.iter().map(|row| row.line).collect();
    assert_eq!(lines, [Line::Green]);
}

#[test]
fn a_restart_shows_the_same() {
    let engine: SharedEngine = Arc::new(MemoryEngine::default());
    let mut before = Dashboard::restart(engine.clone());
    before.station(Line::Blue, 40890, Some("O'Hare"));
    before.station(Line::Blue, 1, Some("Gone"));
    before.station(Line::Blue, 1, None);
    before.count(40890, 12);
    before.arrive(ArrivalsBy::Line, &arrival("BL000", 0));
    before.arrive(ArrivalsBy::Line, &arrival("RL003", 0));
    before.report(60.4, Some(0));
    let expected = before.picture();
    drop(before);
    let mut after = Dashboard::restart(engine);
    assert_eq!(after.picture(), expected);
    after.count(40890, 13);
    assert_eq!(after.picture().counts[0].entries, Some(13), "and goes on");
}

#[test]
fn a_crash_loses_and_repeats_nothing() {
    let mut dashboard = Dashboard::start();
    let mut trains = Trains::new(SimulatedClock::new(1, 0));
    for _ in 0..3 {
        for arrival in trains.step(&Incidents::default(), StepMinutes::default()) {
            dashboard.arrive(ArrivalsBy::Line, &arrival);
        }
        let expected = dashboard.picture();
        dashboard.driver.crash().unwrap();
        assert_eq!(dashboard.picture(), expected);
    }
}

#[test]
fn every_train_is_shown_once_however_arrivals_are_divided_into_topics() {
    for by in [ArrivalsBy::Line, ArrivalsBy::All, ArrivalsBy::Station] {
        let mut dashboard = Dashboard::start();
        let mut trains = Trains::new(SimulatedClock::new(1, 0));
        for _ in 0..70 {
            let arrivals = trains.step(&Incidents::NONE, StepMinutes::default());
            for arrival in &arrivals {
                dashboard.arrive(by, arrival);
            }
            let place = |value: &ArrivalValue| (value.train_id.clone(), value.station_id);
            let mut expected: Vec<_> = arrivals.iter().map(|arrival| place(&arrival.value)).collect();
            expected.sort();
            let shown = dashboard.picture().trains;
            let shown: Vec<_> = shown.into_iter().map(|train| (train.train_id, train.station_id)).collect();
            assert_eq!(shown, expected, "{by:?}");
        }
    }
}

#[test]
fn an_older_arrival_from_another_topic_changes_nothing() {
    let mut dashboard = Dashboard::start();
    let day = 86_400_000;
    dashboard.arrive(ArrivalsBy::Line, &arrival("BL001", day));
    let mut older = arrival("BL001", 0);
    older.station = &Network::chicago().line(Line::Blue)[0];
    older.value.station_id = older.station.station_id;
    dashboard.arrive(ArrivalsBy::Station, &older);
    let picture = dashboard.picture();
    assert_eq!(picture.clock_ms, Some(day));
    assert_ne!(picture.trains[0].station_id, older.value.station_id);
    assert_eq!(picture.trains.len(), 1);
}

#[test]
fn the_last_weather_report_counts_even_if_simulated_time_starts_over() {
    let mut dashboard = Dashboard::start();
    dashboard.report(60.0, Some(1_000_000));
    dashboard.report(50.0, Some(0));
    assert_eq!(dashboard.picture().weather.map(|weather| weather.temperature), Some(50));
}

#[test]
fn what_cannot_be_decoded_is_a_dead_letter_and_left_out() {
    let mut dashboard = Dashboard::start();
    let garbage = OutputMessage::new(None, Some(b"no avro"), 0, Headers::default());
    for topic in [names::ARRIVALS, names::WEATHER, names::STATIONS_TABLE] {
        dashboard.driver.pipe_message(topic, &garbage).unwrap();
    }
    assert_eq!(dashboard.driver.dropped_records(), 3);
    let letters = dashboard.driver.take_outputs();
    let source = |letter: &OutputMessage| letter.headers.last("__streams.errors.topic").flatten().map(<[u8]>::to_vec);
    let sources: Vec<_> = letters.iter().map(|(topic, letter)| (topic.as_str(), source(letter).unwrap())).collect();
    let expected = [names::ARRIVALS, names::WEATHER, names::STATIONS_TABLE];
    assert_eq!(sources, expected.map(|topic| (names::DEAD_LETTERS, topic.as_bytes().to_vec())));
    assert_eq!(dashboard.picture().waiting.len(), Source::ALL.len());
}
