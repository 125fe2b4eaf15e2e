//! Topologies of several kinds, with a crash at every stage of the commit under exactly-once.

use crate::fixture::World;
use crate::rides::{colors, joined};
use kstreams::config::{Config, DslStore};
use kstreams::dsl::{Consumed, Materialized, StreamsBuilder};
use kstreams::log::OffsetAt;
use kstreams::record::TopicPartition;
use kstreams::runtime::{CommitStage, State};
use kstreams::store::{TimestampedKeyValueStore, TimestampedWindowStore};
use kstreams::testing::SteppedStreams;
use kstreams::topology::Topology;
use kstreams::window::TimeWindows;
use std::time::Duration;

/// Runs `feed`, crashes at `stage` of the commit that follows from it, starts again and runs `feed` once more.
fn crash_between(
    world: &mut World,
    topology: &Topology,
    config: &Config,
    stage: CommitStage,
    mut feed: impl FnMut(&mut World),
) -> SteppedStreams {
    let mut streams = world.running(topology, config.clone());
    feed(world);
    world.step_to(&mut streams, stage);
    world.crash(streams);
    let mut streams = world.running(topology, config.clone());
    feed(world);
    world.settle(&mut [&mut streams]);
    streams
}

#[test]
fn count_over_a_repartition_topic_is_exact() {
    let builder = StreamsBuilder::new();
    builder
        .stream::<String, String>("turnstiles")
        .group_by(|_, line| line.clone())
        .count("rides")
        .to_stream()
        .to("summary");
    let topology = builder.build().unwrap();
    for stage in CommitStage::ALL {
        let mut world = World::new();
        world.create(&[("turnstiles", 2), ("summary", 1)]);
        let config = world.config();
        let records: Vec<(String, &str)> =
            (0..30).map(|n| (format!("station-{n}"), ["red", "blue", "green"][n % 3])).collect();
        let mut streams = crash_between(&mut world, &topology, &config, stage, |world| {
            world.send("turnstiles", records.iter().map(|(key, value)| (key.as_str(), *value)));
        });
        world.settle(&mut [&mut streams]);
        for line in ["red", "blue", "green"] {
            assert_eq!(world.numbers("summary")[line], (1..=20).collect::<Vec<_>>(), "{stage:?}");
        }
        let topics = world.topics();
        assert!(topics.contains(&"app-rides-repartition/2".to_owned()), "{topics:?}");
        assert!(topics.contains(&"app-rides-changelog/2".to_owned()), "{topics:?}");
    }
}

#[test]
fn processed_repartition_records_are_deleted() {
    let builder = StreamsBuilder::new();
    builder.stream::<String, String>("turnstiles").group_by(|_, line| line.clone()).count("rides");
    let mut world = World::new();
    world.create(&[("turnstiles", 1)]);
    let mut streams = world.running(&builder.build().unwrap(), world.config());
    world.send("turnstiles", [("1", "red"), ("2", "red")]);
    world.settle(&mut [&mut streams]);
    world.clock.advance_ms(30_000);
    world.send("turnstiles", [("3", "red")]);
    world.settle(&mut [&mut streams]);
    let partition = TopicPartition::new("app-rides-repartition", 0);
    assert!(world.offset(&partition, OffsetAt::Beginning) >= 2);
    assert_eq!(world.committed("app", &partition), Some(world.offset(&partition, OffsetAt::End)), "nothing is left");
}

#[test]
fn windowed_count_is_exact_and_still_drops_what_is_late() {
    let builder = StreamsBuilder::new();
    builder
        .stream::<String, String>("turnstiles")
        .group_by_key()
        .windowed_by(TimeWindows::of_size_and_grace(Duration::from_secs(10), Duration::ZERO))
        .count(Materialized::named("rides").with_retention(Duration::from_secs(3_600)));
    let topology = builder.build().unwrap();
    for (stage, store) in
        CommitStage::ALL.into_iter().zip([DslStore::Persistent, DslStore::InMemory].into_iter().cycle())
    {
        let mut world = World::new();
        world.create(&[("turnstiles", 1)]);
        let mut config = world.config();
        config.dsl_store = store;
        let mut round = 0;
        // The second round is late for the window of the first, and that is known only from before the crash.
        let streams = crash_between(&mut world, &topology, &config, stage, |world| {
            round += 1;
            match round {
                1 => world.send_at("turnstiles", [("a", "ride", 1_000), ("a", "ride", 2_000), ("a", "ride", 15_000)]),
                _ => world.send_at("turnstiles", [("a", "ride", 3_000), ("a", "ride", 16_000)]),
            }
        });
        let rides = streams.store::<TimestampedWindowStore<String, i64>>("rides").unwrap();
        let counts: Vec<(i64, i64)> =
            rides.all().unwrap().map(|row| row.map(|(key, row)| (key.window.start_ms, row.value)).unwrap()).collect();
        assert_eq!(counts, [(0, 2), (10_000, 2)], "{stage:?}");
        assert_eq!(streams.counts().dropped, 1, "{stage:?}");
    }
}

