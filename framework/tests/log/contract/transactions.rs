//! Transactions: what is seen when, and by whom they may be ended.

use crate::world::*;
use kstreams::error::ErrorKind;
use kstreams::log::*;
use std::task::Poll;

pub fn messages_appear_with_the_commit(world: &World) {
    let a = world.single("a");
    let mut committed = world.reader(Isolation::ReadCommitted);
    let mut uncommitted = world.reader(Isolation::ReadUncommitted);
    committed.assign(&a, Start::Beginning);
    uncommitted.assign(&a, Start::Beginning);
    let mut writer = world.transactional("t");
    writer.begin();
    assert!(writer.inner.in_transaction());
    writer.send(&a, "k", "1");
    writer.send(&a, "k", "2");
    assert!(committed.values(&a).is_empty());
    assert_eq!(uncommitted.values(&a), ["1", "2"]);
    writer.commit();
    assert!(!writer.inner.in_transaction());
    assert_eq!(committed.values(&a), ["1", "2"]);
    assert!(uncommitted.values(&a).is_empty());
}

pub fn aborted_messages_are_skipped(world: &World) {
    let a = world.single("a");
    let mut one = world.transactional("one");
    let mut other = world.transactional("other");
    one.begin();
    other.begin();
    for number in 0..3 {
        one.send(&a, "k", &format!("kept-{number}"));
        other.send(&a, "k", &format!("dropped-{number}"));
    }
    other.abort();
    one.commit();
    other.write(&a, "k", "later");
    assert_eq!(world.committed_values(&a), ["kept-0", "kept-1", "kept-2", "later"]);
    let mut reader = world.reader(Isolation::ReadUncommitted);
    reader.assign(&a, Start::Beginning);
    assert_eq!(reader.messages(&a).len(), 7);
}

pub fn readers_stop_at_the_oldest_open_transaction(world: &World) {
    let a = world.single("a");
    let mut plain = world.producer();
    plain.send(&a, "k", "before");
    let mut open = world.transactional("open");
    open.begin();
    let first = open.send(&a, "k", "open");
    let mut quick = world.transactional("quick");
    quick.write(&a, "k", "quick");
    plain.send(&a, "k", "plain");
    assert_eq!(world.offset(&a, OffsetAt::LastStable), first);
    assert_eq!(world.committed_values(&a), ["before"]);
    assert!(world.offset(&a, OffsetAt::End) > first + 2);
    open.commit();
    assert_eq!(world.committed_values(&a), ["before", "open", "quick", "plain"]);
}

pub fn marker_takes_an_offset_and_the_position_passes_it(world: &World) {
    let a = world.single("a");
    let mut writer = world.transactional("t");
    writer.write(&a, "k", "1");
    assert_eq!(world.committed_values(&a), ["1"]);
    assert_eq!(world.offset(&a, OffsetAt::End), 2);
    let mut reader = world.reader(Isolation::ReadCommitted);
    reader.assign(&a, Start::Beginning);
    let next = &mut |_, _, _| std::ops::ControlFlow::Continue(());
    let mut read = 0;
    let passed = world.wait(|_| {
        read += reader.fetch(&a, Budget::records(9), next).unwrap().records;
        if read == 1 && reader.inner.position(&a) == Some(2) { Poll::Ready(Ok(())) } else { Poll::Pending }
    });
    passed.unwrap();
    assert_eq!(reader.inner.lag(&a), Some(0));
    writer.begin();
    assert_eq!(writer.send(&a, "k", "2"), 2);
    writer.abort();
    assert!(reader.values(&a).is_empty());
    assert_eq!(reader.inner.position(&a), Some(4));
}

pub fn newer_producer_fences_the_older_and_aborts_its_transaction(world: &World) {
    let a = world.single("a");
    let mut old = world.transactional("t");
    old.begin();
    old.send(&a, "k", "old");
    let mut new = world.transactional("t");
    new.write(&a, "k", "new");
    assert_eq!(kind(old.try_send(&a, "k", Some("zombie"))), ErrorKind::Fenced);
    assert_eq!(kind(old.try_commit()), ErrorKind::Fenced);
    assert_eq!(kind(old.inner.begin()), ErrorKind::Fenced);
    new.write(&a, "k", "newer");
    assert_eq!(world.committed_values(&a), ["new", "newer"]);
}

pub fn late_transaction_is_aborted_and_its_producer_fenced(world: &World) {
    let a = world.single("a");
    // In real time an answer takes long when the machine is busy, and Kafka's coordinator looks from time to time only.
    let (timeout_ms, before_ms, after_ms) = if world.is_real() { (4_000, 50, 7_000) } else { (1_000, 900, 300) };
    let mut late = world.producer_with(&ProducerConfig {
        transactional_id: Some(String::from("t")),
        transaction_timeout_ms: timeout_ms,
        ..ProducerConfig::default()
    });
    late.begin();
    late.send(&a, "k", "late");
    world.live_ms(before_ms);
    assert_eq!(world.offset(&a, OffsetAt::LastStable), 0);
    world.live_ms(after_ms);
    assert_eq!(world.offset(&a, OffsetAt::LastStable), 2, "the abort marker");
    assert!(world.committed_values(&a).is_empty());
    assert_eq!(kind(late.try_commit()), ErrorKind::Fenced);
}

