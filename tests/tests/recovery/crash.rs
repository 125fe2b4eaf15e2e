//! The turnstile count with a crash at every stage of the commit.

use crate::fixture::{SESSION_OVER_MS, World};
use crate::rides::{ROUND, at_least_once, count, counted, world};
use kstreams::config::{Config, EngineKind};
use kstreams::dsl::StreamsBuilder;
use kstreams::engine::memory::MemoryEngine;
use kstreams::runtime::{CommitStage, StartOptions, State};
use kstreams::store::TimestampedKeyValueStore;
use kstreams::testing::SteppedStreams;
use kstreams::topology::Topology;
use std::collections::BTreeMap;
use std::sync::Arc;

fn rides(streams: &SteppedStreams) -> BTreeMap<String, i64> {
    let view = streams.store::<TimestampedKeyValueStore<String, i64>>("rides").unwrap();
    view.all().unwrap().map(|row| row.map(|(key, row)| (key, row.value)).unwrap()).collect()
}

/// A round that is committed, a round with a crash at `stage`, and a round after it. Returns the restored records of the
/// restart, and the rides of each station.
fn crash_at(world: &mut World, stage: CommitStage, config: &Config) -> (u64, BTreeMap<String, i64>) {
    let topology = count();
    let mut streams = world.start(&topology, config.clone());
    world.ride();
    world.run(&mut streams);
    world.settle(&mut [&mut streams]);
    world.ride();
    world.step_to(&mut streams, stage);
    world.crash(streams);

    let mut streams = world.running(&topology, config.clone());
    let restored = streams.counts().restored;
    world.settle(&mut [&mut streams]);
    world.ride_and_settle(&mut [&mut streams]);
    let rides = rides(&streams);
    (restored, rides)
}

fn exactly(rounds: i64) -> BTreeMap<String, i64> {
    counted(rounds).into_keys().map(|station| (station, 2 * rounds)).collect()
}

#[test]
fn exactly_once_counts_exactly_after_a_crash_at_every_stage() {
    for stage in CommitStage::ALL {
        let mut world = world(2);
        let config = world.config();
        let (restored, rides) = crash_at(&mut world, stage, &config);
        assert_eq!(rides, exactly(3), "{stage:?}");
        assert_eq!(world.numbers("summary"), counted(3), "{stage:?}");
        // Only what was committed in the log and not on disk.
        let tail = if stage == CommitStage::Write { ROUND } else { 0 };
        assert_eq!(restored, tail, "{stage:?}");
    }
}

#[test]
fn exactly_once_in_memory_restores_everything_that_was_committed() {
    for stage in CommitStage::ALL {
        let mut world = world(2);
        let config = world.config().engine(EngineKind::Memory).seed(7);
        let (restored, rides) = crash_at(&mut world, stage, &config);
        assert_eq!(rides, exactly(3), "{stage:?}");
        assert_eq!(world.numbers("summary"), counted(3), "{stage:?}");
        let committed = if stage == CommitStage::Write { 2 * ROUND } else { ROUND };
        assert_eq!(restored, committed, "{stage:?}");
    }
}

#[test]
fn at_least_once_never_counts_less_after_a_crash_at_every_stage() {
    for stage in CommitStage::ALL.into_iter().filter(|stage| *stage != CommitStage::End) {
        let mut world = world(2);
        let config = at_least_once(world.config());
        let (restored, rides) = crash_at(&mut world, stage, &config);
        for (station, rides) in &rides {
            // A crash repeats at most the round that was not committed.
            assert!((6..=8).contains(rides), "{stage:?}: {station} has {rides}");
        }
        assert_eq!(rides.len(), 10, "{stage:?}");
        for (station, numbers) in world.numbers("summary") {
            assert_eq!(numbers.last(), rides.get(&station), "{stage:?}");
        }
        // What is acknowledged is in the changelog, committed or not.
        let is_acknowledged = stage >= CommitStage::Offsets;
        assert_eq!(restored, if is_acknowledged { ROUND } else { 0 }, "{stage:?}");
    }
}

#[test]
fn at_least_once_in_memory_restores_everything_that_was_acknowledged() {
    for stage in CommitStage::ALL.into_iter().filter(|stage| *stage != CommitStage::End) {
        let mut world = world(2);
        let config = at_least_once(world.config()).engine(EngineKind::Memory).seed(7);
        let (restored, rides) = crash_at(&mut world, stage, &config);
        let is_acknowledged = stage >= CommitStage::Offsets;
        assert_eq!(restored, if is_acknowledged { 2 * ROUND } else { ROUND }, "{stage:?}");
        // Between acknowledgement and the commit of the offsets a crash counts a round twice, and nothing else does.
        let rounds = if stage == CommitStage::Offsets { 4 } else { 3 };
        assert_eq!(rides, exactly(rounds), "{stage:?}");
        let last = |(station, numbers): (String, Vec<i64>)| (station, numbers.last().copied().unwrap());
        assert_eq!(world.numbers("summary").into_iter().map(last).collect::<BTreeMap<_, _>>(), rides, "{stage:?}");
    }
}

