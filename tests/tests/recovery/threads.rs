//! `Streams` with threads of the operating system.

use kstreams::config::{Config, EngineKind};
use kstreams::dsl::StreamsBuilder;
use kstreams::error::ErrorKind;
use kstreams::log::NewTopic;
use kstreams::log::client::{NewMessage, Producer, create_topics};
use kstreams::log::embedded::{EmbeddedLog, EmbeddedOptions};
use kstreams::record::Topic;
use kstreams::runtime::{StartOptions, State, Streams};
use kstreams::store::TimestampedKeyValueStore;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const TIMEOUT: Duration = Duration::from_secs(60);

pub fn log(topics: &[(&str, i32)]) -> Arc<EmbeddedLog> {
    let log = EmbeddedLog::in_memory(EmbeddedOptions::default());
    let topics: Vec<NewTopic> = topics.iter().map(|(topic, partitions)| NewTopic::new(*topic, *partitions)).collect();
    create_topics(&*log, &topics, TIMEOUT).unwrap();
    log
}

pub fn send(log: &EmbeddedLog, topic: &str, keys: impl IntoIterator<Item = String>) {
    let mut producer = Producer::new(log, &Default::default(), TIMEOUT).unwrap();
    let topic = Topic::from(topic);
    for key in keys {
        producer.send(&NewMessage::new(&topic, Some(key.as_bytes()), Some(b"x"))).unwrap();
    }
    producer.flush().unwrap();
}

pub fn config() -> Config {
    Config::new("app", "embedded:").engine(EngineKind::Memory).exactly_once().threads(2)
}

pub fn options(log: &Arc<EmbeddedLog>) -> StartOptions {
    StartOptions::new().log(log.clone())
}

#[test]
fn instance_counts_with_two_threads_and_closes_in_order() {
    let log = log(&[("words", 4)]);
    let builder = StreamsBuilder::new();
    builder.stream::<String, String>("words").group_by_key().count("counts");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = seen.clone();
    let options = options(&log).state_listener(move |new, _| sink.lock().unwrap().push(new));
    let streams = Streams::start_with(&builder.build().unwrap(), config().http_listen("127.0.0.1:0"), options).unwrap();
    assert!(streams.wait_for(State::Running, TIMEOUT));
    send(&log, "words", (0..2_000).map(|n| format!("word-{}", n % 100)));
    let begun = std::time::Instant::now();
    let counts = loop {
        assert!(begun.elapsed() < TIMEOUT, "{:?}", streams.counts());
        let view = streams.store::<TimestampedKeyValueStore<String, i64>>("counts").unwrap();
        let counts: Vec<i64> = view.all().unwrap().map(|row| row.unwrap().1.value).collect();
        if counts.iter().sum::<i64>() == 2_000 {
            break counts;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    assert_eq!(counts, [20; 100]);
    let address = streams.http_address().unwrap();
    assert!(get(address, "/metrics").contains("kafka_streams_stream_thread_metrics_process_total"));
    assert!(get(address, "/readyz").starts_with("HTTP/1.1 200"));
    streams.close(TIMEOUT).unwrap();
    assert!(get(address, "/readyz").starts_with("HTTP/1.1 503"));
    streams.wait().unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.first(), Some(&State::Rebalancing));
    assert_eq!(seen[seen.len() - 2..], [State::PendingShutdown, State::NotRunning]);
}

fn get(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn panic_of_a_step_ends_the_instance_and_names_the_task() {
    let log = log(&[("words", 1), ("out", 1)]);
    let builder = StreamsBuilder::new();
    builder.stream::<String, String>("words").peek(|key, _| assert_ne!(key, "bad", "a bad word")).to("out");
    let streams = Streams::start_with(&builder.build().unwrap(), config(), options(&log)).unwrap();
    assert!(streams.wait_for(State::Running, TIMEOUT));
    send(&log, "words", ["bad".to_owned()]);
    let error = streams.wait().unwrap_err();
    assert_eq!((error.kind(), streams.state()), (ErrorKind::Bug, State::Error));
    let text = error.to_string();
    assert!(text.contains("task 0_0") && text.contains("a bad word"), "{text}");
    assert!(!streams.is_healthy());
}

#[test]
fn second_instance_on_one_state_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(&[("words", 1), ("out", 1)]);
    let builder = StreamsBuilder::new();
    builder.stream::<String, String>("words").to("out");
    let topology = builder.build().unwrap();
    let config = config().engine(EngineKind::Fjall).state_dir(dir.path());
    let first = Streams::start_with(&topology, config.clone(), options(&log)).unwrap();
    let second = Streams::start_with(&topology, config.clone(), options(&log)).unwrap_err();
    assert_eq!(second.kind(), ErrorKind::InUse);
    drop(first);
    Streams::start_with(&topology, config, options(&log)).unwrap().close(TIMEOUT).unwrap();
}

#[test]
fn missing_topic_ends_the_instance_and_is_named() {
    let log = log(&[]);
    let builder = StreamsBuilder::new();
    builder.stream::<String, String>("nowhere").to("out");
    let mut config = config();
    config.task_timeout_ms = 50;
    let streams = Streams::start_with(&builder.build().unwrap(), config, options(&log)).unwrap();
    let error = streams.wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("`nowhere`"), "{error}");
}
