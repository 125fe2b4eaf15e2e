//! What is done to instances while they run, and what becomes of threads that fail, stepped.

use crate::fixture::{SESSION_OVER_MS, World};
use crate::rides::{at_least_once, count, counted, world};
use kstreams::config::Config;
use kstreams::dsl::StreamsBuilder;
use kstreams::error::{ErrorKind, Result};
use kstreams::log::Log;
use kstreams::log::client::wait;
use kstreams::operator::{Processor, ProcessorContext, PunctuationType};
use kstreams::record::{Record, TopicPartition};
use kstreams::runtime::{StartOptions, State, StateRestoreListener, UncaughtErrorResponse};
use kstreams::testing::SteppedStreams;
use kstreams::topology::Topology;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use system_tests::first;

type Failures = Arc<Mutex<Vec<(i64, String, String)>>>;

/// Counts rides; fails on the first `bad` records whose value is `bad`, by a panic.
fn fragile(bad: usize) -> Topology {
    let fails = first(bad);
    let builder = StreamsBuilder::new();
    let rides = builder.stream::<String, String>("turnstiles").peek(move |_, value| {
        assert!(!(value == "bad" && fails()), "a bad record");
    });
    rides.group_by_key().count("rides").to_stream().to("summary");
    builder.build().unwrap()
}

/// An instance whose handler notes failures and answers `response`.
fn supervised(
    world: &World,
    topology: &Topology,
    config: Config,
    response: UncaughtErrorResponse,
) -> (SteppedStreams, Failures) {
    let failures = Failures::default();
    let (sink, clock) = (failures.clone(), world.clock.clone());
    let options =
        StartOptions::new().log(world.log.clone()).process_id("me").uncaught_error_handler(move |error, thread| {
            let at_ms = kstreams::record::Clock::now_ms(&clock);
            sink.lock().unwrap().push((at_ms, thread.to_owned(), error.to_string()));
            response
        });
    let mut streams = SteppedStreams::start(topology, config, options).unwrap();
    world.run(&mut streams);
    (streams, failures)
}

fn names(streams: &SteppedStreams) -> Vec<String> {
    streams.threads().into_iter().map(|(name, _)| name.rsplit_once("-me-").unwrap().1.to_owned()).collect()
}

impl World {
    /// So many rounds, and so many rides of the loop.
    fn assert_counted(&self, rounds: i64, of_loop: i64) {
        let mut expected = counted(rounds);
        expected.insert("loop".to_owned(), (1..=of_loop).collect());
        assert_eq!(self.numbers("summary"), expected);
    }
}

fn members(world: &World) -> usize {
    let call = world.log.admin().unwrap().describe_group("app");
    wait(&*world.log, call, Duration::from_secs(20)).unwrap().members.len()
}

#[test]
fn replaced_threads_lose_and_double_nothing() {
    let mut world = world(2);
    let (mut streams, failures) = supervised(&world, &fragile(3), world.config(), UncaughtErrorResponse::ReplaceThread);
    world.ride_and_settle(&mut [&mut streams]);
    world.send("turnstiles", [("loop", "bad"), ("loop", "ride")]);
    world.ride();
    world.step_until(&mut streams, |streams| streams.counts().processed >= 42 && streams.state() == State::Running);
    world.settle(&mut [&mut streams]);
    world.assert_counted(2, 2);
    let failures = failures.lock().unwrap();
    let threads: Vec<&str> = failures.iter().map(|(_, name, _)| name.rsplit_once("-me-").unwrap().1).collect();
    // A thread that fails has its number until it is gone.
    assert_eq!(threads, ["StreamThread-1", "StreamThread-2", "StreamThread-1"]);
    assert_eq!(names(&streams), ["StreamThread-2"]);
    assert!(failures[0].2.contains("panicked: a bad record") && failures[0].2.contains("task 0_"), "{}", failures[0].2);
}

