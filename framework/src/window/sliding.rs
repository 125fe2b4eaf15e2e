//! Sliding windows of aggregations.

use super::{Window, check, check_total, millis};
use crate::error::Result;
use crate::record::NO_TIMESTAMP;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Windows that slide over the records: each distinct set of records within the time difference is one window,
/// both ends inclusive. Kafka Streams: `org.apache.kafka.streams.kstream.SlidingWindows`.
/// Not used by any step yet.
///
/// ```
/// use kstreams::window::SlidingWindows;
/// use std::time::Duration;
///
/// let windows = SlidingWindows::of(Duration::from_secs(5));
/// assert_eq!(windows.ending_at(9_000).start_ms, 4_000);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlidingWindows {
    time_difference_ms: i64,
    grace_ms: i64,
}

impl SlidingWindows {
    /// Windows without grace; short for
    /// [`of_time_difference_with_no_grace`](Self::of_time_difference_with_no_grace).
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(SlidingWindows::of(seconds(5)).ending_at(9_000), Window::new(4_000, 9_000));
    /// ```
    pub fn of(time_difference: Duration) -> Self {
        SlidingWindows { time_difference_ms: millis(time_difference), grace_ms: 0 }
    }

    /// Windows that close as soon as stream time has passed their end.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// let windows = SlidingWindows::of_time_difference_with_no_grace(seconds(5));
    /// assert!(windows.is_closed(Window::new(4_000, 9_000), 9_001));
    /// ```
    pub fn of_time_difference_with_no_grace(time_difference: Duration) -> Self {
        SlidingWindows::of(time_difference)
    }

    /// Windows that close `grace` after their end.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// let windows = SlidingWindows::of_time_difference_and_grace(seconds(5), seconds(60));
    /// assert!(!windows.is_closed(Window::new(4_000, 9_000), 69_000));
    /// ```
    pub fn of_time_difference_and_grace(time_difference: Duration, grace: Duration) -> Self {
        SlidingWindows::of(time_difference).grace(grace)
    }

