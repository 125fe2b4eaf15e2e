//! Members of a group on a real broker: they come, stay, go, are forgotten, and come back.

use crate::log::world;
use crate::world::*;
use kstreams::error::ErrorKind;
use kstreams::log::*;
use kstreams::record::{SystemClock, TopicPartition};
use std::sync::Arc;
use std::time::Instant;
use system_tests::kafka::Broker;
use system_tests::until;

fn numbers(partitions: &[TopicPartition]) -> Vec<i32> {
    partitions.iter().map(|partition| partition.partition).collect()
}

fn member_of(world: &World, config: ConsumerConfig) -> Reader<'_> {
    let mut reader = world.reader_with(&ConsumerConfig { group: Some(String::from("g")), ..config });
    reader.inner.subscribe(&["a".into()]).unwrap();
    reader
}

#[test]
fn third_member_takes_some_and_stops_nobody() {
    let Some(world) = world() else { return };
    world.create("a", 9);
    let mut writer = world.producer();
    let mut one = world.member("g", &["a"]);
    let mut two = world.member("g", &["a"]);
    let before = settle(&mut [&mut one, &mut two]);
    for (member, owned) in [(&mut one, &before[0]), (&mut two, &before[1])] {
        owned.iter().for_each(|partition| member.assign(partition, Start::Beginning));
    }
    let mut three = world.member("g", &["a"]);
    let mut gone: [Vec<TopicPartition>; 2] = Default::default();
    let mut owned = [before[0].len(), before[1].len()];
    let (begun, mut taken) = (Instant::now(), Vec::new());
    // Each has three in the end. Who has not heard yet what is to come or to go reads nothing at all meanwhile.
    while (taken.len() < 3 || owned != [3, 3]) && begun.elapsed() < PATIENCE {
        for ((member, gone), owned) in [&mut one, &mut two].into_iter().zip(&mut gone).zip(&mut owned) {
            match member.event() {
                Some(GroupEvent::Revoked(partitions)) => {
                    member.inner.unassign(&partitions).unwrap();
                    *owned -= partitions.len();
                    gone.extend(partitions);
                }
                // Ranges move: one member may give some to the third and get others from its neighbour.
                Some(GroupEvent::Assigned(partitions)) => *owned += partitions.len(),
                _ => {}
            }
        }
        if let Some(GroupEvent::Assigned(partitions)) = three.event() {
            taken.extend(partitions);
        }
    }
    assert_eq!(owned, [3, 3]);
    assert_eq!(taken.len(), 3, "{taken:?}");
    let stayed = |(owned, gone): (&Vec<TopicPartition>, &Vec<TopicPartition>)| owned.len() - gone.len();
    assert!(before.iter().zip(&gone).all(|pair| stayed(pair) > 0), "nobody gave back everything: {gone:?}");
    for (member, (owned, gone)) in [&mut one, &mut two].into_iter().zip(before.iter().zip(&gone)) {
        for partition in owned.iter().filter(|partition| !gone.contains(partition)) {
            writer.send(partition, "k", "read on");
            assert_eq!(member.values(partition), ["read on"], "{partition} was never given back");
        }
    }
}

#[test]
fn static_member_comes_back_to_what_it_had() {
    let Some(world) = world() else { return };
    world.create("a", 4);
    let named = |name: &str| ConsumerConfig {
        group_instance_id: Some(name.to_owned()),
        client_id: name.to_owned(),
        ..ConsumerConfig::default()
    };
    let mut stays = member_of(&world, named("stays"));
    let mut returns = member_of(&world, named("returns"));
    let before = settle(&mut [&mut stays, &mut returns]);
    drop(returns);
    let mut returns = member_of(&world, named("returns"));
    let begun = Instant::now();
    let mut again = Vec::new();
    while again.len() < 2 && begun.elapsed() < PATIENCE {
        assert_eq!(stays.event(), None, "nobody else notices");
        if let Some(GroupEvent::Assigned(partitions)) = returns.event() {
            again.extend(partitions);
        }
    }
    assert_eq!(numbers(&again), numbers(&before[1]));
}

