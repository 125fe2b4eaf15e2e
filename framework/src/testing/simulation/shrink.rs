//! The shrinker: a shorter schedule and less input that show the same kind of finding.

use super::failure::{FindingKind, Shortened};
use super::schedule::{Action, Schedule};
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
        search.fewer_actions(&mut best);
        search.less_mischief(&mut best);
        search.fewer_actions(&mut best);
        search.fewer_records(&mut best);
        let (schedule, records) = best;
        let ran = self.attempt(&Given { seed, schedule: &schedule, records }, true);
        let mut story = ran.story;
        if story.len() > STORY_MAX {
            let left_out = format!("... {} lines ...", story.len() - STORY_MAX);
            story.splice(STORY_MAX / 2..story.len() - STORY_MAX / 2, [left_out]);
        }
        Shortened {
            actions: schedule.actions.iter().map(|action| format!("{action:?}")).collect(),
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

    /// Leaves out pieces, large ones first, as long as it still fails.
    fn fewer_actions(&mut self, best: &mut (Schedule, usize)) {
        let mut size = best.0.actions.len() / 2;
        while size > 0 && self.runs_left > 0 {
            let mut at = 0;
            while at < best.0.actions.len() {
                let mut shorter = best.0.clone();
                shorter.actions.drain(at..(at + size).min(best.0.actions.len()));
                match self.still_fails(&shorter, best.1) {
                    true => best.0 = shorter,
                    false => at += size,
                }
            }
            size /= 2;
        }
    }

    /// Leaves calls in peace, all of them at first.
    fn less_mischief(&mut self, best: &mut (Schedule, usize)) {
        let is_lucky =
            |action: &Action| matches!(action, Action::Step { luck, .. } | Action::Log { luck } if *luck != 0);
        let mut peaceful = best.0.clone();
        peaceful.actions.iter_mut().for_each(leave_in_peace);
        if self.still_fails(&peaceful, best.1) {
            best.0 = peaceful;
            return;
        }
        for at in 0..best.0.actions.len() {
            if is_lucky(&best.0.actions[at]) {
                let mut calmer = best.0.clone();
                leave_in_peace(&mut calmer.actions[at]);
                if self.still_fails(&calmer, best.1) {
                    best.0 = calmer;
                }
            }
        }
    }
}

fn leave_in_peace(action: &mut Action) {
    if let Action::Step { luck, .. } | Action::Log { luck } = action {
        *luck = 0;
    }
}
