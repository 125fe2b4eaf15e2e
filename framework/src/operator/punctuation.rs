//! Punctuations: callbacks of processors, due at stream times or wall-clock times.
//!
//! One queue for each kind of time, ordered by due time. A pass fires every punctuation that is due, each at
//! most once: what was missed is made up for by one call, and the grid of due times is kept.

use super::JavaHeap;
use crate::error::{Error, ErrorKind, Result};
use crate::record::NO_TIMESTAMP;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// Which time a punctuation follows; see [`ProcessorContext::schedule`](super::ProcessorContext::schedule).
/// Kafka Streams: `org.apache.kafka.streams.processor.PunctuationType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PunctuationType {
    /// The largest timestamp processed by the task; first due with the first record.
    StreamTime,
    /// The wall clock; first due one interval after it was scheduled.
    WallClockTime,
}

/// Cancels a punctuation. Kafka Streams: `org.apache.kafka.streams.processor.Cancellable`.
///
/// ```
/// # use kstreams::{dsl::*, operator::*, record::Record, testing::*};
/// # use std::time::Duration;
/// struct Once(Option<Cancellable>);
///
/// impl Processor<i32, i32, i32, i64> for Once {
///     fn init(&mut self, context: &ProcessorContext<i32, i64>) -> kstreams::error::Result<()> {
///         let minute = Duration::from_secs(60);
///         let told = context.schedule(minute, PunctuationType::WallClockTime, |context, time_ms| {
///             context.forward(Record::new(0, time_ms, time_ms))
///         })?;
///         self.0 = Some(told);
///         Ok(())
///     }
///
///     fn process(&mut self, _: &ProcessorContext<i32, i64>, _: Record<i32, i32>) -> kstreams::error::Result<()> {
///         self.0.take().map_or((), |told| told.cancel());
///         Ok(())
///     }
/// }
/// # let builder = StreamsBuilder::new();
/// builder.stream::<i32, i32>("in").process(|| Once(None), &[]).to("out");
/// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
/// driver.advance_wall_clock(Duration::from_secs(60))?;
/// driver.input("in").pipe(1, 5)?;
/// driver.advance_wall_clock(Duration::from_secs(60))?;
/// assert_eq!(driver.output("out").read_values::<i64>()?, [60_000]);
/// # Ok::<(), kstreams::error::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Cancellable(Rc<Cell<bool>>);

impl Cancellable {
    /// The punctuation does not fire again, also when called from within it.
    pub fn cancel(&self) {
        self.0.set(true);
    }
}

type Callback = Rc<dyn Fn(i64) -> Result<()>>;

#[derive(Clone)]
struct Scheduled {
    due_ms: i64,
    interval_ms: i64,
    callback: Callback,
    cancelled: Rc<Cell<bool>>,
}

/// The punctuations of a task.
#[derive(Default)]
pub(crate) struct Punctuations {
    stream_time: RefCell<JavaHeap<Scheduled>>,
    wall_clock: RefCell<JavaHeap<Scheduled>>,
}

impl Punctuations {
    /// Schedules `callback` every `interval`; it gets the time at which it fires.
    pub(crate) fn schedule(
        &self,
        interval: Duration,
        kind: PunctuationType,
        now_ms: i64,
        callback: Callback,
    ) -> Result<Cancellable> {
        let interval_ms = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX);
        if interval_ms < 1 {
            return Err(Error::new(ErrorKind::Topology, "a punctuation's interval is at least one millisecond"));
        }
        let due_ms = match kind {
            PunctuationType::StreamTime => 0,
            PunctuationType::WallClockTime => now_ms.saturating_add(interval_ms),
        };
        let cancelled = Rc::new(Cell::new(false));
        let scheduled = Scheduled { due_ms, interval_ms, callback, cancelled: cancelled.clone() };
        self.queue(kind).borrow_mut().push(due_ms, scheduled);
        Ok(Cancellable(cancelled))
    }

    /// Fires what is due at `time_ms`; true if anything fired. `fire` surrounds each call.
    pub(crate) fn punctuate(
        &self,
        kind: PunctuationType,
        time_ms: i64,
        mut fire: impl FnMut(&dyn Fn(i64) -> Result<()>) -> Result<()>,
    ) -> Result<bool> {
        if time_ms == NO_TIMESTAMP {
            return Ok(false);
        }
        let mut fired = false;
        while let Some(scheduled) = self.take_due(kind, time_ms) {
            if scheduled.cancelled.get() {
                continue;
            }
            fire(&*scheduled.callback)?;
            fired = true;
            if !scheduled.cancelled.get() {
                let next = scheduled.after(time_ms);
                self.queue(kind).borrow_mut().push(next.due_ms, next);
            }
        }
        Ok(fired)
    }

    /// The wall-clock time at which the next punctuation is due.
    pub(crate) fn next_wall_clock_ms(&self) -> Option<i64> {
        self.wall_clock.borrow().peek().map(|(due_ms, _)| due_ms)
    }

    /// The longest interval of those on the wall clock.
    pub(crate) fn longest_wall_clock_ms(&self) -> Option<i64> {
        self.wall_clock.borrow().iter().map(|scheduled| scheduled.interval_ms).max()
    }

    fn take_due(&self, kind: PunctuationType, time_ms: i64) -> Option<Scheduled> {
        let mut queue = self.queue(kind).borrow_mut();
        match queue.peek() {
            Some((due_ms, _)) if due_ms <= time_ms => queue.pop().map(|(_, scheduled)| scheduled),
            _ => None,
        }
    }

    fn queue(&self, kind: PunctuationType) -> &RefCell<JavaHeap<Scheduled>> {
        match kind {
            PunctuationType::StreamTime => &self.stream_time,
            PunctuationType::WallClockTime => &self.wall_clock,
        }
    }
}

impl Scheduled {
    /// The same punctuation after it fired at `time_ms`: one interval later, or the next point of the grid
    /// that is still to come.
    fn after(&self, time_ms: i64) -> Scheduled {
        let next_ms = self.due_ms.saturating_add(self.interval_ms);
        let missed = if time_ms < next_ms { 1 } else { (time_ms - self.due_ms) / self.interval_ms + 1 };
        let due_ms = self.due_ms.saturating_add(missed.saturating_mul(self.interval_ms));
        Scheduled { due_ms, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fired_at(kind: PunctuationType, interval_ms: u64, times: &[i64]) -> Vec<i64> {
        let punctuations = Punctuations::default();
        let seen = Rc::new(RefCell::new(Vec::new()));
        let sink = seen.clone();
        let callback = Rc::new(move |time| {
            sink.borrow_mut().push(time);
            Ok(())
        });
        punctuations.schedule(Duration::from_millis(interval_ms), kind, 0, callback).unwrap();
        for &time in times {
            punctuations.punctuate(kind, time, |callback| callback(time)).unwrap();
        }
        seen.take()
    }

    #[test]
    fn stream_time_fires_with_the_first_record() {
        assert_eq!(fired_at(PunctuationType::StreamTime, 100, &[NO_TIMESTAMP, 5, 60, 99, 100]), [5, 100]);
    }

    #[test]
    fn missed_intervals_collapse_and_keep_the_grid() {
        assert_eq!(fired_at(PunctuationType::WallClockTime, 10, &[9, 10, 57, 58, 60]), [10, 57, 60]);
    }
}