#[test]
fn replaced_thread_does_again_what_was_not_committed_at_least_once() {
    let mut world = world(2);
    let config = at_least_once(world.config());
    let (mut streams, failures) = supervised(&world, &fragile(1), config, UncaughtErrorResponse::ReplaceThread);
    world.ride();
    world.send("turnstiles", [("a", "bad")]);
    world.step_until(&mut streams, |streams| streams.counts().processed >= 21 && streams.state() == State::Running);
    world.settle(&mut [&mut streams]);
    assert_eq!(failures.lock().unwrap().len(), 1);
    world.assert_nothing_is_lost(1);
}

#[test]
fn record_on_which_every_thread_fails_does_not_make_the_instance_spin() {
    let mut world = world(1);
    let response = UncaughtErrorResponse::ReplaceThread;
    let (mut streams, failures) = supervised(&world, &fragile(usize::MAX), world.config(), response);
    world.send("turnstiles", [("loop", "bad")]);
    world.step_for(&mut streams, 30_000);
    let failures = failures.lock().unwrap();
    let pauses: Vec<i64> = failures.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert!((7..=9).contains(&failures.len()), "{pauses:?}");
    assert!(pauses.is_sorted() && pauses[0] >= 100 && pauses.iter().all(|pause_ms| *pause_ms < 12_000), "{pauses:?}");
    assert_eq!(streams.threads().len(), 1);
}

#[test]
fn instance_ends_if_the_handler_says_so() {
    let mut world = world(1);
    let response = UncaughtErrorResponse::ShutdownClient;
    let (mut streams, failures) = supervised(&world, &fragile(1), world.config(), response);
    world.send("turnstiles", [("loop", "bad")]);
    let error = world.step_until_failure(&mut streams);
    assert_eq!((error.kind(), streams.state()), (ErrorKind::Bug, State::Error));
    assert_eq!(failures.lock().unwrap().len(), 1);
}

#[test]
fn every_instance_ends_if_the_handler_says_so_and_those_that_come_later_run() {
    let mut world = world(2);
    let (topology, response) = (fragile(1), UncaughtErrorResponse::ShutdownApplication);
    let (mut one, _) = supervised(&world, &topology, world.config(), response);
    let (mut two, failures) = supervised(&world, &topology, world.other_config(), response);
    world.step_both(&mut one, &mut two, 300);
    world.ride_and_settle(&mut [&mut one, &mut two]);
    world.send("turnstiles", [("loop", "bad")]);
    let mut failed = None;
    for _ in 0..10_000 {
        let now_ms = world.now_ms();
        let mut step = |streams: &mut SteppedStreams| {
            if let Err(error) = streams.step(now_ms) {
                failed.get_or_insert(error);
            }
        };
        step(&mut one);
        step(&mut two);
        world.clock.advance_ms(1);
    }
    assert!(failed.unwrap().to_string().contains("a bad record"));
    assert_eq!((one.state(), two.state()), (State::Error, State::Error));
    assert!(failures.lock().unwrap().len() <= 1, "whoever is asked to end has not failed itself");
    // What they had done is committed, and the request is not meant for later instances.
    drop((one, two));
    let (mut three, _) = supervised(&world, &topology, world.config(), response);
    world.step_for(&mut three, 10_000);
    assert_eq!(three.state(), State::Running);
    world.settle(&mut [&mut three]);
    world.assert_counted(1, 1);
}

#[test]
fn request_that_cannot_be_made_ends_the_instance_alone_and_is_named() {
    use kstreams::log::embedded::{Fault, Operation};
    let plan = |operation: &Operation<'_>, _now_ms: i64| match operation {
        Operation::Commit { group: "app-shutdown-requests" } => Fault::Fail(ErrorKind::Unauthorized),
        _ => Fault::None,
    };
    let mut world = crate::rides::world_with_faults(Box::new(plan));
    let response = UncaughtErrorResponse::ShutdownApplication;
    let (mut streams, _) = supervised(&world, &fragile(1), world.config(), response);
    world.send("turnstiles", [("loop", "bad")]);
    let error = world.step_until_failure(&mut streams).to_string();
    assert!(error.contains("the other instances go on") && error.contains("a bad record"), "{error}");
}

