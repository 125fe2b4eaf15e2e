//! The schedule: who does what, in which order, and what befalls them. A seed decides it, before anything runs.
//!
//! Actions name instances and threads by number and mean nothing where there is no such one just now. So any part of a
//! schedule is a schedule, and a long one that fails can be shortened.

use super::faults::{Conditions, FaultKind};
use super::random::Random;

/// Calls to the log and writes to the disk that an instance makes at most before it dies in the middle of a step.
const CALLS_MAX: u64 = 12;

/// What is left of the disk of an instance that was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum DiskFate {
    Kept,
    Lost,
    /// So many writes are gone.
    RolledBack(u8),
}

/// Where in a step an instance is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Cut {
    /// After so many calls.
    pub(super) calls: u8,
    /// The next call is under way already, and arrives so much later.
    pub(super) late_ms: Option<u16>,
}

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Action {
    /// A thread makes one step, some time later. What goes wrong with its calls is decided by `luck`; zero is nothing.
    Step { instance: u8, thread: u8, after_ms: u16, luck: u64 },
    /// The log does what is due: markers, timeouts, rebalances, retention, compaction.
    Log { luck: u64 },
    /// Nobody does anything for a while.
    Wait { ms: u16 },
    /// Everybody goes on undisturbed for a while. Only shortened schedules have it, in place of many single steps.
    Calm { ms: u32 },
    /// Input arrives.
    Produce { records: u16 },
    /// An instance is killed; with a cut, in the middle of a thread's next step.
    Kill { instance: u8, thread: u8, cut: Option<Cut>, disk: DiskFate },
    /// An instance stands still.
    Pause { instance: u8, ms: u32 },
    /// An instance begins to leave in order.
    Leave { instance: u8 },
    /// An instance starts where none runs.
    Start { instance: u8 },
}

/// What the actions of a schedule are about.
#[derive(Debug, Clone, Copy)]
pub(in crate::testing) struct Shape {
    pub(super) instances: u8,
    pub(super) threads: u8,
    pub(super) steps: usize,
    pub(super) records: usize,
    /// Longer than the log waits for a silent member and for a silent transaction.
    pub(super) long_pause_ms: u32,
}

/// A drawn schedule: [`Simulation::schedule`](super::Simulation::schedule) draws one, and
/// [`run_schedule`](super::Simulation::run_schedule) runs it. Its `Debug` is a list of sentences.
#[derive(Clone, PartialEq, Eq)]
pub struct Schedule {
    pub(super) conditions: Conditions,
    pub(super) actions: Vec<Action>,
}

impl Schedule {
    /// How many actions it has.
    ///
    /// ```
    /// # use kstreams::{config::Config, dsl::StreamsBuilder, testing::simulation::Simulation};
    /// # let builder = StreamsBuilder::new();
    /// # builder.stream::<i32, i32>("in").to("out");
    /// let simulation = Simulation::new(&builder.build()?, Config::new("app", "embedded:")).steps(100);
    /// // The first action starts an instance.
    /// assert_eq!(simulation.schedule(7).action_count(), 101);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn action_count(&self) -> usize {
        self.actions.len()
    }

    pub(in crate::testing) fn draw(shape: Shape, allowed: &[FaultKind], random: &mut Random) -> Self {
        let conditions = Conditions::draw(allowed, random);
        let mut draw = Draw {
            shape,
            conditions: &conditions,
            random,
            pace_ms: 0,
            records_per_batch: 0,
            wait_ms_max: 0,
            starts: 0,
            stays: 0,
            last: (0, 0),
        };
        draw.stays = *draw.random.pick(&[0, 500, 900]);
        // In slow seeds sessions and transactions end while others work.
        draw.pace_ms = *draw.random.pick(&[0, 1, 3, 10, 80]);
        draw.wait_ms_max = *draw.random.pick(&[300, 3_000]);
        draw.starts = *draw.random.pick(&[12, 60]);
        let batches = *draw.random.pick(&[4, 10, 25]);
        draw.records_per_batch = (shape.records as u64 / batches).clamp(1, 200);
        let mut actions = vec![Action::Start { instance: 0 }];
        actions.extend((0..shape.steps).map(|_| draw.action()));
        Schedule { conditions, actions }
    }
}

