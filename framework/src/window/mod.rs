//! Windows as pure arithmetic: which windows a timestamp belongs to, when they close, how long they are kept.
//!
//! Nothing here holds state or reads a clock; stream time is handed in. Constructors accept whatever they are
//! given and `validate` says what is wrong with it, so that `build` can list every mistake of a topology at once.

mod join;
mod segments;
mod session;
mod sliding;
mod time;
mod unlimited;

pub use crate::record::{Session, Window, Windowed};
pub use join::JoinWindows;
pub use segments::{Segments, versioned_segment_interval_ms, window_segment_interval_ms};
pub use session::SessionWindows;
pub use sliding::SlidingWindows;
pub use time::TimeWindows;
pub use unlimited::UnlimitedWindows;

use crate::error::{Error, ErrorKind, Result};
use crate::record::NO_TIMESTAMP;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Windows that can be listed for a timestamp: tumbling, hopping, unlimited.
/// Kafka Streams: `org.apache.kafka.streams.kstream.Windows`.
pub trait Windows: Clone + std::fmt::Debug + Send + Sync + 'static {
    /// The windows that contain `timestamp`, ascending by start.
    fn windows_for(&self, timestamp: i64) -> WindowsFor;

    /// The size of a window in milliseconds.
    fn size_ms(&self) -> i64;

    /// How long after its end a window still takes late records, in milliseconds of stream time.
    fn grace_ms(&self) -> i64;

    /// Checks sizes and grace.
    ///
    /// # Errors
    /// [`ErrorKind::Topology`] with the first rule that is broken.
    fn validate(&self) -> Result<()>;

    /// How long a store must keep a window: size and grace, in milliseconds.
    fn retention_ms(&self) -> i64 {
        self.size_ms().saturating_add(self.grace_ms())
    }

    /// Windows that end at or before this time take no more records.
    fn close_time_ms(&self, stream_time_ms: i64) -> i64 {
        stream_time_ms.saturating_sub(self.grace_ms())
    }

    /// Whether a record for `window` comes too late.
    fn is_closed(&self, window: Window, stream_time_ms: i64) -> bool {
        window.end_ms <= self.close_time_ms(stream_time_ms)
    }

    /// The starts of the windows that closed since the last emission: `last_close_ms` was the close time then,
    /// [`NO_TIMESTAMP`] before the first one. `None` if there is no new window to look for; `close_ms` becomes the
    /// last close time only if there was one.
    fn closed_starts(&self, last_close_ms: i64, close_ms: i64) -> Option<RangeInclusive<i64>> {
        let upper = close_ms.saturating_sub(self.size_ms());
        if upper < 0 {
            return None;
        }
        if last_close_ms == NO_TIMESTAMP {
            return Some(0..=upper);
        }
        let before = (last_close_ms - self.size_ms()).max(0);
        let nothing_new = self.windows_for(upper).eq(self.windows_for(before));
        (!nothing_new).then(|| before + 1..=upper)
    }
}

/// The windows that contain one timestamp, ascending by start; see [`Windows::windows_for`].
#[derive(Debug, Clone)]
pub struct WindowsFor {
    next_ms: Option<i64>,
    last_ms: i64,
    advance_ms: i64,
    size_ms: i64,
}

impl Iterator for WindowsFor {
    type Item = Window;

    fn next(&mut self) -> Option<Window> {
        let start_ms = self.next_ms.filter(|start_ms| *start_ms <= self.last_ms)?;
        self.next_ms = start_ms.checked_add(self.advance_ms);
        Some(Window::of_size(start_ms, self.size_ms))
    }
}

/// Whole milliseconds, as Kafka counts; what does not fit is refused by `validate`.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn check(holds: bool, rule: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::new(ErrorKind::Topology, rule)) }
}

/// A store's retention must fit into a timestamp.
fn check_total(parts_ms: &[i64]) -> Result<()> {
    let total = parts_ms.iter().try_fold(0_i64, |sum, part| sum.checked_add(*part));
    check(
        total.is_some_and(|total| total < i64::MAX),
        "size and grace of a window are together too long to be counted in milliseconds",
    )
}
