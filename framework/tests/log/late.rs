//! Requests that arrive late, when their sender may be gone: what the log makes of them.

use crate::faults::{Planned, planned};
use crate::world::*;
use kstreams::error::ErrorKind;
use kstreams::log::embedded::Fault;
use kstreams::log::*;
use kstreams::record::TopicPartition;
use std::task::Poll;

const LATE: Fault = Fault::Delay { by_ms: 100 };

/// A producer in a transaction whose one message has not arrived yet.
fn with_message_under_way<'a>(plan: &Planned, world: &'a World, to: &TopicPartition, value: &str) -> Writer<'a> {
    let mut writer = world.transactional("t");
    writer.begin();
    plan.next("Append", LATE);
    assert_eq!(writer.queue(to, "k", Some(value)).unwrap(), Sent::Queued);
    assert!(writer.inner.poll_flush(world.now_ms()).is_pending());
    writer
}

/// A producer whose transaction, with the message `v`, is committed as soon as that arrives.
fn with_commit_under_way<'a>(plan: &Planned, world: &'a World, to: &TopicPartition) -> Writer<'a> {
    let mut writer = world.transactional("t");
    writer.begin();
    writer.send(to, "k", "v");
    plan.next("EndTransaction", LATE);
    assert!(writer.inner.poll_commit(world.now_ms()).is_pending());
    writer
}

#[test]
fn transaction_whose_commit_is_late_is_not_aborted() {
    let (plan, world, a) = planned();
    let mut writer = with_commit_under_way(&plan, &world, &a);
    let Poll::Ready(refused) = writer.inner.poll_abort(world.now_ms()) else { panic!("it is refused at once") };
    assert_eq!(kind(refused), ErrorKind::Bug);
    writer.commit();
    assert_eq!(world.committed_values(&a), ["v"]);
}

#[test]
fn append_of_a_producer_that_was_replaced_is_fenced() {
    let (plan, world, a) = planned();
    let dead = with_message_under_way(&plan, &world, &a, "late");
    drop(dead);
    let mut heir = world.transactional("t");
    heir.begin();
    heir.send(&a, "k", "mine");
    world.pass_ms(200);
    heir.commit();
    assert_eq!(world.committed_values(&a), ["mine"]);
    assert_eq!(world.offset(&a, OffsetAt::End), 2, "one message and a marker");
}

#[test]
fn append_of_a_producer_that_nobody_replaced_is_aborted_with_its_transaction() {
    let (plan, world, a) = planned();
    let dead = with_message_under_way(&plan, &world, &a, "late");
    drop(dead);
    assert_eq!(world.offset(&a, OffsetAt::End), 0);
    world.pass_ms(200);
    world.single("b");
    assert_eq!(world.offset(&a, OffsetAt::End), 1, "it has arrived");
    world.live_ms(20_000);
    assert_eq!(world.offset(&a, OffsetAt::LastStable), 2);
    assert!(world.committed_values(&a).is_empty());
}

#[test]
fn abort_waits_for_what_is_under_way() {
    let (plan, world, a) = planned();
    let mut writer = with_message_under_way(&plan, &world, &a, "aborted");
    assert!(writer.inner.poll_abort(world.now_ms()).is_pending());
    world.pass_ms(100);
    writer.abort();
    writer.write(&a, "k", "next");
    assert_eq!(world.committed_values(&a), ["next"]);
    assert!(plan.is_used_up());
}

#[test]
fn commit_under_way_is_done_though_its_producer_is_dead() {
    let (plan, world, a) = planned();
    let dead = with_commit_under_way(&plan, &world, &a);
    drop(dead);
    assert!(world.committed_values(&a).is_empty());
    world.pass_ms(100);
    assert_eq!(world.committed_values(&a), ["v"]);
}

#[test]
fn commit_that_comes_after_a_newer_producer_changes_nothing() {
    let (plan, world, a) = planned();
    let dead = with_commit_under_way(&plan, &world, &a);
    drop(dead);
    let mut heir = world.transactional("t");
    world.pass_ms(200);
    heir.write(&a, "k", "mine");
    assert_eq!(world.committed_values(&a), ["mine"]);
}

