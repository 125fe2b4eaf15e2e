//! What a log on an engine brings back after its process ended, cleanly or not.
//!
//! The engine stays open, or is forked at the moment of the crash: what the log has acknowledged must be on it.

use crate::world::*;
use kstreams::engine::memory::MemoryEngine;
use kstreams::engine::{Batch, Durability, Engine};
use kstreams::error::{Error, ErrorKind};
use kstreams::log::embedded::{EmbeddedLog, Fault, Operation};
use kstreams::log::*;
use kstreams::record::{ManualClock, Topic};
use kstreams::testing::{EngineCall, EngineFault, FaultyEngine};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The log of a process that was killed at this moment, as its successor finds it.
fn after_crash(engine: &MemoryEngine, now_ms: i64) -> World {
    on_engine(Arc::new(engine.fork()), now_ms)
}

fn engine_and_world() -> (Arc<MemoryEngine>, World) {
    let engine = Arc::new(MemoryEngine::default());
    let world = on_engine(engine.clone(), NOON);
    (engine, world)
}

#[test]
fn everything_acknowledged_survives_a_crash() {
    let (engine, world) = engine_and_world();
    world.create_with("a", 2, &[("retention.ms", "-1"), ("segment.bytes", "400")]);
    let (a, b) = (partition("a", 0), partition("a", 1));
    let mut writer = world.producer();
    for number in 0..50 {
        writer.send(&a, "k", &number.to_string());
        writer.send(&b, "k", &format!("b{number}"));
    }
    let mut member = world.member("g", &["a"]);
    member.assigned();
    member.commit(&a, 20, "text").unwrap();
    let generation = member.group().generation;

    let next = after_crash(&engine, NOON + 10);
    assert_eq!(next.committed_values(&a), (0..50).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(next.committed_values(&b).len(), 50);
    let config = next.call(next.log.admin().unwrap().describe_topic(&Topic::from("a"))).unwrap();
    assert_eq!((config.retention_ms, config.segment_bytes), (Some(-1), Some(400)));
    let mut member = next.member("g", &["a"]);
    assert_eq!(member.assigned(), [a.clone(), b], "nobody is waited for: the members died with the process");
    assert!(member.group().generation > generation, "generations go on");
    assert_eq!(member.committed(&a), Some(OffsetAndMetadata { offset: 20, metadata: String::from("text") }));
    assert_eq!(next.producer().send(&a, "k", "next"), 50);
}

#[test]
fn messages_are_on_the_engine_before_they_are_acknowledged() {
    let (engine, world) = engine_and_world();
    let a = world.single("a");
    let mut writer = world.producer();
    for number in 0..20 {
        writer.send(&a, "k", &number.to_string());
        assert_eq!(after_crash(&engine, NOON).committed_values(&a).len(), number + 1);
    }
    assert_eq!(writer.queue(&a, "k", Some("not sent")).unwrap(), Sent::Queued);
    assert_eq!(after_crash(&engine, NOON).committed_values(&a).len(), 20);
}

#[test]
fn open_transaction_of_a_dead_producer_times_out() {
    let (engine, world) = engine_and_world();
    let a = world.single("a");
    let mut writer = world.transactional("t");
    writer.write(&a, "k", "committed");
    writer.begin();
    writer.send(&a, "k", "open");
    world.producer().send(&a, "k", "plain");

    let next = after_crash(&engine, NOON + 10);
    assert_eq!(next.committed_values(&a), ["committed"], "it is still open");
    next.live_ms(10_100);
    assert_eq!(next.committed_values(&a), ["committed", "plain"]);
    let last = after_crash(&engine, NOON + 60_000);
    last.live_ms(100);
    assert_eq!(last.committed_values(&a), ["committed", "plain"], "time counts while nobody runs");
}

#[test]
fn successor_of_a_dead_producer_aborts_its_transaction_at_once() {
    let (engine, world) = engine_and_world();
    world.create("a", 1);
    world.create("in", 1);
    let (a, input) = (partition("a", 0), partition("in", 0));
    let mut writer = world.transactional("t");
    writer.begin();
    writer.send(&a, "k", "open");
    writer.send_offsets(&offsets(&input, 4, ""), &GroupMetadata::without_member("g")).unwrap();

    let next = after_crash(&engine, NOON + 10);
    let config = ConsumerConfig { group: Some(String::from("g")), ..ConsumerConfig::default() };
    let reader = next.reader_with(&config);
    let mut undecided = reader.inner.committed(std::slice::from_ref(&input));
    assert!(undecided.poll(next.now_ms()).is_pending());
    next.transactional("t").write(&a, "k", "again");
    assert_eq!(next.committed_values(&a), ["again"]);
    assert!(next.call(undecided).unwrap().is_empty());
}

#[test]
fn decided_transaction_gets_its_markers_after_a_crash() {
    let engine = Arc::new(MemoryEngine::default());
    let clock = ManualClock::new(NOON);
    let stepped = kstreams::log::embedded::EmbeddedOptions { stepped: true, ..options(&clock) };
    let log = EmbeddedLog::on_engine(engine.clone(), stepped).unwrap();
    let world = World::new(log.clone(), clock);
    world.create("a", 1);
    world.create("in", 1);
    let (a, input) = (partition("a", 0), partition("in", 0));
    let mut writer = world.transactional("t");
    writer.begin();
    writer.send(&a, "k", "v");
    writer.send_offsets(&offsets(&input, 4, ""), &GroupMetadata::without_member("g")).unwrap();
    writer.commit();
    assert_eq!(world.offset(&a, OffsetAt::End), 1, "the markers come with a later step");
    assert!(world.committed_values(&a).is_empty());

    let next = after_crash(&engine, NOON);
    assert_eq!(next.committed_values(&a), ["v"]);
    let group = next.call(next.log.admin().unwrap().describe_group("g")).unwrap();
    assert_eq!(group.offsets, offsets(&input, 4, ""));

    assert!(log.step(NOON).unwrap());
    assert_eq!(world.committed_values(&a), ["v"]);
}

#[test]
fn compacted_and_deleted_messages_stay_gone() {
    let (engine, world) = engine_and_world();
    world.create_with(
        "c",
        1,
        &[("cleanup.policy", "compact"), ("segment.bytes", "300"), ("min.cleanable.dirty.ratio", "0.01")],
    );
    world.create("d", 1);
    world.create("gone", 1);
    let (c, d) = (partition("c", 0), partition("d", 0));
    let mut writer = world.producer();
    for number in 0..60 {
        writer.send(&c, &format!("key-{}", number % 3), &number.to_string());
        writer.send(&d, "k", &number.to_string());
        writer.send(&partition("gone", 0), "k", "v");
    }
    let admin = world.log.admin().unwrap();
    world.call(admin.delete_records(&[(d.clone(), 50)].into())).unwrap();
    world.call(admin.delete_topics(&[Topic::from("gone")])).unwrap();
    world.live_ms(1_000);
    let before = world.committed_values(&c);
    assert!(before.len() < 30, "{}", before.len());

    let next = after_crash(&engine, world.now_ms());
    assert_eq!(next.committed_values(&c), before);
    assert_eq!(next.offset(&d, OffsetAt::Beginning), 50);
    assert_eq!(next.committed_values(&d).len(), 10);
    next.create("gone", 1);
    assert!(next.committed_values(&partition("gone", 0)).is_empty());
    let messages = engine.space("log-messages").unwrap();
    assert!(
        engine.approximate_len(messages) < 60,
        "{} chunks are left on the engine",
        engine.approximate_len(messages)
    );
}

#[test]
fn aborted_ranges_are_known_after_reopening() {
    let (engine, world) = engine_and_world();
    let a = world.single("a");
    let mut writer = world.transactional("t");
    for number in 0..10 {
        writer.begin();
        writer.send(&a, "k", &number.to_string());
        if number % 2 == 0 { writer.commit() } else { writer.abort() }
    }
    world.live_ms(100);
    assert_eq!(after_crash(&engine, NOON).committed_values(&a), ["0", "2", "4", "6", "8"]);
}

#[test]
fn epochs_go_on_after_reopening() {
    let (engine, world) = engine_and_world();
    let a = world.single("a");
    world.transactional("t").write(&a, "k", "1");
    let next = after_crash(&engine, NOON);
    let mut second = next.transactional("t");
    second.begin();
    second.send(&a, "k", "2");
    let mut third = next.transactional("t");
    assert_eq!(kind(second.try_commit()), ErrorKind::Fenced);
    third.write(&a, "k", "3");
    assert_eq!(next.committed_values(&a), ["1", "3"]);
}

#[test]
fn log_of_an_unknown_format_is_refused() {
    let engine = Arc::new(MemoryEngine::default());
    let rows = engine.space("log-rows").unwrap();
    let mut batch = Batch::default();
    batch.put(rows, "F", 99u32.to_be_bytes());
    engine.write(&batch, Durability::Process).unwrap();
    let error = EmbeddedLog::on_engine(engine, Default::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("format 99"), "{error}");
}

#[test]
fn log_stops_when_its_engine_fails_and_says_so() {
    let is_full = Arc::new(AtomicBool::new(false));
    let asked = is_full.clone();
    let failing = Arc::new(FaultyEngine::new(MemoryEngine::default(), move |call| match call {
        EngineCall::Write { .. } if asked.load(Ordering::SeqCst) => {
            EngineFault::Fail(Error::new(ErrorKind::Io, "no space left on device"))
        }
        _ => EngineFault::None,
    }));
    let world = on_engine(failing.clone(), NOON);
    let a = world.single("a");
    let mut writer = world.producer();
    writer.send(&a, "k", "kept");
    is_full.store(true, Ordering::SeqCst);
    assert_eq!(kind(writer.try_send(&a, "k", Some("lost"))), ErrorKind::Io);
    is_full.store(false, Ordering::SeqCst);
    assert_eq!(kind(writer.try_send(&a, "k", Some("lost"))), ErrorKind::Io, "what is on disk is not known any more");
    drop(writer);
    assert_eq!(after_crash(failing.inner(), NOON).committed_values(&a), ["kept"]);
}

#[cfg(feature = "fjall")]
#[test]
fn log_in_a_directory_comes_back_and_is_shared_within_the_process() {
    use kstreams::record::Clock;
    let directory = tempfile::tempdir().unwrap();
    let url = format!("embedded:{}", directory.path().display());
    let clock = ManualClock::new(NOON);
    let open = || World::new(connect(&url, Arc::new(clock.clone()) as Arc<dyn Clock>).unwrap(), clock.clone());
    let a = partition("a", 0);
    {
        let (one, other) = (open(), open());
        one.create("a", 1);
        other.transactional("t").write(&a, "k", "1");
        assert_eq!(one.committed_values(&a), ["1"]);
    }
    let again = open();
    assert_eq!(again.committed_values(&a), ["1"]);
    again.transactional("t").write(&a, "k", "2");
    assert_eq!(again.committed_values(&a), ["1", "2"]);
}

#[test]
fn crash_between_the_markers_of_two_partitions_cannot_be_seen() {
    // Markers of one transaction, its offsets and its end are one batch: at every write of the engine all or none are there.
    let engine = Arc::new(MemoryEngine::default());
    let clock = ManualClock::new(NOON);
    let faults = |operation: &Operation<'_>, now_ms: i64| match operation {
        Operation::WriteMarkers { .. } if now_ms < NOON + 50 => Fault::Delay { by_ms: NOON + 50 - now_ms },
        _ => Fault::None,
    };
    let options = kstreams::log::embedded::EmbeddedOptions { faults: Some(Box::new(faults)), ..options(&clock) };
    let world = World::new(EmbeddedLog::on_engine(engine.clone(), options).unwrap(), clock);
    world.create("a", 2);
    let (a, b) = (partition("a", 0), partition("a", 1));
    let mut writer = world.transactional("t");
    writer.begin();
    writer.send(&a, "k", "1");
    writer.send(&b, "k", "1");
    writer.commit();
    for _ in 0..20 {
        let found = after_crash_stepped(&engine);
        let ends = [found.offset(&a, OffsetAt::LastStable), found.offset(&b, OffsetAt::LastStable)];
        assert!(ends == [0, 0] || ends == [2, 2], "{ends:?}");
        world.live_ms(50);
    }
    assert_eq!(world.committed_values(&b), ["1"]);
}

