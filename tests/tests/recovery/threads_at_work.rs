//! Operations on `Streams` with threads of the operating system: what only they can show.

use crate::threads::{TIMEOUT, config, log, options, send};
use kstreams::config::{Config, EngineKind};
use kstreams::dsl::StreamsBuilder;
use kstreams::error::{Error, ErrorKind};
use kstreams::log::Log;
use kstreams::log::client::wait;
use kstreams::log::embedded::EmbeddedLog;
use kstreams::runtime::{CloseOptions, StartOptions, State, Streams, ThreadState, UncaughtErrorResponse};
use kstreams::store::TimestampedKeyValueStore;
use kstreams::topology::Topology;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use system_tests::{first, until};

/// Where a step finds the instance that it belongs to.
type Own = Arc<OnceLock<Arc<Streams>>>;

/// Does `act` with its own instance when the key `now` comes.
fn acting(act: impl Fn(&Streams) + Send + Sync + 'static) -> (Topology, Own) {
    let own = Own::default();
    let found = own.clone();
    let builder = StreamsBuilder::new();
    let words = builder.stream::<String, String>("words").peek(move |key, _| {
        if key == "now" {
            act(found.wait());
        }
    });
    words.to("out");
    (builder.build().unwrap(), own)
}

fn start(topology: &Topology, config: Config, options: StartOptions) -> Arc<Streams> {
    let streams = Arc::new(Streams::start_with(topology, config, options).unwrap());
    assert!(streams.wait_for(State::Running, TIMEOUT));
    streams
}

fn members(log: &EmbeddedLog) -> usize {
    let described = wait(log, log.admin().unwrap().describe_group("app"), TIMEOUT).unwrap();
    described.members.len()
}

/// Fails on the first records of the key `bad`; then counts.
fn failing(times: usize) -> Topology {
    let fails = first(times);
    let builder = StreamsBuilder::new();
    let words = builder.stream::<String, String>("words").peek(move |key, _| {
        assert!(!(key == "bad" && fails()), "a bad word");
    });
    words.group_by_key().count("counts");
    builder.build().unwrap()
}

fn sum(streams: &Streams) -> i64 {
    let Ok(view) = streams.store::<TimestampedKeyValueStore<String, i64>>("counts") else { return -1 };
    view.all().unwrap().map(|row| row.unwrap().1.value).sum()
}

#[test]
fn panicking_thread_is_replaced_and_every_record_counted_once() {
    let log = log(&[("words", 4)]);
    let threads = Arc::new(Mutex::new(Vec::new()));
    let sink = threads.clone();
    let options = options(&log).uncaught_error_handler(move |error, thread| {
        assert!(error.to_string().contains("a bad word"), "{error}");
        assert_eq!(std::thread::current().name(), Some(thread), "it is called on the thread that failed");
        sink.lock().unwrap().push(thread.to_owned());
        UncaughtErrorResponse::ReplaceThread
    });
    let streams = start(&failing(2), config(), options);
    send(&log, "words", (0..100).map(|n| format!("word-{n}")).chain(["bad".to_owned()]));
    until("every word is counted", TIMEOUT, || sum(&streams) == 101);
    assert_eq!(threads.lock().unwrap().len(), 2);
    until("two threads run", TIMEOUT, || {
        streams.threads().len() == 2 && streams.threads().iter().all(|(_, state)| *state == ThreadState::Running)
    });
    assert!(streams.is_healthy());
    streams.close(TIMEOUT).unwrap();
}

#[test]
fn whole_application_ends_if_a_handler_says_so() {
    let log = log(&[("words", 2)]);
    let topology = failing(1);
    let all = || options(&log).uncaught_error_handler(|_, _| UncaughtErrorResponse::ShutdownApplication);
    let instances = [start(&topology, config(), all()), start(&topology, config(), all())];
    send(&log, "words", ["bad".to_owned()]);
    let errors: Vec<String> = instances.iter().map(|streams| streams.wait().unwrap_err().to_string()).collect();
    assert_eq!(instances.iter().map(|streams| streams.state()).collect::<Vec<_>>(), [State::Error; 2]);
    assert!(errors.iter().all(|error| error.contains("a bad word")), "{errors:?}");
    let asked = errors.iter().filter(|error| error.contains("another instance asked all instances"));
    assert_eq!(asked.count(), 1, "{errors:?}");
}

