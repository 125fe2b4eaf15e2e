//! What goes wrong between a thread and the log, and is rolled back or asked again.

use crate::fixture::World;
use crate::rides::{ROUND, at_least_once, count, counted, world, world_with_faults};
use kstreams::config::Config;
use kstreams::engine::memory::MemoryEngine;
use kstreams::error::{Error, ErrorKind};
use kstreams::log::embedded::{Fault, Operation};
use kstreams::record::Topic;
use kstreams::runtime::StartOptions;
use kstreams::testing::{EngineCall, EngineFault, FaultyEngine, SteppedStreams};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Counts three rounds while the requests that `concerns` picks go wrong with `fault`, every fifth of them. Returns the
/// number of faults and rollbacks.
fn count_under(
    fault: Fault,
    concerns: impl Fn(&Operation<'_>) -> bool + Send + 'static,
    guarantee: fn(Config) -> Config,
) -> (World, usize, u64) {
    let (faults, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = faults.clone();
    let plan = move |operation: &Operation<'_>, _now_ms: i64| {
        if !concerns(operation) || seen.fetch_add(1, Ordering::Relaxed) % 5 != 1 {
            return Fault::None;
        }
        counted.fetch_add(1, Ordering::Relaxed);
        fault
    };
    let mut world = world_with_faults(Box::new(plan));
    let mut streams = world.running(&count(), guarantee(world.config()));
    for _ in 0..3 {
        world.ride_and_settle(&mut [&mut streams]);
    }
    let rollbacks = streams.counts().rollbacks;
    (world, faults.load(Ordering::Relaxed), rollbacks)
}

/// The configuration as the world makes it.
fn exactly_once(config: Config) -> Config {
    config
}

fn ends_a_commit(operation: &Operation<'_>) -> bool {
    matches!(operation, Operation::EndTransaction { commit: true, .. })
}

fn appends(operation: &Operation<'_>) -> bool {
    matches!(operation, Operation::Append { transactional_id: Some(_), .. })
}

#[test]
fn commit_with_an_unknown_outcome_is_asked_for_again() {
    let (world, faults, rollbacks) = count_under(Fault::Unknown, ends_a_commit, exactly_once);
    assert!(faults > 0);
    assert_eq!((world.numbers("summary"), rollbacks), (counted(3), 0));
}

#[test]
fn refused_commit_is_rolled_back_and_done_again() {
    for kind in [ErrorKind::Aborted, ErrorKind::Fenced] {
        let (world, faults, rollbacks) = count_under(Fault::Fail(kind), ends_a_commit, exactly_once);
        assert!(faults > 0 && rollbacks > 0, "{kind:?}");
        assert_eq!(world.numbers("summary"), counted(3), "{kind:?}");
    }
}

#[test]
fn failed_delivery_is_rolled_back_and_done_again() {
    for fault in [Fault::Fail(ErrorKind::Timeout), Fault::Unknown] {
        let (world, faults, rollbacks) = count_under(fault, appends, exactly_once);
        assert!(faults > 0 && rollbacks > 0, "{fault:?}");
        assert_eq!(world.numbers("summary"), counted(3), "{fault:?}");
    }
}

#[test]
fn lost_acknowledgement_is_not_a_second_message() {
    let (world, faults, rollbacks) = count_under(Fault::LostAnswer, appends, exactly_once);
    assert!(faults > 0);
    assert_eq!((world.numbers("summary"), rollbacks), (counted(3), 0));
}

#[test]
fn refused_offsets_are_rolled_back_and_done_again() {
    let concerns = |operation: &Operation<'_>| matches!(operation, Operation::SendOffsets { .. });
    for kind in [ErrorKind::Fenced, ErrorKind::Aborted] {
        let (world, faults, rollbacks) = count_under(Fault::Fail(kind), concerns, exactly_once);
        assert!(faults > 0 && rollbacks > 0, "{kind:?}");
        assert_eq!(world.numbers("summary"), counted(3), "{kind:?}");
    }
}

#[test]
fn full_queue_holds_input_back_and_loses_nothing() {
    let concerns = |operation: &Operation<'_>| matches!(operation, Operation::Send { topic } if *topic != "turnstiles");
    let (world, faults, rollbacks) = count_under(Fault::QueueFull, concerns, exactly_once);
    assert!(faults > 0);
    assert_eq!((world.numbers("summary"), rollbacks), (counted(3), 0));
}

#[test]
fn late_markers_delay_and_change_nothing() {
    let concerns = |operation: &Operation<'_>| matches!(operation, Operation::WriteMarkers { .. });
    let (world, faults, _) = count_under(Fault::Delay { by_ms: 15 }, concerns, exactly_once);
    assert!(faults > 0);
    assert_eq!(world.numbers("summary"), counted(3));
}

#[test]
fn offsets_refused_at_least_once_are_done_again() {
    let concerns = |operation: &Operation<'_>| matches!(operation, Operation::Commit { .. });
    let (world, faults, rollbacks) = count_under(Fault::Fail(ErrorKind::Fenced), concerns, at_least_once);
    assert!(faults > 0 && rollbacks > 0);
    world.assert_nothing_is_lost(3);
}

#[test]
fn output_that_timed_out_at_least_once_is_done_again() {
    let is_output = |operation: &Operation<'_>| matches!(operation, Operation::Append { partition, .. } if partition.topic == Topic::from("summary"));
    for fault in [Fault::Fail(ErrorKind::Timeout), Fault::Unknown] {
        let (world, faults, rollbacks) = count_under(fault, is_output, at_least_once);
        assert!(faults > 0 && rollbacks > 0, "{fault:?}");
        world.assert_nothing_is_lost(3);
    }
}

#[test]
fn commit_that_is_never_answered_ends_the_instance_after_its_limit() {
    let plan = |operation: &Operation<'_>, _now_ms: i64| match ends_a_commit(operation) {
        true => Fault::Fail(ErrorKind::Timeout),
        false => Fault::None,
    };
    let mut world = world_with_faults(Box::new(plan));
    let mut config = world.config();
    config.task_timeout_ms = 1_000;
    let mut streams = world.running(&count(), config);
    world.ride();
    let begun_ms = world.now_ms();
    let error = (0..100_000).find_map(|_| {
        world.clock.advance_ms(1);
        streams.step(world.now_ms()).err()
    });
    assert_eq!(error.expect("there is a limit").kind(), ErrorKind::Timeout);
    assert!(world.now_ms() - begun_ms >= 1_000);
    assert!(world.numbers("summary").is_empty());
}

