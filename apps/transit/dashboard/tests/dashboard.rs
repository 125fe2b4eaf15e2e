//! The whole dashboard on the embedded log: from messages to answers over HTTP, across restarts.

use kstreams::error::{ErrorKind, Result};
use kstreams::log::embedded::{EmbeddedLog, EmbeddedOptions};
use kstreams::log::{Log, NewTopic, TopicConfig};
use kstreams::record::Topic;
use kstreams::serde::registry::EmbeddedRegistry;
use kstreams::serde::{Registry, Wire};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use transit_dashboard::topology::{APPLICATION_ID, adjusted};
use transit_dashboard::{Dashboard, DashboardSettings};
use transit_model::records::{
    ArrivalKey, ArrivalValue, Direction, HourlyCount, StationKey, StationRow, TrainStatus, TurnstileSummary,
    WeatherKey, WeatherStatus, WeatherValue,
};
use transit_model::{Line, names};
use transit_part::log::{Codec, Writer, create_topics};
use transit_part::{Connection, Stop, StreamsSettings};

/// How long an answer may take to become right. Only a failure waits for so long.
const PATIENCE: Duration = Duration::from_secs(60);

const BY_LINE: &str = "org.chicago.cta.station.arrivals.blue";
const BY_STATION: &str = "org.chicago.cta.station.arrivals.rosemont";

/// The log and what belongs to it.
struct City {
    log: Arc<dyn Log>,
    registry: Arc<dyn Registry>,
    writer: Writer,
}

impl City {
    fn new() -> City {
        City::on(EmbeddedLog::in_memory(EmbeddedOptions::default()))
    }

    fn on(log: Arc<dyn Log>) -> City {
        let tables = [names::STATIONS_TABLE, names::TURNSTILE_SUMMARY, names::TURNSTILES_HOURLY];
        let mut topics = tables.map(|topic| NewTopic::new(topic, 1).with_config(TopicConfig::compacted())).to_vec();
        topics.push(NewTopic::new(names::WEATHER, 1));
        create_topics(&*log, &topics).unwrap();
        let writer = Writer::open(&*log, "test").unwrap();
        City { log, registry: Arc::new(EmbeddedRegistry::default()), writer }
    }

    fn write<K: Wire, V: Wire>(&mut self, topic: &str, key: &K, value: &V) {
        let codec = Codec::new(Topic::from(topic), &self.registry).unwrap();
        let message = codec.message(None, key, value).unwrap();
        self.writer.write(&[message]).unwrap();
    }

    fn arrivals(&self, topic: &str) {
        create_topics(&*self.log, &[NewTopic::new(topic, 2)]).unwrap();
    }

    fn station(&mut self, station_id: i32, name: &str, order: i32) {
        let key = StationKey { station_id, line: Line::Blue };
        let row = StationRow { station_id, station_name: name.into(), order: Some(order), line: Line::Blue };
        self.write(names::STATIONS_TABLE, &key, &row);
    }

    fn count(&mut self, station_id: i32, count: i64) {
        self.write(names::TURNSTILE_SUMMARY, &station_id, &TurnstileSummary { station_id, count });
        let hour = HourlyCount { station_id, window_start: 0, window_end: 3_600_000, count };
        self.write(names::TURNSTILES_HOURLY, &station_id, &hour);
    }

    fn arrive(&mut self, topic: &str, train: &str, station_id: i32, simulated_time: i64) {
        let key = ArrivalKey { timestamp: 0, train_id: train.into() };
        let arrival = ArrivalValue {
            station_id,
            train_id: train.into(),
            direction: Direction::B,
            line: Line::Blue,
            train_status: TrainStatus::InService,
            prev_station_id: None,
            prev_direction: None,
            simulated_time: Some(simulated_time),
        };
        self.write(topic, &key, &arrival);
    }

    fn report(&mut self, temperature: f32) {
        let report = WeatherValue { temperature, status: WeatherStatus::Sunny, simulated_time: Some(0) };
        self.write(names::WEATHER, &WeatherKey { timestamp: 0 }, &report);
    }
}

/// A dashboard that runs until it is stopped.
struct Running {
    address: SocketAddr,
    stop: Stop,
    thread: JoinHandle<Result<()>>,
}

impl Running {
    fn start(city: &City, state_dir: &Path) -> Running {
        Running::start_on(city.log.clone(), city.registry.clone(), state_dir)
    }

