//! The cases: a topology with its input, what is compared, and what must hold besides.

use crate::{processors, tables, transit, windows};
use kstreams::config::Config;
use kstreams::dsl::{Consumed, StreamsBuilder};
use kstreams::error::Result;
use kstreams::testing::simulation::{Compare, InputRecord, Outcome, Random, Simulation};
use kstreams::topology::Topology;
use std::collections::BTreeMap;

/// Rides are gone after an hour, when stores are restored from nothing: from their changelogs alone.
const HOUR_MS: &str = "3600000";

/// A topology of the suite.
pub struct Case {
    pub name: &'static str,
    pub simulation: fn() -> Simulation,
}

/// Every case.
pub fn all() -> Vec<Case> {
    let case = |name, simulation| Case { name, simulation };
    vec![
        case("count", count),
        case("cached_count", cached_count),
        case("at_least_once", at_least_once),
        case("at_least_once_cached", at_least_once_cached),
        case("at_least_once_mapped", at_least_once_mapped),
        case("joined", tables::joined),
        case("moving_stations", tables::moving_stations),
        case("hopping", windows::hopping),
        case("punctuated", processors::by_wall_clock),
        case("punctuated_by_stream_time", processors::by_stream_time),
        case("global", tables::global),
        case("renamed_globally", tables::renamed_globally),
        case("dead_letters", dead_letters),
        case("pattern", pattern),
        case("transit_stations", transit::stations),
        case("transit_turnstiles", transit::turnstiles),
    ]
}

pub fn config() -> Config {
    Config::new("app", "embedded:").threads(2).exactly_once().cache_max_bytes(0)
}

/// Rides at a few stations, in order of time.
pub fn rides(random: &mut Random) -> Vec<InputRecord<String, String>> {
    let count = random.between(10, 60);
    (0..count).map(|n| InputRecord::new(format!("station {}", random.below(6)), format!("ride {n}"), n * 10)).collect()
}

fn counting() -> Topology {
    let builder = StreamsBuilder::new();
    builder.stream::<String, String>("rides").group_by_key().count("counts").to_stream().to("totals");
    builder.build().expect("the topology is right")
}

/// The rides of each station, counted over the input.
pub fn counted(outcome: &Outcome<'_>) -> Result<BTreeMap<String, i64>> {
    let mut counts = BTreeMap::new();
    for ride in outcome.records::<String, String>("rides")? {
        *counts.entry(ride.key).or_insert(0) += 1;
    }
    Ok(counts)
}

/// Counts rides exactly once.
fn counted_once(config: Config, compare: Compare) -> Simulation {
    let simulation =
        Simulation::new(&counting(), config).topic("rides", 3).topic_config("rides", "retention.ms", HOUR_MS);
    simulation.output("totals", 2, compare).input("rides", rides).invariant("every ride is counted once", |outcome| {
        assert_eq!(outcome.latest::<String, i64>("totals")?, counted(outcome)?);
        Ok(())
    })
}

fn count() -> Simulation {
    counted_once(config(), Compare::InOrder)
}

fn cached_count() -> Simulation {
    counted_once(config().cache_max_bytes(600), Compare::Latest)
}

fn at_least_once() -> Simulation {
    counted_at_least_once(0)
}

fn at_least_once_cached() -> Simulation {
    counted_at_least_once(600)
}

/// Nothing but a function of each record: each must come out, in any order and as often as it may.
fn at_least_once_mapped() -> Simulation {
    let builder = StreamsBuilder::new();
    builder.stream::<String, String>("rides").map_values(|ride| format!("a {ride}")).to("mapped");
    let topology = builder.build().expect("the topology is right");
    Simulation::new(&topology, Config::new("app", "embedded:").threads(2))
        .topic("rides", 3)
        .output("mapped", 2, Compare::AnyOrder)
        .input("rides", rides)
}

fn counted_at_least_once(cache_bytes: u64) -> Simulation {
    let config = Config::new("app", "embedded:").threads(2).cache_max_bytes(cache_bytes);
    Simulation::new(&counting(), config)
        .topic("rides", 3)
        .output("totals", 2, Compare::Nothing)
        .input("rides", rides)
        .invariant("every ride is counted at least once", |outcome| {
            let totals = outcome.latest::<String, i64>("totals")?;
            for (station, rides) in counted(outcome)? {
                assert!(
                    totals.get(&station).is_some_and(|total| *total >= rides),
                    "{station}: {totals:?}, not {rides}"
                );
            }
            Ok(())
        })
}

/// Numbers among which some are none: those go to a topic of their own, once.
fn dead_letters() -> Simulation {
    let builder = StreamsBuilder::new();
    builder
        .stream::<String, i64>("numbers")
        .group_by_key()
        .reduce(|sum, number| sum + number, "sums")
        .to_stream()
        .to("totals");
    let topology = builder.build().expect("the topology is right");
    Simulation::new(&topology, config().dead_letters("dead"))
        .topic("numbers", 2)
        .output("totals", 2, Compare::InOrder)
        .output("dead", 1, Compare::InOrder)
        .input("numbers", |random| {
            let count = random.between(10, 50);
            let value = |random: &mut Random| match random.chance(1, 4) {
                true => String::from("no number"),
                false => String::from_utf8(vec![0, 0, 0, 0, 0, 0, 0, 1 + random.below(9) as u8]).expect("ASCII"),
            };
            (0..count).map(|n| InputRecord::new(format!("key {}", random.below(4)), value(random), n)).collect()
        })
        .invariant("every number is in a sum, and everything else is a letter", |outcome| {
            let (mut sums, mut letters) = (BTreeMap::new(), 0);
            for message in outcome.messages("numbers")? {
                match <[u8; 8]>::try_from(message.value.as_deref().unwrap_or_default()) {
                    Ok(number) => {
                        let key = String::from_utf8_lossy(message.key.as_deref().unwrap_or_default()).into_owned();
                        *sums.entry(key).or_insert(0) += i64::from_be_bytes(number);
                    }
                    Err(_) => letters += 1,
                }
            }
            assert_eq!(outcome.latest::<String, i64>("totals")?, sums);
            assert_eq!(outcome.messages("dead")?.len(), letters);
            Ok(())
        })
}

/// Topics of one name pattern, one of which comes later.
fn pattern() -> Simulation {
    let builder = StreamsBuilder::new();
    builder
        .stream::<String, String>(Consumed::pattern("rides-.*"))
        .group_by_key()
        .count("counts")
        .to_stream()
        .to("totals");
    let topology = builder.build().expect("the topology is right");
    Simulation::new(&topology, config())
        .topic("rides-a", 2)
        .later_topic("rides-b", 2)
        .output("totals", 2, Compare::Latest)
        .input("rides-a", rides)
        .input("rides-b", rides)
}
