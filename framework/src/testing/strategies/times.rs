//! Times of records: in order, late, and too late.

use proptest::collection::{SizeRange, vec};
use proptest::prelude::*;
use proptest::strategy::{SBoxedStrategy, Union};

/// How many of ten records are late, if some are.
const LATE: u32 = 3;

/// How many of ten records are stragglers, if some are.
const STRAGGLERS: u32 = 1;

/// The times of records, made by [`times`]. Each follows from those before it, so that they keep their promise however many
/// are left out.
#[derive(Debug, Clone)]
pub struct Times {
    start_ms: i64,
    apart_ms: i64,
    late_ms: i64,
    straggling_ms: i64,
}

/// Times in order, each at most so many milliseconds after the one before. They begin at zero.
///
/// ```
/// use kstreams::testing::strategies::times;
/// use proptest::prelude::*;
///
/// proptest!(|(times in times(100).list(0..20))| {
///     prop_assert!(times.is_sorted_by(|one, next| one <= next && next - one <= 100));
/// });
/// ```
pub fn times(apart_ms: u32) -> Times {
    Times { start_ms: 0, apart_ms: i64::from(apart_ms), late_ms: 0, straggling_ms: 0 }
}

impl Times {
    /// They begin at this time, in milliseconds since the epoch; none comes before it.
    ///
    /// ```
    /// use kstreams::testing::strategies::times;
    /// use proptest::prelude::*;
    ///
    /// proptest!(|(times in times(5).late_by(10).starting_at(1_000_000).list(1..20))| {
    ///     prop_assert!(times.iter().all(|time| *time >= 1_000_000));
    /// });
    /// ```
    pub fn starting_at(self, start_ms: i64) -> Self {
        Times { start_ms, ..self }
    }

    /// Some are out of order: at most so many milliseconds before the latest that came until then.
    ///
    /// ```
    /// use kstreams::testing::strategies::times;
    /// use proptest::prelude::*;
    ///
    /// proptest!(|(times in times(100).late_by(60).list(0..20))| {
    ///     let mut latest = 0;
    ///     for time in times {
    ///         prop_assert!(latest - time <= 60);
    ///         latest = latest.max(time);
    ///     }
    /// });
    /// ```
    pub fn late_by(self, late_ms: u32) -> Self {
        Times { late_ms: i64::from(late_ms), ..self }
    }

    /// A few are even later than [`late_by`](Self::late_by) says, by up to so many milliseconds more: with lateness as
    /// long as a window's grace, they are what the window drops.
    ///
    /// ```
    /// use kstreams::testing::strategies::times;
    /// use proptest::prelude::*;
    ///
    /// proptest!(|(times in times(100).late_by(60).straggling_by(500).list(0..20))| {
    ///     let mut latest = 0;
    ///     for time in times {
    ///         prop_assert!(latest - time <= 560);
    ///         latest = latest.max(time);
    ///     }
    /// });
    /// ```
    pub fn straggling_by(self, straggling_ms: u32) -> Self {
        Times { straggling_ms: i64::from(straggling_ms), ..self }
    }

    /// So many times.
    ///
    /// ```
    /// use kstreams::testing::strategies::times;
    /// use proptest::prelude::*;
    ///
    /// proptest!(|(times in times(0).list(3))| prop_assert_eq!(times, [0, 0, 0]));
    /// ```
    pub fn list(self, count: impl Into<SizeRange>) -> impl Strategy<Value = Vec<i64>> {
        vec(self.steps(), count).prop_map(move |steps| {
            let mut clock = self.clock();
            steps.into_iter().map(|step_ms| clock.tick(step_ms)).collect()
        })
    }

    /// Where a time lies, in milliseconds from the latest before it.
    pub(super) fn steps(&self) -> SBoxedStrategy<i64> {
        let late = (self.late_ms > 0).then(|| (LATE, (-self.late_ms..=-1).sboxed()));
        let straggling = -(self.late_ms + self.straggling_ms)..=-(self.late_ms + 1);
        let straggling = (self.straggling_ms > 0).then(|| (STRAGGLERS, straggling.sboxed()));
        let in_order = (10 - LATE - STRAGGLERS, (0..=self.apart_ms).sboxed());
        // What is in order comes first: it is what the others shrink to.
        Union::new_weighted([Some(in_order), late, straggling].into_iter().flatten().collect()).sboxed()
    }

    pub(super) fn clock(&self) -> Clock {
        Clock { start_ms: self.start_ms, latest_ms: self.start_ms }
    }
}

/// Makes times of steps.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    start_ms: i64,
    latest_ms: i64,
}

impl Clock {
    pub(super) fn tick(&mut self, step_ms: i64) -> i64 {
        let time = self.latest_ms.saturating_add(step_ms).max(self.start_ms);
        self.latest_ms = self.latest_ms.max(time);
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    /// How far each time lies behind the latest before it.
    fn lateness(times: &[i64]) -> Vec<i64> {
        let mut latest = i64::MIN;
        let late = |time: &i64| {
            latest = latest.max(*time);
            latest - time
        };
        times.iter().map(late).collect()
    }

    #[test]
    fn some_are_in_order_some_late_and_few_later_than_that() {
        let times = times(100).late_by(60).straggling_by(500).starting_at(1_000_000);
        let times = times.list(5_000).new_tree(&mut TestRunner::deterministic()).expect("it rejects nothing").current();
        let late = lateness(&times);
        let in_order = late.iter().filter(|late_ms| **late_ms == 0).count();
        let within = late.iter().filter(|late_ms| (1..=60).contains(*late_ms)).count();
        let beyond = late.iter().filter(|late_ms| (61..=560).contains(*late_ms)).count();
        assert_eq!(in_order + within + beyond, 5_000);
        assert!(in_order > within && within > beyond && beyond > 100, "{in_order}, {within}, {beyond}");
    }

    #[test]
    fn times_shrink_to_no_time_at_all() {
        let times = times(100).late_by(60).straggling_by(500);
        let mut tree = times.list(20).new_tree(&mut TestRunner::deterministic()).expect("it rejects nothing");
        while tree.simplify() {}
        assert_eq!(tree.current(), [0; 20]);
    }
}
