//! The shrinker: a shorter schedule and less input that show the same kind of finding.

use super::failure::{FindingKind, Shortened};
use super::schedule::Schedule;
use super::shorter::Shortening;
use super::{Given, Simulation};

/// Runs that are spent on one failure.
const RUNS_MAX: usize = 400;

/// Lines of a story that are kept: the beginning, and the end where it shows.
const STORY_MAX: usize = 400;

impl Simulation {
    /// Shortens what failed. The story is that of the shortest run that was found.
    pub(super) fn shorten(&self, seed: u64, kind: &FindingKind, schedule: &Schedule, records: usize) -> Shortened {
        let mut search = Search { simulation: self, seed, kind, runs_left: RUNS_MAX };
        let mut best = (schedule.clone(), records);
        search.fewer_records(&mut best);
        search.plainer_schedule(&mut best);
        search.fewer_records(&mut best);
        let (schedule, records) = best;
        let ran = self.attempt(&Given { seed, schedule: &schedule, records }, true);
        let mut story = ran.story;
        if story.len() > STORY_MAX {
            let left_out = format!("... {} lines ...", story.len() - STORY_MAX);
            story.splice(STORY_MAX / 2..story.len() - STORY_MAX / 2, [left_out]);
        }
        Shortened {
            actions: schedule.actions.iter().map(|action| action.to_string()).collect(),
            records,
            finding: ran.result.err(),
            story,
        }
    }
}

struct Search<'a> {
    simulation: &'a Simulation,
    seed: u64,
    kind: &'a FindingKind,
    runs_left: usize,
}

impl Search<'_> {
    fn still_fails(&mut self, schedule: &Schedule, records: usize) -> bool {
        if self.runs_left == 0 {
            return false;
        }
        self.runs_left -= 1;
        let ran = self.simulation.attempt(&Given { seed: self.seed, schedule, records }, false);
        ran.result.is_err_and(|finding| finding.kind() == self.kind)
    }

    fn fewer_records(&mut self, best: &mut (Schedule, usize)) {
        let mut step = best.1 / 2;
        while step > 0 {
            let fewer = best.1 - step;
            match self.still_fails(&best.0, fewer) {
                true => best.1 = fewer,
                false => step /= 2,
            }
            step = step.min(best.1 / 2);
        }
    }

    /// Leaves out actions and mischief.
    fn plainer_schedule(&mut self, best: &mut (Schedule, usize)) {
        let mut shortening = Shortening::new(best.0.clone());
        while self.runs_left > 0
            && let Some(shorter) = shortening.propose()
        {
            match self.still_fails(shorter, best.1) {
                true => shortening.accept(),
                false => shortening.reject(),
            }
        }
        best.0 = shortening.into_best();
    }
}
