//! The source publishes every row once, also over restarts and while rows are inserted.

use crate::database::new_platform;
use crate::postgres;
use kstreams::log::client::{ReceivedMessage, read_all};
use kstreams::log::{Log, connect};
use kstreams::record::{SystemClock, Topic};
use std::sync::Arc;
use std::time::{Duration, Instant};
use transit_model::Network;
use transit_model::names::STATIONS;
use transit_model::records::StopRow;
use transit_part::{Stop, block_on};
use transit_stations_source::{Database, SourceSettings, run_stations_source};

/// Long enough for a machine under load; a test that holds never waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

fn log(name: &str) -> Arc<dyn Log> {
    connect(&format!("embedded-memory:{name}"), Arc::new(SystemClock)).unwrap()
}

fn settings(url: &str) -> SourceSettings {
    SourceSettings { database: url.to_owned(), fill: true, poll_ms: 20 }
}

fn published(log: &dyn Log) -> Vec<ReceivedMessage> {
    read_all(log, &Topic::from(STATIONS), PATIENCE).unwrap_or_default()
}

/// Runs the source until the topic has that many rows; returns what the source says it published.
fn run_until(log: &Arc<dyn Log>, settings: &SourceSettings, rows: usize, meanwhile: impl FnOnce()) -> u64 {
    let stop = Stop::default();
    let running = {
        let (log, settings, stop) = (log.clone(), settings.clone(), stop.clone());
        std::thread::spawn(move || run_stations_source(&*log, &settings, &stop))
    };
    meanwhile();
    let begun = Instant::now();
    while published(&**log).len() < rows && !running.is_finished() && begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(10));
    }
    stop.request();
    running.join().unwrap().unwrap()
}

fn insert(url: &str, row: &StopRow) {
    let inserting = async { Database::open(url).await?.insert(row).await };
    block_on(inserting).unwrap().unwrap();
}

fn holds_of(url: &str, log: &Arc<dyn Log>) {
    let settings = settings(url);
    assert_eq!(run_until(log, &settings, 230, || ()), 230);
    let rows: Vec<StopRow> = published(&**log)
        .iter()
        .map(|message| serde_json::from_slice(message.value.as_ref().unwrap()).unwrap())
        .collect();
    assert_eq!(rows, Network::chicago().stop_rows());

    assert_eq!(run_until(log, &settings, 0, || ()), 0, "a restart repeats nothing");
    let another = StopRow { stop_id: 40_002, ..new_platform() };
    insert(url, &new_platform());
    assert_eq!(run_until(log, &settings, 232, || insert(url, &another)), 2, "one while it was away, one while it runs");

    let messages = published(&**log);
    assert_eq!(messages.len(), 232);
    let last: StopRow = serde_json::from_slice(messages[231].value.as_ref().unwrap()).unwrap();
    assert_eq!((messages[231].key.as_deref(), last), (Some(&b"40002"[..]), another));
}

#[test]
fn rows_of_sqlite_are_published_once_over_restarts() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("stations.db").display());
    holds_of(&url, &log("source-sqlite"));
}

#[test]
fn rows_of_postgresql_are_published_once_over_restarts() {
    let server = postgres::Server::start();
    holds_of(&server.url(), &log("source-postgresql"));
}

#[test]
fn published_row_is_plain_json() {
    let directory = tempfile::tempdir().unwrap();
    let log = log("source-json");
    let url = format!("sqlite:{}", directory.path().join("stations.db").display());
    run_until(&log, &settings(&url), 230, || ());
    let first = String::from_utf8(published(&*log)[0].value.clone().unwrap()).unwrap();
    let expected = concat!(
        r#"{"stop_id":30001,"direction_id":"E","stop_name":"Austin (O'Hare-bound)","station_name":"Austin","#,
        r#""station_descriptive_name":"Austin (Blue Line)","station_id":40010,"order":29,"#,
        r#""red":false,"blue":true,"green":false}"#,
    );
    assert_eq!(first, expected);
}