#[test]
fn global_table_is_there_before_the_first_record() {
    let topology = colors();
    let mut world = World::new();
    world.create(&[("lines", 3), ("rides", 1), ("colors", 1)]);
    let names: Vec<String> = (0..50).map(|n| format!("line-{n}")).collect();
    world.send("lines", names.iter().map(|name| (name.as_str(), name.as_str())));
    world.send("rides", names.iter().map(|name| ("rider", name.as_str())));
    let config = world.config();
    let mut streams = world.running(&topology, config.clone());
    world.settle(&mut [&mut streams]);
    let colors = joined(&world);
    assert_eq!(colors, names);
    assert_eq!(streams.counts().restored, 50);
    world.crash(streams);

    // Rows on disk are believed as far as their positions; what came meanwhile is read before the next record.
    world.send("lines", [("line-0", "changed")]);
    let mut streams = world.running(&topology, config);
    assert_eq!(streams.counts().restored, 1);
    world.send("rides", [("rider", "line-0"), ("rider", "line-1")]);
    world.settle(&mut [&mut streams]);
    let colors = world.read("colors");
    let last: Vec<&[u8]> = colors[50..].iter().map(|(_, color)| color.as_deref().unwrap()).collect();
    assert_eq!(last, [b"changed".as_slice(), b"line-1"]);
    let rows = streams.store::<TimestampedKeyValueStore<String, String>>("lines-store").unwrap();
    assert_eq!(rows.all().unwrap().count(), 50);
}

#[test]
fn undecodable_records_become_dead_letters_once() {
    let builder = StreamsBuilder::new();
    builder.stream::<String, i64>("numbers").group_by_key().count("seen").to_stream().to("summary");
    let topology = builder.build().unwrap();
    for stage in CommitStage::ALL {
        let mut world = World::new();
        world.create(&[("numbers", 1), ("summary", 1), ("dead", 1)]);
        let config = world.config().dead_letters("dead");
        let streams = crash_between(&mut world, &topology, &config, stage, |world| {
            world.send("numbers", [("a", "12345678"), ("b", "not a number"), ("a", "12345678")]);
        });
        assert_eq!(world.numbers("summary")["a"], [1, 2, 3, 4], "{stage:?}");
        let dead = world.read("dead");
        assert_eq!(dead.len(), 2, "{stage:?}");
        assert!(dead.iter().all(|(key, value)| key == "b" && value.as_deref() == Some(b"not a number")));
        let counts = streams.counts();
        assert!(counts.dead_letters > 0, "{stage:?}");
        assert_eq!(counts.dead_letters, counts.dropped, "{stage:?}");
    }
}

#[test]
fn first_undecodable_record_ends_the_instance_unless_told_otherwise() {
    let builder = StreamsBuilder::new();
    builder.stream::<String, i64>("numbers").to("out");
    let mut world = World::new();
    world.create(&[("numbers", 1), ("out", 1)]);
    let mut streams = world.running(&builder.build().unwrap(), world.config());
    world.send("numbers", [("b", "not a number")]);
    let error = (0..1_000).find_map(|_| streams.step(world.now_ms()).err()).expect("the record cannot be processed");
    assert_eq!(error.kind(), kstreams::error::ErrorKind::Deserialization);
    let text = error.to_string();
    assert!(text.contains("task 0_0") && text.contains("numbers-0 at offset 0"), "{text}");
}