#[test]
fn damaged_store_is_wiped_restored_and_right_again() {
    let mut world = world(1);
    let is_damaged = Arc::new(AtomicBool::new(false));
    let asked = is_damaged.clone();
    // One read of a row finds it damaged, when told so.
    let engine = Arc::new(FaultyEngine::new(MemoryEngine::default(), move |call| match call {
        EngineCall::Get { key, .. } if key.len() == 1 && asked.swap(false, Ordering::Relaxed) => {
            EngineFault::Fail(Error::new(ErrorKind::Corrupt, "a block is damaged"))
        }
        _ => EngineFault::None,
    }));
    let start = |world: &World| {
        let options = StartOptions::new().log(world.log.clone()).engine(engine.clone()).process_id("one");
        SteppedStreams::start(&count(), world.config(), options).unwrap()
    };
    let mut streams = start(&world);
    world.run(&mut streams);
    world.ride_and_settle(&mut [&mut streams]);
    // A new start has no rows at hand: it must read them.
    world.crash(streams);
    let mut streams = start(&world);
    world.run(&mut streams);
    assert_eq!(streams.counts().restored, 0);
    is_damaged.store(true, Ordering::Relaxed);
    world.ride_and_settle(&mut [&mut streams]);
    let counts = streams.counts();
    assert_eq!((counts.rollbacks, counts.stores_wiped, counts.restored), (1, 1, ROUND));
    assert_eq!(world.numbers("summary"), counted(2));
}
