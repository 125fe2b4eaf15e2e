//! Inputs without a position, or with one that their topic does not hold.

use crate::fixture::World;
use kstreams::config::AutoOffsetReset;
use kstreams::dsl::{Consumed, StreamsBuilder};
use kstreams::error::ErrorKind;
use kstreams::record::TopicPartition;
use kstreams::testing::SteppedStreams;
use kstreams::topology::Topology;

/// Copies `in`, which is read with that policy.
fn copy(policy: Option<AutoOffsetReset>) -> Topology {
    let builder = StreamsBuilder::new();
    let consumed = Consumed::from("in");
    let consumed = match policy {
        Some(policy) => consumed.with_offset_reset(policy),
        None => consumed,
    };
    builder.stream::<String, String>(consumed).to("out");
    builder.build().unwrap()
}

fn keys(world: &World) -> Vec<String> {
    world.read("out").into_iter().map(|(key, _)| key).collect()
}

fn input() -> TopicPartition {
    TopicPartition::new("in", 0)
}

/// An application that has copied `a`; then the topic loses `b`, which it has not read, and holds `c`.
fn cut_off(policy: Option<AutoOffsetReset>, default: AutoOffsetReset) -> (World, SteppedStreams) {
    let mut world = World::new();
    world.create(&[("in", 1), ("out", 1)]);
    let mut config = world.config();
    config.auto_offset_reset = default;
    let mut streams = {
        // With a position to begin with, whatever the policy says.
        let mut streams = world.running(&copy(Some(AutoOffsetReset::Earliest)), config.clone());
        world.send("in", [("a", "1")]);
        world.settle(&mut [&mut streams]);
        let ended_ms = streams.close(world.now_ms()).unwrap();
        world.clock.set_ms(ended_ms);
        world.running(&copy(policy), config)
    };
    world.settle(&mut [&mut streams]);
    world.send("in", [("b", "2")]);
    world.truncate(&input());
    world.send("in", [("c", "3")]);
    (world, streams)
}

#[test]
fn position_that_is_cut_off_goes_where_the_source_says() {
    use AutoOffsetReset::{Earliest, Latest, None as Nowhere};
    let cases: [(Option<AutoOffsetReset>, AutoOffsetReset, &[&str]); 4] = [
        (Some(Earliest), Nowhere, &["a", "c", "d"]),
        (Some(Latest), Earliest, &["a", "d"]),
        (None, Earliest, &["a", "c", "d"]),
        (None, Latest, &["a", "d"]),
    ];
    for (policy, default, expected) in cases {
        let (mut world, mut streams) = cut_off(policy, default);
        world.settle(&mut [&mut streams]);
        world.send("in", [("d", "4")]);
        world.settle(&mut [&mut streams]);
        assert_eq!(keys(&world), expected, "{policy:?}, else {default:?}");
    }
}

#[test]
fn position_that_is_cut_off_ends_the_instance_if_nothing_says_where_to_go_on() {
    use AutoOffsetReset::{Earliest, None as Nowhere};
    for (policy, default) in [(Some(Nowhere), Earliest), (None, Nowhere)] {
        let (world, mut streams) = cut_off(policy, default);
        let error = world.step_until_failure(&mut streams);
        assert_eq!(error.kind(), ErrorKind::OutOfRange);
        let text = error.to_string();
        // Behind `a` and its transaction's marker.
        assert!(text.contains("position 1 of `in-0`") && text.contains("task 0_0"), "{text}");
    }
}

#[test]
fn committed_offset_that_is_cut_off_while_nothing_runs_goes_where_the_source_says() {
    let mut world = World::new();
    world.create(&[("in", 1), ("out", 1)]);
    let mut streams = world.running(&copy(None), world.config());
    world.send("in", [("a", "1")]);
    world.settle(&mut [&mut streams]);
    world.crash(streams);
    world.send("in", [("b", "2")]);
    world.truncate(&input());
    world.send("in", [("c", "3")]);
    let mut streams = world.running(&copy(Some(AutoOffsetReset::Latest)), world.config());
    world.settle(&mut [&mut streams]);
    world.send("in", [("d", "4")]);
    world.settle(&mut [&mut streams]);
    assert_eq!(keys(&world), ["a", "d"]);
}

#[test]
fn configuration_says_where_a_source_begins_and_repartition_topics_begin_at_the_beginning() {
    let builder = StreamsBuilder::new();
    builder.stream::<String, String>("in").group_by(|_, v| v.clone()).count("counts").to_stream().to("out");
    let topology = builder.build().unwrap();
    let mut world = World::new();
    world.create(&[("in", 1), ("out", 1)]);
    world.send("in", [("a", "x")]);
    let mut config = world.config();
    config.set("consumer.auto.offset.reset", "latest").unwrap();
    let mut streams = world.running(&topology, config);
    world.settle(&mut [&mut streams]);
    assert!(world.read("out").is_empty());
    world.send("in", [("b", "x")]);
    world.settle(&mut [&mut streams]);
    assert_eq!(world.numbers("out")["x"], [1]);
}
