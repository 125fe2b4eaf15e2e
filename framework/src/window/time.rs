//! Tumbling and hopping windows.

use super::{Windows, WindowsFor, check, check_total, millis};
use crate::error::Result;
use std::time::Duration;

/// Windows of one size that start at multiples of the advance since the epoch: tumbling if it equals the size
/// (the default), hopping and overlapping if it is smaller. A window contains its start and not its end.
/// Kafka Streams: `org.apache.kafka.streams.kstream.TimeWindows`.
///
/// ```
/// use kstreams::window::{TimeWindows, Windows};
/// use std::time::Duration;
///
/// let hopping = TimeWindows::of(Duration::from_secs(10)).advance_by(Duration::from_secs(5));
/// let starts: Vec<i64> = hopping.windows_for(12_000).map(|window| window.start_ms).collect();
/// assert_eq!(starts, [5_000, 10_000]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeWindows {
    size_ms: i64,
    advance_ms: i64,
    grace_ms: i64,
}

impl TimeWindows {
    /// Tumbling windows without grace; short for [`of_size_with_no_grace`](Self::of_size_with_no_grace).
    ///
    /// ```
    /// use kstreams::window::{TimeWindows, Window, Windows};
    /// use std::time::Duration;
    ///
    /// let minutes = TimeWindows::of(Duration::from_secs(60));
    /// assert!(minutes.windows_for(60_000).eq([Window::new(60_000, 120_000)]));
    /// ```
    pub fn of(size: Duration) -> Self {
        TimeWindows { size_ms: millis(size), advance_ms: millis(size), grace_ms: 0 }
    }

    /// Tumbling windows that close as soon as stream time reaches their end.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// let windows = TimeWindows::of_size_with_no_grace(seconds(60));
    /// assert_eq!((windows.size_ms(), windows.grace_ms()), (60_000, 0));
    /// ```
    pub fn of_size_with_no_grace(size: Duration) -> Self {
        TimeWindows::of(size)
    }

    /// Tumbling windows that close `grace` after their end.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// let windows = TimeWindows::of_size_and_grace(seconds(60), seconds(10));
    /// assert_eq!((windows.size_ms(), windows.grace_ms()), (60_000, 10_000));
    /// ```
    pub fn of_size_and_grace(size: Duration, grace: Duration) -> Self {
        TimeWindows::of(size).grace(grace)
    }

    /// Sets how long after its end, in stream time, a window still takes late records.
    ///
    /// ```
    /// use kstreams::window::{TimeWindows, Window, Windows};
    /// use std::time::Duration;
    ///
    /// let minutes = TimeWindows::of(Duration::from_secs(60)).grace(Duration::from_secs(30));
    /// assert!(!minutes.is_closed(Window::new(0, 60_000), 89_999));
    /// assert!(minutes.is_closed(Window::new(0, 60_000), 90_000));
    /// ```
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace_ms = millis(grace);
        self
    }

    /// Sets the distance between the starts of two windows: at least a millisecond, at most the size. A smaller advance than
    /// the size makes hopping windows, which overlap.
    ///
    /// ```
    /// use kstreams::window::{TimeWindows, Windows};
    /// use std::time::Duration;
    ///
    /// let hopping = TimeWindows::of(Duration::from_secs(60)).advance_by(Duration::from_secs(20));
    /// assert_eq!(hopping.windows_for(70_000).count(), 3);
    /// assert!(hopping.advance_by(Duration::from_secs(61)).validate().is_err());
    /// ```
    pub fn advance_by(mut self, advance: Duration) -> Self {
        self.advance_ms = millis(advance);
        self
    }

    /// The distance between the starts of two windows, in milliseconds.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(TimeWindows::of(seconds(60)).advance_ms(), 60_000);
    /// assert_eq!(TimeWindows::of(seconds(60)).advance_by(seconds(10)).advance_ms(), 10_000);
    /// ```
    pub fn advance_ms(&self) -> i64 {
        self.advance_ms
    }
}

