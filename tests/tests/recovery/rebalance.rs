//! Several instances that share the work, come and go.

use crate::fixture::{SESSION_OVER_MS, World};
use crate::rides::{at_least_once, count, counted, world};
use kstreams::log::Log;
use kstreams::log::client::wait;
use kstreams::log::embedded::{Fault, Operation};
use kstreams::runtime::State;
use kstreams::testing::SteppedStreams;
use std::time::Duration;

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

/// An instance with state, and a second one that is about to restore what it got of it; reading changelogs takes long.
fn one_and_one_that_restores() -> (World, SteppedStreams, SteppedStreams) {
    let plan = |operation: &Operation<'_>, _now_ms: i64| match operation {
        Operation::Fetch { partition } if partition.topic.as_str() == "app-rides-changelog" => {
            Fault::Delay { by_ms: 500 }
        }
        _ => Fault::None,
    };
    let mut world = World::with_faults(Some(Box::new(plan)));
    world.create(&[("turnstiles", 4), ("summary", 1)]);
    let mut one = world.running(&count(), world.config());
    world.ride_and_settle(&mut [&mut one]);
    let mut two = world.start(&count(), world.other_config());
    step_until_shares(&world, &mut [&mut one, &mut two], &[2, 2]);
    world.step_both(&mut one, &mut two, 100);
    assert_eq!((two.counts().tasks_opened, two.counts().restored), (0, 0), "it is in the middle of restoring");
    (world, one, two)
}

/// Steps until the members of the group own so many partitions each, the smallest share first.
fn step_until_shares(world: &World, streams: &mut [&mut SteppedStreams], wanted: &[usize]) {
    for _ in 0..10_000 {
        streams.iter_mut().for_each(|streams| _ = streams.step(world.now_ms()).unwrap());
        world.clock.advance_ms(1);
        let group =
            wait(&*world.log, world.log.admin().unwrap().describe_group("app"), Duration::from_secs(5)).unwrap();
        let mut shares: Vec<usize> = group.members.iter().map(|member| member.partitions.len()).collect();
        shares.sort_unstable();
        if shares == wanted {
            return;
        }
    }
    panic!("the group does not come to {wanted:?}");
}

#[test]
fn tasks_that_are_taken_in_the_middle_of_restoring_and_come_back_have_the_right_state() {
    let (mut world, mut one, mut two) = one_and_one_that_restores();
    let mut three = world.start(&count(), world.config().state_dir(world.path("three")));
    step_until_shares(&world, &mut [&mut one, &mut two, &mut three], &[1, 1, 2]);
    world.ride();
    for _ in 0..100 {
        one.step(world.now_ms()).unwrap();
        world.step_both(&mut two, &mut three, 1);
    }
    world.crash(three);
    for _ in 0..200 {
        world.clock.advance_ms(1_000);
        world.step_both(&mut one, &mut two, 2);
    }
    step_until_shares(&world, &mut [&mut one, &mut two], &[2, 2]);
    world.settle(&mut [&mut one, &mut two]);
    world.settle(&mut [&mut one, &mut two]);
    world.ride();
    world.step_both(&mut one, &mut two, 2_000);
    assert!(are_running(&[&mut one, &mut two]));
    assert_eq!(world.numbers("summary"), counted(3));
}

#[test]
fn tasks_that_are_lost_in_the_middle_of_restoring_and_come_back_have_the_right_state() {
    let (mut world, mut one, mut two) = one_and_one_that_restores();
    // The second one is silent, and the first one goes on with everything.
    world.ride();
    for _ in 0..400 {
        world.clock.advance_ms(1_000);
        one.step(world.now_ms()).unwrap();
    }
    world.settle(&mut [&mut one]);
    assert_eq!(world.numbers("summary"), counted(2));
    step_until_shares(&world, &mut [&mut one, &mut two], &[2, 2]);
    world.ride();
    world.step_both(&mut one, &mut two, 3_000);
    assert!(are_running(&[&mut one, &mut two]));
    assert!(two.counts().restored > 0 && two.counts().processed > 0);
    assert_eq!(world.numbers("summary"), counted(3));
}
