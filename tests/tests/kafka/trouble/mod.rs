//! What goes wrong between a client and its brokers, and what is said of it.

#[cfg(feature = "kafka-tls")]
mod access;
#[cfg(feature = "kafka-tls")]
mod authority;
#[cfg(feature = "kafka-tls")]
mod guarded;
mod outdated;
mod programs;

use crate::words::Words;
use crate::world::*;
use kstreams::config::{ClientKeys, Config, EngineKind};
use kstreams::dsl::StreamsBuilder;
use kstreams::error::{Error, ErrorKind};
use kstreams::log::*;
use kstreams::record::SystemClock;
use kstreams::runtime::Streams;
use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use system_tests::kafka::Broker;
use system_tests::until;

fn open(url: &str, properties: &str) -> Result<World, Error> {
    let config = Config::from_properties(properties)?;
    Ok(World::real(connect_with(url, &config.clients, Arc::new(SystemClock))?))
}

fn listing(world: &World) -> Error {
    let mut call = world.log.admin().unwrap().topics();
    let begun = Instant::now();
    loop {
        if let Poll::Ready(answer) = call.poll(world.now_ms()) {
            return answer.unwrap_err();
        }
        assert!(begun.elapsed() < 2 * PATIENCE, "no answer");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn address_without_a_broker_is_named() {
    let error = listing(&open("kafka://127.0.0.1:1", "").unwrap());
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let said = error.to_string();
    assert!(said.contains("no broker of `127.0.0.1:1` answers"), "{said}");
    assert!(said.contains("Connection refused"), "{said}");
    assert!(error.hint().is_some(), "{said}");
}

#[test]
fn port_that_speaks_something_else_hints_at_the_protocol() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // As a TLS listener does that is spoken to in plain text.
            let _ = stream.map(|mut stream| stream.write_all(&[0x15, 3, 3, 0, 2, 2, 0x46]));
        }
    });
    let error = listing(&open(&format!("kafka://{address}"), "").unwrap());
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.hint().is_some_and(|hint| hint.contains("security.protocol")), "{error}");
}

#[test]
fn brokers_of_years_ago_are_said_to_be_too_old() {
    let url = format!("kafka://{}", outdated::listen(&["in", "out"]));
    let builder = StreamsBuilder::new();
    builder.stream::<String, String>("in").to("out");
    let config = Config::new("copy", &url).engine(EngineKind::Memory).exactly_once();
    let directory = tempfile::tempdir().unwrap();
    let streams = Streams::start(&builder.build().unwrap(), config.state_dir(directory.path())).unwrap();
    let error = streams.wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.to_string().contains("the brokers are too old for topic `"), "{error}");
    assert_eq!(error.hint(), Some("Apache Kafka 2.5 or later is needed"));

    let world = open(&url, "").unwrap();
    let transactional = ProducerConfig { transactional_id: Some(String::from("t")), ..ProducerConfig::default() };
    let mut producer = world.log.producer(&transactional).unwrap();
    let error = world.wait(|now_ms| producer.poll_init(now_ms)).unwrap_err();
    assert!(error.to_string().contains("the brokers are too old for transactional id `t`"), "{error}");
}

#[test]
fn input_that_does_not_exist_ends_the_application() {
    let Some(broker) = Broker::shared() else { return };
    let words = Words::without_topics(broker);
    let error = words.ended(&format!("kstreams.url={}\ntask.timeout.ms=1000", broker.url()));
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let expected = format!("the topic `{}` that the topology reads does not exist", words.topic("in"));
    assert!(error.to_string().contains(&expected), "{error}");
    assert_eq!(error.hint(), Some("create them first"), "{error}");
}

#[test]
fn internal_topic_with_other_partitions_ends_the_application() {
    let Some(broker) = Broker::shared() else { return };
    let words = Words::on(broker);
    let internal = format!("{}-counts-repartition", words.app);
    kstreams::log::client::create_topics(&*words.log, &[NewTopic::new(&internal, 3)], PATIENCE).unwrap();
    let error = words.ended(&format!("kstreams.url={}", broker.url()));
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    let expected = format!("internal topic `{internal}` has 3 partitions instead of 2");
    assert!(error.to_string().contains(&expected), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("reset the application")), "{error}");
}

