//! Shorter schedules: which to try next, and what is left of those that were tried.

use super::schedule::{Action, Schedule};

/// Proposes shorter and calmer schedules, one by one, and is told of each whether it will do. Pieces are left out first, large
/// ones before small ones; then calls are left in peace, all at once if that will do; then once more pieces.
///
/// ```text
/// Pieces -> Peace -> Calls -> MorePieces -> Done
///             `---- all ------^
/// ```
#[derive(Debug, Clone)]
pub(in crate::testing) struct Shortening {
    best: Schedule,
    tried: Schedule,
    next: Next,
}

/// What is tried next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Without `size` actions from `at` on; `again` if calls were left in peace before.
    Pieces { size: usize, at: usize, again: bool },
    /// All calls in peace.
    Peace,
    /// The calls of the first action from `at` on that has some which are not in peace.
    Calls { at: usize },
    /// Nothing.
    Done,
}

impl Shortening {
    pub(in crate::testing) fn new(schedule: Schedule) -> Self {
        let next = pieces(&schedule, false);
        Shortening { tried: schedule.clone(), best: schedule, next }
    }

    /// The shortest that will do, of those that were tried.
    pub(in crate::testing) fn into_best(self) -> Schedule {
        self.best
    }

    /// What was proposed last; the shortest that will do, if nothing was, or is any more.
    #[cfg(any(test, feature = "proptest"))]
    pub(in crate::testing) fn tried(&self) -> &Schedule {
        &self.tried
    }

    /// The next to try; `None` if there is none.
    pub(in crate::testing) fn propose(&mut self) -> Option<&Schedule> {
        self.tried = self.best.clone();
        loop {
            let actions = &mut self.tried.actions;
            match self.next {
                Next::Pieces { size: 0, again: false, .. } => self.next = Next::Peace,
                Next::Pieces { size: 0, again: true, .. } => self.next = Next::Done,
                Next::Pieces { size, at, again } if at >= actions.len() => {
                    self.next = Next::Pieces { size: size / 2, at: 0, again };
                }
                Next::Pieces { size, at, .. } => {
                    actions.drain(at..(at + size).min(actions.len()));
                    break;
                }
                Next::Peace if actions.iter().any(is_disturbed) => {
                    actions.iter_mut().for_each(leave_in_peace);
                    break;
                }
                Next::Peace => self.next = Next::Done,
                Next::Calls { at } => match actions.iter().skip(at).position(is_disturbed) {
                    Some(further) => {
                        leave_in_peace(&mut actions[at + further]);
                        self.next = Next::Calls { at: at + further };
                        break;
                    }
                    None => self.next = pieces(&self.best, true),
                },
                Next::Done => return None,
            }
        }
        Some(&self.tried)
    }

    /// What was proposed will do.
    pub(in crate::testing) fn accept(&mut self) {
        self.best = self.tried.clone();
        // Where a piece was, there is another now.
        if self.next == Next::Peace {
            self.next = pieces(&self.best, true);
        }
    }

    /// What was proposed will not do.
    pub(in crate::testing) fn reject(&mut self) {
        self.next = match self.next {
            Next::Pieces { size, at, again } => Next::Pieces { size, at: at + size, again },
            Next::Peace => Next::Calls { at: 0 },
            Next::Calls { at } => Next::Calls { at: at + 1 },
            Next::Done => Next::Done,
        };
    }
}

fn pieces(schedule: &Schedule, again: bool) -> Next {
    Next::Pieces { size: schedule.actions.len().div_ceil(2), at: 0, again }
}

/// Whether something may go wrong with its calls.
fn is_disturbed(action: &Action) -> bool {
    matches!(action, Action::Step { luck, .. } | Action::Log { luck } if *luck != 0)
}

fn leave_in_peace(action: &mut Action) {
    if let Action::Step { luck, .. } | Action::Log { luck } = action {
        *luck = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::faults::Conditions;
    use super::super::random::Random;
    use super::*;

    const STEP: Action = Action::Step { instance: 1, thread: 0, after_ms: 1, luck: 7 };
    const LEAVE: Action = Action::Leave { instance: 1 };

    fn shortest(actions: Vec<Action>, will_do: impl Fn(&[Action]) -> bool) -> Vec<Action> {
        let conditions = Conditions::draw(&[], &mut Random::new(0));
        let mut shortening = Shortening::new(Schedule { conditions, actions });
        while let Some(schedule) = shortening.propose() {
            match will_do(&schedule.actions) {
                true => shortening.accept(),
                false => shortening.reject(),
            }
        }
        assert_eq!(shortening.tried(), &shortening.best);
        shortening.into_best().actions
    }

    #[test]
    fn what_matters_is_all_that_is_left() {
        let actions: Vec<Action> = [STEP; 300].into_iter().chain([LEAVE]).chain([STEP; 500]).collect();
        assert_eq!(shortest(actions.clone(), |actions| actions.contains(&LEAVE)), [LEAVE]);
        assert_eq!(shortest(actions, |_| true), []);
    }

    #[test]
    fn calls_that_do_not_matter_are_left_in_peace() {
        let mut calm = STEP;
        leave_in_peace(&mut calm);
        let leaves_after_steps = |actions: &[Action]| actions.len() == 4 && actions.ends_with(&[LEAVE]);
        assert_eq!(shortest(vec![STEP, STEP, STEP, LEAVE], leaves_after_steps), [calm, calm, calm, LEAVE]);
        let second_matters = |actions: &[Action]| leaves_after_steps(actions) && actions[1] == STEP;
        assert_eq!(shortest(vec![STEP, STEP, STEP, LEAVE], second_matters), [calm, STEP, calm, LEAVE]);
    }
}
