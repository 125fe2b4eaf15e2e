//! How long something may go wrong, and what counts as the same thing going wrong.

use crate::fixture::World;
use crate::rides::{at_least_once, count, counted, world_with_faults};
use kstreams::config::Config;
use kstreams::dsl::{Consumed, Produced, StreamsBuilder};
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::log::Log;
use kstreams::log::client::wait;
use kstreams::log::embedded::{Fault, Operation};
use kstreams::runtime::CommitStage;
use kstreams::serde::{Format, Serde};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

const PATIENCE_MS: i64 = 1_000;

fn impatient(mut config: Config) -> Config {
    config.task_timeout_ms = PATIENCE_MS;
    config
}

/// Text whose schema, so to speak, has not come yet while `is_waiting`: then values that begin with `?` are not known.
#[derive(Clone)]
struct Late {
    is_waiting: Arc<AtomicBool>,
}

impl Serde<String> for Late {
    fn serialize(&self, value: &String, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(value.as_bytes());
        Ok(())
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<String> {
        match bytes.starts_with(b"?") && self.is_waiting.load(Ordering::Relaxed) {
            true => Err(Error::new(ErrorKind::Pending, "its schema has not come")),
            false => Ok(String::from_utf8_lossy(bytes).into_owned()),
        }
    }
}

#[test]
fn input_that_waits_forever_is_given_up_whatever_comes_on_the_others() {
    let late = Late { is_waiting: Arc::new(AtomicBool::new(true)) };
    let builder = StreamsBuilder::new();
    let read = |topic| Consumed::with(topic, Format::string(), Format::of(late.clone()));
    let one = builder.stream::<String, String>(read("one"));
    one.merge(builder.stream(read("two"))).to(Produced::with("out", Format::string(), Format::string()));
    let mut world = World::new();
    world.create(&[("one", 1), ("two", 1), ("out", 1)]);
    let mut config = impatient(world.config());
    config.max_task_idle_ms = -1;
    let mut streams = world.running(&builder.build().unwrap(), config);
    world.send("one", [("a", "?")]);
    let begun_ms = world.now_ms();
    let error = (0..20).find_map(|_| {
        world.send("two", [("b", "x")]);
        (0..100).find_map(|_| {
            world.clock.advance_ms(1);
            streams.step(world.now_ms()).err()
        })
    });
    assert_eq!(error.expect("there is a limit").kind(), ErrorKind::Pending);
    assert!((PATIENCE_MS..2 * PATIENCE_MS).contains(&(world.now_ms() - begun_ms)));
    assert!(world.read("out").len() > 5, "the other input went on");
}

#[test]
fn rare_failures_of_a_thread_at_rest_do_not_add_up() {
    let is_failing = Arc::new(AtomicBool::new(false));
    let fails = is_failing.clone();
    let plan = move |operation: &Operation<'_>, _now_ms: i64| match operation {
        Operation::Fetch { partition } if partition.topic.as_str() == "turnstiles" => {
            if fails.swap(false, Ordering::Relaxed) { Fault::Fail(ErrorKind::Timeout) } else { Fault::None }
        }
        _ => Fault::None,
    };
    let mut world = world_with_faults(Box::new(plan));
    let mut streams = world.running(&count(), impatient(world.config()));
    for failure in 1..=4 {
        is_failing.store(true, Ordering::Relaxed);
        world.step_for(&mut streams, PATIENCE_MS * 6 / 10);
        assert_eq!(streams.counts().rollbacks, failure);
    }
    world.ride_and_settle(&mut [&mut streams]);
    assert_eq!(world.numbers("summary"), counted(1));
}

/// Refuses the first commit, so that there is a rollback, and does `fault` to every abort. Returns the error that the
/// instance ends with, and the number of aborts and of rollbacks.
fn roll_back_under(fault: Fault) -> (Error, usize, u64) {
    let aborts = Arc::new(AtomicUsize::new(0));
    let (asked, mut is_first) = (aborts.clone(), true);
    let plan = move |operation: &Operation<'_>, _now_ms: i64| match operation {
        Operation::EndTransaction { commit: true, .. } if std::mem::take(&mut is_first) => {
            Fault::Fail(ErrorKind::Aborted)
        }
        Operation::EndTransaction { commit: false, .. } => {
            asked.fetch_add(1, Ordering::Relaxed);
            fault
        }
        _ => Fault::None,
    };
    let mut world = world_with_faults(Box::new(plan));
    let mut config = impatient(world.config());
    config.transaction_timeout_ms = 40_000;
    let mut streams = world.running(&count(), config);
    world.ride();
    let error = world.step_until_failure(&mut streams);
    (error, aborts.load(Ordering::Relaxed), streams.counts().rollbacks)
}

