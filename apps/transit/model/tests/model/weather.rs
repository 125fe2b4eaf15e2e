//! The weather is plausible in every month, and resumes from its last report.

use proptest::prelude::*;
use transit_model::calendar::{DAY_MS, Date, HOUR_MS};
use transit_model::records::WeatherStatus;
use transit_model::simulation::{SimulatedClock, Weather, WeatherReport};

fn reports(date: &str, seed: u64, hours: usize) -> Vec<WeatherReport> {
    let mut weather = Weather::new(SimulatedClock::new(seed, date.parse::<Date>().unwrap().midnight_ms()));
    (0..hours).map(|_| weather.step()).collect()
}

fn mean(reports: &[WeatherReport]) -> f32 {
    reports.iter().map(|report| report.temperature).sum::<f32>() / reports.len() as f32
}

#[test]
fn december_is_cold_and_july_is_warm() {
    for seed in 0..20 {
        let (december, july) = (reports("2026-12-01", seed, 31 * 24), reports("2026-07-01", seed, 31 * 24));
        assert!(december.iter().all(|report| (-5.0..=58.0).contains(&report.temperature)));
        assert!(july.iter().all(|report| (55.0..=102.0).contains(&report.temperature)));
        assert!(mean(&december) + 20.0 < mean(&july));
    }
}

#[test]
fn year_stays_plausible_across_months_and_sees_every_sky() {
    let year = reports("2026-01-01", 5, 365 * 24);
    assert!(year.iter().all(|report| (-10.0..=102.0).contains(&report.temperature)));
    for status in WeatherStatus::ALL {
        let count = year.iter().filter(|report| report.status == status).count();
        assert!((1_600..1_900).contains(&count), "{status}: {count} hours of a fifth of 8760");
    }
}

#[test]
fn reports_are_an_hour_apart() {
    let day = reports("2026-11-20", 1, 24);
    let times: Vec<i64> = day.iter().map(|report| report.simulated_time.unwrap() % DAY_MS / HOUR_MS).collect();
    assert_eq!(times, (0..24).collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn last_report_is_enough_to_resume(seed: u64, told in 1usize..200) {
        let start_ms = 20_000 * DAY_MS;
        let mut straight = Weather::new(SimulatedClock::new(seed, start_ms));
        let last = (0..told).map(|_| straight.step()).last().unwrap();
        let mut resumed = Weather::resume(seed, start_ms, &last);
        prop_assert_eq!(&resumed, &straight);
        prop_assert_eq!(resumed.step(), straight.step());
    }

    #[test]
    fn temperature_moves_ten_degrees_at_most_within_a_month(seed: u64) {
        let month = reports("2026-03-01", seed, 31 * 24);
        prop_assert!(month.windows(2).all(|pair| (pair[1].temperature - pair[0].temperature).abs() <= 10.001));
    }
}
