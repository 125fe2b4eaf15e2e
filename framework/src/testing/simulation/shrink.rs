//! The shrinker: a shorter schedule, less input and fewer instances that show the same kind of finding.

use super::failure::{Finding, Shortened};
use super::schedule::{Action, Schedule};
use super::shorter::Shortening;
use super::{Given, Simulation};
use std::collections::BTreeSet;

/// Runs that are spent on one failure.
const RUNS_MAX: usize = 600;

/// Lines of a story that are kept: the beginning, and the end where it shows.
const STORY_MAX: usize = 400;

/// What a run is made of, and may be made of less.
#[derive(Clone)]
struct Parts {
    schedule: Schedule,
    /// The records of the input that are left, by their places.
    records: Vec<usize>,
    instances: u8,
}

impl Parts {
    fn size(&self) -> (usize, usize) {
        (self.schedule.actions.len(), self.records.len())
    }
}

impl Simulation {
    /// Shortens what failed, with so many records. The story is that of the shortest run that was found.
    pub(super) fn shorten(&self, seed: u64, finding: &Finding, schedule: &Schedule, records: usize) -> Shortened {
        let best = Parts { schedule: schedule.clone(), records: (0..records).collect(), instances: self.instances };
        let mut search = Search { simulation: self, seed, finding, all: records, best, runs_left: RUNS_MAX };
        match finding.is_undisturbed {
            // What fails without any fault needs no schedule to do so.
            true => {
                search.best.schedule.actions.clear();
                search.fewer_records(1);
            }
            false => search.shorten(),
        }
        search.tell()
    }
}

struct Search<'a> {
    simulation: &'a Simulation,
    seed: u64,
    finding: &'a Finding,
    /// How many records there were.
    all: usize,
    best: Parts,
    runs_left: usize,
}

impl Search<'_> {
    fn shorten(&mut self) {
        self.fewer_instances();
        // Roughly first: every run is shorter then.
        self.fewer_records((self.all / 8).max(1));
        self.plainer_schedule();
        // What is shorter in one may let the other be so, too.
        let mut before = None;
        while before != Some(self.best.size()) {
            before = Some(self.best.size());
            self.fewer_records(1);
            self.plainer_schedule();
        }
    }

    /// Whether these still fail; if so, they are the best so far.
    fn improves(&mut self, parts: Parts) -> bool {
        if self.runs_left == 0 {
            return false;
        }
        self.runs_left -= 1;
        let left_out = self.left_out(&parts);
        let ran = self.simulation.attempt(&self.given(&parts, &left_out), false);
        let still_fails = ran.result.is_err_and(|finding| finding.is_like(self.finding));
        if still_fails {
            self.best = parts;
        }
        still_fails
    }

    fn left_out(&self, parts: &Parts) -> BTreeSet<usize> {
        let kept: BTreeSet<usize> = parts.records.iter().copied().collect();
        (0..self.all).filter(|record| !kept.contains(record)).collect()
    }

    fn given<'a>(&self, parts: &'a Parts, left_out: &'a BTreeSet<usize>) -> Given<'a> {
        Given { seed: self.seed, schedule: &parts.schedule, left_out, instances: parts.instances }
    }

    /// As few instances as will do, those with the lowest numbers.
    fn fewer_instances(&mut self) {
        for instances in 1..self.best.instances {
            let mut fewer = Parts { instances, ..self.best.clone() };
            fewer.schedule.actions.retain(|action| action.instance().is_none_or(|instance| instance < instances));
            if self.improves(fewer) {
                return;
            }
        }
    }

    /// None, or without some anywhere: many at a time, then fewer, but not fewer than `least` at a time. The last go first, on
    /// which no other depends.
    fn fewer_records(&mut self, least: usize) {
        if self.best.records.is_empty() || self.improves(Parts { records: Vec::new(), ..self.best.clone() }) {
            return;
        }
        let mut size = self.best.records.len() / 2;
        while size >= least {
            let mut end = self.best.records.len();
            while end > 0 {
                let begin = end.saturating_sub(size);
                let mut fewer = self.best.clone();
                fewer.records.drain(begin..end);
                self.improves(fewer);
                end = begin;
            }
            size /= 2;
        }
    }

    /// Leaves out actions and mischief.
    fn plainer_schedule(&mut self) {
        let mut shortening = Shortening::new(self.best.schedule.clone());
        while self.runs_left > 0
            && let Some(shorter) = shortening.propose()
        {
            let parts = Parts { schedule: shorter.clone(), ..self.best.clone() };
            match self.improves(parts) {
                true => shortening.accept(),
                false => shortening.reject(),
            }
        }
    }

    fn tell(self) -> Shortened {
        let left_out = self.left_out(&self.best);
        let ran = self.simulation.attempt(&self.given(&self.best, &left_out), true);
        let Parts { schedule, records, instances } = self.best;
        Shortened {
            actions: schedule.actions.len(),
            lines: schedule.sentences(),
            records: records.len(),
            instances,
            finding: ran.result.err(),
            story: cut(ran.story),
        }
    }
}

