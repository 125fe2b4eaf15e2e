//! Spans of event time, and keys that belong to one.

/// A span of event time, from `start_ms` (inclusive) to `end_ms`, in milliseconds since the epoch.
///
/// The end of a tumbling or hopping window is exclusive, that of a sliding window inclusive, as in Kafka Streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// Where the window begins.
    pub start_ms: i64,
    /// Where the window ends.
    pub end_ms: i64,
}

impl Window {
    /// The window from `start_ms` to `end_ms`.
    ///
    /// ```
    /// # use kstreams::record::*;
    /// assert_eq!(Window::new(0, 300_000).end_ms, 300_000);
    /// ```
    pub fn new(start_ms: i64, end_ms: i64) -> Self {
        Window { start_ms, end_ms }
    }

    /// The window of that size; one that would end after the last timestamp ends with it.
    ///
    /// ```
    /// # use kstreams::record::*;
    /// assert_eq!(Window::of_size(60_000, 5_000), Window::new(60_000, 65_000));
    /// assert_eq!(Window::of_size(i64::MAX - 1, 5_000).end_ms, i64::MAX);
    /// ```
    pub fn of_size(start_ms: i64, size_ms: i64) -> Self {
        Window { start_ms, end_ms: start_ms.saturating_add(size_ms) }
    }
}

/// A session: both ends inclusive, and a session of one record begins where it ends.
///
/// A type of its own, because Kafka Streams writes sessions and other windows differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Session {
    /// The timestamp of the first record, in milliseconds since the epoch.
    pub start_ms: i64,
    /// The timestamp of the last record, in milliseconds since the epoch.
    pub end_ms: i64,
}

impl Session {
    /// The session from `start_ms` to `end_ms`.
    ///
    /// ```
    /// # use kstreams::record::*;
    /// let session = Session::new(1_000, 1_000); // of one record
    /// assert_eq!(session.start_ms, session.end_ms);
    /// ```
    pub fn new(start_ms: i64, end_ms: i64) -> Self {
        Session { start_ms, end_ms }
    }

    /// The session that covers both.
    ///
    /// ```
    /// # use kstreams::record::*;
    /// assert_eq!(Session::new(1_000, 2_000).merge(Session::new(5_000, 6_000)), Session::new(1_000, 6_000));
    /// ```
    pub fn merge(self, other: Session) -> Session {
        Session::new(self.start_ms.min(other.start_ms), self.end_ms.max(other.end_ms))
    }
}

/// A key in a window. Kafka Streams: `org.apache.kafka.streams.kstream.Windowed`.
///
/// ```
/// use kstreams::record::{Window, Windowed};
///
/// let key = Windowed::new("blue", Window::new(0, 300_000));
/// assert_eq!(key.window.end_ms, 300_000);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Windowed<K, W = Window> {
    /// The key.
    pub key: K,
    /// The window.
    pub window: W,
}

impl<K, W> Windowed<K, W> {
    /// `key` in `window`.
    ///
    /// ```
    /// # use kstreams::record::*;
    /// assert_eq!(Windowed::new("loop", Window::new(0, 60_000)).key, "loop");
    /// ```
    pub fn new(key: K, window: W) -> Self {
        Windowed { key, window }
    }
}
