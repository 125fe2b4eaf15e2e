//! A store whose changelog is the topic that fills it.

use crate::fixture::World;
use kstreams::config::{Config, EngineKind, ErrorPolicy};
use kstreams::dsl::{Nothing, TopologyBuilder};
use kstreams::error::ErrorKind;
use kstreams::operator::ProcessorContext;
use kstreams::record::Record;
use kstreams::serde::Format;
use kstreams::store::{KeyValueStore, Stores};
use kstreams::testing::SteppedStreams;
use kstreams::topology::Topology;
use std::collections::BTreeMap;

type Numbers = KeyValueStore<i32, i64>;

fn topology() -> Topology {
    let builder = TopologyBuilder::new();
    let store = Stores::persistent_key_value_store("numbers");
    let store = Stores::key_value_store_builder(store, Format::i32(), Format::i64());
    builder.add_read_only_state_store(store, "source", "in", "fill", || {
        |context: &ProcessorContext<Nothing, Nothing>, record: Record<i32, Option<i64>>| {
            context.state_store::<Numbers>("numbers")?.put(&record.key, record.value)
        }
    });
    builder.build().unwrap()
}

fn rows(streams: &SteppedStreams) -> BTreeMap<i32, i64> {
    streams.store::<Numbers>("numbers").unwrap().all().unwrap().collect::<Result<_, _>>().unwrap()
}

const SENT: [(&str, &str); 5] =
    [("key1", "12345678"), ("key2", "short"), ("long key", "12345678"), ("key3", "87654321"), ("key1", "11111111")];

/// Processes what is sent and crashes.
fn filled() -> (World, Config, BTreeMap<i32, i64>) {
    let mut world = World::new();
    world.create(&[("in", 1)]);
    let config = world.config().engine(EngineKind::Memory).on_record_errors(ErrorPolicy::Continue);
    let mut streams = world.running(&topology(), config.clone());
    world.send("in", SENT);
    world.settle(&mut [&mut streams]);
    assert_eq!(streams.counts().dropped, 2);
    let rows = rows(&streams);
    world.crash(streams);
    (world, config, rows)
}

#[test]
fn what_was_no_row_when_it_was_processed_is_none_after_a_restore() {
    let (world, config, before) = filled();
    assert_eq!(before.len(), 2);
    let streams = world.running(&topology(), config);
    assert_eq!(rows(&streams), before);
    assert_eq!((streams.counts().restored, streams.counts().dropped), (3, 0), "it was counted when it was processed");
}

#[test]
fn what_is_no_row_ends_a_restore_if_the_policy_is_to_fail() {
    let (world, config, _) = filled();
    world.clock.advance_ms(crate::fixture::SESSION_OVER_MS);
    let mut streams = world.start(&topology(), config.on_record_errors(ErrorPolicy::Fail));
    let error = world.step_until_failure(&mut streams);
    assert_eq!(error.kind(), ErrorKind::Deserialization);
    let text = error.to_string();
    assert!(text.contains("task 0_0") && text.contains("in-0 at offset 1"), "{text}");
}
