//! Session windows.

use super::{Session, check, check_total, millis};
use crate::error::Result;
use crate::record::NO_TIMESTAMP;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Windows that last as long as no gap between two records of a key is larger than the inactivity gap.
/// Kafka Streams: `org.apache.kafka.streams.kstream.SessionWindows`.
/// Not used by any step yet.
///
/// ```
/// use kstreams::window::{Session, SessionWindows};
/// use std::time::Duration;
///
/// let windows = SessionWindows::with_gap(Duration::from_secs(5));
/// assert!(windows.joins(Session::new(1_000, 2_000), 7_000));
/// assert!(!windows.joins(Session::new(1_000, 2_000), 7_001));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionWindows {
    gap_ms: i64,
    grace_ms: i64,
}

impl SessionWindows {
    /// Sessions without grace; short for
    /// [`of_inactivity_gap_with_no_grace`](Self::of_inactivity_gap_with_no_grace).
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// let windows = SessionWindows::with_gap(seconds(5));
    /// assert_eq!((windows.gap_ms(), windows.grace_ms()), (5_000, 0));
    /// ```
    pub fn with_gap(gap: Duration) -> Self {
        SessionWindows { gap_ms: millis(gap), grace_ms: 0 }
    }

    /// Sessions that close as soon as stream time has passed their end by the gap.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// let windows = SessionWindows::of_inactivity_gap_with_no_grace(seconds(5));
    /// assert!(windows.is_closed(Session::new(0, 1_000), 6_001));
    /// ```
    pub fn of_inactivity_gap_with_no_grace(gap: Duration) -> Self {
        SessionWindows::with_gap(gap)
    }

    /// Sessions that close `grace` later.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// let windows = SessionWindows::of_inactivity_gap_and_grace(seconds(5), seconds(60));
    /// assert!(!windows.is_closed(Session::new(0, 1_000), 66_000));
    /// assert!(windows.is_closed(Session::new(0, 1_000), 66_001));
    /// ```
    pub fn of_inactivity_gap_and_grace(gap: Duration, grace: Duration) -> Self {
        SessionWindows::with_gap(gap).grace(grace)
    }

