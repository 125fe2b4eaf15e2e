//! Counts against a recomputation, over records in any order, with caching and without, and through crashes.

use kstreams::config::Config;
use kstreams::dsl::{Materialized, StreamsBuilder};
use kstreams::store::{TimestampedKeyValueStore, TimestampedWindowStore};
use kstreams::testing::TopologyTestDriver;
use kstreams::testing::simulation::InputRecord;
use kstreams::testing::strategies::{Event, events, keys, records, times};
use kstreams::topology::Topology;
use kstreams::window::TimeWindows;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

type Events = [Event<Option<i32>, Option<String>>];

/// Records with and without keys, of several values, one or none, some of them late; crashes between them.
fn happenings() -> impl Strategy<Value = Vec<Event<Option<i32>, Option<String>>>> {
    let key = option::weighted(0.9, keys(4, |n| n as i32));
    let text = |values: Vec<i32>| values.iter().map(i32::to_string).collect::<Vec<_>>().join(" ");
    let values = option::weighted(0.9, vec(0..4, 0..4).prop_map(text));
    let times = times(40).late_by(GRACE_MS as u32).straggling_by(2 * SIZE_MS as u32);
    events(&records(key, values, times, 0..60), Duration::ZERO)
}

/// The records of a run.
fn piped(events: &Events) -> impl Iterator<Item = &InputRecord<Option<i32>, Option<String>>> {
    events.iter().filter_map(Event::record)
}

#[derive(Debug, Clone, Copy)]
struct Way {
    cached: bool,
    in_memory: bool,
}

fn ways() -> impl Strategy<Value = Way> {
    (any::<bool>(), any::<bool>()).prop_map(|(cached, in_memory)| Way { cached, in_memory })
}

impl Way {
    fn driver(self, topology: &Topology) -> TopologyTestDriver {
        let cache_bytes = if self.cached { 10 << 20 } else { 0 };
        let mut config = Config::new("test", "embedded:").cache_max_bytes(cache_bytes);
        if self.in_memory {
            config.set("default.dsl.store", "in_memory").unwrap();
        }
        TopologyTestDriver::with_config(topology, config).unwrap()
    }

    fn run(self, topology: &Topology, events: &Events) -> TopologyTestDriver {
        let mut driver = self.driver(topology);
        driver.play("in", events).unwrap();
        driver
    }
}

/// The values of a text, or none.
fn split(text: Option<String>) -> Vec<i32> {
    text.iter().flat_map(|text| text.split_whitespace()).filter_map(|word| word.parse().ok()).collect()
}

/// Counts each value that comes in any list of values, as a word count does.
fn counted_by_value() -> Topology {
    let b = StreamsBuilder::new();
    b.stream::<Option<i32>, Option<String>>("in")
        .flat_map_values(split)
        .group_by(|_, value| *value)
        .count("counts")
        .to_stream()
        .to("out");
    b.build().unwrap()
}

/// Count and largest time by value.
fn recounted(events: &Events) -> BTreeMap<i32, (i64, i64)> {
    let mut counts = BTreeMap::new();
    for record in piped(events) {
        for value in split(record.value.clone()) {
            let (count, latest) = counts.entry(value).or_insert((0, 0));
            *count += 1;
            *latest = i64::max(*latest, record.timestamp);
        }
    }
    counts
}

const SIZE_MS: i64 = 100;
const ADVANCE_MS: i64 = 40;
const GRACE_MS: i64 = 60;

fn counted_by_window() -> Topology {
    let ms = |ms: i64| Duration::from_millis(ms as u64);
    let b = StreamsBuilder::new();
    b.stream::<Option<i32>, Option<String>>("in")
        .group_by_key()
        .windowed_by(TimeWindows::of(ms(SIZE_MS)).advance_by(ms(ADVANCE_MS)).grace(ms(GRACE_MS)))
        // Kept for ever, so that every window that was counted can be looked at.
        .count(Materialized::named("windows").with_retention(Duration::from_secs(3600)))
        .to_stream()
        .to("out");
    b.build().unwrap()
}

