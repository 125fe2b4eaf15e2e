//! Operations of the runtime that concern the group, on a real broker.

use kstreams::config::{Config, EngineKind};
use kstreams::dsl::StreamsBuilder;
use kstreams::log::client::{NewMessage, Producer, create_topics, wait};
use kstreams::log::{Log, NewTopic, connect};
use kstreams::record::{SystemClock, Topic};
use kstreams::runtime::{StartOptions, State, Streams, ThreadState, UncaughtErrorResponse};
use kstreams::store::TimestampedKeyValueStore;
use kstreams::topology::Topology;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;
use system_tests::kafka::Broker;
use system_tests::{first, until};
use tempfile::TempDir;

const TIMEOUT: Duration = Duration::from_secs(60);

/// An application of its own for each test.
struct Application {
    log: Arc<dyn Log>,
    url: String,
    id: String,
    input: Topic,
    directories: RefCell<Vec<TempDir>>,
}

impl Application {
    fn new(broker: &Broker, name: &str) -> Self {
        let log = connect(&broker.url(), Arc::new(SystemClock)).unwrap();
        let id = format!("{name}-{}-{}", std::process::id(), log.clock().now_ms());
        let input = Topic::from(format!("{id}-in"));
        create_topics(&*log, &[NewTopic::new(input.clone(), 4)], TIMEOUT).unwrap();
        Application { log, url: broker.url(), id, input, directories: RefCell::default() }
    }

    /// Counts words; panics on the first records of the key `bad`.
    fn topology(&self, bad: &'static str, failures: usize) -> Topology {
        let fails = first(failures);
        let builder = StreamsBuilder::new();
        let words = builder.stream::<String, String>(self.input.as_str()).peek(move |key, _| {
            assert!(!(key == bad && fails()), "a bad word");
        });
        words.group_by_key().count("counts");
        builder.build().unwrap()
    }

    fn start(&self, topology: &Topology, response: UncaughtErrorResponse) -> Streams {
        let config = Config::new(self.id.as_str(), self.url.as_str()).engine(EngineKind::Memory).exactly_once();
        let options = StartOptions::new().uncaught_error_handler(move |_, _| response);
        let directory = tempfile::tempdir().unwrap();
        let streams = Streams::start_with(topology, config.state_dir(directory.path()), options).unwrap();
        self.directories.borrow_mut().push(directory);
        assert!(streams.wait_for(State::Running, TIMEOUT), "{streams:?}");
        streams
    }

    fn send(&self, keys: impl IntoIterator<Item = String>) {
        let mut producer = Producer::new(&*self.log, &Default::default(), TIMEOUT).unwrap();
        for key in keys {
            producer.send(&NewMessage::new(&self.input, Some(key.as_bytes()), Some(b"x"))).unwrap();
        }
        producer.flush().unwrap();
    }

    fn members(&self) -> usize {
        wait(&*self.log, self.log.admin().unwrap().describe_group(&self.id), TIMEOUT).unwrap().members.len()
    }
}

fn sum(streams: &Streams) -> i64 {
    let Ok(view) = streams.store::<TimestampedKeyValueStore<String, i64>>("counts") else { return -1 };
    view.all().unwrap().map(|row| row.unwrap().1.value).sum()
}

/// Ends two instances, one of which fails on this word and asks the other one: with that one's error.
fn end_both(application: &Application, instances: &[Streams; 2], bad: &str) -> String {
    application.send([bad.to_owned()]);
    let errors: Vec<String> = instances.iter().map(|streams| streams.wait().unwrap_err().to_string()).collect();
    assert!(errors.iter().all(|error| error.contains("a bad word")), "{errors:?}");
    let asked: Vec<&String> = errors.iter().filter(|error| error.contains("another instance asked all")).collect();
    assert_eq!(asked.len(), 1, "{errors:?}");
    asked[0].clone()
}

#[test]
fn whole_application_ends_and_later_instances_run_until_they_are_asked_again() {
    let Some(broker) = Broker::shared() else { return };
    let application = Application::new(broker, "shutdown");
    let all = UncaughtErrorResponse::ShutdownApplication;
    let two = |topology: &Topology| [application.start(topology, all), application.start(topology, all)];
    end_both(&application, &two(&application.topology("bad", 1)), "bad");

    // These run, so they have looked at the first request; what they end with is the second one, so they have not heard the first.
    let later = two(&application.topology("worse", 1));
    until("the bad word is counted", TIMEOUT, || later.iter().map(sum).sum::<i64>() == 1);
    let threads: Vec<String> = later.iter().flat_map(Streams::threads).map(|(name, _)| name).collect();
    let asked = end_both(&application, &later, "worse");
    assert!(threads.iter().any(|name| asked.contains(name)), "{threads:?} did not ask for this: {asked}");
}

#[test]
fn threads_are_added_removed_and_replaced() {
    let Some(broker) = Broker::shared() else { return };
    let application = Application::new(broker, "threads");
    let streams = application.start(&application.topology("bad", 2), UncaughtErrorResponse::ReplaceThread);
    application.send((0..100).map(|n| format!("word-{n}")));
    until("every word is counted", TIMEOUT, || sum(&streams) == 100);
    assert!(streams.add_stream_thread().unwrap().is_some_and(|name| name.ends_with("-StreamThread-2")));
    let all_run = |threads: usize| {
        let states = streams.threads();
        states.len() == threads && states.iter().all(|(_, state)| *state == ThreadState::Running)
    };
    until("both threads run", TIMEOUT, || all_run(2) && application.members() == 2);
    assert!(streams.remove_stream_thread().is_some_and(|name| name.ends_with("-StreamThread-1")));
    until("the group has one member", TIMEOUT, || application.members() == 1);
    application.send((0..100).map(|n| format!("word-{n}")).chain(["bad".to_owned()]));
    until("every word is counted, that on which a thread failed included", TIMEOUT, || sum(&streams) == 201);
    assert!(all_run(1));
    streams.close(TIMEOUT).unwrap();
}
