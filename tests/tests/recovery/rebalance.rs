//! Several instances that share the work, come and go.

use crate::fixture::{SESSION_OVER_MS, World};
use crate::rides::{at_least_once, count, counted, world};
use kstreams::runtime::State;
use kstreams::testing::SteppedStreams;

fn are_running(streams: &[&mut SteppedStreams]) -> bool {
    streams.iter().all(|streams| streams.state() == State::Running)
}

#[test]
fn second_instance_takes_its_share_and_leaves_it_again() {
    let mut world = world(4);
    let mut one = world.running(&count(), world.config());
    world.ride_and_settle(&mut [&mut one]);

    let mut two = world.start(&count(), world.other_config());
    world.settle(&mut [&mut one, &mut two]);
    assert!(are_running(&[&mut one, &mut two]));
    world.ride_and_settle(&mut [&mut one, &mut two]);
    assert!(two.counts().processed > 0, "it has a share");
    assert!(two.counts().restored > 0, "its tasks had state elsewhere");

    let ended_ms = one.close(world.now_ms()).unwrap();
    world.clock.set_ms(ended_ms);
    world.ride_and_settle(&mut [&mut two]);
    assert_eq!(world.numbers("summary"), counted(3));
}

/// Two instances that have settled.
fn two_that_share() -> (World, SteppedStreams, SteppedStreams) {
    let world = world(4);
    let mut one = world.start(&count(), world.config());
    let mut two = world.start(&count(), world.other_config());
    world.settle(&mut [&mut one, &mut two]);
    (world, one, two)
}

#[test]
fn work_of_a_crashed_instance_is_taken_over_exactly_once() {
    let (mut world, mut one, mut two) = two_that_share();
    world.ride_and_settle(&mut [&mut one, &mut two]);
    world.ride();
    // In the middle of its transaction.
    world.step_until(&mut one, |one| one.commit_stages()[0] == Some(kstreams::runtime::CommitStage::End));
    world.crash(one);
    world.clock.advance_ms(SESSION_OVER_MS);
    world.settle(&mut [&mut two]);
    world.ride_and_settle(&mut [&mut two]);
    assert_eq!(world.numbers("summary"), counted(3));
}

#[test]
fn instance_that_was_silent_for_too_long_gives_up_what_it_has_not_committed() {
    let (mut world, mut one, mut two) = two_that_share();
    world.ride();
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
    world.ride_and_settle(&mut [&mut one, &mut two]);
    assert_eq!(world.numbers("summary"), counted(2));
}

#[test]
fn instances_that_come_and_go_while_records_come_lose_and_repeat_nothing() {
    let mut world = world(4);
    let mut one = world.running(&count(), world.config().threads(2));
    for round in 0..6 {
        world.ride();
        let mut two = world.start(&count(), world.other_config());
        world.step_both(&mut one, &mut two, 40 + 17 * round);
        world.crash(two);
        world.clock.advance_ms(SESSION_OVER_MS);
    }
    world.settle(&mut [&mut one]);
    world.clock.advance_ms(SESSION_OVER_MS);
    world.settle(&mut [&mut one]);
    assert_eq!(world.numbers("summary"), counted(6));
}

#[test]
fn at_least_once_loses_nothing_when_tasks_move() {
    let mut world = world(4);
    let mut one = world.running(&count(), at_least_once(world.config()));
    for _ in 0..3 {
        world.ride();
        let mut two = world.start(&count(), at_least_once(world.other_config()));
        world.step_both(&mut one, &mut two, 50);
        world.crash(two);
        world.clock.advance_ms(SESSION_OVER_MS);
        world.settle(&mut [&mut one]);
    }
    world.assert_nothing_is_lost(3);
}
