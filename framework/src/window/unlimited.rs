//! One window without an end.

use super::{Windows, WindowsFor, check};
use crate::error::Result;

/// One window from a start to the end of time; earlier records belong to none.
/// Kafka Streams: `org.apache.kafka.streams.kstream.UnlimitedWindows`.
///
/// ```
/// use kstreams::window::{UnlimitedWindows, Windows};
///
/// let windows = UnlimitedWindows::of().start_on_ms(100);
/// assert_eq!(windows.windows_for(99).count(), 0);
/// assert_eq!(windows.windows_for(100).count(), 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnlimitedWindows {
    start_ms: i64,
}

impl UnlimitedWindows {
    /// The window that starts at the epoch.
    ///
    /// ```
    /// # use kstreams::window::*;
    /// let windows = UnlimitedWindows::of().windows_for(1_000_000);
    /// assert!(windows.map(|window| window.start_ms).eq([0]));
    /// ```
    pub fn of() -> Self {
        UnlimitedWindows { start_ms: 0 }
    }

    /// Sets the start, in milliseconds since the epoch (`startOn`). Earlier records belong to no window.
    ///
    /// ```
    /// use kstreams::window::{UnlimitedWindows, Windows};
    ///
    /// let since = UnlimitedWindows::of().start_on_ms(1_000);
    /// assert_eq!(since.windows_for(999).count(), 0);
    /// assert_eq!(since.windows_for(1_000_000).count(), 1);
    /// ```
    pub fn start_on_ms(self, start_ms: i64) -> Self {
        UnlimitedWindows { start_ms }
    }
}

impl Windows for UnlimitedWindows {
    fn windows_for(&self, timestamp: i64) -> WindowsFor {
        let next_ms = (timestamp >= self.start_ms).then_some(self.start_ms);
        WindowsFor { next_ms, last_ms: self.start_ms, advance_ms: i64::MAX, size_ms: i64::MAX }
    }

    fn size_ms(&self) -> i64 {
        i64::MAX
    }

    fn grace_ms(&self) -> i64 {
        0
    }

    fn validate(&self) -> Result<()> {
        check(self.start_ms >= 0, "the start of an unlimited window must not be negative")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Window;

    #[test]
    fn the_one_window_ends_with_time_and_never_closes() {
        let windows = UnlimitedWindows::of().start_on_ms(7);
        assert!(windows.windows_for(i64::MAX).eq([Window::new(7, i64::MAX)]));
        assert!(windows.windows_for(6).eq([]));
        assert!(!windows.is_closed(Window::new(7, i64::MAX), i64::MAX - 1));
        assert_eq!(windows.closed_starts(crate::record::NO_TIMESTAMP, 1_000_000), None);
    }

    #[test]
    fn negative_start_is_refused() {
        assert!(UnlimitedWindows::of().start_on_ms(-1).validate().is_err());
        assert!(UnlimitedWindows::of().validate().is_ok());
    }
}
