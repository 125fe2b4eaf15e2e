//! Windows of stream-stream joins.

use super::{check, check_total, millis};
use crate::error::Result;
use std::ops::RangeInclusive;
use std::time::Duration;

/// How far apart in time two records may be and still join.
/// Kafka Streams: `org.apache.kafka.streams.kstream.JoinWindows`.
/// Not used by any step yet.
///
/// ```
/// use kstreams::window::JoinWindows;
/// use std::time::Duration;
///
/// let windows = JoinWindows::of(Duration::from_secs(5)).before(Duration::ZERO);
/// assert_eq!(windows.seen_from_left(10_000), 10_000..=15_000);
/// assert_eq!(windows.seen_from_right(10_000), 5_000..=10_000);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinWindows {
    before_ms: i64,
    after_ms: i64,
    grace_ms: i64,
    eager: bool,
}

impl JoinWindows {
    /// Records at most `time_difference` apart, without grace; short for
    /// [`of_time_difference_with_no_grace`](Self::of_time_difference_with_no_grace).
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(JoinWindows::of(seconds(5)).seen_from_left(10_000), 5_000..=15_000);
    /// ```
    pub fn of(time_difference: Duration) -> Self {
        let difference_ms = millis(time_difference);
        JoinWindows { before_ms: difference_ms, after_ms: difference_ms, grace_ms: 0, eager: false }
    }

    /// Records at most `time_difference` apart; unmatched ones are known as soon as the window has passed.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// let windows = JoinWindows::of_time_difference_with_no_grace(seconds(5));
    /// assert_eq!((windows.size_ms(), windows.grace_ms()), (10_000, 0));
    /// ```
    pub fn of_time_difference_with_no_grace(time_difference: Duration) -> Self {
        JoinWindows::of(time_difference)
    }

    /// Records at most `time_difference` apart; unmatched ones are known `grace` later.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// let windows = JoinWindows::of_time_difference_and_grace(seconds(5), seconds(60));
    /// assert_eq!((windows.size_ms(), windows.grace_ms()), (10_000, 60_000));
    /// ```
    pub fn of_time_difference_and_grace(time_difference: Duration, grace: Duration) -> Self {
        JoinWindows::of(time_difference).grace(grace)
    }

    /// Sets how much earlier than the left record the right one may be.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(JoinWindows::of(seconds(5)).before(seconds(1)).seen_from_left(10_000), 9_000..=15_000);
    /// ```
    pub fn before(self, time_difference: Duration) -> Self {
        self.before_ms(millis(time_difference))
    }

    /// Sets how much later than the left record the right one may be.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(JoinWindows::of(seconds(5)).after(seconds(1)).seen_from_left(10_000), 5_000..=11_000);
    /// ```
    pub fn after(self, time_difference: Duration) -> Self {
        self.after_ms(millis(time_difference))
    }

    /// As [`before`](Self::before), in milliseconds; negative for a right record that must be later.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// let later = JoinWindows::of(seconds(5)).before_ms(-1_000);
    /// assert_eq!(later.seen_from_left(10_000), 11_000..=15_000);
    /// ```
    pub fn before_ms(mut self, before_ms: i64) -> Self {
        self.before_ms = before_ms;
        self
    }

    /// As [`after`](Self::after), in milliseconds; negative for a right record that must be earlier.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// let earlier = JoinWindows::of(seconds(5)).after_ms(-1_000);
    /// assert_eq!(earlier.seen_from_left(10_000), 5_000..=9_000);
    /// ```
    pub fn after_ms(mut self, after_ms: i64) -> Self {
        self.after_ms = after_ms;
        self
    }

