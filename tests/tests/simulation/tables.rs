//! Streams joined with tables: tables that are there before, and tables that change meanwhile.

use crate::cases::config;
use kstreams::dsl::StreamsBuilder;
use kstreams::testing::simulation::{Compare, InputRecord, Simulation};
use kstreams::topology::Topology;
use std::collections::{BTreeMap, BTreeSet};

/// Rides find their station's line through one repartition topic and are counted by line through another.
fn counting_by_line() -> Topology {
    let builder = StreamsBuilder::new();
    let lines = builder.table::<String, String>("lines");
    builder
        .stream::<i64, String>("turnstiles")
        .select_key(|_, station| station.clone())
        .join(&lines, |_, line| line.clone())
        .group_by(|_, line| line.clone())
        .count("by-line")
        .to_stream()
        .to("totals");
    builder.build().expect("the topology is right")
}

pub fn joined() -> Simulation {
    by_line(Compare::Latest)
}

/// Stations that move to other lines meanwhile: which line a ride finds depends on the order in which both come.
pub fn moving_stations() -> Simulation {
    by_line(Compare::Nothing).ignore_store("by-line").input("lines", |random| {
        let count = random.between(5, 20);
        (1..=count).map(|n| line(random.below(6) as i64, random.below(4) as usize, n * 20)).collect()
    })
}

/// A station's line.
fn line(station: i64, number: usize, timestamp: i64) -> InputRecord<String, String> {
    let line = ["red", "blue", "green", "brown"][number];
    InputRecord::new(format!("station {station}"), line.to_owned(), timestamp)
}

fn by_line(compare: Compare) -> Simulation {
    Simulation::new(&counting_by_line(), config())
        .topic("lines", 2)
        .topic("turnstiles", 2)
        .output("totals", 1, compare)
        .input_before("lines", |_| (0..6_i64).map(|n| line(n, n as usize % 3, 0)).collect())
        .input("turnstiles", |random| {
            let count = random.between(10, 40);
            // Later than the lines: what has the same time may be joined before its line is known.
            (1..=count).map(|n| InputRecord::new(n, format!("station {}", random.below(7)), n * 10)).collect()
        })
        .invariant("every ride of a known station is counted once", |outcome| {
            let known =
                outcome.records::<i64, String>("turnstiles")?.iter().filter(|ride| ride.value != "station 6").count();
            let totals = outcome.latest::<String, i64>("totals")?;
            assert_eq!(totals.values().sum::<i64>(), known as i64);
            Ok(())
        })
}

/// A stream joined with a table that every instance has in full.
fn naming() -> Topology {
    let builder = StreamsBuilder::new();
    let stations = builder.global_table::<i64, String>("stations", "stations");
    builder
        .stream::<String, i64>("rides")
        .left_join_global(
            &stations,
            |_, station| *station,
            |station, name| format!("{station} {}", name.unwrap_or("?".to_owned())),
        )
        .to("named");
    builder.build().expect("the topology is right")
}

pub fn global() -> Simulation {
    named(Compare::InOrder)
}

/// Stations that get other names meanwhile: every ride has a name that its station has had.
pub fn renamed_globally() -> Simulation {
    named(Compare::Nothing).input("stations", |random| {
        let count = random.between(5, 20);
        (1..=count).map(|n| InputRecord::new(random.between(0, 7), format!("name {n}"), n * 3)).collect()
    })
}

fn named(compare: Compare) -> Simulation {
    Simulation::new(&naming(), config())
        .topic("stations", 2)
        .topic("rides", 2)
        .output("named", 2, compare)
        .input_before("stations", |_| (0..8_i64).map(|n| InputRecord::new(n, format!("name {n}"), 0)).collect())
        .input("rides", |random| {
            let count = random.between(10, 40);
            (0..count).map(|n| InputRecord::new(format!("line {}", random.below(3)), random.between(0, 9), n)).collect()
        })
        .invariant("every ride has a name that its station has had", |outcome| {
            let mut names = BTreeMap::<i64, BTreeSet<String>>::new();
            for station in outcome.records::<i64, String>("stations")? {
                names.entry(station.key).or_default().insert(station.value);
            }
            let mut rides = sorted(outcome.records::<String, i64>("rides")?.into_iter().map(|ride| ride.value));
            for ride in outcome.records::<String, String>("named")? {
                let (station, name) = ride.value.split_once(' ').expect("station and name");
                let station: i64 = station.parse().expect("a number");
                let at = rides.binary_search(&station).expect("a ride that is named once");
                rides.remove(at);
                let known = names.get(&station).is_some_and(|names| names.contains(name));
                assert!(known || (name == "?" && !names.contains_key(&station)), "{station} is not {name}");
            }
            assert!(rides.is_empty(), "rides without a name: {rides:?}");
            Ok(())
        })
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort();
    items
}