    /// Sets how long after end and gap, in stream time, a session still takes late records.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(SessionWindows::with_gap(seconds(5)).grace(seconds(60)).retention_ms(), 65_000);
    /// ```
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace_ms = millis(grace);
        self
    }

    /// The inactivity gap in milliseconds.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(SessionWindows::with_gap(seconds(5)).gap_ms(), 5_000);
    /// ```
    pub fn gap_ms(&self) -> i64 {
        self.gap_ms
    }

    /// The grace in milliseconds.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(SessionWindows::with_gap(seconds(5)).grace(seconds(60)).grace_ms(), 60_000);
    /// ```
    pub fn grace_ms(&self) -> i64 {
        self.grace_ms
    }

    /// Sessions that a record joins end at or after this time.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(SessionWindows::with_gap(seconds(5)).earliest_end_ms(9_000), 4_000);
    /// ```
    pub fn earliest_end_ms(&self, timestamp: i64) -> i64 {
        timestamp.saturating_sub(self.gap_ms)
    }

    /// Sessions that a record joins start at or before this time.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(SessionWindows::with_gap(seconds(5)).latest_start_ms(9_000), 14_000);
    /// ```
    pub fn latest_start_ms(&self, timestamp: i64) -> i64 {
        timestamp.saturating_add(self.gap_ms)
    }

    /// Whether a record belongs to `session`.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// let windows = SessionWindows::with_gap(seconds(5));
    /// let session = Session::new(10_000, 12_000);
    /// assert!(windows.joins(session, 5_000) && windows.joins(session, 17_000));
    /// assert!(!windows.joins(session, 4_999) && !windows.joins(session, 17_001));
    /// ```
    pub fn joins(&self, session: Session, timestamp: i64) -> bool {
        session.end_ms >= self.earliest_end_ms(timestamp) && session.start_ms <= self.latest_start_ms(timestamp)
    }

    /// Sessions that end before this time take no more records.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(SessionWindows::with_gap(seconds(5)).grace(seconds(60)).close_time_ms(100_000), 35_000);
    /// ```
    pub fn close_time_ms(&self, stream_time_ms: i64) -> i64 {
        stream_time_ms.saturating_sub(self.grace_ms).saturating_sub(self.gap_ms)
    }

    /// Whether a record that makes this session comes too late.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// let windows = SessionWindows::with_gap(seconds(5));
    /// assert!(!windows.is_closed(Session::new(0, 1_000), 6_000));
    /// assert!(windows.is_closed(Session::new(0, 1_000), 6_001));
    /// ```
    pub fn is_closed(&self, session: Session, stream_time_ms: i64) -> bool {
        session.end_ms < self.close_time_ms(stream_time_ms)
    }

    /// The ends of the sessions that closed since the last emission: `last_close_ms` was the close time then,
    /// [`NO_TIMESTAMP`] before the first one.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// let windows = SessionWindows::with_gap(seconds(5));
    /// assert_eq!(windows.closed_ends(1_000, 4_000), Some(1_000..=3_999));
    /// assert_eq!(windows.closed_ends(4_000, 4_000), None);
    /// ```
    pub fn closed_ends(&self, last_close_ms: i64, close_ms: i64) -> Option<RangeInclusive<i64>> {
        let lower = if last_close_ms == NO_TIMESTAMP { 0 } else { last_close_ms.max(0) };
        let upper = close_ms.saturating_sub(1);
        (upper >= lower).then_some(lower..=upper)
    }

    /// How long a store must keep a session after its end: gap and grace, in milliseconds.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert_eq!(SessionWindows::with_gap(seconds(5)).grace(seconds(60)).retention_ms(), 65_000);
    /// ```
    pub fn retention_ms(&self) -> i64 {
        self.gap_ms.saturating_add(self.grace_ms)
    }

    /// Checks gap and grace.
    ///
    /// # Errors
    /// [`Topology`](crate::error::ErrorKind::Topology) with the first rule that is broken.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// # use std::time::Duration;
    /// # let seconds = Duration::from_secs;
    /// assert!(SessionWindows::with_gap(Duration::ZERO).validate().is_err());
    /// ```
    pub fn validate(&self) -> Result<()> {
        check(self.gap_ms > 0, "the inactivity gap of a session must be at least a millisecond")?;
        check_total(&[self.gap_ms, self.grace_ms])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn windows(gap_ms: u64, grace_ms: u64) -> SessionWindows {
        SessionWindows::of_inactivity_gap_and_grace(Duration::from_millis(gap_ms), Duration::from_millis(grace_ms))
    }

    #[test]
    fn session_closes_once_stream_time_is_past_end_gap_and_grace() {
        assert!(!windows(10, 5).is_closed(Session::new(0, 20), 35));
        assert!(windows(10, 5).is_closed(Session::new(0, 20), 36));
    }

    #[test]
    fn closed_ends_are_emitted_once() {
        let windows = windows(10, 0);
        assert_eq!(windows.closed_ends(NO_TIMESTAMP, 5), Some(0..=4));
        assert_eq!(windows.closed_ends(5, 9), Some(5..=8));
        assert_eq!(windows.closed_ends(9, 9), None);
        assert_eq!(windows.closed_ends(NO_TIMESTAMP, -3), None);
    }

    #[test]
    fn gap_of_zero_is_refused() {
        assert!(windows(0, 0).validate().is_err());
        assert!(windows(1, u64::MAX).validate().is_err());
        assert!(windows(1, 0).validate().is_ok());
    }

    proptest! {
        /// Merging one record at a time, in any order, ends in the runs of the sorted timestamps.
        #[test]
        fn sessions_are_the_runs_without_a_larger_gap(gap in 1..20_i64, times in prop::collection::vec(0..200_i64, 1..40)) {
            let windows = windows(gap as u64, 0);
            let mut merged: Vec<Session> = Vec::new();
            for time in &times {
                let (joined, apart): (Vec<_>, Vec<_>) = merged.iter().copied().partition(|session| windows.joins(*session, *time));
                merged = apart;
                merged.push(joined.into_iter().fold(Session::new(*time, *time), Session::merge));
            }
            merged.sort();
            let mut sorted = times.clone();
            sorted.sort();
            let runs: Vec<Session> = sorted
                .chunk_by(|earlier, later| later - earlier <= gap)
                .map(|run| Session::new(run[0], run[run.len() - 1]))
                .collect();
            prop_assert_eq!(merged, runs);
        }
    }
}