fn cut(mut story: Vec<String>) -> Vec<String> {
    if story.len() > STORY_MAX {
        let left_out = format!("... {} lines ...", story.len() - STORY_MAX);
        story.splice(STORY_MAX / 2..story.len() - STORY_MAX / 2, [left_out]);
    }
    story
}

impl Action {
    /// The instance that it is about, if it is about one.
    fn instance(&self) -> Option<u8> {
        match self {
            Action::Step { instance, .. }
            | Action::Kill { instance, .. }
            | Action::Pause { instance, .. }
            | Action::Leave { instance }
            | Action::Start { instance } => Some(*instance),
            Action::Log { .. } | Action::Wait { .. } | Action::Calm { .. } | Action::Produce { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Compare, Failure, FaultKind, FindingKind, InputRecord};
    use super::*;
    use crate::config::Config;
    use crate::error::Error;
    use crate::testing::forgetful::forgetful;

    /// Numbers 20 records; with a crash, it begins anew.
    fn numbering() -> Simulation {
        Simulation::new(&forgetful(), Config::new("rides", "embedded:").exactly_once())
            .topic("rides", 1)
            .output("totals", 1, Compare::InOrder)
            .input("rides", |_| (0..20).map(|n| InputRecord::new(7_i64, 100 + n, n)).collect())
    }

    fn failure(simulation: &Simulation) -> Failure {
        *simulation.check(0..50).expect_err("it has a mistake")
    }

    #[test]
    fn crash_that_matters_is_shown_between_two_calm_stretches() {
        let failure = failure(&numbering().faults([FaultKind::Crash]).instances(1));
        let Shortened { actions, records, lines, .. } = &failure.shortened;
        assert!(*actions <= 5, "{lines:?}");
        // One that was numbered before, and one that was not.
        assert_eq!(*records, 2, "{failure}");
        assert_eq!(lines.iter().filter(|line| line.contains("is killed")).count(), 1);
        assert!(lines.iter().any(|line| line.starts_with("everybody goes on undisturbed for ")), "{lines:?}");
    }

    #[test]
    fn as_few_instances_are_left_as_will_do() {
        assert_eq!(failure(&numbering().faults([FaultKind::Crash])).shortened.instances, 1);
        // Nothing is lost where one instance stays: a task must move.
        let moving = numbering().faults([]);
        let seed = (0..100).find(|seed| moving.try_run(*seed).is_err()).expect("a task moves");
        let failure = moving.run(seed).expect_err("it did fail");
        assert_eq!(failure.shortened.instances, 2, "{failure}");
    }

    #[test]
    fn story_shows_what_is_read_and_written() {
        let failure = failure(&numbering().faults([FaultKind::Crash]).instances(1));
        let story = failure.story().join("\n");
        // The 20 records have the values 100 to 119; two of them are left, and both are numbered 1.
        assert!(story.matches("reads 7 = 1").count() >= 2, "{story}");
        assert!(story.contains(" for rides") && story.matches("queues 7 = 1 at").count() >= 2, "{story}");
    }

    #[test]
    fn what_fails_undisturbed_is_told_without_a_schedule() {
        let simulation = numbering().invariant("no ride is the fifth", |outcome| {
            match outcome.records::<i64, i64>("rides")?.iter().any(|ride| ride.value == 104) {
                true => Err(Error::processing("it came")),
                false => Ok(()),
            }
        });
        let failure = failure(&simulation);
        let printed = failure.to_string();
        let kind = FindingKind::Invariant("no ride is the fifth".to_owned());
        assert_eq!(failure.finding().kind(), &kind);
        assert!(printed.starts_with("seed 0: the undisturbed run already fails: `no ride is the fifth`"), "{printed}");
        // The one that matters is in the middle; its number is left, and no schedule.
        assert!(
            printed.contains("shortened to 1 record: the undisturbed") && !printed.contains(" action"),
            "{printed}"
        );
        assert!(failure.story().iter().any(|line| line.contains("queues 7 = 104 at 4 for rides")), "{printed}");
    }

    #[test]
    fn no_record_is_left_where_none_matters() {
        let failure = failure(&numbering().invariant("nothing", |_| Err(Error::processing("never"))));
        assert!(failure.to_string().contains("shortened to 0 records: "), "{failure}");
    }

    #[test]
    fn story_changes_nothing() {
        let simulation = numbering();
        for seed in 0..5 {
            let hash = match simulation.try_run(seed) {
                Ok(ran) => ran.hash,
                Err(failure) => failure.trace_hash(),
            };
            let story = simulation.story(seed);
            assert!(story.last().unwrap().ends_with(&format!("trace {hash}")), "{story:?}");
        }
    }

    #[test]
    fn long_story_keeps_its_beginning_and_its_end() {
        let story = cut((0..1_000).map(|line| line.to_string()).collect());
        assert_eq!(story.len(), STORY_MAX + 1);
        assert_eq!((&*story[0], &*story[STORY_MAX / 2], &*story[STORY_MAX]), ("0", "... 600 lines ...", "999"));
    }
}