#[test]
fn topic_that_comes_to_match_a_pattern_is_an_input_of_running_tasks() {
    let builder = StreamsBuilder::new();
    builder
        .stream::<String, String>(Consumed::pattern("arrivals\\..*"))
        .group_by_key()
        .count("seen")
        .to_stream()
        .to("out");
    let topology = builder.build().unwrap();
    let mut world = World::new();
    world.create(&[("arrivals.blue", 2), ("out", 1)]);
    let mut config = world.config();
    config.metadata_max_age_ms = 500;
    let mut streams = world.running(&topology, config);
    world.send("arrivals.blue", [("a", "x"), ("b", "x")]);
    world.settle(&mut [&mut streams]);
    let opened = streams.counts().tasks_opened;
    world.create(&[("arrivals.red", 2)]);
    world.send("arrivals.red", [("a", "x"), ("b", "x")]);
    world.clock.advance_ms(600);
    world.step_until(&mut streams, |streams| streams.counts().processed == 4);
    world.settle(&mut [&mut streams]);
    let numbers = world.numbers("out");
    assert_eq!((numbers["a"].as_slice(), numbers["b"].as_slice()), ([1, 2].as_slice(), [1, 2].as_slice()));
    assert_eq!(streams.counts().tasks_opened, opened, "nothing was opened again");
}

#[test]
fn inputs_of_a_task_are_taken_in_the_order_of_time() {
    let builder = StreamsBuilder::new();
    let one = builder.stream::<String, String>("one");
    one.merge(builder.stream("two")).to("out");
    let topology = builder.build().unwrap();
    let mut world = World::new();
    world.create(&[("one", 1), ("two", 1), ("out", 1)]);
    world.send_at("one", [("1", "1", 1), ("4", "4", 4), ("5", "5", 5)]);
    world.send_at("two", [("2", "2", 2), ("3", "3", 3), ("6", "6", 6)]);
    let mut streams = world.running(&topology, world.config());
    world.settle(&mut [&mut streams]);
    let keys: Vec<String> = world.read("out").into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["1", "2", "3", "4", "5", "6"]);
}

#[test]
fn joined_inputs_with_different_partitions_are_refused() {
    let builder = StreamsBuilder::new();
    let table = builder.table::<String, String>("stations");
    builder.stream::<String, String>("rides").join(&table, |_, station: String| station).to("out");
    let world = World::new();
    world.create(&[("rides", 2), ("stations", 3), ("out", 1)]);
    let mut streams = world.start(&builder.build().unwrap(), world.config());
    let error = (0..1_000).find_map(|_| streams.step(world.now_ms()).err()).expect("this cannot run");
    assert_eq!(error.kind(), kstreams::error::ErrorKind::Topology);
    let text = error.to_string();
    assert!(text.contains("`rides` has 2") && text.contains("`stations` has 3"), "{text}");
}

#[test]
fn input_that_is_missing_is_waited_for_and_then_named() {
    let builder = StreamsBuilder::new();
    builder.stream::<String, String>("late").to("out");
    let topology = builder.build().unwrap();
    let world = World::new();
    world.create(&[("out", 1)]);
    let mut streams = world.start(&topology, world.config());
    (0..100).for_each(|_| _ = world.step(&mut streams));
    assert_eq!(streams.state(), State::Rebalancing);
    world.create(&[("late", 1)]);
    world.run(&mut streams);

    let world = World::new();
    let mut streams = world.start(&topology, world.config());
    let failed = (0..100_000).find_map(|_| {
        world.clock.advance_ms(1);
        streams.step(world.now_ms()).err()
    });
    assert!(failed.expect("nobody makes it").to_string().contains("`late`"));
}

#[test]
fn held_back_updates_are_in_the_commit() {
    let builder = StreamsBuilder::new();
    builder
        .stream::<String, String>("turnstiles")
        .group_by_key()
        .count(Materialized::named("rides").with_caching_enabled())
        .to_stream()
        .to("summary");
    let topology = builder.build().unwrap();
    for stage in CommitStage::ALL {
        let mut world = World::new();
        world.create(&[("turnstiles", 1), ("summary", 1)]);
        let config = world.config().cache_max_bytes(1 << 20);
        crash_between(&mut world, &topology, &config, stage, |world| {
            world.send("turnstiles", (0..10).map(|_| ("a", "ride")));
        });
        let sent = &world.numbers("summary")["a"];
        assert!(sent.len() <= 20 && sent.last() == Some(&20) && sent.is_sorted(), "{stage:?}: {sent:?}");
    }
}