#[test]
fn thread_of_global_tables_is_not_replaced() {
    let log = log(&[("words", 1)]);
    let builder = StreamsBuilder::new();
    let words = builder.global_table::<String, i64>("words", "global");
    builder.stream::<String, String>("rides").join_global(&words, |key, _| key.clone(), |_, n| n).to("rides");
    let log_topics = [kstreams::log::NewTopic::new("rides", 1)];
    kstreams::log::client::create_topics(&*log, &log_topics, TIMEOUT).unwrap();
    send(&log, "words", ["a".to_owned()]);
    let options = options(&log).uncaught_error_handler(|_, _| UncaughtErrorResponse::ReplaceThread);
    let streams = Streams::start_with(&builder.build().unwrap(), config(), options).unwrap();
    let error = streams.wait().unwrap_err();
    assert_eq!((error.kind(), streams.state()), (ErrorKind::Deserialization, State::Error));
}

#[test]
fn instance_that_is_closed_in_one_of_its_steps_ends() {
    let (told, hear) = channel::<Option<Error>>();
    let told = Mutex::new(told);
    let (topology, own) = acting(move |streams| {
        let (closed, waited) = (streams.close(Duration::from_secs(3600)), streams.wait());
        told.lock().unwrap().send(closed.err().or(waited.err())).unwrap();
    });
    let log = log(&[("words", 1), ("out", 1)]);
    let streams = start(&topology, config(), options(&log));
    assert!(own.set(streams.clone()).is_ok());
    send(&log, "words", ["now".to_owned()]);
    let error = hear.recv_timeout(TIMEOUT).unwrap().unwrap();
    assert!(error.to_string().contains("cannot wait until it has ended"), "{error}");
    streams.wait().unwrap();
    assert_eq!(streams.state(), State::NotRunning);
}

#[test]
fn only_thread_that_removes_itself_ends_and_another_can_be_added_in_a_step() {
    let (told, hear) = channel();
    let told = Mutex::new(told);
    let (topology, own) = acting(move |streams| {
        let added = streams.add_stream_thread().unwrap();
        let removed = (streams.remove_stream_thread(), streams.remove_stream_thread());
        told.lock().unwrap().send((added, removed)).unwrap();
    });
    let log = log(&[("words", 2), ("out", 1)]);
    let streams = start(&topology, config().threads(1), options(&log).process_id("me"));
    assert!(own.set(streams.clone()).is_ok());
    send(&log, "words", ["now".to_owned()]);
    let (added, removed) = hear.recv_timeout(TIMEOUT).unwrap();
    let name = |number: u32| Some(format!("app-me-StreamThread-{number}"));
    // The other one first; itself once it is alone.
    assert_eq!((added, removed), (name(2), (name(2), name(1))));
    until("no thread is left", TIMEOUT, || streams.threads().is_empty());
    assert_eq!(streams.add_stream_thread().unwrap(), name(1));
    streams.close(TIMEOUT).unwrap();
    assert_eq!((streams.add_stream_thread().unwrap(), streams.remove_stream_thread()), (None, None));
}

#[test]
fn member_that_is_to_remain_is_still_in_the_group_when_its_instance_has_ended() {
    let (topology, _) = acting(|_| {});
    let log = log(&[("words", 2), ("out", 1)]);
    let streams = start(&topology, config(), options(&log));
    assert_eq!(members(&log), 2);
    streams.close_with(CloseOptions::new().timeout(TIMEOUT).remain_in_group()).unwrap();
    assert_eq!(members(&log), 2);
    let streams = start(&topology, config().threads(1), options(&log).paused());
    streams.close_with(CloseOptions::new().leave_group()).unwrap();
    assert_eq!(members(&log), 2, "those that remained");
}

