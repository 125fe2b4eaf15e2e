//! Riders follow the day type and the hour.

use proptest::prelude::*;
use std::collections::BTreeMap;
use transit_model::calendar::{DAY_MS, Date, HOUR_MS, hour_of_day};
use transit_model::simulation::{Rider, SimulatedClock, StepMinutes, Turnstiles};
use transit_model::{Line, Network};

fn day(date: &str, seed: u64, step: StepMinutes) -> Vec<Rider> {
    let start_ms = date.parse::<Date>().unwrap().midnight_ms();
    let mut turnstiles = Turnstiles::new(SimulatedClock::new(seed, start_ms));
    (0..24 * step.steps_per_hour()).flat_map(|_| turnstiles.step(step)).collect()
}

fn assert_near(actual: usize, expected: f64, percent: f64, what: &str) {
    let off = (actual as f64 / expected - 1.0).abs() * 100.0;
    assert!(off <= percent, "{what}: {actual} riders, expected {expected} within {percent} %");
}

#[test]
fn day_types_have_their_own_totals() {
    let five = StepMinutes::default();
    assert_near(day("2026-11-20", 1, five).len(), 498_131.0, 1.0, "Friday");
    assert_near(day("2026-11-21", 1, five).len(), 290_741.0, 1.0, "Saturday");
    assert_near(day("2026-11-22", 1, five).len(), 247_201.0, 1.0, "Sunday");
    assert_near(day("2026-11-26", 1, five).len(), 247_201.0, 1.0, "Thanksgiving, a Thursday");
}

#[test]
fn length_of_a_step_does_not_change_the_total() {
    assert_near(day("2026-11-20", 1, StepMinutes::try_from(60).unwrap()).len(), 498_131.0, 1.0, "hourly steps");
    assert_near(day("2026-11-20", 1, StepMinutes::try_from(1).unwrap()).len(), 498_131.0, 1.0, "minute steps");
}

#[test]
fn hours_follow_the_curve() {
    let riders = day("2026-11-20", 2, StepMinutes::default());
    let mut by_hour = [0usize; 24];
    for rider in &riders {
        by_hour[hour_of_day(rider.simulated_time.unwrap())] += 1;
    }
    for (hour, &count) in by_hour.iter().enumerate() {
        let expected = 498_131.0 * Network::chicago().hourly_share(hour);
        assert_near(count, expected, 5.0, &format!("hour {hour}"));
    }
    let peak = by_hour[8] as f64 / 60.0;
    assert!((1_000.0..1_130.0).contains(&peak), "{peak} riders a second at normal speed");
}

#[test]
fn stations_have_their_share_and_their_lines() {
    let mut by_station: BTreeMap<i32, usize> = BTreeMap::new();
    let mut clark_lake: BTreeMap<Line, usize> = BTreeMap::new();
    for rider in day("2026-11-20", 3, StepMinutes::default()) {
        *by_station.entry(rider.station_id).or_default() += 1;
        if rider.station_id == 40380 {
            *clark_lake.entry(rider.line).or_default() += 1;
        }
    }
    assert_eq!(by_station.len(), 92);
    assert_near(by_station[&41660], 23_156.0, 5.0, "Lake");
    assert_near(by_station[&40940], 602.0, 15.0, "Halsted");
    assert_near(clark_lake[&Line::Blue], 22_812.0 / 2.0, 5.0, "Clark/Lake, blue");
    assert_near(clark_lake[&Line::Green], 22_812.0 / 2.0, 5.0, "Clark/Lake, green");
    assert_eq!(clark_lake.len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn riders_of_a_step_enter_within_it_in_order(seed: u64, hour in 0i64..24) {
        let start_ms = "2026-11-20".parse::<Date>().unwrap().midnight_ms();
        let mut clock = SimulatedClock::new(seed, start_ms);
        clock.now_ms += hour * HOUR_MS;
        clock.step = hour as u64 * 12;
        let begin_ms = clock.now_ms;
        let mut turnstiles = Turnstiles::new(clock);
        let riders = turnstiles.step(StepMinutes::default());
        prop_assert!(riders.is_sorted_by_key(|rider| rider.simulated_time));
        let within = begin_ms..begin_ms + StepMinutes::default().as_ms();
        prop_assert!(riders.iter().all(|rider| within.contains(&rider.simulated_time.unwrap())));
        prop_assert_eq!(turnstiles.clock.now_ms, within.end);
    }

    #[test]
    fn resumed_run_gives_the_same_riders(seed: u64, break_at in 0usize..40) {
        let start = SimulatedClock::new(seed, 20_000 * DAY_MS);
        let mut straight = Turnstiles::new(start.clone());
        let mut interrupted = Turnstiles::new(start);
        for n in 0..40 {
            if n == break_at {
                let saved = serde_json::to_vec(&interrupted).unwrap();
                interrupted = serde_json::from_slice(&saved).unwrap();
            }
            prop_assert_eq!(interrupted.step(StepMinutes::default()), straight.step(StepMinutes::default()));
        }
    }
}