    /// Sets how long after its end, in stream time, a window still takes late records.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(SlidingWindows::of(seconds(5)).grace(seconds(60)).close_time_ms(100_000), 40_000);
    /// ```
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace_ms = millis(grace);
        self
    }

    /// The largest distance between two records of a window, in milliseconds.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(SlidingWindows::of(seconds(5)).time_difference_ms(), 5_000);
    /// ```
    pub fn time_difference_ms(&self) -> i64 {
        self.time_difference_ms
    }

    /// The grace in milliseconds.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(SlidingWindows::of(seconds(5)).grace(seconds(60)).grace_ms(), 60_000);
    /// ```
    pub fn grace_ms(&self) -> i64 {
        self.grace_ms
    }

    /// The window whose last record is at `timestamp`: the left window of a record.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(SlidingWindows::of(seconds(5)).ending_at(9_000), Window::new(4_000, 9_000));
    /// ```
    pub fn ending_at(&self, timestamp: i64) -> Window {
        Window::new(timestamp.saturating_sub(self.time_difference_ms), timestamp)
    }

    /// The window that begins right after `timestamp`: the right window of a record.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(SlidingWindows::of(seconds(5)).starting_after(9_000), Window::new(9_001, 14_001));
    /// ```
    pub fn starting_after(&self, timestamp: i64) -> Window {
        Window::of_size(timestamp.saturating_add(1), self.time_difference_ms)
    }

    /// The window that records too early for a whole one share.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(SlidingWindows::of(seconds(5)).first(), Window::new(0, 5_000));
    /// ```
    pub fn first(&self) -> Window {
        Window::new(0, self.time_difference_ms)
    }

    /// Whether a record is too early for a left window of its own.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// let windows = SlidingWindows::of(seconds(5));
    /// assert!(windows.is_early(4_999) && !windows.is_early(5_000));
    /// ```
    pub fn is_early(&self, timestamp: i64) -> bool {
        timestamp < self.time_difference_ms
    }

    /// Windows that end before this time take no more records.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(SlidingWindows::of(seconds(5)).grace(seconds(60)).close_time_ms(100_000), 40_000);
    /// ```
    pub fn close_time_ms(&self, stream_time_ms: i64) -> i64 {
        stream_time_ms.saturating_sub(self.grace_ms)
    }

    /// Whether a record comes too late for every window it could belong to.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// let windows = SlidingWindows::of(seconds(5));
    /// assert!(!windows.is_expired(4_000, 9_000) && windows.is_expired(3_999, 9_000));
    /// ```
    pub fn is_expired(&self, timestamp: i64, stream_time_ms: i64) -> bool {
        timestamp.saturating_add(self.time_difference_ms) < self.close_time_ms(stream_time_ms)
    }

    /// Whether a record for `window` comes too late.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// let windows = SlidingWindows::of(seconds(5));
    /// assert!(!windows.is_closed(Window::new(4_000, 9_000), 9_000));
    /// assert!(windows.is_closed(Window::new(4_000, 9_000), 9_001));
    /// ```
    pub fn is_closed(&self, window: Window, stream_time_ms: i64) -> bool {
        window.end_ms < self.close_time_ms(stream_time_ms)
    }

    /// The starts of the windows that closed since the last emission; see
    /// [`Windows::closed_starts`](super::Windows::closed_starts).
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// let windows = SlidingWindows::of(seconds(5));
    /// assert_eq!(windows.closed_starts(6_000, 9_000), Some(1_000..=3_999));
    /// assert_eq!(windows.closed_starts(9_000, 9_000), None);
    /// ```
    pub fn closed_starts(&self, last_close_ms: i64, close_ms: i64) -> Option<RangeInclusive<i64>> {
        let upper = close_ms.saturating_sub(self.time_difference_ms).saturating_sub(1);
        let lower = if last_close_ms == NO_TIMESTAMP { 0 } else { (last_close_ms - self.time_difference_ms).max(0) };
        (upper >= lower).then_some(lower..=upper)
    }

    /// How long a store must keep a window, in milliseconds: twice the difference, since a window is also read
    /// for the one that follows it, and the grace.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(SlidingWindows::of(seconds(5)).grace(seconds(60)).retention_ms(), 70_000);
    /// ```
    pub fn retention_ms(&self) -> i64 {
        self.time_difference_ms.saturating_mul(2).saturating_add(self.grace_ms)
    }

    /// Checks difference and grace.
    ///
    /// # Errors
    /// [`Topology`](crate::error::ErrorKind::Topology) with the first rule that is broken. A difference of zero is
    /// refused here; Kafka Streams accepts it and fails at the first record.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert!(SlidingWindows::of(Duration::ZERO).validate().is_err());
    /// ```
    pub fn validate(&self) -> Result<()> {
        check(self.time_difference_ms > 0, "the time difference of a sliding window must be at least a millisecond")?;
        check_total(&[self.time_difference_ms, self.time_difference_ms, self.grace_ms])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows() -> SlidingWindows {
        SlidingWindows::of_time_difference_and_grace(Duration::from_millis(10), Duration::from_millis(5))
    }

    #[test]
    fn both_ends_belong_to_the_window() {
        assert_eq!(windows().ending_at(30), Window::new(20, 30));
        assert_eq!(windows().starting_after(30), Window::new(31, 41));
        assert_eq!(windows().first(), Window::new(0, 10));
        assert!(windows().is_early(9) && !windows().is_early(10));
    }

    #[test]
    fn window_closes_once_stream_time_is_past_end_and_grace() {
        assert!(!windows().is_closed(Window::new(0, 10), 15));
        assert!(windows().is_closed(Window::new(0, 10), 16));
        assert!(!windows().is_expired(0, 15));
        assert!(windows().is_expired(0, 16));
    }

    #[test]
    fn store_keeps_twice_the_difference_and_grace() {
        assert_eq!(windows().retention_ms(), 25);
    }

    #[test]
    fn difference_of_zero_is_refused() {
        assert!(SlidingWindows::of(Duration::ZERO).validate().is_err());
        assert!(SlidingWindows::of(Duration::from_secs(u64::MAX)).validate().is_err());
        assert!(windows().validate().is_ok());
    }
}
