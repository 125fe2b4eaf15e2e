//! Segments: the spans of time in which windowed stores expire together.

/// The segment interval of window and session stores with that retention, in milliseconds.
///
/// Part of the state contract: it decides which late rows a store still takes, so it is Kafka Streams' own.
///
/// ```
/// # use kstreams::window::*;
/// assert_eq!(window_segment_interval_ms(10 * 60_000), 5 * 60_000);
/// assert_eq!(window_segment_interval_ms(1_000), 60_000);
/// ```
pub fn window_segment_interval_ms(retention_ms: i64) -> i64 {
    (retention_ms / 2).max(60_000)
}

/// The segment interval of a versioned store with that history retention, in milliseconds.
///
/// ```
/// # use kstreams::window::*;
/// assert_eq!(versioned_segment_interval_ms(60_000), 20_000);
/// assert_eq!(versioned_segment_interval_ms(24 * 60 * 60_000), 60 * 60_000);
/// ```
pub fn versioned_segment_interval_ms(history_retention_ms: i64) -> i64 {
    const MINUTE_MS: i64 = 60_000;
    match history_retention_ms {
        short if short <= MINUTE_MS => (short / 3).max(2_000),
        minutes if minutes <= 5 * MINUTE_MS => (minutes / 5).max(20_000),
        hour if hour <= 60 * MINUTE_MS => (hour / 12).max(MINUTE_MS),
        long => (long / 24).max(5 * MINUTE_MS),
    }
}

/// Which segments and rows of a store are alive at a stream time.
///
/// ```
/// use kstreams::window::Segments;
///
/// let segments = Segments { interval_ms: 60_000, retention_ms: 90_000 };
/// assert_eq!(segments.id(119_999), 1);
/// assert!(segments.is_live(1, 200_000));
/// assert!(!segments.is_live(0, 200_000));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    /// The length of a segment in milliseconds, at least 1.
    pub interval_ms: i64,
    /// How long rows are kept, in milliseconds of the store's stream time.
    pub retention_ms: i64,
}

impl Segments {
    /// Segments of a window or session store.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// assert_eq!(Segments::of_windows(10 * 60_000).interval_ms, 5 * 60_000);
    /// ```
    pub fn of_windows(retention_ms: i64) -> Self {
        Segments { interval_ms: window_segment_interval_ms(retention_ms), retention_ms }
    }

    /// The segment of a timestamp.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// let segments = Segments { interval_ms: 60_000, retention_ms: 90_000 };
    /// assert_eq!((segments.id(59_999), segments.id(60_000)), (0, 1));
    /// ```
    pub fn id(&self, timestamp: i64) -> i64 {
        timestamp / self.interval_ms
    }

    /// The oldest segment that still takes rows.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// let segments = Segments { interval_ms: 60_000, retention_ms: 90_000 };
    /// assert_eq!(segments.oldest_live(200_000), segments.id(110_000));
    /// ```
    pub fn oldest_live(&self, stream_time_ms: i64) -> i64 {
        self.id(stream_time_ms.saturating_sub(self.retention_ms))
    }

    /// Whether a segment still takes rows.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// let segments = Segments { interval_ms: 60_000, retention_ms: 90_000 };
    /// assert!(segments.is_live(1, 200_000) && !segments.is_live(0, 200_000));
    /// ```
    pub fn is_live(&self, id: i64, stream_time_ms: i64) -> bool {
        id >= self.oldest_live(stream_time_ms)
    }

    /// The oldest timestamp that a reader sees; older rows of a live segment are hidden.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// let segments = Segments { interval_ms: 60_000, retention_ms: 90_000 };
    /// assert_eq!(segments.oldest_visible_ms(200_000), 110_001);
    /// ```
    pub fn oldest_visible_ms(&self, stream_time_ms: i64) -> i64 {
        stream_time_ms.saturating_sub(self.retention_ms).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_kafka_streams() {
        assert_eq!(window_segment_interval_ms(100), 60_000);
        assert_eq!(window_segment_interval_ms(300_000), 150_000);
        let versioned = [3_000, 60_000, 60_001, 300_000, 600_000, 3_600_000, 3_600_001, 86_400_000]
            .map(versioned_segment_interval_ms);
        assert_eq!(versioned, [2_000, 20_000, 20_000, 60_000, 60_000, 300_000, 300_000, 3_600_000]);
    }

    #[test]
    fn row_past_retention_in_a_live_segment_is_hidden() {
        let segments = Segments { interval_ms: 100, retention_ms: 150 };
        assert_eq!(segments.oldest_live(310), 1);
        assert_eq!(segments.oldest_visible_ms(310), 161);
        assert!(segments.is_live(segments.id(120), 310));
    }

    #[test]
    fn before_retention_has_passed_everything_is_live() {
        let segments = Segments { interval_ms: 100, retention_ms: 150 };
        assert!(segments.is_live(0, crate::record::NO_TIMESTAMP));
        assert!(segments.is_live(0, 149));
    }
}