#[test]
fn abort_that_is_refused_is_asked_for_with_pauses_and_then_given_up() {
    let (error, aborts, rollbacks) = roll_back_under(Fault::Fail(ErrorKind::Timeout));
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!((5..20).contains(&aborts), "{aborts}");
    assert_eq!(rollbacks, 1, "it is one rollback that does not come to its end");
}

#[test]
fn abort_that_is_never_answered_is_given_up() {
    let (error, aborts, _) = roll_back_under(Fault::Delay { by_ms: i64::MAX });
    assert_eq!((error.kind(), aborts), (ErrorKind::Timeout, 1));
    assert!(error.to_string().contains("a rollback was not answered"), "{error}");
}

#[test]
fn question_about_offsets_that_is_never_answered_is_given_up() {
    for question in ["committed", "offsets"] {
        let plan = move |operation: &Operation<'_>, _now_ms: i64| match operation {
            Operation::Committed { .. } if question == "committed" => Fault::Delay { by_ms: i64::MAX },
            Operation::Admin { call } if *call == question => Fault::Delay { by_ms: i64::MAX },
            _ => Fault::None,
        };
        let world = world_with_faults(Box::new(plan));
        let mut streams = world.start(&count(), impatient(world.config()));
        let error = world.step_until_failure(&mut streams);
        assert_eq!(error.kind(), ErrorKind::Timeout, "{question}");
        assert!(error.to_string().contains("the log did not say where"), "{error}");
    }
}

fn generation(world: &World) -> i32 {
    let call = world.log.admin().unwrap().describe_group("app");
    wait(&*world.log, call, Duration::from_secs(5)).unwrap().generation
}

/// The offsets of a commit are refused for a while, and meanwhile a second instance joins that gets nothing.
fn join_during_commit(guarantee: fn(Config) -> Config) -> (World, u64) {
    let is_refusing = Arc::new(AtomicBool::new(false));
    let refuses = is_refusing.clone();
    let plan = move |operation: &Operation<'_>, _now_ms: i64| match operation {
        Operation::SendOffsets { .. } | Operation::Commit { .. } if refuses.load(Ordering::Relaxed) => {
            Fault::Fail(ErrorKind::Timeout)
        }
        _ => Fault::None,
    };
    let mut world = World::with_faults(Some(Box::new(plan)));
    world.create(&[("turnstiles", 1), ("summary", 1)]);
    let mut one = world.running(&count(), guarantee(world.config()));
    world.ride_and_settle(&mut [&mut one]);
    is_refusing.store(true, Ordering::Relaxed);
    world.ride();
    world.step_to(&mut one, CommitStage::Offsets);
    let before = generation(&world);
    let mut two = world.start(&count(), guarantee(world.other_config()));
    world.step_both(&mut one, &mut two, 300);
    assert!(generation(&world) > before);
    assert_eq!(one.commit_stages(), [Some(CommitStage::Offsets)]);
    is_refusing.store(false, Ordering::Relaxed);
    world.settle(&mut [&mut one, &mut two]);
    (world, one.counts().rollbacks)
}

#[test]
fn commit_is_asked_for_again_in_the_name_of_the_newest_generation() {
    let (world, rollbacks) = join_during_commit(|config| config);
    assert_eq!((world.numbers("summary"), rollbacks), (counted(2), 0));
    let (world, rollbacks) = join_during_commit(at_least_once);
    assert_eq!((world.numbers("summary"), rollbacks), (counted(2), 0));
}

#[test]
fn commit_in_the_name_of_an_old_generation_is_rolled_back_and_counts_once() {
    // The request is on its way while the group moves on.
    let is_slow = Arc::new(AtomicBool::new(false));
    let slows = is_slow.clone();
    let plan = move |operation: &Operation<'_>, _now_ms: i64| match operation {
        Operation::SendOffsets { .. } if slows.swap(false, Ordering::Relaxed) => Fault::Delay { by_ms: 400 },
        _ => Fault::None,
    };
    let mut world = World::with_faults(Some(Box::new(plan)));
    world.create(&[("turnstiles", 1), ("summary", 1)]);
    let mut one = world.running(&count(), world.config());
    is_slow.store(true, Ordering::Relaxed);
    world.ride();
    world.step_to(&mut one, CommitStage::Offsets);
    let before = generation(&world);
    let mut two = world.start(&count(), world.other_config());
    world.step_both(&mut one, &mut two, 300);
    assert!(generation(&world) > before);
    world.settle(&mut [&mut one, &mut two]);
    assert_eq!((world.numbers("summary"), one.counts().rollbacks), (counted(1), 1));
}
