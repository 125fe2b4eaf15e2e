//! Global tables and stores over their life: what is deleted, cut off or added while they follow their topic.

use crate::fixture::World;
use crate::rides::{colors, joined};
use kstreams::config::{Config, EngineKind};
use kstreams::dsl::{Nothing, StreamsBuilder};
use kstreams::log::Log;
use kstreams::log::OffsetAt;
use kstreams::log::client::wait;
use kstreams::operator::ProcessorContext;
use kstreams::record::{Record, Topic, TopicPartition};
use kstreams::runtime::State;
use kstreams::serde::Format;
use kstreams::store::{KeyValueStore, Stores, TimestampedKeyValueStore};
use kstreams::testing::SteppedStreams;
use std::collections::BTreeMap;
use std::time::Duration;

fn rows(streams: &SteppedStreams) -> BTreeMap<String, String> {
    let view = streams.store::<TimestampedKeyValueStore<String, String>>("lines-store").unwrap();
    view.all().unwrap().map(|row| row.map(|(key, row)| (key, row.value)).unwrap()).collect()
}

fn map<const N: usize>(rows: [(&str, &str); N]) -> BTreeMap<String, String> {
    rows.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn one() -> TopicPartition {
    TopicPartition::new("lines", 0)
}

/// Writes and waits until the tombstone at offset 2 is gone from the topic.
fn have_compacted(world: &mut World) {
    for round in 0..20 {
        world.send("lines", [("filler", ["x", "y"][round % 2])]);
        world.clock.advance_ms(6_000);
        // The log looks after itself when it is used.
        (0..3).for_each(|_| _ = world.offset(&one(), OffsetAt::End));
    }
    assert!(world.read("lines").iter().all(|(_, value)| value.is_some()), "the tombstone is gone");
}

const COMPACTED: [(&str, &str); 4] = [
    ("cleanup.policy", "compact"),
    ("segment.bytes", "1"),
    ("min.cleanable.dirty.ratio", "0.01"),
    ("delete.retention.ms", "20000"),
];

#[test]
fn deletion_that_is_gone_from_the_topic_is_not_missed() {
    for engine in [EngineKind::Fjall, EngineKind::Memory] {
        let mut world = World::new();
        world.create_with("lines", 1, &COMPACTED);
        world.create(&[("rides", 1), ("colors", 1)]);
        world.send("lines", [("red", "red"), ("blue", "blue")]);
        let config = world.config().engine(engine);
        let mut streams = world.running(&colors(), config.clone());
        world.settle(&mut [&mut streams]);
        assert_eq!(rows(&streams), map([("red", "red"), ("blue", "blue")]));
        world.crash(streams);

        world.delete("lines", "red");
        have_compacted(&mut world);
        let mut streams = world.running(&colors(), config);
        world.settle(&mut [&mut streams]);
        assert_eq!(rows(&streams), map([("blue", "blue"), ("filler", "y")]), "{engine:?}");
    }
}

#[test]
fn rows_that_have_missed_nothing_are_kept_however_old_they_are() {
    let mut world = World::new();
    world.create_with("lines", 1, &COMPACTED);
    world.create(&[("rides", 1), ("colors", 1)]);
    world.send("lines", [("red", "red"), ("blue", "blue")]);
    let streams = world.running(&colors(), world.config());
    world.crash(streams);
    world.clock.advance_ms(30 * 24 * 3_600_000);
    let streams = world.running(&colors(), world.config());
    assert_eq!((streams.counts().restored, rows(&streams).len()), (0, 2));
}

#[test]
fn age_counts_from_the_last_look_and_not_from_the_last_record() {
    let mut world = World::new();
    world.create_with("lines", 1, &COMPACTED);
    world.create(&[("rides", 1), ("colors", 1)]);
    world.send("lines", [("red", "red"), ("blue", "blue")]);
    let mut config = world.config();
    config.metadata_max_age_ms = 1_000;
    let mut streams = world.running(&colors(), config.clone());
    world.step_for(&mut streams, 30_000);
    world.crash(streams);
    world.send("lines", [("green", "green")]);
    let streams = {
        let mut streams = world.start(&colors(), config);
        world.step_for(&mut streams, 100);
        streams
    };
    assert_eq!(streams.counts().restored, 1, "nothing but the new one");
}

#[test]
fn table_whose_topic_is_cut_off_is_read_again_before_anything_is_joined() {
    for engine in [EngineKind::Fjall, EngineKind::Memory] {
        let mut world = World::new();
        world.create(&[("lines", 1), ("rides", 1), ("colors", 1)]);
        world.send("lines", [("red", "red"), ("blue", "blue")]);
        let mut streams = world.running(&colors(), world.config().engine(engine));
        world.send("rides", [("rider", "red")]);
        world.settle(&mut [&mut streams]);
        world.send("lines", [("green", "green")]);
        world.truncate(&one());
        world.send("lines", [("red", "dark red"), ("blue", "dark blue")]);
        world.send("rides", [("rider", "red"), ("rider", "green")]);
        world.settle(&mut [&mut streams]);
        assert_eq!(streams.state(), State::Running);
        assert_eq!(rows(&streams), map([("red", "dark red"), ("blue", "dark blue")]), "{engine:?}");
        assert_eq!(joined(&world), ["red", "dark red"], "{engine:?}");
        assert_eq!(streams.counts().stores_wiped, 1);
        // And it follows on.
        world.send("lines", [("red", "rose")]);
        world.settle(&mut [&mut streams]);
        world.send("rides", [("rider", "red")]);
        world.settle(&mut [&mut streams]);
        assert_eq!(joined(&world), ["red", "dark red", "rose"], "{engine:?}");
    }
}

#[test]
fn instance_that_ends_while_a_table_is_read_again_ends() {
    let mut world = World::new();
    world.create(&[("lines", 1), ("rides", 1), ("colors", 1)]);
    world.send("lines", [("red", "red")]);
    let mut streams = world.running(&colors(), world.config());
    world.send("lines", [("green", "green")]);
    world.truncate(&one());
    world.send("rides", [("rider", "red")]);
    world.step_until(&mut streams, |streams| streams.state() == State::Rebalancing);
    streams.close(world.now_ms()).unwrap();
}

#[test]
fn partitions_that_are_added_are_read_while_the_instance_runs() {
    let mut world = World::new();
    world.create(&[("lines", 1), ("rides", 1), ("colors", 1)]);
    let mut config = world.config();
    config.metadata_max_age_ms = 1_000;
    let mut streams = world.running(&colors(), config);
    wait(&*world.log, world.log.admin().unwrap().delete_topics(&[Topic::from("lines")]), Duration::from_secs(5))
        .unwrap();
    world.create(&[("lines", 3)]);
    let names: Vec<String> = (0..20).map(|n| format!("line-{n}")).collect();
    world.send("lines", names.iter().map(|name| (name.as_str(), name.as_str())));
    world.step_for(&mut streams, 2_000);
    assert_eq!(rows(&streams).len(), 20);
    assert_eq!((streams.state(), streams.counts().rollbacks), (State::Running, 0));
}

/// A global store of the lengths of words, filled by a processor.
fn lengths(config: &Config, world: &World) -> SteppedStreams {
    let builder = StreamsBuilder::new();
    let store = Stores::persistent_key_value_store("lengths");
    let store = Stores::key_value_store_builder(store, Format::string(), Format::i64());
    builder.add_global_store(store, "words", || {
        |context: &ProcessorContext<Nothing, Nothing>, word: Record<String, String>| {
            let lengths: KeyValueStore<String, i64> = context.state_store("lengths")?;
            lengths.put(&word.value, word.value.len() as i64)
        }
    });
    world.running(&builder.build().unwrap(), config.clone())
}

fn length(streams: &SteppedStreams, word: &str) -> Option<i64> {
    streams.store::<KeyValueStore<String, i64>>("lengths").unwrap().get(&word.to_owned()).unwrap()
}

#[test]
fn global_store_is_restored_by_its_processor() {
    // In memory from the whole topic, on disk from what came since.
    for (engine, restored) in [(EngineKind::Memory, 3), (EngineKind::Fjall, 1)] {
        let mut world = World::new();
        world.create(&[("words", 1)]);
        let config = world.config().engine(engine);
        world.send("words", [("1", "tea"), ("2", "coffee")]);
        let mut streams = lengths(&config, &world);
        world.settle(&mut [&mut streams]);
        assert_eq!(length(&streams, "coffee"), Some(6));
        world.crash(streams);
        world.send("words", [("3", "water")]);
        let streams = lengths(&config, &world);
        assert_eq!(streams.counts().restored, restored, "{engine:?}");
        for (word, expected) in [("tea", Some(3)), ("coffee", Some(6)), ("water", Some(5)), ("1", None)] {
            assert_eq!(length(&streams, word), expected, "{engine:?}: {word}");
        }
    }
}