/// Counts by key and window start, and records that came too late for a window or have no key.
fn recounted_by_window(events: &Events) -> (BTreeMap<(i32, i64), i64>, u64) {
    let (mut counts, mut dropped, mut stream_time) = (BTreeMap::new(), 0, -1);
    for InputRecord { key, timestamp: time, .. } in piped(events) {
        let Some(key) = key else {
            dropped += 1;
            continue;
        };
        stream_time = i64::max(stream_time, *time);
        for start in (0..=*time).step_by(ADVANCE_MS as usize).filter(|start| time - start < SIZE_MS) {
            match start + SIZE_MS > stream_time - GRACE_MS {
                true => *counts.entry((*key, start)).or_insert(0) += 1,
                false => dropped += 1,
            }
        }
    }
    (counts, dropped)
}

/// Groups the rows of a table by their first value, and adds up the lengths of each group's rows.
fn grouped_table() -> Topology {
    let b = StreamsBuilder::new();
    let first = |_: &i32, text: String| (split(Some(text.clone())).first().copied(), text.len() as i64);
    let grouped = b.table::<i32, String>("in").filter(|key, _| *key != 3).group_by(first);
    grouped.clone().count("counts").to_stream().to("out");
    grouped.reduce(|sum, length| sum + length, |sum, length| sum - length, "lengths");
    b.build().unwrap()
}

/// Number and lengths of the rows by their first value.
fn regrouped(events: &Events) -> BTreeMap<i32, (i64, i64)> {
    let rows: BTreeMap<i32, Vec<i32>> =
        piped(events).filter_map(|record| Some((record.key?, split(record.value.clone())))).collect();
    let mut groups = BTreeMap::new();
    for (_, values) in rows.into_iter().filter(|(key, _)| *key != 3) {
        let Some(first) = values.first() else { continue };
        let (count, lengths) = groups.entry(*first).or_insert((0, 0));
        *count += 1;
        *lengths += 2 * values.len() as i64 - 1;
    }
    groups
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn count_is_what_a_recomputation_says(events in happenings(), way in ways()) {
        let mut driver = way.run(&counted_by_value(), &events);
        let expected = recounted(&events);
        let store = driver.store::<TimestampedKeyValueStore<i32, i64>>("counts").unwrap();
        let rows = store.all().unwrap().map(|row| row.map(|(key, row)| (key, (row.value, row.timestamp))));
        prop_assert_eq!(&rows.collect::<Result<BTreeMap<_, _>, _>>().unwrap(), &expected);
        let sent = driver.output("out").read_key_values::<i32, i64>().unwrap();
        let last: BTreeMap<i32, i64> = sent.iter().copied().collect();
        prop_assert_eq!(last, expected.iter().map(|(key, (count, _))| (*key, *count)).collect());
        // Each record of the repartition topic is committed by itself, so that not even a cache leaves one out.
        prop_assert_eq!(sent.len() as i64, expected.values().map(|(count, _)| count).sum::<i64>());
    }

    #[test]
    fn windowed_count_is_what_a_recomputation_says(events in happenings(), way in ways()) {
        let mut driver = way.run(&counted_by_window(), &events);
        let (expected, dropped) = recounted_by_window(&events);
        let store = driver.store::<TimestampedWindowStore<i32, i64>>("windows").unwrap();
        let rows = store.all().unwrap().map(|row| row.map(|(key, row)| ((key.key, key.window.start_ms), row.value)));
        prop_assert_eq!(&rows.collect::<Result<BTreeMap<_, _>, _>>().unwrap(), &expected);
        let sent = driver.output("out").read_values::<i64>().unwrap();
        prop_assert_eq!(sent.len() as i64, expected.values().sum::<i64>());
        prop_assert_eq!(driver.dropped_records(), dropped);
    }

    #[test]
    fn groups_of_a_table_follow_its_rows(events in happenings(), way in ways()) {
        let driver = way.run(&grouped_table(), &events);
        let counts = driver.store::<TimestampedKeyValueStore<i32, i64>>("counts").unwrap();
        let lengths = driver.store::<TimestampedKeyValueStore<i32, i64>>("lengths").unwrap();
        let rows = counts.all().unwrap().map(|row| {
            let (key, count) = row.unwrap();
            (key, (count.value, lengths.get(&key).unwrap().unwrap().value))
        });
        // A group that has lost its rows stays, and counts none.
        let groups: BTreeMap<i32, (i64, i64)> = rows.filter(|(_, group)| *group != (0, 0)).collect();
        prop_assert_eq!(groups, regrouped(&events));
    }
}
