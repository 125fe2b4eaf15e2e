//! Transit's two topologies, as they run.

use kstreams::config::Config;
use kstreams::error::Result;
use kstreams::testing::simulation::{Compare, InputRecord, Outcome, Random, Simulation};
use std::collections::BTreeMap;
use transit_model::Line;
use transit_model::names::{DEAD_LETTERS, STATIONS, STATIONS_TABLE, TURNSTILE_SUMMARY, TURNSTILES, TURNSTILES_HOURLY};
use transit_model::records::{
    HourlyCount, StationKey, StationRow, StopRow, TurnstileKey, TurnstileSummary, TurnstileValue,
};

/// A window of the hourly count, in milliseconds.
const HOUR_MS: i64 = 3_600_000;

/// As transit runs it: exactly once, with a small cache, bad records to a topic.
fn config(application_id: &str) -> Config {
    Config::new(application_id, "embedded:").threads(2).exactly_once().cache_max_bytes(2_000).dead_letters(DEAD_LETTERS)
}

/// Platforms that change their colours and go.
pub fn stations() -> Simulation {
    let topology = transit_stations::topology(&transit_stations::Skipped::default()).expect("the topology is right");
    Simulation::new(&topology, config(transit_stations::APPLICATION_ID))
        .topic(STATIONS, 1)
        .output(STATIONS_TABLE, 1, Compare::InOrder)
        .output(DEAD_LETTERS, 1, Compare::InOrder)
        .input(STATIONS, |random| {
            let count = random.between(10, 50);
            (0..count).map(|n| platform(random, n)).collect()
        })
        .input(STATIONS, |random| {
            let count = random.between(0, 3);
            (0..count).map(|n| InputRecord::new("bad".to_owned(), "no platform".to_owned(), n)).collect()
        })
        .invariant("each line has the stations whose platforms have its colour", |outcome| {
            let bad = outcome.messages(STATIONS)?.iter().filter(|stop| stop.key.as_deref() == Some(b"bad")).count();
            assert_eq!(outcome.messages(DEAD_LETTERS)?.len(), bad);
            let table = outcome.latest::<StationKey, Option<StationRow>>(STATIONS_TABLE)?;
            let stations: Vec<StationKey> = table.into_iter().filter_map(|(key, row)| row.map(|_| key)).collect();
            let mut expected: Vec<StationKey> = platforms(outcome)?.iter().flat_map(lines).collect();
            expected.sort();
            expected.dedup();
            assert_eq!(stations, expected);
            Ok(())
        })
}

/// The last row of each platform that has one. What is no row is in the topic, too.
fn platforms(outcome: &Outcome<'_>) -> Result<Vec<StopRow>> {
    let mut platforms = BTreeMap::new();
    for message in outcome.messages(STATIONS)? {
        match message.value.as_deref().map(serde_json::from_slice::<StopRow>) {
            Some(Err(_)) => {}
            Some(Ok(row)) => drop(platforms.insert(&message.key, row)),
            None => drop(platforms.remove(&message.key)),
        }
    }
    Ok(platforms.into_values().collect())
}

/// What becomes of one of a few platforms of fewer stations.
fn platform(random: &mut Random, timestamp: i64) -> InputRecord<String, Option<StopRow>> {
    let stop_id = random.between(1, 8) as i32;
    let station_id = stop_id / 2;
    let row = (!random.chance(1, 5)).then(|| StopRow {
        stop_id,
        direction_id: "N".to_owned(),
        stop_name: format!("platform {stop_id}"),
        station_name: format!("station {station_id}"),
        station_descriptive_name: format!("station {station_id} (lines)"),
        station_id,
        order: Some(station_id),
        red: random.chance(1, 2),
        blue: random.chance(1, 3),
        green: false,
    });
    InputRecord::new(stop_id.to_string(), row, timestamp)
}

fn lines(row: &StopRow) -> Vec<StationKey> {
    let colours = [(Line::Blue, row.blue), (Line::Green, row.green), (Line::Red, row.red)];
    let station_id = row.station_id;
    colours.into_iter().filter(|(_, is)| *is).map(|(line, _)| StationKey { station_id, line }).collect()
}

/// Riders of a few stations, over somewhat more than an hour.
pub fn turnstiles() -> Simulation {
    let topology = transit_turnstiles::topology().expect("the topology is right");
    Simulation::new(&topology, config(transit_turnstiles::APPLICATION_ID))
        .topic(TURNSTILES, 3)
        .output(TURNSTILE_SUMMARY, 2, Compare::Latest)
        // A station's last word depends on which of its windows is written last.
        .output(TURNSTILES_HOURLY, 2, Compare::Nothing)
        .output(DEAD_LETTERS, 1, Compare::InOrder)
        .input(TURNSTILES, |random| {
            let count = random.between(20, 80);
            // Nobody is later than the time of grace, whatever becomes of their order on the way.
            (0..count).map(|n| rider(random, HOUR_MS / 2 + n * (HOUR_MS / 2 + 500_000) / count)).collect()
        })
        .invariant("every rider is counted once at their station", |outcome| {
            let summary = outcome.latest::<i32, Option<TurnstileSummary>>(TURNSTILE_SUMMARY)?;
            let counted: BTreeMap<i32, i64> =
                summary.into_iter().filter_map(|(station, row)| Some((station, row?.count))).collect();
            assert_eq!(counted, riders(outcome, |rider| rider.station_id)?);
            Ok(())
        })
        .invariant("every rider is counted once in their hour", |outcome| {
            let mut counted = BTreeMap::new();
            for row in outcome.records::<i32, Option<HourlyCount>>(TURNSTILES_HOURLY)? {
                let Some(row) = row.value else { continue };
                counted.insert((row.station_id, row.window_start / HOUR_MS), row.count);
            }
            let hour = |rider: &TurnstileValue| rider.simulated_time.map_or(0, |time| time / HOUR_MS);
            assert_eq!(counted, riders(outcome, |rider| (rider.station_id, hour(rider)))?);
            Ok(())
        })
}

fn rider(random: &mut Random, simulated_ms: i64) -> InputRecord<TurnstileKey, TurnstileValue> {
    let station_id = random.between(1, 6) as i32;
    let value = TurnstileValue {
        station_id,
        station_name: format!("station {station_id}"),
        line: Line::Red,
        simulated_time: Some(simulated_ms),
    };
    InputRecord::new(TurnstileKey { timestamp: simulated_ms, station_id }, value, simulated_ms)
}

/// The riders of the input, by what they are counted by.
fn riders<K: Ord>(outcome: &Outcome<'_>, by: impl Fn(&TurnstileValue) -> K) -> Result<BTreeMap<K, i64>> {
    let mut riders = BTreeMap::new();
    for rider in outcome.records::<TurnstileKey, TurnstileValue>(TURNSTILES)? {
        *riders.entry(by(&rider.value)).or_insert(0) += 1;
    }
    Ok(riders)
}
