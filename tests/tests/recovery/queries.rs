//! What others see of a store.

use crate::fixture::{SESSION_OVER_MS, World};
use kstreams::dsl::StreamsBuilder;
use kstreams::error::ErrorKind;
use kstreams::runtime::CommitStage;
use kstreams::store::{TimestampedKeyValueStore, TimestampedWindowStore};
use kstreams::testing::SteppedStreams;
use kstreams::topology::Topology;

type Rides = TimestampedKeyValueStore<String, i64>;

fn count() -> Topology {
    let builder = StreamsBuilder::new();
    builder.stream::<String, String>("turnstiles").group_by_key().count("rides");
    builder.build().unwrap()
}

fn rides(streams: &SteppedStreams) -> Option<i64> {
    streams.store::<Rides>("rides").unwrap().get(&"a".to_owned()).unwrap().map(|row| row.value)
}

#[test]
fn query_sees_what_is_committed_and_nothing_else() {
    let mut world = World::new();
    world.create(&[("turnstiles", 2)]);
    let mut streams = world.running(&count(), world.config());
    world.send("turnstiles", [("a", "ride"), ("b", "ride")]);
    for stage in CommitStage::ALL {
        world.step_to(&mut streams, stage);
        assert_eq!(rides(&streams), None, "{stage:?}");
    }
    world.settle(&mut [&mut streams]);
    let before = streams.store::<Rides>("rides").unwrap();
    world.send("turnstiles", [("a", "ride")]);
    world.settle(&mut [&mut streams]);
    assert_eq!(before.get(&"a".to_owned()).unwrap().map(|row| row.value), Some(1), "a view is one moment");
    assert_eq!(rides(&streams), Some(2));
    let after = streams.store::<Rides>("rides").unwrap();
    assert_eq!(after.all().unwrap().count(), 2);
    let moved: i64 = after.positions().iter().map(|(_, position)| position.unwrap_or(0)).sum();
    let stood: i64 = before.positions().iter().map(|(_, position)| position.unwrap_or(0)).sum();
    assert!(moved > stood, "the offset tells which moment");
}

#[test]
fn query_that_cannot_be_answered_says_why() {
    let world = World::new();
    world.create(&[("turnstiles", 2)]);
    let streams = world.running(&count(), world.config());
    let unknown = streams.store::<Rides>("riders").map(drop).unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
    assert!(unknown.to_string().contains("`rides`"), "{unknown}");
    let mistyped = streams.store::<TimestampedWindowStore<String, i64>>("rides").map(drop).unwrap_err();
    assert_eq!(mistyped.kind(), ErrorKind::Topology);
}

#[test]
fn store_that_is_being_restored_is_not_shown() {
    let mut world = World::new();
    world.create(&[("turnstiles", 1)]);
    let mut streams = world.running(&count(), world.config());
    world.send("turnstiles", [("a", "ride")]);
    world.settle(&mut [&mut streams]);
    world.crash(streams);
    world.clock.advance_ms(SESSION_OVER_MS);
    let mut streams = world.start(&count(), world.config());
    let mut refused = 0;
    while streams.state() != kstreams::runtime::State::Running {
        match streams.store::<Rides>("rides") {
            Ok(view) => assert_eq!(view.partitions().count(), 0, "the task is not here yet"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Pending);
                refused += 1;
            }
        }
        world.step(&mut streams);
    }
    assert!(refused > 0);
    assert_eq!(rides(&streams), Some(1));
}
