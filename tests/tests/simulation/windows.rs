//! Windows that overlap, with records that come late and too late.

use crate::cases::config;
use kstreams::dsl::StreamsBuilder;
use kstreams::error::Result;
use kstreams::testing::simulation::{Compare, InputRecord, Outcome, Random, Simulation};
use kstreams::window::TimeWindows;
use std::collections::BTreeMap;
use std::time::Duration;

const SIZE_MS: i64 = 100;
const ADVANCE_MS: i64 = 50;
const GRACE_MS: i64 = 60;

/// Windows that overlap, with records that come late, and too late.
pub fn hopping() -> Simulation {
    let builder = StreamsBuilder::new();
    let windows = TimeWindows::of(Duration::from_millis(SIZE_MS as u64))
        .advance_by(Duration::from_millis(ADVANCE_MS as u64))
        .grace(Duration::from_millis(GRACE_MS as u64));
    builder
        .stream::<String, String>("rides")
        .group_by_key()
        .windowed_by(windows)
        .count("windows")
        .to_stream()
        .map(|window, count| (format!("{}@{}", window.key, window.window.start_ms), count.unwrap_or(0)))
        .to("totals");
    let topology = builder.build().expect("the topology is right");
    Simulation::new(&topology, config())
        .topic("rides", 2)
        .output("totals", 2, Compare::InOrder)
        .input("rides", |random| {
            let late = |random: &mut Random| if random.chance(1, 3) { random.between(0, 200) } else { 0 };
            let count = random.between(10, 60);
            let ride = |n: i64| {
                let timestamp = (n * 15 - late(random)).max(0);
                InputRecord::new(format!("station {}", random.below(4)), format!("ride {n}"), timestamp)
            };
            (0..count).map(ride).collect()
        })
        .invariant("every ride is counted in its windows, unless it is too late", |outcome| {
            assert_eq!(outcome.latest::<String, i64>("totals")?, counted_by_window(outcome)?);
            Ok(())
        })
}

/// The same computed from the input: each partition has a stream time of its own, and a window closes with it.
fn counted_by_window(outcome: &Outcome<'_>) -> Result<BTreeMap<String, i64>> {
    let (mut counts, mut stream_times_ms) = (BTreeMap::new(), BTreeMap::<i32, i64>::new());
    let places = outcome.messages("rides")?.iter().map(|message| message.partition.partition);
    for (partition, ride) in places.zip(outcome.records::<String, String>("rides")?) {
        let stream_time_ms = stream_times_ms.entry(partition).or_default();
        *stream_time_ms = ride.timestamp.max(*stream_time_ms);
        let first_ms = (ride.timestamp - SIZE_MS + ADVANCE_MS).max(0) / ADVANCE_MS * ADVANCE_MS;
        let starts_ms = (first_ms..=ride.timestamp).step_by(ADVANCE_MS as usize);
        for start_ms in starts_ms.filter(|start_ms| start_ms + SIZE_MS + GRACE_MS > *stream_time_ms) {
            *counts.entry(format!("{}@{start_ms}", ride.key)).or_insert(0) += 1;
        }
    }
    Ok(counts)
}