    fn start_on(log: Arc<dyn Log>, registry: Arc<dyn Registry>, state_dir: &Path) -> Running {
        let settings = DashboardSettings { listen: "127.0.0.1:0".into(), pages_max: 4 };
        let dashboard = Dashboard::bind(&settings).unwrap();
        let (address, stop) = (dashboard.address(), Stop::default());
        let streams = StreamsSettings { state_dir: state_dir.to_owned(), ..StreamsSettings::default() };
        let config = adjusted(streams.config(APPLICATION_ID, "embedded:").unwrap());
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || dashboard.run(&Connection { log, registry }, config, &stopped));
        Running { address, stop, thread }
    }

    fn stop(self) {
        self.stop.request();
        self.thread.join().expect("the dashboard does not panic").expect("it ends in order");
    }

    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: page\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path).1).unwrap()
    }

    /// Waits until an answer is the expected one.
    fn until(&self, path: &str, expected: &Value) {
        let deadline = Instant::now() + PATIENCE;
        while self.json(path) != *expected {
            assert!(Instant::now() < deadline, "{path}: {:#} is not {expected:#}", self.json(path));
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn ohare(entries: i64, trains: &[&str]) -> Value {
    let trains: Vec<Value> = trains.iter().map(|id| json!({ "train_id": id, "status": "in_service" })).collect();
    json!({
        "station_id": 40890,
        "entries": entries,
        "riders_last_hour": entries,
        "lines": [{
            "line": "blue", "station_name": "O'Hare", "order": 0, "direction_a": [], "direction_b": trains,
        }],
    })
}

#[test]
fn what_is_written_is_shown_and_shown_again_after_a_restart() {
    let (mut city, state) = (City::new(), tempfile::tempdir().unwrap());
    city.station(40890, "O'Hare", 0);
    city.count(40890, 12);
    city.arrivals(BY_LINE);
    for (train, station) in [("BL000", 1), ("BL001", 40890), ("BL002", 2), ("BL000", 40890)] {
        city.arrive(BY_LINE, train, station, 0);
    }
    city.report(71.6);
    let weather = json!({ "temperature": 72, "status": "sunny", "description": "Sunny" });
    let dashboard = Running::start(&city, state.path());
    dashboard.until("/api/stations/40890", &ohare(12, &["BL000", "BL001"]));
    dashboard.until("/api/weather", &weather);
    assert_eq!(dashboard.get("/readyz").0, 200);
    let metrics = dashboard.get("/metrics").1;
    for family in ["transit_dashboard_rows 1", "kafka_streams_stream_thread_metrics_process_total{"] {
        assert!(metrics.lines().any(|line| line.starts_with(family)), "{family}: {metrics}");
    }
    dashboard.stop();
    city.count(40890, 13);
    city.arrive(BY_LINE, "BL001", 1, 300_000);
    let again = Running::start(&city, state.path());
    again.until("/api/stations/40890", &ohare(13, &["BL000"]));
    again.until("/api/weather", &weather);
    again.stop();
    let elsewhere = tempfile::tempdir().unwrap();
    let restored = Running::start(&city, elsewhere.path());
    restored.until("/api/stations/40890", &ohare(13, &["BL000"]));
    restored.until("/api/weather", &weather);
    restored.stop();
}

#[test]
fn a_topic_of_arrivals_that_is_new_joins_in() {
    let (mut city, state) = (City::new(), tempfile::tempdir().unwrap());
    city.station(40890, "O'Hare", 0);
    city.count(40890, 1);
    let dashboard = Running::start(&city, state.path());
    dashboard.until("/api/stations/40890", &ohare(1, &[]));
    city.arrivals(BY_LINE);
    city.arrive(BY_LINE, "BL000", 40890, 0);
    dashboard.until("/api/stations/40890", &ohare(1, &["BL000"]));
    city.arrivals(BY_STATION);
    city.arrive(BY_STATION, "BL000", 1, 300_000);
    dashboard.until("/api/stations/40890", &ohare(1, &[]));
    dashboard.stop();
}

#[test]
fn the_page_is_up_before_the_topics_are() {
    let state = tempfile::tempdir().unwrap();
    let log: Arc<dyn Log> = EmbeddedLog::in_memory(EmbeddedOptions::default());
    let early = Running::start_on(log.clone(), Arc::new(EmbeddedRegistry::default()), state.path());
    let waits = |topic: &str| json!({ "error_code": 503, "message": format!("waiting for the topic {topic}") });
    early.until("/readyz", &waits(names::STATIONS_TABLE));
    assert_eq!(early.get("/").0, 200);
    assert_eq!(early.get("/healthz").0, 200);
    let mut city = City::on(log);
    city.station(40890, "O'Hare", 0);
    early.until(
        "/api/stations/40890",
        &json!({
            "station_id": 40890, "entries": null, "riders_last_hour": null,
            "lines": [{ "line": "blue", "station_name": "O'Hare", "order": 0, "direction_a": [], "direction_b": [] }],
        }),
    );
    assert_eq!(early.get("/readyz").0, 200);
    early.stop();
}

#[test]
fn what_cannot_be_listened_on_is_refused_in_a_sentence() {
    let bind =
        |listen: &str| Dashboard::bind(&DashboardSettings { listen: listen.into(), pages_max: 1 }).err().unwrap();
    let error = bind("nowhere");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().starts_with("`nowhere` is no address to listen on"), "{error}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(bind(&taken.local_addr().unwrap().to_string()).kind(), ErrorKind::InUse);
}