#[test]
fn thread_that_does_not_end_in_time_is_named_and_ends_later() {
    let builder = StreamsBuilder::new();
    let (go_on, wait) = channel::<()>();
    let (begun, hear) = channel();
    let (wait, begun) = (Mutex::new(wait), Mutex::new(begun));
    let words = builder.stream::<String, String>("words").peek(move |_, _| {
        begun.lock().unwrap().send(()).unwrap();
        wait.lock().unwrap().recv().unwrap();
    });
    words.to("out");
    let log = log(&[("words", 1), ("out", 1)]);
    let streams = start(&builder.build().unwrap(), config().threads(1), options(&log).process_id("me"));
    send(&log, "words", ["one".to_owned()]);
    hear.recv_timeout(TIMEOUT).unwrap();
    let error = streams.remove_stream_thread_within(Duration::from_millis(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("`app-me-StreamThread-1` has not ended"), "{error}");
    let error = streams.close(Duration::from_millis(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("`app-me-StreamThread-1` is RUNNING"), "{error}");
    go_on.send(()).unwrap();
    streams.close(TIMEOUT).unwrap();
    assert_eq!(kstreams::log::client::read_all(&*log, &"out".into(), TIMEOUT).unwrap().len(), 1, "and has committed");
}

#[test]
fn paused_instance_goes_on_where_it_was() {
    let log = log(&[("words", 2)]);
    let streams = start(&failing(0), config(), options(&log).paused());
    send(&log, "words", (0..50).map(|n| format!("word-{n}")));
    // A thread that comes and goes has its turns beside those that are paused.
    assert!(streams.add_stream_thread().unwrap().is_some() && streams.remove_stream_thread().is_some());
    assert_eq!(streams.counts().processed, 0);
    streams.resume();
    until("every word is counted", TIMEOUT, || sum(&streams) == 50);
    streams.close(TIMEOUT).unwrap();
}

#[test]
fn listener_that_panics_ends_the_instance_and_may_close_it() {
    let log = log(&[("words", 1), ("out", 1)]);
    let (topology, _) = acting(|_| {});
    let listening = options(&log).state_listener(|new, _| assert_ne!(new, State::Running, "not ready"));
    let streams = Streams::start_with(&topology, config(), listening).unwrap();
    let error = streams.wait().unwrap_err().to_string();
    assert!(error.contains("the state listener panicked") && error.contains("not ready"), "{error}");

    let own = Own::default();
    let found = own.clone();
    let closing = options(&log).state_listener(move |new, _| {
        if new == State::Running {
            found.wait().close(Duration::from_secs(3600)).unwrap();
        }
    });
    let streams = Arc::new(Streams::start_with(&topology, config(), closing).unwrap());
    assert!(own.set(streams.clone()).is_ok());
    streams.wait().unwrap();
}

#[test]
fn cleaned_up_state_is_restored_in_full() {
    let (dir, log) = (tempfile::tempdir().unwrap(), log(&[("words", 2)]));
    let config = config().engine(EngineKind::Fjall).state_dir(dir.path());
    Streams::clean_up(&config).unwrap();
    let restored = |expected: i64| {
        let streams = start(&failing(0), config.clone(), options(&log));
        until("every word is counted", TIMEOUT, || sum(&streams) == expected);
        assert_eq!(Streams::clean_up(&config).unwrap_err().kind(), ErrorKind::InUse);
        streams.close(TIMEOUT).unwrap();
        streams.counts().restored
    };
    send(&log, "words", (0..50).map(|n| format!("word-{n}")));
    assert_eq!((restored(50), restored(50)), (0, 0), "the stores are kept");
    Streams::clean_up(&config).unwrap();
    assert_eq!(restored(50), 50);
}
