//! What cannot be decoded is kept aside with the reason, and stops nobody.

use crate::found::Found;
use crate::program::{Started, demo};
use crate::whole::{answer, get};
use kstreams::log::client::ReceivedMessage;
use serde_json::Value;
use std::time::{Duration, Instant};
use transit_model::names::{DEAD_LETTERS, STATIONS, TURNSTILES, WEATHER};

/// Long enough for a machine under load.
const PATIENCE: Duration = Duration::from_secs(60);
const GARBAGE: &[u8] = b"neither Avro nor JSON";

/// Posts garbage in the gateway's binary format, which it takes as it is; returns the offset.
fn post_garbage(gateway: &str, topic: &str) -> i64 {
    let body = r#"{"records": [{"key": "Z2FyYmFnZQ==", "value": "bmVpdGhlciBBdnJvIG5vciBKU09O"}]}"#;
    let head = format!(
        "POST /topics/{topic} HTTP/1.1\r\nContent-Type: application/vnd.kafka.binary.v2+json\r\nContent-Length: {}",
        body.len()
    );
    let answer: Value = serde_json::from_str(&answer(gateway, &head, body)).unwrap();
    answer["offsets"][0]["offset"].as_i64().unwrap_or_else(|| panic!("not written: {answer}"))
}

/// Dead letters of all applications, as the page's metrics tell.
fn counted(page: &str) -> u64 {
    let metrics = get(page, "/metrics");
    let series = metrics.lines().filter(|line| line.starts_with("kstreams_task_dead_letters_total{"));
    series.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum()
}

fn riders(page: &str) -> u64 {
    let lines: Value = serde_json::from_str(&get(page, "/api/lines")).unwrap_or_default();
    let stations = lines.as_array().into_iter().flatten().flat_map(|line| line["stations"].as_array()).flatten();
    stations.filter_map(|station| station["entries"].as_u64()).sum()
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn source(letter: &ReceivedMessage) -> (String, String, i64) {
    let header = |name: &str| {
        let value = letter.headers.last(&format!("__streams.errors.{name}")).flatten();
        String::from_utf8(value.unwrap_or_else(|| panic!("no {name}")).to_vec()).unwrap()
    };
    assert!(header("message").contains("decoding the "), "the reason: {}", header("message"));
    (header("topic"), header("partition"), header("offset").parse().unwrap())
}

#[test]
fn undecodable_records_become_dead_letters_and_everything_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let demo = Started::start(demo(directory.path()).args(["--speed=20", "--seed=3"]));
    until("riders come", || riders(&demo.page) > 0);
    let mut expected = [STATIONS, TURNSTILES, WEATHER]
        .map(|topic| (topic.to_owned(), "0".to_owned(), post_garbage(&demo.gateway, topic)));
    until("three applications have counted one each", || counted(&demo.page) == 3);
    let before = riders(&demo.page);
    until("riders still come", || riders(&demo.page) > before);
    demo.terminate();
    let (output, ended_well) = demo.finish();
    assert!(ended_well, "{output}");

    let letters = Found::open(directory.path()).messages(DEAD_LETTERS);
    assert!(letters.iter().all(|letter| letter.value.as_deref() == Some(GARBAGE)));
    let mut sources: Vec<_> = letters.iter().map(source).collect();
    sources.sort();
    expected.sort();
    assert_eq!(sources, expected);
}
