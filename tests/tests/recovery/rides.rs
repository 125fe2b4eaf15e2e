//! The scenario of most tests here: rides come in rounds, and are counted for each station.

use crate::fixture::World;
use kstreams::config::{Config, ProcessingGuarantee};
use kstreams::dsl::StreamsBuilder;
use kstreams::log::embedded::FaultPlan;
use kstreams::testing::SteppedStreams;
use kstreams::topology::Topology;
use std::collections::BTreeMap;

/// Records of one round.
pub const ROUND: u64 = 20;

/// Counts the rides of each station.
pub fn count() -> Topology {
    let builder = StreamsBuilder::new();
    builder.stream::<String, String>("turnstiles").group_by_key().count("rides").to_stream().to("summary");
    builder.build().unwrap()
}

/// A world with the count's topics.
pub fn world(partitions: i32) -> World {
    with_topics(World::new(), partitions)
}

/// The same, with requests going wrong as planned.
pub fn world_with_faults(plan: Box<dyn FaultPlan>) -> World {
    with_topics(World::with_faults(Some(plan)), 2)
}

fn with_topics(world: World, partitions: i32) -> World {
    world.create(&[("turnstiles", partitions), ("summary", 1)]);
    world
}

/// The configuration under the weaker guarantee.
pub fn at_least_once(mut config: Config) -> Config {
    config.processing_guarantee = ProcessingGuarantee::AtLeastOnce;
    config
}

impl World {
    /// Sends a round: ten stations, twice each.
    pub fn ride(&mut self) {
        self.send("turnstiles", stations().chain(stations()).map(|station| (station, "ride")));
    }

    /// Sends a round and has it counted and committed.
    pub fn ride_and_settle(&mut self, streams: &mut [&mut SteppedStreams]) {
        self.ride();
        self.settle(streams);
    }

    /// No station has fewer rides than those rounds brought.
    pub fn assert_nothing_is_lost(&self, rounds: i64) {
        let counted = self.numbers("summary");
        assert_eq!(counted.len(), stations().count());
        for (station, numbers) in counted {
            assert!(numbers.last().is_some_and(|last| *last >= 2 * rounds), "{station}: {numbers:?}");
        }
    }
}

fn stations() -> impl Iterator<Item = &'static str> {
    ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"].into_iter()
}

/// What the count of so many rounds sends, exactly once.
pub fn counted(rounds: i64) -> BTreeMap<String, Vec<i64>> {
    stations().map(|station| (station.to_owned(), (1..=2 * rounds).collect())).collect()
}

/// Rides are joined with the color of their line.
pub fn colors() -> Topology {
    let builder = StreamsBuilder::new();
    let lines = builder.global_table::<String, String>("lines", "lines-store");
    builder
        .stream::<String, String>("rides")
        .join_global(&lines, |_, line| line.clone(), |_, color| color)
        .to("colors");
    builder.build().unwrap()
}

/// The colors that came out.
pub fn joined(world: &World) -> Vec<String> {
    world.read("colors").into_iter().map(|(_, color)| String::from_utf8(color.unwrap()).unwrap()).collect()
}
