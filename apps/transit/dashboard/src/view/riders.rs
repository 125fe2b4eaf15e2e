//! Riders of one station per window of simulated time, of which the page shows one.

use std::collections::VecDeque;

/// As many windows as are remembered for a station: an hour in steps of a minute, and room for a late one.
const WINDOWS_MAX: usize = 64;

#[derive(Debug, Clone, Copy)]
struct Window {
    start_ms: i64,
    end_ms: i64,
    count: u64,
}

/// The last windows of a station, least recently updated first.
///
/// They are forgotten by last update, not by time: a simulation that starts over goes back in time.
#[derive(Debug, Default)]
pub(super) struct Windows(VecDeque<Window>);

impl Windows {
    /// Sets the count of a window.
    pub(super) fn set(&mut self, start_ms: i64, end_ms: i64, count: u64) {
        self.0.retain(|window| (window.start_ms, window.end_ms) != (start_ms, end_ms));
        if self.0.len() == WINDOWS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Window { start_ms, end_ms, count });
    }

    /// The riders of the hour that ends with `clock_ms`: the count of the window that began first among those that
    /// contain it. With hopping windows that is the last hour up to one hop; with tumbling windows, the hour so far.
    /// Without a clock the window updated last stands in.
    pub(super) fn at(&self, clock_ms: Option<i64>) -> u64 {
        let window = match clock_ms {
            None => self.0.back(),
            Some(now) => self.0.iter().filter(|w| w.start_ms <= now && now < w.end_ms).min_by_key(|w| w.start_ms),
        };
        window.map_or(0, |window| window.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;

    #[test]
    fn hopping_windows_show_the_hour_that_ends_now() {
        let mut windows = Windows::default();
        for hop in 0..24 {
            windows.set(hop * 5 * MINUTE, hop * 5 * MINUTE + HOUR, hop as u64);
        }
        assert_eq!(windows.at(Some(HOUR)), 1, "the window from 00:05 to 01:05 is the oldest that contains 01:00");
        assert_eq!(windows.at(Some(HOUR + 4 * MINUTE)), 1);
        assert_eq!(windows.at(Some(HOUR + 5 * MINUTE)), 2);
    }

    #[test]
    fn tumbling_windows_show_the_running_hour() {
        let mut windows = Windows::default();
        windows.set(0, HOUR, 700);
        windows.set(HOUR, 2 * HOUR, 12);
        assert_eq!(windows.at(Some(HOUR + MINUTE)), 12);
        windows.set(HOUR, 2 * HOUR, 13);
        assert_eq!(windows.at(Some(HOUR + MINUTE)), 13);
    }

    #[test]
    fn an_hour_without_riders_counts_zero() {
        let mut windows = Windows::default();
        windows.set(0, HOUR, 700);
        assert_eq!(windows.at(Some(5 * HOUR)), 0);
    }

    #[test]
    fn old_windows_are_forgotten_even_if_time_goes_back() {
        let mut windows = Windows::default();
        for start in 0..1_000 {
            windows.set(1_000_000 + start, 1_000_000 + start + HOUR, 1);
        }
        windows.set(0, HOUR, 7);
        assert_eq!(windows.0.len(), WINDOWS_MAX);
        assert_eq!(windows.at(Some(0)), 7);
        assert_eq!(windows.at(None), 7);
    }
}