#[test]
fn added_thread_takes_tasks_and_removed_ones_give_them_back_committed() {
    let mut world = world(4);
    let (mut streams, _) = supervised(&world, &count(), world.config(), UncaughtErrorResponse::ShutdownClient);
    world.ride_and_settle(&mut [&mut streams]);
    assert_eq!(streams.add_stream_thread().unwrap().as_deref(), Some("app-me-StreamThread-2"));
    world.settle(&mut [&mut streams]);
    assert_eq!((streams.state(), members(&world)), (State::Running, 2));
    world.ride_and_settle(&mut [&mut streams]);
    world.ride();
    assert_eq!(streams.remove_stream_thread().as_deref(), Some("app-me-StreamThread-1"));
    world.settle(&mut [&mut streams]);
    assert_eq!((names(&streams), members(&world)), (vec!["StreamThread-2".to_owned()], 1));
    assert_eq!(streams.add_stream_thread().unwrap().as_deref(), Some("app-me-StreamThread-1"));
    world.ride_and_settle(&mut [&mut streams]);
    assert_eq!(world.numbers("summary"), counted(4));
    assert_eq!(streams.counts().rollbacks, 0);
}

#[test]
fn instance_without_threads_goes_on_when_it_is_given_one() {
    let mut world = world(2);
    let (mut streams, _) = supervised(&world, &count(), world.config(), UncaughtErrorResponse::ShutdownClient);
    world.ride_and_settle(&mut [&mut streams]);
    assert!(streams.remove_stream_thread().is_some());
    world.settle(&mut [&mut streams]);
    assert_eq!((streams.remove_stream_thread(), streams.threads().len(), members(&world)), (None, 0, 0));
    world.ride_and_settle(&mut [&mut streams]);
    assert_eq!(world.numbers("summary"), counted(1));
    streams.add_stream_thread().unwrap();
    world.settle(&mut [&mut streams]);
    assert_eq!(world.numbers("summary"), counted(2));
    streams.close(world.now_ms()).unwrap();
}

#[test]
fn threads_share_the_cache_anew_when_their_number_changes() {
    let mut world = world(1);
    let row_bytes = 200;
    let mut config = world.config().cache_max_bytes(10 * row_bytes).commit_interval(Duration::from_secs(5));
    config.log_summary_interval_ms = -1;
    let (mut streams, _) = supervised(&world, &count(), config, UncaughtErrorResponse::ShutdownClient);
    // All ten stations are held back by one thread.
    world.ride();
    world.step_for(&mut streams, 1_000);
    let alone = streams.counts().sent;
    world.step_for(&mut streams, 10_000);
    for _ in 0..9 {
        streams.add_stream_thread().unwrap();
    }
    world.settle(&mut [&mut streams]);
    world.ride();
    let before = streams.counts().sent;
    world.step_for(&mut streams, 1_000);
    let shared = streams.counts().sent - before;
    assert!(alone < shared, "{alone} messages were sent before a commit with the whole cache, {shared} with a tenth");
}

struct Ticking(Arc<AtomicUsize>);

impl Processor<String, String, String, String> for Ticking {
    fn init(&mut self, context: &ProcessorContext<String, String>) -> Result<()> {
        let ticks = self.0.clone();
        context.schedule(Duration::from_secs(1), PunctuationType::WallClockTime, move |_, _| {
            ticks.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })?;
        Ok(())
    }

    fn process(&mut self, context: &ProcessorContext<String, String>, record: Record<String, String>) -> Result<()> {
        context.forward(record)
    }
}