#[test]
fn second_member_of_the_same_static_name_is_refused() {
    let Some(world) = world() else { return };
    world.create("a", 2);
    // Whoever is refused asks again, in case its namesake was killed, for six sessions.
    let named = || ConsumerConfig {
        group_instance_id: Some(String::from("one")),
        session_timeout_ms: 4_000,
        ..ConsumerConfig::default()
    };
    let mut first = member_of(&world, named());
    assert_eq!(first.assigned().len(), 2);
    let mut second = member_of(&world, named());
    let refused = world.wait(|now_ms| {
        // Which of them is refused depends on the protocol.
        let told = [&mut first, &mut second].into_iter().map(|member| member.inner.poll_event(now_ms));
        match told.filter_map(Result::err).next() {
            Some(error) => std::task::Poll::Ready(Err::<(), _>(error)),
            None => std::task::Poll::Pending,
        }
    });
    let error = refused.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse, "{error}");
    assert!(error.to_string().contains("group.instance.id"), "{error}");
}

#[test]
fn member_that_is_not_polled_loses_its_partitions_and_joins_again() {
    let Some(world) = world() else { return };
    world.create("a", 2);
    let mut first = member_of(&world, ConsumerConfig::default());
    let mut second = member_of(
        &world,
        ConsumerConfig { max_poll_interval_ms: 2_000, session_timeout_ms: 2_000, ..ConsumerConfig::default() },
    );
    let owned = settle(&mut [&mut first, &mut second]);
    second.inner.assign(&[(owned[1][0].clone(), Start::Beginning)]).unwrap();
    let stale = second.group();
    let (begun, mut got) = (Instant::now(), Vec::new());
    while got.is_empty() && begun.elapsed() < PATIENCE {
        if let Some(GroupEvent::Assigned(partitions)) = first.event() {
            got = partitions;
        }
    }
    assert_eq!(got, owned[1], "after max.poll.interval.ms");
    let mut writer = world.transactional("t");
    writer.begin();
    let refused = writer.send_offsets(&offsets(&owned[1][0], 7, ""), &stale);
    assert_eq!(kind(refused), ErrorKind::Fenced, "what it has read counts no more");
    assert_eq!(second.next_event(), GroupEvent::Lost(owned[1].clone()));
    assert!(second.inner.assignment().is_empty());
    let again = settle(&mut [&mut first, &mut second]);
    assert_eq!(again[1].len(), 1, "it has joined again: {again:?}");
}

#[test]
fn brokers_without_the_new_protocol_are_joined_with_the_old_one() {
    let Some(broker) = Broker::start_with(1, &[("group.coordinator.rebalance.protocols", "classic")]) else { return };
    let world = World::real(connect(&broker.url(), Arc::new(SystemClock)).unwrap());
    world.create("a", 4);
    let mut first = world.member("g", &["a"]);
    let begun = Instant::now();
    let mut owned = Vec::new();
    while owned.is_empty() && begun.elapsed() < PATIENCE {
        if let Some(GroupEvent::Assigned(partitions)) = first.event() {
            owned = partitions;
        }
    }
    assert_eq!(owned.len(), 4);
    first.assign(&owned[0], Start::Beginning);
    world.producer().send(&owned[0], "k", "v");
    assert_eq!(first.values(&owned[0]), ["v"]);
    first.commit(&owned[0], 1, "text").unwrap();

    let mut second = world.member("g", &["a"]);
    let shared = settle(&mut [&mut first, &mut second]);
    assert_eq!(shared.iter().map(Vec::len).sum::<usize>(), 4, "{shared:?}");
    assert!(shared.iter().all(|owned| owned.len() == 2), "{shared:?}");
}

#[test]
fn dropped_consumer_does_not_wait_for_a_broker_that_is_gone() {
    let Some(broker) = Broker::start(1) else { return };
    let world = World::real(connect(&broker.url(), Arc::new(SystemClock)).unwrap());
    world.create("a", 2);
    let mut member = world.member("g", &["a"]);
    assert_eq!(member.assigned().len(), 2);
    let mut other = world.member("g", &["a"]);
    // It leaves while it owes an answer to a revocation.
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE && member.event().is_none() {
        other.event();
    }
    drop(other);
    broker.kill(1);
    let consumer = member.inner;
    let dropping = std::thread::spawn(move || drop(consumer));
    until("it is dropped", PATIENCE, || dropping.is_finished());
}