#[test]
fn initialisation_that_comes_late_fences_who_came_meanwhile() {
    let (plan, world, a) = planned();
    let config = ProducerConfig { transactional_id: Some("t".into()), ..Default::default() };
    let mut dead = world.log.producer(&config).unwrap();
    plan.next("InitProducer", LATE);
    assert!(dead.poll_init(world.now_ms()).is_pending());
    drop(dead);
    let mut heir = world.transactional("t");
    heir.begin();
    heir.send(&a, "k", "v");
    world.pass_ms(100);
    assert_eq!(kind(heir.try_commit()), ErrorKind::Fenced);
    assert!(world.committed_values(&a).is_empty());
}

#[test]
fn commit_that_was_given_up_comes_before_the_next_one() {
    let (plan, world, a) = planned();
    let mut member = world.member("g", &["a"]);
    member.assigned();
    plan.next("Commit ", LATE);
    let mut given_up = member.inner.commit(&offsets(&a, 5, ""));
    assert!(given_up.poll(world.now_ms()).is_pending());
    drop(given_up);
    let mut question = member.inner.committed(std::slice::from_ref(&a));
    assert!(question.poll(world.now_ms()).is_pending(), "it is asked on the same connection");
    member.commit(&a, 7, "").unwrap();
    world.pass_ms(200);
    assert_eq!(member.committed(&a).unwrap().offset, 7);
}

#[test]
fn commit_of_a_member_that_is_dead_counts_until_others_have_its_partitions() {
    let (plan, world, a) = planned();
    let mut dead = world.member("g", &["a"]);
    dead.assigned();
    plan.next("Commit ", LATE);
    let mut commit = dead.inner.commit(&offsets(&a, 5, ""));
    assert!(commit.poll(world.now_ms()).is_pending());
    drop((dead, commit));
    world.pass_ms(100);
    let reader = world.member("g", &["a"]);
    assert_eq!(reader.committed(&a).unwrap().offset, 5);
}

#[test]
fn member_that_changed_its_mind_while_it_joined_subscribes_to_what_it_wants_now() {
    let (plan, world, a) = planned();
    let b = world.single("b");
    plan.next("Join", LATE);
    let mut member = world.member("g", &["a"]);
    assert!(member.inner.poll_event(world.now_ms()).unwrap().is_none());
    member.inner.subscribe(&["a".into(), "b".into()]).unwrap();
    world.pass_ms(200);
    assert_eq!(member.assigned(), [a, b]);
    assert!(plan.is_used_up());
}

#[test]
fn member_leaves_though_it_has_not_heard_that_it_joined() {
    let (plan, world, a) = planned();
    plan.next("Join", LATE);
    let mut gone = world.member("g", &["a"]);
    assert!(gone.inner.poll_event(world.now_ms()).unwrap().is_none());
    assert!(matches!(gone.inner.poll_leave(world.now_ms()), Poll::Pending));
    world.pass_ms(100);
    gone.leave();
    let mut heir = world.member("g", &["a"]);
    assert_eq!(heir.assigned(), [a], "and not only once the session of the first has ended");
}

#[test]
fn offsets_whose_answer_is_lost_end_with_their_transaction() {
    for fault in [Fault::LostAnswer, Fault::Unknown, LATE] {
        let (plan, world, a) = planned();
        let mut member = world.member("g", &["a"]);
        member.assigned();
        let mut writer = world.transactional("t");
        writer.begin();
        plan.next("SendOffsets", fault);
        let sent = writer.inner.poll_send_offsets(&offsets(&a, 5, ""), &member.group(), world.now_ms());
        assert!(matches!(sent, Poll::Pending | Poll::Ready(Err(_))), "{fault:?}");
        writer.abort();
        writer.write(&a, "k", "next");
        assert_eq!(member.committed(&a), None, "{fault:?}: the next transaction has not inherited them");
        assert!(plan.is_used_up());
    }
}

#[test]
fn member_that_leaves_late_stays_until_then() {
    let (plan, world, a) = planned();
    let mut leaving = world.member("g", &["a"]);
    leaving.assigned();
    plan.next("Leave", LATE);
    assert!(leaving.inner.poll_leave(world.now_ms()).is_pending());
    drop(leaving);
    let mut heir = world.member("g", &["a"]);
    assert!(heir.assigned().is_empty());
    world.pass_ms(100);
    assert_eq!(heir.assigned(), [a]);
}
