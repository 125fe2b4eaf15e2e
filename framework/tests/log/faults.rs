//! What a fault plan does to requests, and that clients come through it.

use crate::world::*;
use kstreams::error::ErrorKind;
use kstreams::log::embedded::{EmbeddedLog, EmbeddedOptions, Fault, Operation};
use kstreams::log::*;
use kstreams::record::{ManualClock, TopicPartition};
use std::sync::{Arc, Mutex};

/// A plan whose next faults are put in by the test: each for the first operation it matches.
#[derive(Clone, Default)]
pub struct Planned(Arc<Mutex<Vec<(&'static str, Fault)>>>);

impl Planned {
    pub fn next(&self, operation: &'static str, fault: Fault) {
        self.0.lock().unwrap().push((operation, fault));
    }

    pub fn is_used_up(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }

    fn world(&self) -> World {
        let planned = self.0.clone();
        with_faults(move |operation: &Operation<'_>, _: i64| {
            let name = format!("{operation:?}");
            let mut planned = planned.lock().unwrap();
            match planned.iter().position(|(wanted, _)| name.starts_with(wanted)) {
                Some(place) => planned.remove(place).1,
                None => Fault::None,
            }
        })
    }
}

/// A world with a topic of one partition, whose requests fail as planned.
pub fn planned() -> (Planned, World, TopicPartition) {
    let plan = Planned::default();
    let world = plan.world();
    let a = world.single("a");
    (plan, world, a)
}

#[test]
fn delayed_append_is_acknowledged_later() {
    let (plan, world, a) = planned();
    let mut writer = world.producer();
    plan.next("Append", Fault::Delay { by_ms: 30 });
    assert_eq!(writer.queue(&a, "k", Some("v")).unwrap(), Sent::Queued);
    for _ in 0..30 {
        assert_eq!(writer.inner.deliveries(world.now_ms(), &mut |_| panic!("too early")).unwrap(), 1);
        world.pass_ms(1);
    }
    assert_eq!(writer.flush().unwrap().len(), 1);
    assert!(plan.is_used_up());
}

#[test]
fn lost_acknowledgement_duplicates_nothing() {
    let (plan, world, a) = planned();
    let mut writer = world.transactional("t");
    writer.begin();
    plan.next("Append", Fault::LostAnswer);
    plan.next("Append", Fault::LostAnswer);
    assert_eq!(writer.queue(&a, "k", Some("1")).unwrap(), Sent::Queued);
    assert_eq!(writer.inner.deliveries(world.now_ms(), &mut |_| panic!("its answer is lost")).unwrap(), 1);
    assert_eq!(world.offset(&a, OffsetAt::End), 1, "but it is there");
    assert_eq!(writer.queue(&a, "k", Some("2")).unwrap(), Sent::Queued);
    let placed: Vec<i64> =
        writer.flush().unwrap().into_iter().map(|delivery| delivery.placed.unwrap().offset).collect();
    assert_eq!(placed, [0, 1]);
    writer.commit();
    assert_eq!(world.committed_values(&a), ["1", "2"]);
    assert!(plan.is_used_up());
}

#[test]
fn failed_delivery_means_that_the_transaction_can_only_be_aborted() {
    for fault in [Fault::Fail(ErrorKind::Timeout), Fault::Unknown] {
        let (plan, world, a) = planned();
        let mut writer = world.transactional("t");
        writer.begin();
        writer.send(&a, "k", "first");
        plan.next("Append", fault);
        assert_eq!(kind(writer.try_send(&a, "k", Some("second"))), ErrorKind::Timeout);
        assert_eq!(kind(writer.queue(&a, "k", None)), ErrorKind::Aborted);
        assert_eq!(kind(writer.try_commit()), ErrorKind::Aborted);
        writer.abort();
        writer.write(&a, "k", "third");
        assert_eq!(world.committed_values(&a), ["third"], "{fault:?}");
    }
}

#[test]
fn commit_whose_answer_is_lost_is_committed_when_asked_again() {
    for fault in [Fault::Unknown, Fault::LostAnswer] {
        let (plan, world, a) = planned();
        let mut writer = world.transactional("t");
        writer.begin();
        writer.send(&a, "k", "v");
        plan.next("EndTransaction", fault);
        match writer.inner.poll_commit(world.now_ms()) {
            std::task::Poll::Pending => assert_eq!(fault, Fault::LostAnswer),
            std::task::Poll::Ready(answer) => assert_eq!(kind(answer), ErrorKind::Timeout),
        }
        assert_eq!(world.committed_values(&a), ["v"], "the outcome does not wait for the question");
        writer.commit();
        writer.write(&a, "k", "next");
        assert_eq!(world.committed_values(&a), ["v", "next"]);
    }
}

#[test]
fn commit_that_never_arrived_can_be_asked_again() {
    let (plan, world, a) = planned();
    let mut writer = world.transactional("t");
    writer.begin();
    writer.send(&a, "k", "v");
    plan.next("EndTransaction", Fault::Fail(ErrorKind::Timeout));
    assert_eq!(kind(writer.try_commit()), ErrorKind::Timeout);
    assert!(world.committed_values(&a).is_empty());
    writer.commit();
    assert_eq!(world.committed_values(&a), ["v"]);
}

#[test]
fn next_transaction_waits_for_the_markers_of_the_last() {
    let (plan, world, a) = planned();
    let mut writer = world.transactional("t");
    plan.next("WriteMarkers", Fault::Delay { by_ms: 100 });
    writer.write(&a, "k", "1");
    writer.begin();
    assert_eq!(writer.queue(&a, "k", Some("2")).unwrap(), Sent::Queued);
    assert!(writer.inner.poll_flush(world.now_ms()).is_pending());
    world.pass_ms(100);
    writer.commit();
    assert_eq!(world.committed_values(&a), ["1", "2"]);
    let mut reader = world.reader(Isolation::ReadUncommitted);
    reader.assign(&a, Start::Beginning);
    let offsets: Vec<i64> = reader.messages(&a).into_iter().map(|(_, _, offset)| offset).collect();
    assert_eq!(offsets, [0, 2], "the marker of the first lies between them");
}

#[test]
fn each_partition_has_a_marker_of_its_own_and_one_may_be_long_before_another() {
    let world = with_faults(|operation: &Operation<'_>, _: i64| match operation {
        Operation::WriteMarkers { partition: Some(partition), .. } if partition.partition == 0 => {
            Fault::Delay { by_ms: 100 }
        }
        _ => Fault::None,
    });
    world.create("a", 2);
    let (late, soon) = (partition("a", 0), partition("a", 1));
    let mut writer = world.transactional("t");
    writer.begin();
    writer.send(&late, "k", "1");
    writer.send(&soon, "k", "1");
    writer.commit();
    assert_eq!((world.committed_values(&late).len(), world.committed_values(&soon).len()), (0, 1));
    writer.begin();
    assert_eq!(writer.queue(&soon, "k", Some("2")).unwrap(), Sent::Queued);
    assert!(writer.inner.poll_flush(world.now_ms()).is_pending(), "the next one waits for the last marker");
    world.pass_ms(100);
    writer.commit();
    assert_eq!((world.committed_values(&late).len(), world.committed_values(&soon).len()), (1, 2));
}