#[test]
fn state_on_disk_that_is_lost_is_restored_in_full() {
    let mut world = world(2);
    let (topology, config) = (count(), world.config());
    let mut streams = world.start(&topology, config.clone());
    world.ride();
    world.run(&mut streams);
    world.settle(&mut [&mut streams]);
    world.crash(streams);

    let options = StartOptions::new().log(world.log.clone()).engine(Arc::new(MemoryEngine::default()));
    let mut streams = SteppedStreams::start(&topology, config, options).unwrap();
    world.run(&mut streams);
    assert_eq!((streams.counts().restored, rides(&streams)), (ROUND, exactly(1)));
}

#[test]
fn crash_while_restoring_is_a_longer_start_and_nothing_else() {
    let mut world = world(2);
    let (topology, config) = (count(), world.config().engine(EngineKind::Memory).seed(7));
    let mut streams = world.start(&topology, config.clone());
    world.ride();
    world.run(&mut streams);
    world.settle(&mut [&mut streams]);
    for steps in 1..30 {
        world.crash(streams);
        world.clock.advance_ms(SESSION_OVER_MS);
        streams = world.start(&topology, config.clone());
        (0..steps).for_each(|_| _ = world.step(&mut streams));
    }
    world.run(&mut streams);
    world.ride_and_settle(&mut [&mut streams]);
    assert_eq!(world.numbers("summary"), counted(2));
}

/// The latest value of each key.
fn latest() -> Topology {
    let builder = StreamsBuilder::new();
    builder.stream::<String, String>("in").group_by_key().reduce(|_, new| new, "latest");
    builder.build().unwrap()
}

#[test]
fn crash_while_restoring_on_disk_loses_no_row_and_takes_up_where_it_was() {
    // So much that a part is restored past the engine's log.
    let text = |n: usize| format!("{n}-").repeat(8_000);
    let keys: Vec<String> = (0..300).map(|n| format!("key-{n}")).collect();
    let mut world = World::new();
    world.create(&[("in", 1)]);
    let values: Vec<String> = (0..keys.len()).map(text).collect();
    world.send("in", keys.iter().zip(&values).map(|(key, value)| (key.as_str(), value.as_str())));
    let mut streams = world.running(&latest(), world.config());
    world.settle(&mut [&mut streams]);

    // Another machine, which crashes every few steps.
    let mut restored = Vec::new();
    for _ in 0..100 {
        world.crash(streams);
        world.clock.advance_ms(SESSION_OVER_MS);
        streams = world.start(&latest(), world.other_config());
        world.step_until(&mut streams, |streams| streams.counts().restored > 0 || streams.state() == State::Running);
        world.step(&mut streams);
        if streams.state() == State::Running {
            break;
        }
        restored.push(streams.counts().restored);
    }
    world.run(&mut streams);
    let sum: u64 = restored.iter().sum::<u64>() + streams.counts().restored;
    assert!(restored.len() >= 2 && restored.iter().all(|count| *count < 300), "{restored:?}");
    assert!(sum < 300 * restored.len() as u64, "what is on disk is not restored again: {restored:?}");
    let view = streams.store::<TimestampedKeyValueStore<String, String>>("latest").unwrap();
    let rows: BTreeMap<String, String> =
        view.all().unwrap().map(|row| row.map(|(key, row)| (key, row.value)).unwrap()).collect();
    assert_eq!(rows, keys.into_iter().zip(values).collect());
}

#[test]
fn shutdown_in_order_commits_everything_and_leaves_the_group() {
    let mut world = world(2);
    let (topology, config) = (count(), world.config().commit_interval(std::time::Duration::from_secs(9)));
    let mut streams = world.running(&topology, config.clone());
    world.ride();
    world.step_until(&mut streams, |streams| streams.counts().processed == ROUND);
    let ended_ms = streams.close(world.now_ms()).unwrap();
    world.clock.set_ms(ended_ms);
    assert_eq!(world.numbers("summary"), counted(1));

    let mut streams = world.start(&topology, config);
    let begun_ms = world.now_ms();
    world.step_until(&mut streams, |streams| streams.state() == kstreams::runtime::State::Running);
    assert!(world.now_ms() - begun_ms < 1_000, "nobody waits for a session timeout");
    assert_eq!((streams.counts().restored, rides(&streams)), (0, exactly(1)));
}