#[test]
fn concurrent_producers_are_acknowledged_only_after_the_write_that_holds_their_messages() {
    // Slow enough for other threads to come in between.
    let slow = Arc::new(FaultyEngine::new(MemoryEngine::default(), |call| {
        if matches!(call, EngineCall::Write { .. }) {
            (0..20).for_each(|_| std::thread::yield_now());
        }
        EngineFault::None
    }));
    let world = on_engine(slow.clone(), NOON);
    world.create("a", 4);
    let log = &world.log;
    std::thread::scope(|scope| {
        for number in 0..4 {
            let engine = slow.inner();
            scope.spawn(move || {
                let own = World::new(log.clone(), ManualClock::new(NOON));
                let (to, mut writer) = (partition("a", number), own.producer());
                for sent in 0..30 {
                    writer.send(&to, "k", "v");
                    assert_eq!(after_crash_stepped(engine).offset(&to, OffsetAt::End), sent + 1);
                }
            });
        }
    });
}

/// The successor's view before it does anything.
fn after_crash_stepped(engine: &MemoryEngine) -> World {
    let clock = ManualClock::new(NOON);
    let options = kstreams::log::embedded::EmbeddedOptions { stepped: true, ..options(&clock) };
    World::new(EmbeddedLog::on_engine(Arc::new(engine.fork()), options).unwrap(), clock)
}
