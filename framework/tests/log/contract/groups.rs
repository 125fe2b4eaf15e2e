//! Membership: who gets what, and who may commit.

use crate::world::*;
use kstreams::error::ErrorKind;
use kstreams::log::*;
use kstreams::record::{Topic, TopicPartition};
use std::collections::BTreeSet;

fn all(topic: &str, count: i32) -> Vec<TopicPartition> {
    (0..count).map(|number| partition(topic, number)).collect()
}

/// Two members that share the two partitions of a topic, and what each has.
fn two_members(world: &World) -> ([Reader<'_>; 2], [Vec<TopicPartition>; 2]) {
    world.create("a", 2);
    let mut members = [world.member("g", &["a"]), world.member("g", &["a"])];
    let [one, other] = &mut members;
    let owned: [Vec<TopicPartition>; 2] = settle(&mut [one, other]).try_into().unwrap();
    assert_eq!(owned.each_ref().map(Vec::len), [1, 1]);
    (members, owned)
}

pub fn only_member_gets_everything(world: &World) {
    world.create("a", 3);
    world.create("b", 2);
    let mut member = world.member("g", &["a", "b", "not-yet"]);
    assert_eq!(member.assigned(), [all("a", 3), all("b", 2)].concat());
    assert!(member.inner.assignment().is_empty(), "nothing is read before it is said from where");
    assert!(member.group().generation > 0);
}

pub fn second_member_takes_half_after_it_was_given_back(world: &World) {
    world.create("a", 4);
    let mut first = world.member("g", &["a"]);
    let before = first.assigned();
    let mut second = world.member("g", &["a"]);
    assert!(second.event().is_none());
    let revoked = first.revoked();
    assert_eq!(revoked.len(), 2);
    assert!(second.assigned().is_empty(), "they are still the first member's");
    first.commit(&revoked[0], 5, "").unwrap();
    first.inner.unassign(&revoked).unwrap();
    assert_eq!(settle(&mut [&mut first, &mut second]), [Vec::new(), revoked.clone()]);
    assert!(first.group().generation == second.group().generation);
    assert_eq!(second.committed(&revoked[0]), Some(OffsetAndMetadata::new(5)));
    assert!(revoked.iter().all(|partition| before.contains(partition)));
}

pub fn partitions_of_a_leaving_member_go_to_the_rest(world: &World) {
    let ([mut first, mut second], [_, freed]) = two_members(world);
    second.leave();
    assert_eq!(first.assigned(), freed);
}

pub fn dropped_member_is_removed_after_its_session_timeout(world: &World) {
    let ([mut first, second], [_, freed]) = two_members(world);
    drop(second);
    for _ in 0..880 {
        world.pass_ms(50);
        assert!(first.event().is_none(), "the session lasts 45 s");
    }
    let mut got = Vec::new();
    for _ in 0..100 {
        world.pass_ms(50);
        if let Some(GroupEvent::Assigned(partitions)) = first.event() {
            got = partitions;
        }
    }
    assert_eq!(got, freed);
}

pub fn member_that_is_not_polled_loses_its_partitions_and_joins_again(world: &World) {
    let ([mut first, mut second], [_, had]) = two_members(world);
    let stale = second.group();
    second.inner.assign(&[(had[0].clone(), Start::Beginning)]).unwrap();
    let mut got = None;
    for _ in 0..310 {
        world.pass_ms(1_000);
        if let Some(GroupEvent::Assigned(partitions)) = first.event() {
            got = Some(partitions);
        }
    }
    assert_eq!(got.as_ref(), Some(&had), "after max.poll.interval.ms of 5 minutes");
    assert_eq!(second.event(), Some(GroupEvent::Lost(had.clone())));
    assert!(second.inner.assignment().is_empty());
    assert!(second.event().is_none());
    let back = first.revoked();
    first.inner.unassign(&back).unwrap();
    assert_eq!(second.assigned(), back);
    assert_ne!(second.group().member, stale.member);
}

pub fn equal_partition_numbers_stay_together(world: &World) {
    world.create("a", 6);
    world.create("b", 6);
    let mut members: Vec<Reader<'_>> = (0..3).map(|_| world.member("g", &["a", "b"])).collect();
    for owned in settle(&mut members.iter_mut().collect::<Vec<_>>()) {
        let owned: BTreeSet<TopicPartition> = owned.into_iter().collect();
        assert_eq!(owned.len(), 4);
        for TopicPartition { topic, partition: number } in &owned {
            let other = if topic.as_str() == "a" { "b" } else { "a" };
            assert!(owned.contains(&partition(other, *number)));
        }
    }
}

pub fn new_topic_is_assigned_to_those_who_subscribe_to_it(world: &World) {
    world.create("orders.north", 2);
    let pattern = TopicPattern::new(r"orders\..*").unwrap();
    let resolve = || pattern.resolve(&world.call(world.log.admin().unwrap().topics()).unwrap());
    let mut member = world.member("g", &["orders.north"]);
    member.assigned();
    world.create("orders.south", 1);
    world.create("other", 1);
    let resolved = resolve();
    assert_eq!(resolved, [Topic::from("orders.north"), Topic::from("orders.south")]);
    member.inner.subscribe(&resolved).unwrap();
    assert_eq!(member.assigned(), [partition("orders.south", 0)]);
}

pub fn committed_offsets_and_their_text_are_kept(world: &World) {
    world.create("a", 2);
    let (zero, one) = (partition("a", 0), partition("a", 1));
    let mut member = world.member("g", &["a"]);
    member.assigned();
    member.commit(&zero, 3, "AgAAAAAAAAAH").unwrap();
    member.commit(&zero, 4, "").unwrap();
    member.commit(&zero, 2, "back").unwrap();
    assert_eq!(member.committed(&zero), Some(OffsetAndMetadata { offset: 2, metadata: String::from("back") }));
    assert_eq!(member.committed(&one), None);
    assert_eq!(world.member("another", &["a"]).committed(&zero), None);
}

pub fn commit_of_a_removed_member_is_refused(world: &World) {
    let a = world.single("a");
    let mut member = world.member("g", &["a"]);
    member.assigned();
    let mut old = member.inner.commit(&offsets(&a, 9, ""));
    member.leave();
    let mut successor = world.member("g", &["a"]);
    successor.assigned();
    assert_eq!(kind(world.wait(|now_ms| old.poll(now_ms))), ErrorKind::Fenced);
    assert_eq!(successor.committed(&a), None);
}

pub fn stranger_cannot_commit_for_a_group_with_members(world: &World) {
    let a = world.single("a");
    let config = ConsumerConfig { group: Some(String::from("g")), ..ConsumerConfig::default() };
    let mut stranger = world.reader_with(&config);
    stranger.commit(&a, 1, "").unwrap();
    let mut member = world.member("g", &["a"]);
    member.assigned();
    assert_eq!(kind(stranger.commit(&a, 2, "")), ErrorKind::Fenced);
    assert_eq!(member.committed(&a), Some(OffsetAndMetadata::new(1)));
    member.leave();
    stranger.commit(&a, 3, "").unwrap();
}

pub fn reading_as_a_group_continues_where_it_was_committed(world: &World) {
    let a = world.single("a");
    let mut writer = world.producer();
    for value in ["0", "1", "2"] {
        writer.send(&a, "k", value);
    }
    let mut member = world.member("g", &["a"]);
    member.assigned();
    member.assign(&a, Start::Committed);
    assert_eq!(member.values(&a), ["0", "1", "2"], "nothing was committed: earliest");
    member.commit(&a, 1, "").unwrap();
    member.assign(&a, Start::Committed);
    assert_eq!(member.values(&a), ["1", "2"]);
}