struct Draw<'a> {
    shape: Shape,
    conditions: &'a Conditions,
    random: &'a mut Random,
    /// The most that passes between two steps.
    pace_ms: u64,
    records_per_batch: u64,
    wait_ms_max: i64,
    /// How often an instance is started where none runs, in thousandths.
    starts: u64,
    /// How often a thread goes on before others have their turn, in thousandths.
    stays: u64,
    /// Whose turn it was.
    last: (u8, u8),
}

impl Draw<'_> {
    fn action(&mut self) -> Action {
        let instance = self.random.below(u64::from(self.shape.instances)) as u8;
        let thread = self.random.below(u64::from(self.shape.threads)) as u8;
        if let Some(mishap) = self.mishap(instance, thread) {
            return mishap;
        }
        match self.random.below(1_000) {
            0..80 => Action::Log { luck: self.luck() },
            80..100 => Action::Wait { ms: self.random.between(1, self.wait_ms_max) as u16 },
            100..140 => Action::Produce { records: self.random.between(1, 2 * self.records_per_batch as i64) as u16 },
            140.. if self.random.chance(self.starts, 1_000) => Action::Start { instance },
            _ => {
                if !self.random.chance(self.stays, 1_000) {
                    self.last = (instance, thread);
                }
                let (instance, thread) = self.last;
                let after_ms = self.random.below(self.pace_ms + 1) as u16;
                Action::Step { instance, thread, after_ms, luck: self.luck() }
            }
        }
    }

    /// Half of the steps are left in peace.
    fn luck(&mut self) -> u64 {
        self.random.any() & self.random.below(2).wrapping_neg()
    }

    fn mishap(&mut self, instance: u8, thread: u8) -> Option<Action> {
        if let Some(disk) = self.death() {
            let cut = self.random.chance(1, 2).then(|| self.cut());
            return Some(Action::Kill { instance, thread, cut, disk });
        }
        if self.happens(FaultKind::Pause) {
            let is_long = self.random.chance(1, 2);
            let ms = if is_long { i64::from(self.shape.long_pause_ms) } else { self.random.between(10, 1_000) };
            return Some(Action::Pause { instance, ms: ms as u32 });
        }
        self.happens(FaultKind::Membership).then(|| match self.random.below(3) {
            0 => Action::Leave { instance },
            _ => Action::Start { instance },
        })
    }

    fn cut(&mut self) -> Cut {
        let calls = self.random.below(CALLS_MAX) as u8;
        let late_ms = *self.random.pick(&[1, 20, 300, 2_000, 10_000]);
        let is_late = self.conditions.has(FaultKind::Delay) && self.random.chance(1, 2);
        Cut { calls, late_ms: is_late.then_some(late_ms) }
    }

    fn happens(&mut self, kind: FaultKind) -> bool {
        // A tenth of what happens to calls: there are as many calls in a step.
        self.random.chance(self.conditions.rate(kind), 5_000)
    }

    /// What an instance leaves behind that is killed now.
    fn death(&mut self) -> Option<DiskFate> {
        if self.happens(FaultKind::Crash) {
            return Some(self.disk_fate());
        }
        if self.happens(FaultKind::LoseDisk) {
            return Some(DiskFate::Lost);
        }
        self.happens(FaultKind::RollBackDisk).then(|| DiskFate::RolledBack(self.random.between(1, 8) as u8))
    }

    fn disk_fate(&mut self) -> DiskFate {
        let (loses, rolls_back) =
            (self.conditions.has(FaultKind::LoseDisk), self.conditions.has(FaultKind::RollBackDisk));
        match self.random.below(3) {
            0 if loses => DiskFate::Lost,
            1 if rolls_back => DiskFate::RolledBack(self.random.between(1, 8) as u8),
            _ => DiskFate::Kept,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { instances: 3, threads: 2, steps: 500, records: 50, long_pause_ms: 9_000 };

    #[test]
    fn seed_decides_the_schedule() {
        let draw = |seed| Schedule::draw(SHAPE, FaultKind::ALL, &mut Random::new(seed));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn without_faults_nobody_is_disturbed() {
        let schedule = Schedule::draw(SHAPE, &[], &mut Random::new(3));
        let disturbs =
            |action: &Action| matches!(action, Action::Kill { .. } | Action::Pause { .. } | Action::Leave { .. });
        assert!(!schedule.actions.iter().any(disturbs));
    }
}
