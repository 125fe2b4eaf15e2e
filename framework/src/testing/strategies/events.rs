//! What befalls a topology in a [`TopologyTestDriver`]: records, the time that passes, crashes.

use super::records::{Draft, Records};
use crate::error::Result;
use crate::record::Record;
use crate::serde::{Nullable, Wire};
use crate::testing::TopologyTestDriver;
use crate::testing::simulation::InputRecord;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::{SBoxedStrategy, Union};
use std::fmt::Debug;
use std::time::Duration;

/// Something that happens to a [`TopologyTestDriver`].
///
/// ```
/// use kstreams::testing::simulation::InputRecord;
/// use kstreams::testing::strategies::Event;
///
/// let events = [Event::Record(InputRecord::new("Loop", 1, 60_000)), Event::Crash];
/// let records: Vec<_> = events.iter().filter_map(Event::record).collect();
/// assert_eq!(records, [&InputRecord::new("Loop", 1, 60_000)]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<K, V> {
    /// A record comes.
    Record(InputRecord<K, V>),
    /// So much time passes on the wall clock.
    Advance(Duration),
    /// The topology crashes and starts again.
    Crash,
}

impl<K, V> Event<K, V> {
    /// The record that comes, if one does.
    ///
    /// ```
    /// use kstreams::testing::strategies::Event;
    ///
    /// assert_eq!(Event::<i64, i64>::Crash.record(), None);
    /// ```
    pub fn record(&self) -> Option<&InputRecord<K, V>> {
        match self {
            Event::Record(record) => Some(record),
            Event::Advance(_) | Event::Crash => None,
        }
    }
}

/// As many events as `records` would be: most of them its records, a tenth crashes, and as many times the wall clock goes on by
/// up to `advance`; never, if that is zero. Shrinks to few events, with one crash if one is enough.
///
/// ```
/// use kstreams::testing::strategies::{Event, events, keys, records, times};
/// use proptest::prelude::*;
/// use std::time::Duration;
///
/// let rides = records(keys(5, i64::from), 0..9_i64, times(1_000), 0..30);
/// proptest!(|(events in events(&rides, Duration::from_secs(5)))| {
///     for event in events {
///         match event {
///             Event::Record(ride) => prop_assert!(ride.value < 9),
///             Event::Advance(by) => prop_assert!(by <= Duration::from_secs(5)),
///             Event::Crash => {}
///         }
///     }
/// });
/// ```
pub fn events<K: Debug + Clone + 'static, V: Debug + Clone + 'static>(
    records: &Records<K, V>,
    advance: Duration,
) -> impl Strategy<Value = Vec<Event<K, V>>> + use<K, V> {
    let clock = records.times.clock();
    vec(happening(records, advance), records.count.clone()).prop_map(move |happenings| {
        let mut clock = clock.clone();
        let event = |happening| match happening {
            Happening::Record(draft) => Event::Record(draft.record(&mut clock)),
            Happening::Advance(by) => Event::Advance(by),
            Happening::Crash => Event::Crash,
        };
        happenings.into_iter().map(event).collect()
    })
}

/// An event, if it is a record without its time.
#[derive(Debug, Clone)]
enum Happening<K, V> {
    Record(Draft<K, V>),
    Advance(Duration),
    Crash,
}

fn happening<K: Debug + Clone + 'static, V: Debug + Clone + 'static>(
    records: &Records<K, V>,
    advance: Duration,
) -> SBoxedStrategy<Happening<K, V>> {
    let record = (8, records.drafts().prop_map(Happening::Record).sboxed());
    let crash = (1, Just(()).prop_map(|()| Happening::Crash).sboxed());
    let longest_ms = u64::try_from(advance.as_millis()).unwrap_or(u64::MAX);
    let time = (1..=longest_ms.max(1)).prop_map(|ms| Happening::Advance(Duration::from_millis(ms)));
    let time = (longest_ms > 0).then(|| (1, time.sboxed()));
    Union::new_weighted([record, crash].into_iter().chain(time).collect()).sboxed()
}