#[test]
fn paused_instance_processes_and_punctuates_nothing_and_keeps_its_tasks() {
    let ticks = Arc::new(AtomicUsize::new(0));
    let own = ticks.clone();
    let builder = StreamsBuilder::new();
    builder.stream::<String, String>("turnstiles").process(move || Ticking(own.clone()), &[]).to("summary");
    let mut world = world(2);
    let config = world.config().commit_interval(Duration::from_secs(2));
    let mut streams = world.running(&builder.build().unwrap(), config);
    world.ride();
    world.step_until(&mut streams, |streams| streams.counts().processed == 20);
    streams.pause();
    let (commits, ticked) = (streams.counts().commits, ticks.load(Ordering::Relaxed));
    world.ride();
    world.step_for(&mut streams, SESSION_OVER_MS);
    assert_eq!((streams.counts().processed, ticks.load(Ordering::Relaxed)), (20, ticked));
    assert_eq!(streams.counts().commits, commits + 1, "what was done before is committed, once");
    assert_eq!((streams.state(), members(&world), world.read("summary").len()), (State::Running, 1, 20));
    streams.resume();
    world.step_for(&mut streams, 3_000);
    assert_eq!((streams.counts().processed, world.read("summary").len()), (40, 40));
    let caught_up = ticks.load(Ordering::Relaxed) - ticked;
    assert!((2..=8).contains(&caught_up), "{caught_up} punctuations: those that two tasks missed run once");
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl StateRestoreListener for Heard {
    fn on_restore_start(&self, changelog: &TopicPartition, store: &str, from: i64, end: i64) {
        self.note(format!("start {store} {changelog} {from}..{end}"));
    }

    fn on_batch_restored(&self, changelog: &TopicPartition, store: &str, last: i64, records: u64) {
        self.note(format!("batch {store} {changelog} {records} to {last}"));
    }

    fn on_restore_end(&self, changelog: &TopicPartition, store: &str, total: u64) {
        self.note(format!("end {store} {changelog} {total}"));
    }

    fn on_restore_suspended(&self, changelog: &TopicPartition, store: &str, total: u64) {
        self.note(format!("suspended {store} {changelog} {total}"));
    }
}

fn heard(world: &World, topology: &Topology, config: Config) -> (SteppedStreams, Heard) {
    let heard = Heard::default();
    let options = StartOptions::new().log(world.log.clone()).state_restore_listener(heard.clone());
    (SteppedStreams::start(topology, config, options).unwrap(), heard)
}

#[test]
fn restore_listener_hears_of_what_is_restored_from_where_to_where() {
    let mut world = world(1);
    let topology = count();
    let (mut streams, first) = heard(&world, &topology, world.config());
    world.run(&mut streams);
    let at = "rides app-rides-changelog-0";
    assert_eq!(first.take(), [format!("start {at} 0..0"), format!("end {at} 0")]);
    world.ride_and_settle(&mut [&mut streams]);
    streams.close(world.now_ms()).unwrap();
    let end = world.offset(&TopicPartition::new("app-rides-changelog", 0), kstreams::log::OffsetAt::End);

    let (mut kept, here) = heard(&world, &topology, world.config());
    world.run(&mut kept);
    let [start, done] = &here.take()[..] else { panic!("nothing is to be restored") };
    assert!(start.ends_with(&format!("..{end}")) && *done == format!("end {at} 0"), "{start}, {done}");
    kept.close(world.now_ms()).unwrap();

    let (mut lost, elsewhere) = heard(&world, &topology, world.other_config());
    world.run(&mut lost);
    let lines = elsewhere.take();
    assert_eq!(lines[0], format!("start {at} 0..{end}"));
    assert_eq!(lines.last().unwrap(), &format!("end {at} 20"));
    assert!(lines[1..lines.len() - 1].iter().all(|line| line.starts_with("batch")) && lines.len() > 2, "{lines:?}");
    let to = lines[lines.len() - 2].rsplit_once(' ').unwrap().1.parse::<i64>().unwrap();
    assert!((19..end).contains(&to), "{lines:?}");
}

#[test]
fn restoring_that_begins_again_where_its_changelog_was_deleted_is_suspended_before() {
    let mut world = world(1);
    let topology = count();
    let changelog = TopicPartition::new("app-rides-changelog", 0);
    for config in [world.config(), world.other_config()] {
        let mut streams = world.running(&topology, config);
        world.ride_and_settle(&mut [&mut streams]);
        streams.close(world.now_ms()).unwrap();
    }
    world.truncate(&changelog);
    let end = world.offset(&changelog, kstreams::log::OffsetAt::End);
    let (mut behind, heard) = heard(&world, &topology, world.config());
    world.run(&mut behind);
    let lines = heard.take();
    let at = "rides app-rides-changelog-0";
    assert!(lines[0].starts_with(&format!("start {at} ")) && !lines[0].contains(" 0.."), "{lines:?}");
    assert_eq!(lines[1..], [format!("suspended {at} 0"), format!("start {at} 0..{end}"), format!("end {at} 0")]);
}

#[test]
fn restoring_goes_on_in_an_instance_that_is_paused_and_is_suspended_with_its_task() {
    let mut world = world(1);
    let topology = count();
    let mut streams = world.running(&topology, world.config());
    world.ride_and_settle(&mut [&mut streams]);
    streams.close(world.now_ms()).unwrap();
    let heard = Heard::default();
    let options = StartOptions::new().log(world.log.clone()).state_restore_listener(heard.clone()).paused();
    let mut paused = SteppedStreams::start(&topology, world.other_config(), options).unwrap();
    world.step_until(&mut paused, |_| heard.0.lock().unwrap().len() == 1);
    drop(paused);
    assert_eq!(heard.take()[1], "suspended rides app-rides-changelog-0 0");

    world.clock.advance_ms(SESSION_OVER_MS);
    let options = StartOptions::new().log(world.log.clone()).state_restore_listener(heard.clone()).paused();
    let mut paused = SteppedStreams::start(&topology, world.other_config(), options).unwrap();
    world.ride();
    world.step_until(&mut paused, |streams| streams.state() == State::Running);
    world.step_for(&mut paused, 1_000);
    assert_eq!(heard.take().last().unwrap(), "end rides app-rides-changelog-0 20");
    assert_eq!(paused.counts().processed, 0);
}

#[test]
fn restoring_of_global_tables_is_heard_of_partition_by_partition() {
    let builder = StreamsBuilder::new();
    let lines = builder.global_table::<String, String>("lines", "lines-store");
    let rides = builder.stream::<String, String>("turnstiles");
    rides.join_global(&lines, |key, _| key.clone(), |ride, line| format!("{ride} {line}")).to("summary");
    let mut world = world(1);
    world.create(&[("lines", 2)]);
    world.send("lines", [("loop", "red"), ("clark", "blue"), ("lake", "green")]);
    let (mut streams, heard) = heard(&world, &builder.build().unwrap(), world.config());
    world.run(&mut streams);
    let lines: Vec<String> = heard.take().into_iter().filter(|line| line.contains(" lines-")).collect();
    assert_eq!(lines.iter().filter(|line| line.starts_with("start")).count(), 2, "{lines:?}");
    let ends: Vec<&String> = lines.iter().filter(|line| line.starts_with("end")).collect();
    assert_eq!(ends.len(), 2, "{lines:?}");
    let total: u64 = ends.iter().map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum();
    assert_eq!(total, 3, "{lines:?}");
}

#[test]
fn restore_listener_that_panics_is_an_uncaught_error() {
    struct Panicking;
    impl StateRestoreListener for Panicking {
        fn on_restore_start(&self, _: &TopicPartition, store: &str, _: i64, _: i64) {
            panic!("not {store}");
        }
    }
    let world = world(1);
    let options = StartOptions::new().log(world.log.clone()).state_restore_listener(Panicking);
    let mut streams = SteppedStreams::start(&count(), world.config(), options).unwrap();
    let error = world.step_until_failure(&mut streams);
    assert_eq!(error.kind(), ErrorKind::Bug);
    assert!(error.to_string().contains("the restore listener panicked: not rides"), "{error}");
}