#[test]
fn application_without_a_broker_gives_up_after_its_timeout() {
    let Some(broker) = Broker::shared() else { return };
    let words = Words::without_topics(broker);
    let error = words.ended("kstreams.url=kafka://127.0.0.1:1\ntask.timeout.ms=1000");
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(error.to_string().contains("no broker of `127.0.0.1:1` answers"), "{error}");
    assert!(error.hint().is_some(), "{error}");
}

#[test]
fn wrong_credentials_are_said_to_be_refused() {
    let Some(broker) = Broker::shared() else { return };
    // A listener in plain text knows no names: it refuses whoever says one.
    let keys = "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.username=me\nsasl.password=hush";
    let error = listing(&open(&broker.url(), keys).unwrap());
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    assert!(!error.to_string().contains("hush"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("sasl.username")), "{error}");
}

#[test]
fn settings_that_the_client_does_not_know_are_refused_at_once() {
    let refused = |properties: &str| open("kafka://127.0.0.1:1", properties).map(|_| ()).unwrap_err();
    let unknown = refused("consumer.fetch.maximum=1");
    assert_eq!(unknown.kind(), ErrorKind::Config);
    assert!(unknown.to_string().contains("no setting `fetch.maximum`"), "{unknown}");
    let value = refused("producer.compression.type=middle-out");
    assert!(value.to_string().contains("refuses `middle-out` for `compression.type`"), "{value}");
    assert!(
        open("kafka://127.0.0.1:1", "producer.buffer.memory=1048576\nfetch.max.wait.ms=50\nmax.poll.records=7").is_ok()
    );
}

#[test]
fn message_in_every_compression_is_read() {
    let Some(broker) = Broker::shared() else { return };
    let names = connect(&broker.url(), Arc::new(SystemClock)).unwrap().clock().now_ms();
    for compression in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let world = open(&broker.url(), &format!("producer.compression.type={compression}")).unwrap();
        let a = world.single(&format!("compressed-{names}-{compression}"));
        let value = "many times the same ".repeat(100);
        world.producer().send(&a, "k", &value);
        assert_eq!(world.committed_values(&a), [value], "{compression}");
    }
}

#[test]
fn commit_whose_answer_did_not_come_is_asked_again_and_counts_once() {
    let Some(broker) = Broker::start(1) else { return };
    let world = World::real(connect_with(&broker.url(), &ClientKeys::default(), Arc::new(SystemClock)).unwrap());
    let a = world.single("a");
    let mut writer = world.producer_with(&ProducerConfig {
        transactional_id: Some(String::from("t")),
        transaction_timeout_ms: 60_000,
        ..ProducerConfig::default()
    });
    writer.begin();
    writer.send(&a, "k", "once");
    broker.kill(1);
    let unanswered = world.wait(|now_ms| writer.inner.poll_commit(now_ms)).unwrap_err();
    assert_eq!(unanswered.kind(), ErrorKind::Timeout, "{unanswered}");
    assert!(writer.inner.in_transaction());
    broker.restart(1);
    let begun = Instant::now();
    let committed = loop {
        match world.wait(|now_ms| writer.inner.poll_commit(now_ms)) {
            Err(error) if error.kind() == ErrorKind::Timeout && begun.elapsed() < 3 * PATIENCE => {}
            answer => break answer,
        }
    };
    committed.unwrap();
    // The end of a transaction is answered before its marker is written.
    until("the message can be read", PATIENCE, || !world.committed_values(&a).is_empty());
    assert_eq!(world.committed_values(&a), ["once"]);
    writer.write(&a, "k", "and on");
    assert_eq!(world.committed_values(&a), ["once", "and on"]);
}