#[test]
fn member_whose_heartbeats_are_lost_is_removed_and_cannot_commit() {
    let silent = Arc::new(Mutex::new(None::<String>));
    let plan = silent.clone();
    let world = with_faults(move |operation: &Operation<'_>, _: i64| match operation {
        Operation::Heartbeat { member, .. } if plan.lock().unwrap().as_deref() == Some(*member) => {
            Fault::Fail(ErrorKind::Timeout)
        }
        _ => Fault::None,
    });
    world.create("in", 1);
    world.create("out", 1);
    let (input, output) = (partition("in", 0), partition("out", 0));
    let mut zombie = world.member("g", &["in"]);
    assert_eq!(zombie.assigned(), std::slice::from_ref(&input));
    let mut writer = world.transactional("zombie");
    writer.begin();
    writer.send(&output, "k", "zombie");
    *silent.lock().unwrap() = Some(zombie.group().member);
    let mut heir = world.member("g", &["in"]);
    let mut got = Vec::new();
    for _ in 0..1_000 {
        world.pass_ms(50);
        assert_eq!(zombie.event(), None, "it hears nothing");
        if let Some(GroupEvent::Assigned(partitions)) = heir.event() {
            got = partitions;
        }
    }
    assert_eq!(got, std::slice::from_ref(&input));
    assert_eq!(kind(writer.send_offsets(&offsets(&input, 1, ""), &zombie.group())), ErrorKind::Fenced);
    assert_eq!(kind(zombie.commit(&input, 1, "")), ErrorKind::Fenced);
    *silent.lock().unwrap() = None;
    assert_eq!(zombie.event(), Some(GroupEvent::Lost(vec![input])));
}

