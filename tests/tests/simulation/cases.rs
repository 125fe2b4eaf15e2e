//! The cases: a topology with its input, what is compared, and what must hold besides.

use crate::transit;
use kstreams::config::Config;
use kstreams::dsl::{Consumed, StreamsBuilder};
use kstreams::error::Result;
use kstreams::operator::{Processor, ProcessorContext, PunctuationType};
use kstreams::record::Record;
use kstreams::serde::Wire;
use kstreams::store::{KeyValueStore, Stores};
use kstreams::testing::simulation::{Compare, InputRecord, Outcome, Random, Simulation};
use kstreams::topology::Topology;
use kstreams::window::TimeWindows;
use std::collections::BTreeMap;
use std::time::Duration;

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
        case("joined", joined),
        case("hopping", hopping),
        case("punctuated", punctuated),
        case("global", global),
        case("dead_letters", dead_letters),
        case("pattern", pattern),
        case("transit_stations", transit::stations),
        case("transit_turnstiles", transit::turnstiles),
    ]
}

fn config() -> Config {
    Config::new("app", "embedded:").threads(2).exactly_once().cache_max_bytes(0)
}

/// Rides at a few stations, in order of time.
fn rides(random: &mut Random) -> Vec<InputRecord<String, String>> {
    let count = random.between(10, 60);
    (0..count).map(|n| InputRecord::new(format!("station {}", random.below(6)), format!("ride {n}"), n * 10)).collect()
}

fn counting() -> Topology {
    let builder = StreamsBuilder::new();
    builder.stream::<String, String>("rides").group_by_key().count("counts").to_stream().to("totals");
    builder.build().expect("the topology is right")
}

/// The rides of each station, counted over the input.
fn counted(outcome: &Outcome<'_>) -> Result<BTreeMap<String, i64>> {
    let mut counts = BTreeMap::new();
    for ride in outcome.records::<String, String>("rides")? {
        *counts.entry(ride.key).or_insert(0) += 1;
    }
    Ok(counts)
}

/// Counts rides exactly once.
fn counted_once(config: Config, compare: Compare) -> Simulation {
    Simulation::new(&counting(), config).topic("rides", 3).output("totals", 2, compare).input("rides", rides).invariant(
        "every ride is counted once",
        |outcome| {
            assert_eq!(outcome.latest::<String, i64>("totals")?, counted(outcome)?);
            Ok(())
        },
    )
}

fn count() -> Simulation {
    counted_once(config(), Compare::InOrder)
}

fn cached_count() -> Simulation {
    counted_once(config().cache_max_bytes(600), Compare::Latest)
}

fn at_least_once() -> Simulation {
    let config = Config::new("app", "embedded:").threads(2).cache_max_bytes(0);
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

/// Rides find their station's line through one repartition topic and are counted by line through another.
fn joined() -> Simulation {
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
    let topology = builder.build().expect("the topology is right");
    Simulation::new(&topology, config())
        .topic("lines", 2)
        .topic("turnstiles", 2)
        .output("totals", 1, Compare::Latest)
        .input_before("lines", |_| {
            let line = |n: i64| {
                InputRecord::new(format!("station {n}"), ["red", "blue", "green"][n as usize % 3].to_owned(), 0)
            };
            (0..6).map(line).collect()
        })
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

/// Windows that overlap, with records that come late, and too late.
fn hopping() -> Simulation {
    let builder = StreamsBuilder::new();
    let windows = TimeWindows::of(Duration::from_millis(100))
        .advance_by(Duration::from_millis(50))
        .grace(Duration::from_millis(60));
    builder
        .stream::<String, String>("rides")
        .group_by_key()
        .windowed_by(windows)
        .count("windows")
        .to_stream()
        .map(|window, count| (format!("{}@{}", window.key, window.window.start_ms), count.unwrap_or(0)))
        .to("totals");
    let topology = builder.build().expect("the topology is right");
    Simulation::new(&topology, config()).topic("rides", 2).output("totals", 2, Compare::InOrder).input(
        "rides",
        |random| {
            let late = |random: &mut Random| if random.chance(1, 3) { random.between(0, 200) } else { 0 };
            let count = random.between(10, 60);
            let ride = |n: i64| {
                let timestamp = (n * 15 - late(random)).max(0);
                InputRecord::new(format!("station {}", random.below(4)), format!("ride {n}"), timestamp)
            };
            (0..count).map(ride).collect()
        },
    )
}

/// Remembers rides and reports them every hundred milliseconds of the wall clock.
struct Reporter {
    store: Option<KeyValueStore<String, i64>>,
}

type Context = ProcessorContext<String, i64>;

impl Processor<String, String, String, i64> for Reporter {
    fn init(&mut self, context: &Context) -> Result<()> {
        let store: KeyValueStore<String, i64> = context.state_store("pending")?;
        self.store = Some(store.clone());
        context.schedule(Duration::from_millis(100), PunctuationType::WallClockTime, move |context, time_ms| {
            for pending in store.all()? {
                let (station, rides) = pending?;
                store.put(&station, None)?;
                context.forward(Record::new(station, rides, time_ms))?;
            }
            Ok(())
        })?;
        Ok(())
    }

    fn process(&mut self, _: &Context, record: Record<String, String>) -> Result<()> {
        let store = self.store.as_ref().expect("init comes first");
        let before = store.get(&record.key)?.unwrap_or(0);
        store.put(&record.key, Some(before + 1))
    }
}

/// What a punctuation reports depends on when it runs; that every ride is in exactly one report does not.
fn punctuated() -> Simulation {
    let builder = StreamsBuilder::new();
    let pending = Stores::persistent_key_value_store("pending");
    builder.add_state_store(Stores::key_value_store_builder(pending, String::format(), i64::format()));
    builder.stream::<String, String>("rides").process(|| Reporter { store: None }, &["pending"]).to("reports");
    let topology = builder.build().expect("the topology is right");
    Simulation::new(&topology, config())
        .topic("rides", 3)
        .output("reports", 2, Compare::Nothing)
        .input("rides", rides)
        .invariant("every ride is reported once", |outcome| {
            let mut reported = BTreeMap::new();
            for report in outcome.records::<String, i64>("reports")? {
                *reported.entry(report.key).or_insert(0) += report.value;
            }
            assert_eq!(reported, counted(outcome)?);
            Ok(())
        })
}

/// A stream joined with a table that every instance has in full.
fn global() -> Simulation {
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
    let topology = builder.build().expect("the topology is right");
    Simulation::new(&topology, config())
        .topic("stations", 2)
        .topic("rides", 2)
        .output("named", 2, Compare::InOrder)
        .input_before("stations", |_| (0..8_i64).map(|n| InputRecord::new(n, format!("name {n}"), 0)).collect())
        .input("rides", |random| {
            let count = random.between(10, 40);
            (0..count).map(|n| InputRecord::new(format!("line {}", random.below(3)), random.between(0, 9), n)).collect()
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