impl Windows for TimeWindows {
    fn windows_for(&self, timestamp: i64) -> WindowsFor {
        let advance_ms = self.advance_ms.max(1);
        let earliest = timestamp.saturating_sub(self.size_ms).saturating_add(advance_ms).max(0);
        WindowsFor {
            next_ms: Some(earliest / advance_ms * advance_ms),
            last_ms: timestamp,
            advance_ms,
            size_ms: self.size_ms,
        }
    }

    fn size_ms(&self) -> i64 {
        self.size_ms
    }

    fn grace_ms(&self) -> i64 {
        self.grace_ms
    }

    fn validate(&self) -> Result<()> {
        check(self.size_ms > 0, "the size of a window must be at least a millisecond")?;
        check(self.advance_ms > 0, "the advance of a window must be at least a millisecond")?;
        check(self.advance_ms <= self.size_ms, "the advance of a window must not be larger than its size")?;
        check_total(&[self.size_ms, self.grace_ms])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Window;
    use proptest::prelude::*;

    fn windows(size_ms: u64, advance_ms: u64, grace_ms: u64) -> TimeWindows {
        TimeWindows::of_size_and_grace(Duration::from_millis(size_ms), Duration::from_millis(grace_ms))
            .advance_by(Duration::from_millis(advance_ms))
    }

    #[test]
    fn tumbling_window_contains_its_start_and_not_its_end() {
        let tumbling = TimeWindows::of(Duration::from_millis(10));
        assert!(tumbling.windows_for(9).eq([Window::new(0, 10)]));
        assert!(tumbling.windows_for(10).eq([Window::new(10, 20)]));
        assert!(tumbling.windows_for(-1).eq([]));
    }

    #[test]
    fn window_at_the_end_of_time_ends_with_it() {
        let last = windows(10, 10, 0).windows_for(i64::MAX).last().unwrap();
        assert_eq!(last, Window::new(i64::MAX / 10 * 10, i64::MAX));
    }

    #[test]
    fn window_closes_when_stream_time_reaches_end_and_grace() {
        let window = Window::new(0, 10);
        assert!(!windows(10, 10, 5).is_closed(window, 14));
        assert!(windows(10, 10, 5).is_closed(window, 15));
    }

    #[test]
    fn each_broken_rule_is_named() {
        let message = |windows: TimeWindows| windows.validate().unwrap_err().message().to_string();
        assert_eq!(message(windows(0, 1, 0)), "the size of a window must be at least a millisecond");
        assert_eq!(message(windows(5, 0, 0)), "the advance of a window must be at least a millisecond");
        assert_eq!(message(windows(5, 6, 0)), "the advance of a window must not be larger than its size");
        assert!(message(windows(5, 5, u64::MAX)).contains("too long"));
        assert!(message(TimeWindows::of(Duration::from_micros(999))).contains("size"));
        assert!(windows(5, 5, 0).validate().is_ok());
    }

    proptest! {
        #[test]
        fn windows_are_those_of_a_naive_enumeration(size in 1..40_i64, advance in 1..40_i64, timestamp in -5..300_i64) {
            let advance = advance.min(size);
            let naive = (0..=timestamp.max(0)).step_by(advance as usize).filter(|start| *start <= timestamp && timestamp < start + size);
            let listed = windows(size as u64, advance as u64, 0).windows_for(timestamp).map(|window| window.start_ms);
            prop_assert!(listed.eq(naive));
        }

        #[test]
        fn every_closed_window_is_emitted_once(
            size in 1..30_i64, advance in 1..30_i64, grace in 0..20_i64, steps in prop::collection::vec(0..40_i64, 1..30),
        ) {
            let windows = windows(size as u64, advance.min(size) as u64, grace as u64);
            let (mut stream_time, mut last_close, mut emitted) = (0, crate::record::NO_TIMESTAMP, Vec::new());
            for step in steps {
                stream_time += step;
                let close = windows.close_time_ms(stream_time);
                if let Some(starts) = windows.closed_starts(last_close, close) {
                    emitted.extend(starts.filter(|start| start % windows.advance_ms() == 0));
                    last_close = close;
                }
            }
            let closed = |start: &i64| windows.is_closed(Window::of_size(*start, size), stream_time);
            let expected: Vec<i64> = (0..=stream_time).step_by(windows.advance_ms() as usize).filter(closed).collect();
            prop_assert_eq!(emitted, expected);
        }
    }
}