#[test]
fn refused_requests_have_no_effect() {
    let (plan, world, a) = planned();
    let mut member = world.member("g", &["a"]);
    member.assigned();
    plan.next("Commit ", Fault::Fail(ErrorKind::Timeout));
    assert_eq!(kind(member.commit(&a, 5, "")), ErrorKind::Timeout);
    assert_eq!(member.committed(&a), None);
    plan.next("Admin", Fault::Fail(ErrorKind::Timeout));
    let admin = world.log.admin().unwrap();
    assert_eq!(kind(world.call(admin.create_topics(&[NewTopic::new("b", 1)]))), ErrorKind::Timeout);
    assert_eq!(world.call(admin.topics()).unwrap().len(), 1);
    plan.next("Fetch", Fault::Fail(ErrorKind::Unauthorized));
    let mut reader = world.reader(Isolation::ReadCommitted);
    reader.assign(&a, Start::Beginning);
    let fetched = reader.fetch(&a, Budget::records(1), &mut |_, _, _| std::ops::ControlFlow::Continue(()));
    assert_eq!(kind(fetched), ErrorKind::Unauthorized);
    plan.next("Send {", Fault::QueueFull);
    assert_eq!(world.producer().queue(&a, "k", None).unwrap(), Sent::QueueFull);
    plan.next("InitProducer", Fault::Fail(ErrorKind::Fenced));
    let mut inner =
        world.log.producer(&ProducerConfig { transactional_id: Some("t".into()), ..Default::default() }).unwrap();
    assert_eq!(kind(world.wait(|now_ms| inner.poll_init(now_ms))), ErrorKind::Fenced);
    assert!(plan.is_used_up());
}

#[test]
fn nothing_is_due_by_itself_in_a_stepped_log() {
    let clock = ManualClock::new(NOON);
    let log = EmbeddedLog::in_memory(EmbeddedOptions { stepped: true, ..options(&clock) });
    let world = World::new(log.clone(), clock);
    let a = world.single("a");
    let mut member = world.member("g", &["a"]);
    let mut writer = world.transactional("t");
    writer.write(&a, "k", "v");
    assert!(member.assigned().is_empty());
    assert!(world.committed_values(&a).is_empty());
    assert!(log.step(world.now_ms()).unwrap());
    assert_eq!(member.assigned(), std::slice::from_ref(&a));
    assert_eq!(world.committed_values(&a), ["v"]);
    writer.begin();
    writer.send(&a, "k", "late");
    world.pass_ms(20_000);
    assert_eq!(world.offset(&a, OffsetAt::LastStable), 2);
    log.step(world.now_ms()).unwrap();
    log.step(world.now_ms()).unwrap();
    assert_eq!(world.offset(&a, OffsetAt::LastStable), 4);
    assert_eq!(kind(writer.try_commit()), ErrorKind::Fenced);
}
