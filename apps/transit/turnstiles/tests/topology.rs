//! Every rider is counted once, in their station and their hour.

use kstreams::record::Headers;
use kstreams::testing::simulation::InputRecord;
use kstreams::testing::strategies::{Event, Records, events, keys, records, times};
use kstreams::testing::{OutputMessage, TopologyTestDriver};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;
use transit_model::Line;
use transit_model::names::{DEAD_LETTERS, TURNSTILE_SUMMARY, TURNSTILES, TURNSTILES_HOURLY};
use transit_model::records::{HourlyCount, TurnstileKey, TurnstileSummary, TurnstileValue};
use transit_part::StreamsSettings;
use transit_turnstiles::{APPLICATION_ID, topology};

const HOUR_MS: i64 = 3_600_000;
const GRACE_MS: i64 = 600_000;
/// When riders of the tests begin to come, in simulated milliseconds: a full hour.
const START_MS: i64 = 500_000 * HOUR_MS;

struct Counts {
    driver: TopologyTestDriver,
    summary: BTreeMap<i32, i64>,
    hourly: BTreeMap<(i32, i64), i64>,
}

impl Counts {
    fn new() -> Self {
        let config = StreamsSettings::default().config(APPLICATION_ID, "embedded:").unwrap();
        let driver = TopologyTestDriver::with_config(&topology().unwrap(), config).unwrap();
        Counts { driver, summary: BTreeMap::new(), hourly: BTreeMap::new() }
    }

    fn enter(&mut self, station_id: i32, simulated_time: i64) {
        self.enter_at(station_id, Some(simulated_time), 7);
    }

    fn enter_at(&mut self, station_id: i32, simulated_time: Option<i64>, wall_ms: i64) {
        let key = TurnstileKey { timestamp: wall_ms, station_id };
        let value = TurnstileValue { station_id, station_name: "S".into(), line: Line::Blue, simulated_time };
        self.driver.input(TURNSTILES).pipe_at(key, value, wall_ms).unwrap();
        let summary = self.driver.output(TURNSTILE_SUMMARY).read_key_values::<i32, Option<TurnstileSummary>>();
        for (station_id, summary) in summary.unwrap() {
            let summary = summary.expect("counts are never deleted");
            assert_eq!(summary.station_id, station_id);
            self.summary.insert(station_id, summary.count);
        }
        let hourly = self.driver.output(TURNSTILES_HOURLY).read_key_values::<i32, Option<HourlyCount>>();
        for (station_id, hourly) in hourly.unwrap() {
            let hourly = hourly.expect("counts are never deleted");
            assert_eq!((hourly.station_id, hourly.window_end), (station_id, hourly.window_start + HOUR_MS));
            self.hourly.insert((station_id, hourly.window_start), hourly.count);
        }
    }
}

#[test]
fn riders_are_counted_per_station_and_hour() {
    let mut counts = Counts::new();
    counts.enter(1, START_MS);
    counts.enter(2, START_MS + HOUR_MS - 1);
    counts.enter(1, START_MS + HOUR_MS);
    assert_eq!(counts.summary, [(1, 2), (2, 1)].into());
    assert_eq!(counts.hourly, [((1, START_MS), 1), ((2, START_MS), 1), ((1, START_MS + HOUR_MS), 1)].into());
}

#[test]
fn many_riders_in_one_millisecond_are_all_counted() {
    let mut counts = Counts::new();
    (0..500).for_each(|_| counts.enter(1, START_MS));
    assert_eq!((counts.summary[&1], counts.hourly[&(1, START_MS)]), (500, 500));
}

#[test]
fn rider_without_simulated_time_counts_at_the_time_of_the_message() {
    let mut counts = Counts::new();
    counts.enter_at(1, None, START_MS + 5);
    assert_eq!(counts.hourly, [((1, START_MS), 1)].into());
}

#[test]
fn late_rider_counts_in_their_hour_within_grace_and_in_the_total_always() {
    let mut counts = Counts::new();
    counts.enter(1, START_MS + HOUR_MS + GRACE_MS - 1);
    counts.enter(1, START_MS);
    assert_eq!(counts.hourly[&(1, START_MS)], 1, "within grace");
    counts.enter(1, START_MS + HOUR_MS + GRACE_MS);
    counts.enter(1, START_MS);
    assert_eq!(counts.hourly[&(1, START_MS)], 1, "the hour is over");
    assert_eq!(counts.summary[&1], 4);
}

#[test]
fn summary_is_the_json_of_the_contract() {
    let mut counts = Counts::new();
    counts.enter(40890, START_MS);
    let key = TurnstileKey { timestamp: 1, station_id: 40890 };
    let value =
        TurnstileValue { station_id: 40890, station_name: "O'Hare".into(), line: Line::Blue, simulated_time: None };
    counts.driver.input(TURNSTILES).pipe_at(key, value, START_MS).unwrap();
    let sent = counts.driver.take_outputs();
    let (_, message) = sent.iter().find(|(topic, _)| topic == TURNSTILE_SUMMARY).expect("a count");
    assert_eq!(message.key.as_deref(), Some(&40890i32.to_be_bytes()[..]));
    assert_eq!(message.value.as_deref(), Some(&br#"{"STATION_ID":40890,"COUNT":2}"#[..]));
}

#[test]
fn rider_who_cannot_be_read_is_a_dead_letter_and_the_next_one_counts() {
    let mut counts = Counts::new();
    counts.enter(1, START_MS);
    let bad = OutputMessage::new(None, Some(b"no avro"), START_MS, Headers::default());
    counts.driver.pipe_message(TURNSTILES, &bad).unwrap();
    let (topic, letter) = counts.driver.take_outputs().remove(0);
    assert_eq!((topic.as_str(), &letter.value), (DEAD_LETTERS, &bad.value));
    assert_eq!(letter.headers.last("__streams.errors.offset").flatten(), Some(&b"1"[..]));
    assert_eq!(counts.driver.dropped_records(), 1);
    counts.enter(1, START_MS);
    assert_eq!(counts.summary[&1], 2);
}

/// Riders at their simulated times: some later than the time of grace, and in an hour that is over.
fn riders() -> Records<i32, ()> {
    let times = times(HOUR_MS as u32 / 10).late_by(GRACE_MS as u32).straggling_by(2 * HOUR_MS as u32);
    records(keys(4, |n| n as i32), Just(()), times.starting_at(START_MS), 1..150)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn counts_equal_a_recomputation_whatever_the_order_and_the_crashes(events in events(&riders(), Duration::ZERO)) {
        let mut counts = Counts::new();
        let (mut summary, mut hourly, mut now_ms) = (BTreeMap::new(), BTreeMap::new(), i64::MIN);
        for event in events {
            let Event::Record(InputRecord { key: station_id, timestamp: time, .. }) = event else {
                counts.driver.crash().unwrap();
                continue;
            };
            counts.enter(station_id, time);
            now_ms = now_ms.max(time);
            *summary.entry(station_id).or_insert(0i64) += 1;
            let hour = time / HOUR_MS * HOUR_MS;
            if hour + HOUR_MS + GRACE_MS > now_ms {
                *hourly.entry((station_id, hour)).or_insert(0i64) += 1;
            }
        }
        prop_assert_eq!(counts.summary, summary);
        prop_assert_eq!(counts.hourly, hourly);
    }
}