pub fn offsets_become_visible_with_the_transaction(world: &World) {
    world.create("in", 1);
    world.create("out", 1);
    let (input, output) = (partition("in", 0), partition("out", 0));
    let mut member = world.member("g", &["in"]);
    assert_eq!(member.assigned(), std::slice::from_ref(&input));
    let mut writer = world.transactional("t");
    writer.begin();
    writer.send(&output, "k", "v");
    writer.send_offsets(&offsets(&input, 7, "text"), &member.group()).unwrap();
    let mut stable = member.inner.committed(std::slice::from_ref(&input));
    assert!(stable.poll(world.now_ms()).is_pending(), "undecided offsets are waited for");
    writer.commit();
    let committed = world.call(stable).unwrap();
    assert_eq!(committed[&input], OffsetAndMetadata { offset: 7, metadata: String::from("text") });
}

pub fn offsets_of_an_aborted_transaction_are_dropped(world: &World) {
    let input = world.single("in");
    let mut member = world.member("g", &["in"]);
    member.assigned();
    let mut writer = world.transactional("t");
    writer.begin();
    writer.send_offsets(&offsets(&input, 3, ""), &member.group()).unwrap();
    writer.commit();
    writer.begin();
    writer.send_offsets(&offsets(&input, 7, ""), &member.group()).unwrap();
    writer.abort();
    assert_eq!(member.committed(&input), Some(OffsetAndMetadata::new(3)));
}

pub fn offsets_of_a_removed_member_are_refused(world: &World) {
    world.create("in", 1);
    world.create("out", 1);
    let (input, output) = (partition("in", 0), partition("out", 0));
    let mut member = world.member("g", &["in"]);
    member.assigned();
    let speaker = member.group();
    member.leave();
    let mut writer = world.transactional("t");
    writer.begin();
    writer.send(&output, "k", "lost");
    let error = writer.send_offsets(&offsets(&input, 7, ""), &speaker).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fenced);
    assert!(error.class().ends_with("CommitFailedException"), "{}", error.class());
    assert_eq!(kind(writer.try_commit()), ErrorKind::Aborted);
    writer.abort();
    writer.write(&output, "k", "kept");
    assert_eq!(world.committed_values(&output), ["kept"]);
    let mut stale = member.group();
    stale.generation = speaker.generation;
    writer.begin();
    assert_eq!(kind(writer.send_offsets(&offsets(&input, 7, ""), &stale)), ErrorKind::Fenced);
}

pub fn transaction_without_content_commits(world: &World) {
    world.create("a", 1);
    let mut writer = world.transactional("t");
    writer.begin();
    writer.commit();
    writer.begin();
    writer.abort();
    writer.write(&partition("a", 0), "k", "v");
    assert_eq!(world.committed_values(&partition("a", 0)), ["v"]);
}

pub fn sending_outside_of_a_transaction_is_refused(world: &World) {
    let a = world.single("a");
    let mut writer = world.transactional("t");
    assert_eq!(kind(writer.queue(&a, "k", None)), ErrorKind::Bug);
    assert_eq!(kind(writer.try_commit()), ErrorKind::Bug);
    writer.begin();
    assert_eq!(kind(writer.inner.begin()), ErrorKind::Bug);
    assert_eq!(kind(world.producer().inner.begin()), ErrorKind::Bug);
}

pub fn commit_flushes_what_is_queued(world: &World) {
    world.create("a", 2);
    let mut writer = world.transactional("t");
    writer.begin();
    assert_eq!(writer.queue(&partition("a", 0), "k", Some("0")).unwrap(), Sent::Queued);
    assert_eq!(writer.queue(&partition("a", 1), "k", Some("1")).unwrap(), Sent::Queued);
    writer.commit();
    assert_eq!(world.committed_values(&partition("a", 0)), ["0"]);
    assert_eq!(world.committed_values(&partition("a", 1)), ["1"]);
    writer.begin();
    assert_eq!(writer.queue(&partition("a", 0), "k", Some("dropped")).unwrap(), Sent::Queued);
    writer.abort();
    assert_eq!(world.committed_values(&partition("a", 0)), ["0"]);
}

pub fn transaction_that_is_being_committed_is_not_aborted(world: &World) {
    let a = world.single("a");
    let mut writer = world.transactional("t");
    writer.begin();
    assert_eq!(writer.queue(&a, "k", Some("kept")).unwrap(), Sent::Queued);
    // A log that answers at once has nothing under way.
    if writer.inner.poll_commit(world.now_ms()).is_pending() {
        let Poll::Ready(refused) = writer.inner.poll_abort(world.now_ms()) else { panic!("it is refused at once") };
        assert_eq!(kind(refused), ErrorKind::Bug);
        writer.commit();
    }
    assert_eq!(world.committed_values(&a), ["kept"]);
}
