//! Several instances that share the work, come and go.

use crate::fixture::{World, counted, turnstiles};
use kstreams::config::ProcessingGuarantee;
use kstreams::dsl::StreamsBuilder;
use kstreams::runtime::State;
use kstreams::testing::SteppedStreams;
use kstreams::topology::Topology;

fn count() -> Topology {
    let builder = StreamsBuilder::new();
    builder.stream::<String, String>("turnstiles").group_by_key().count("rides").to_stream().to("summary");
    builder.build().unwrap()
}

fn world() -> World {
    let world = World::new();
    world.create(&[("turnstiles", 4), ("summary", 1)]);
    world
}

fn are_running(streams: &[&mut SteppedStreams]) -> bool {
    streams.iter().all(|streams| streams.state() == State::Running)
}

#[test]
fn second_instance_takes_its_share_and_leaves_it_again() {
    let mut world = world();
    let mut one = world.start(&count(), world.config());
    world.run(&mut one);
    world.send("turnstiles", turnstiles());
    world.settle(&mut [&mut one]);

    let mut two = world.start(&count(), world.other_config());
    world.settle(&mut [&mut one, &mut two]);
    assert!(are_running(&[&mut one, &mut two]));
    world.send("turnstiles", turnstiles());
    world.settle(&mut [&mut one, &mut two]);
    assert!(two.counts().processed > 0, "it has a share");
    assert!(two.counts().restored > 0, "its tasks had state elsewhere");

    let ended_ms = one.close(world.now_ms()).unwrap();
    world.clock.set_ms(ended_ms);
    world.send("turnstiles", turnstiles());
    world.settle(&mut [&mut two]);
    assert_eq!(world.numbers("summary"), counted(3));
}

#[test]
fn work_of_a_crashed_instance_is_taken_over_exactly_once() {
    let mut world = world();
    let mut one = world.start(&count(), world.config());
    let mut two = world.start(&count(), world.other_config());
    world.settle(&mut [&mut one, &mut two]);
    world.send("turnstiles", turnstiles());
    world.settle(&mut [&mut one, &mut two]);
    world.send("turnstiles", turnstiles());
    // In the middle of its transaction.
    world.step_until(&mut one, |one| one.commit_stages()[0] == Some(kstreams::runtime::CommitStage::End));
    world.crash(one);
    world.clock.advance_ms(46_000);
    world.settle(&mut [&mut two]);
    world.send("turnstiles", turnstiles());
    world.settle(&mut [&mut two]);
    assert_eq!(world.numbers("summary"), counted(3));
}

#[test]
fn instance_that_was_silent_for_too_long_gives_up_what_it_has_not_committed() {
    let mut world = world();
    let mut one = world.start(&count(), world.config());
    let mut two = world.start(&count(), world.other_config());
    world.settle(&mut [&mut one, &mut two]);
    world.send("turnstiles", turnstiles());
    // It sleeps with an open transaction, long enough for the group to give its tasks away.
    world.step_until(&mut one, |one| one.commit_stages()[0] == Some(kstreams::runtime::CommitStage::Offsets));
    for _ in 0..400 {
        world.clock.advance_ms(1_000);
        two.step(world.now_ms()).unwrap();
    }
    world.settle(&mut [&mut two]);
    assert_eq!(world.numbers("summary"), counted(1));
    world.settle(&mut [&mut one, &mut two]);
    assert!(one.counts().rollbacks > 0);
    world.send("turnstiles", turnstiles());
    world.settle(&mut [&mut one, &mut two]);
    assert_eq!(world.numbers("summary"), counted(2));
}

#[test]
fn instances_that_come_and_go_while_records_come_lose_and_repeat_nothing() {
    let mut world = world();
    let mut one = world.start(&count(), world.config().threads(2));
    world.run(&mut one);
    for round in 0..6 {
        world.send("turnstiles", turnstiles());
        let mut two = world.start(&count(), world.other_config());
        for _ in 0..(40 + 17 * round) {
            let did = one.step(world.now_ms()).unwrap() | two.step(world.now_ms()).unwrap();
            world.clock.advance_ms(i64::from(!did));
        }
        world.crash(two);
        world.clock.advance_ms(46_000);
    }
    world.settle(&mut [&mut one]);
    world.clock.advance_ms(46_000);
    world.settle(&mut [&mut one]);
    assert_eq!(world.numbers("summary"), counted(6));
}

#[test]
fn at_least_once_loses_nothing_when_tasks_move() {
    let mut world = world();
    let at_least_once = |mut config: kstreams::config::Config| {
        config.processing_guarantee = ProcessingGuarantee::AtLeastOnce;
        config
    };
    let mut one = world.start(&count(), at_least_once(world.config()));
    world.run(&mut one);
    for _ in 0..3 {
        world.send("turnstiles", turnstiles());
        let mut two = world.start(&count(), at_least_once(world.other_config()));
        for _ in 0..50 {
            let did = one.step(world.now_ms()).unwrap() | two.step(world.now_ms()).unwrap();
            world.clock.advance_ms(i64::from(!did));
        }
        world.crash(two);
        world.clock.advance_ms(46_000);
        world.settle(&mut [&mut one]);
    }
    for (station, numbers) in world.numbers("summary") {
        assert!(numbers.last().is_some_and(|last| *last >= 6), "{station}: {numbers:?}");
    }
}