    /// Sets how long after the window, in stream time, late records still join.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// let windows = JoinWindows::of(seconds(5));
    /// assert_eq!(windows.clone().grace(seconds(60)).retention_ms(), windows.retention_ms() + 60_000);
    /// ```
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace_ms = millis(grace);
        self
    }

    /// Left and outer joins emit an unmatched record at once, and perhaps its match later, as with Kafka
    /// Streams' deprecated `JoinWindows.of`. (That one also sets a grace: 24 hours less the window's size.)
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert!(JoinWindows::of(seconds(5)).eager().is_eager());
    /// ```
    pub fn eager(mut self) -> Self {
        self.eager = true;
        self
    }

    /// Whether unmatched records are emitted at once.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert!(!JoinWindows::of(seconds(5)).is_eager());
    /// ```
    pub fn is_eager(&self) -> bool {
        self.eager
    }

    /// How much later than the left record the right one may be, in milliseconds.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(JoinWindows::of(seconds(5)).after(seconds(1)).latest_after_ms(), 1_000);
    /// ```
    pub fn latest_after_ms(&self) -> i64 {
        self.after_ms
    }

    /// How much earlier than the left record the right one may be, in milliseconds.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(JoinWindows::of(seconds(5)).before(seconds(1)).earliest_before_ms(), 1_000);
    /// ```
    pub fn earliest_before_ms(&self) -> i64 {
        self.before_ms
    }

    /// The grace in milliseconds.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(JoinWindows::of(seconds(5)).grace(seconds(60)).grace_ms(), 60_000);
    /// ```
    pub fn grace_ms(&self) -> i64 {
        self.grace_ms
    }

    /// The size in milliseconds: from the earliest to the latest match.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(JoinWindows::of(seconds(5)).before(seconds(1)).size_ms(), 6_000);
    /// ```
    pub fn size_ms(&self) -> i64 {
        self.before_ms.saturating_add(self.after_ms)
    }

    /// The times of the right records that a left one at `timestamp` joins, not before the epoch.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(JoinWindows::of(seconds(5)).before(seconds(1)).seen_from_left(500), 0..=5_500);
    /// ```
    pub fn seen_from_left(&self, timestamp: i64) -> RangeInclusive<i64> {
        timestamp.saturating_sub(self.before_ms).max(0)..=timestamp.saturating_add(self.after_ms).max(0)
    }

    /// The times of the left records that a right one at `timestamp` joins, not before the epoch.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(JoinWindows::of(seconds(5)).before(seconds(1)).seen_from_right(10_000), 5_000..=11_000);
    /// ```
    pub fn seen_from_right(&self, timestamp: i64) -> RangeInclusive<i64> {
        timestamp.saturating_sub(self.after_ms).max(0)..=timestamp.saturating_add(self.before_ms).max(0)
    }

    /// How long a store must keep a record: size and grace, in milliseconds.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(JoinWindows::of(seconds(5)).grace(seconds(60)).retention_ms(), 70_000);
    /// ```
    pub fn retention_ms(&self) -> i64 {
        self.size_ms().saturating_add(self.grace_ms)
    }

    /// Checks bounds and grace.
    ///
    /// # Errors
    /// [`Topology`](crate::error::ErrorKind::Topology) with the first rule that is broken.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert!(JoinWindows::of(seconds(5)).before_ms(-5_001).validate().is_err());
    /// ```
    pub fn validate(&self) -> Result<()> {
        check(self.size_ms() >= 0, "the window of a join must not end before it begins")?;
        check_total(&[self.size_ms(), self.grace_ms])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn window_that_ends_before_it_begins_is_refused() {
        let windows = JoinWindows::of(Duration::from_millis(10));
        assert!(windows.clone().before_ms(-10).validate().is_ok());
        assert!(windows.clone().before_ms(-11).validate().is_err());
        assert!(windows.grace(Duration::MAX).validate().is_err());
    }

    #[test]
    fn store_keeps_size_and_grace() {
        let windows = JoinWindows::of_time_difference_and_grace(Duration::from_millis(10), Duration::from_millis(3));
        assert_eq!(windows.retention_ms(), 23);
    }

    proptest! {
        #[test]
        // Behind the epoch: at it both sides are cut off, as in Kafka Streams, and need not agree.
        fn both_sides_agree_who_joins(before in -20..20_i64, after in -20..20_i64, left in 40..140_i64, right in 40..140_i64) {
            let windows = JoinWindows::of(Duration::ZERO).before_ms(before).after_ms(after);
            // Others are refused before they are asked.
            prop_assume!(windows.validate().is_ok());
            let joins = left - before <= right && right <= left + after;
            prop_assert_eq!(windows.seen_from_left(left).contains(&right) , joins);
            prop_assert_eq!(windows.seen_from_right(right).contains(&left), joins);
        }
    }
}