impl TopologyTestDriver {
    /// Lets these events happen, the records in `topic`. Feature `proptest`.
    ///
    /// # Errors
    /// What [`pipe_record`](super::super::TestInputTopic::pipe_record), [`advance_wall_clock`](Self::advance_wall_clock)
    /// and [`crash`](Self::crash) say.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::testing::simulation::InputRecord;
    /// # use kstreams::testing::strategies::Event;
    /// builder.stream::<i64, i64>("in").group_by_key().count("counts").to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// let record = Event::Record(InputRecord::new(7_i64, 1_i64, 60_000));
    /// driver.play("in", &[record.clone(), Event::Crash, record])?;
    /// assert_eq!(driver.output("out").read_values::<i64>()?, [1, 2]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn play<K: Nullable + Clone, V: Nullable + Clone>(&mut self, topic: &str, events: &[Event<K, V>]) -> Result<()>
    where
        K::Inner: Wire,
        V::Inner: Wire,
    {
        events.iter().try_for_each(|event| match event.clone() {
            Event::Record(InputRecord { key, value, timestamp }) => {
                self.input(topic).pipe_record(Record::new(key, value, timestamp))
            }
            Event::Advance(by) => self.advance_wall_clock(by),
            Event::Crash => self.crash(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{keys, times};
    use super::*;
    use crate::testing::forgetful::forgetful;
    use proptest::test_runner::{Config, TestError, TestRng, TestRunner};

    type Events = Vec<Event<i64, i64>>;

    /// The shortest events of which `holds` is not true.
    fn shortest(holds: impl Fn(&Events) -> bool) -> Events {
        let rides = super::super::records(keys(5, i64::from), 0..100_i64, times(100).late_by(50), 0..60);
        let config = Config { failure_persistence: None, ..Config::with_cases(500) };
        let rng = TestRng::deterministic_rng(config.rng_algorithm);
        let mut runner = TestRunner::new_with_rng(config, rng);
        let found = runner.run(&events(&rides, Duration::from_secs(1)), |events| {
            prop_assert!(holds(&events));
            Ok(())
        });
        match found {
            Err(TestError::Fail(_, events)) => events,
            other => panic!("nothing was found: {other:?}"),
        }
    }

    fn record(timestamp: i64) -> Event<i64, i64> {
        Event::Record(InputRecord::new(0, 0, timestamp))
    }

    #[test]
    fn a_crash_that_matters_is_all_that_is_left() {
        assert_eq!(shortest(|events| !events.contains(&Event::Crash)), [Event::Crash]);
        let after_a_record =
            |events: &Events| !events.windows(2).any(|two| two[0].record().is_some() && two[1] == Event::Crash);
        assert_eq!(shortest(after_a_record), [record(0), Event::Crash]);
    }

    #[test]
    fn a_topology_that_forgets_is_shown_with_one_crash_between_two_records() {
        let numbers_all = |events: &Events| {
            let mut driver = TopologyTestDriver::new(&forgetful()).unwrap();
            driver.play("rides", events).unwrap();
            let numbers = driver.output("totals").read_values::<i64>().unwrap();
            numbers.iter().copied().eq(1..=numbers.len() as i64)
        };
        assert_eq!(shortest(numbers_all), [record(0), Event::Crash, record(0)]);
    }

    #[test]
    fn time_that_matters_is_as_short_as_it_may_be() {
        let is_short = |event: &Event<i64, i64>| !matches!(event, Event::Advance(by) if by.as_millis() >= 300);
        assert_eq!(shortest(|events| events.iter().all(is_short)), [Event::Advance(Duration::from_millis(300))]);
    }

    #[test]
    fn a_late_record_keeps_the_one_it_is_later_than() {
        let times =
            |events: &Events| events.iter().filter_map(Event::record).map(|record| record.timestamp).is_sorted();
        assert_eq!(shortest(times), [record(1), record(0)]);
    }

    #[test]
    fn nothing_passes_where_no_time_may() {
        let rides = super::super::records(keys(5, i64::from), 0..100_i64, times(100), 0..60);
        proptest!(|(events in events(&rides, Duration::ZERO))| {
            prop_assert!(!events.iter().any(|event| matches!(event, Event::Advance(_))));
        });
    }
}
