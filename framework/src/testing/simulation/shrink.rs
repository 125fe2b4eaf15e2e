//! The shrinker: a shorter schedule, less input and fewer instances that show the same kind of finding.

use super::failure::{Finding, Shortened};
use super::schedule::{Action, Schedule};
use super::shorter::Shortening;
use super::{Given, Simulation};
use std::collections::BTreeSet;

/// Runs that are spent on one failure.
const RUNS_MAX: usize = 500;

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
        self.fewer_records(1);
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
