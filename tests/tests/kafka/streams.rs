//! The runtime on a real broker: results are exact while instances come and go.

use kstreams::config::{Config, EngineKind};
use kstreams::dsl::StreamsBuilder;
use kstreams::log::client::{NewMessage, Producer, create_topics, read_all, wait};
use kstreams::log::{Log, NewTopic, OffsetAt, connect};
use kstreams::record::{SystemClock, Topic, TopicPartition};
use kstreams::runtime::{State, Streams};
use kstreams::topology::Topology;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use system_tests::kafka::Broker;
use system_tests::until;

const TIMEOUT: Duration = Duration::from_secs(60);
const KEYS: u32 = 50;
const PARTITIONS: i32 = 4;
/// Records that an instance processes before the next thing happens.
const SHARE: u64 = 200;

/// Names of its own for each run.
struct Names {
    application: String,
    input: Topic,
    output: Topic,
}

impl Names {
    fn new(log: &dyn Log, name: &str) -> Self {
        let application = format!("{name}-{}-{}", std::process::id(), log.clock().now_ms());
        let topic = |suffix| Topic::from(format!("{application}-{suffix}"));
        Names { input: topic("in"), output: topic("out"), application }
    }

    fn topology(&self) -> Topology {
        let builder = StreamsBuilder::new();
        let input = builder.stream::<String, String>(self.input.as_str());
        input.group_by(|_, value| value.clone()).count("counts").to_stream().to(self.output.as_str());
        builder.build().unwrap()
    }

    fn config(&self, url: &str, directory: &std::path::Path) -> Config {
        // Without a cache every record makes an output, so that each count shows.
        let config = Config::new(self.application.as_str(), url).engine(EngineKind::Fjall).exactly_once();
        config.state_dir(directory).cache_max_bytes(0)
    }
}

/// Writes until told to stop; the number of records by key.
fn feed(log: &dyn Log, input: &Topic, stop: &AtomicBool) -> BTreeMap<String, u64> {
    let mut producer = Producer::new(log, &Default::default(), TIMEOUT).unwrap();
    let mut sent = BTreeMap::new();
    for number in 0_u32.. {
        let key = format!("key-{}", number.wrapping_mul(7919) % KEYS);
        let from = (number % 13).to_string();
        producer.send(&NewMessage::new(input, Some(from.as_bytes()), Some(key.as_bytes()))).unwrap();
        *sent.entry(key).or_default() += 1;
        if number % 100 == 99 {
            std::thread::sleep(Duration::from_millis(20));
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
    }
    producer.flush().unwrap();
    sent
}

/// Input comes until this is dropped, be it by a test that fails.
struct Feeding<'a>(&'a AtomicBool);

impl Drop for Feeding<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits until every count has come out, or what has come is to be compared all the same.
fn outputs(log: &dyn Log, output: &Topic, expected: u64) -> BTreeMap<String, Vec<i64>> {
    let begun = Instant::now();
    loop {
        let messages = read_all(log, output, TIMEOUT).unwrap();
        if messages.len() as u64 >= expected || begun.elapsed() > TIMEOUT {
            let mut counts: BTreeMap<String, Vec<i64>> = BTreeMap::new();
            for message in messages {
                let key = String::from_utf8(message.key.unwrap()).unwrap();
                let count = i64::from_be_bytes(message.value.unwrap().try_into().unwrap());
                counts.entry(key).or_default().push(count);
            }
            return counts;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// An instance, a second and a third that join, and the second ends; each has its turn while input comes.
fn counts_while_instances_come_and_go(protocol: &str) {
    let Some(broker) = Broker::shared() else { return };
    let log = connect(&broker.url(), Arc::new(SystemClock)).unwrap();
    let names = Names::new(&*log, protocol);
    let topics = [&names.input, &names.output].map(|topic| NewTopic::new(topic.clone(), PARTITIONS));
    create_topics(&*log, &topics, TIMEOUT).unwrap();
    let (topology, stop) = (names.topology(), AtomicBool::new(false));
    let directories = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let start = |number: usize| {
        let mut config = names.config(&broker.url(), directories[number].path());
        config.set("consumer.group.protocol", protocol).unwrap();
        let streams = Streams::start(&topology, config).unwrap();
        assert!(streams.wait_for(State::Running, TIMEOUT), "instance {number}: {streams:?}");
        streams
    };
    let goes_on = |streams: &Streams| {
        let before = streams.counts().processed;
        until("an instance has its share", TIMEOUT, || streams.counts().processed > before + SHARE);
    };
    std::thread::scope(|scope| {
        let fed = scope.spawn(|| feed(&*log, &names.input, &stop));
        let feeding = Feeding(&stop);
        let first = start(0);
        goes_on(&first);
        let second = start(1);
        goes_on(&second);
        let third = start(2);
        goes_on(&third);
        second.close(TIMEOUT).unwrap();
        goes_on(&first);
        goes_on(&third);
        drop(feeding);
        let sent = fed.join().unwrap();
        let counted = outputs(&*log, &names.output, sent.values().sum());
        for (key, sent) in &sent {
            let expected: Vec<i64> = (1..=*sent as i64).collect();
            assert_eq!(counted.get(key), Some(&expected), "{key}");
        }
        assert_eq!(counted.len(), sent.len());
        for streams in [first, third] {
            streams.close(TIMEOUT).unwrap();
        }
    });
    assert_all_is_committed(&*log, &names);
}

/// All have left the group, and its inputs are committed to their ends.
fn assert_all_is_committed(log: &dyn Log, names: &Names) {
    let admin = log.admin().unwrap();
    let partitions: Vec<TopicPartition> =
        (0..PARTITIONS).map(|number| TopicPartition::new(names.input.as_str(), number)).collect();
    let ends = wait(log, admin.offsets(&partitions, OffsetAt::End), TIMEOUT).unwrap();
    let group = wait(log, admin.describe_group(&names.application), TIMEOUT).unwrap();
    assert!(group.members.is_empty(), "all have left: {:?}", group.members);
    for (partition, end) in &ends {
        assert_eq!(group.offsets.get(partition).map(|committed| committed.offset), Some(*end), "{partition}");
    }
}

#[test]
fn counts_are_exact_while_instances_come_and_go() {
    counts_while_instances_come_and_go("consumer");
}

#[test]
fn counts_are_exact_with_the_classic_protocol() {
    counts_while_instances_come_and_go("classic");
}
