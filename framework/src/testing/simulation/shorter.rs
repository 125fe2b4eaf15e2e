//! Shorter schedules: which to try next, and what is left of those that were tried.

use super::schedule::{Action, Schedule};

/// Proposes shorter and calmer schedules, one by one, and is told of each whether it will do. Pieces are left out first, large
/// ones before small ones; then calls are left in peace, all at once if that will do; then many single steps become one stretch
/// in which everybody goes on, and input that comes in a row comes at once; then once more pieces; at last what takes time
/// takes less, and less input comes at a time.
///
/// ```text
/// Pieces -> Peace -> Calls -> Merged -> MorePieces -> Halves -> Done
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
    /// Without `size` actions from `at` on; `again` if that was tried before.
    Pieces { size: usize, at: usize, again: bool },
    /// All calls in peace.
    Peace,
    /// The calls of the first action from `at` on that has some which are not in peace.
    Calls { at: usize },
    /// One calm stretch, or all input at once, in place of up to `size` actions from `at` on.
    Merged { size: usize, at: usize },
    /// Half of the first action from `at` on of which there is a half: of its time, or of the records that come.
    Halves { at: usize },
    /// Nothing.
    Done,
}

impl Shortening {
    pub(in crate::testing) fn new(schedule: Schedule) -> Self {
        let next = pieces(&schedule, false);
        Shortening { tried: schedule.clone(), best: schedule, next }
    }

    /// What was proposed last; the shortest that will do, if nothing was, or is any more.
    #[cfg(any(test, feature = "proptest"))]
    pub(in crate::testing) fn tried(&self) -> &Schedule {
        &self.tried
    }

    /// The next to try; `None` if there is none.
    pub(in crate::testing) fn propose(&mut self) -> Option<&Schedule> {
        self.tried = self.best.clone();
        while self.next != Next::Done {
            if let Some(actions) = self.next.shorten(&self.best.actions) {
                self.tried.actions = actions;
                return Some(&self.tried);
            }
            self.next = self.after();
        }
        None
    }

    /// What comes when there is nothing to try any more here.
    fn after(&self) -> Next {
        let actions = &self.best.actions;
        match self.next {
            Next::Pieces { size, at, again } if at >= actions.len() && size > 1 => {
                Next::Pieces { size: size / 2, at: 0, again }
            }
            Next::Pieces { again: false, .. } => Next::Peace,
            Next::Pieces { again: true, .. } => Next::Halves { at: 0 },
            Next::Peace | Next::Calls { .. } => Next::Merged { size: actions.len(), at: 0 },
            Next::Merged { size, at } if at < actions.len() => Next::Merged { size, at: at + 1 },
            Next::Merged { size, .. } if size > 2 => Next::Merged { size: size.div_ceil(2), at: 0 },
            Next::Merged { .. } => pieces(&self.best, true),
            Next::Halves { .. } | Next::Done => Next::Done,
        }
    }

    /// What was proposed will do. Where a piece was, there is another now; what is halved may be so again.
    pub(in crate::testing) fn accept(&mut self) {
        self.best = self.tried.clone();
        if self.next == Next::Peace {
            self.next = self.after();
        }
    }

    /// What was proposed will not do.
    pub(in crate::testing) fn reject(&mut self) {
        self.next = match self.next {
            Next::Pieces { size, at, again } => Next::Pieces { size, at: at + size, again },
            Next::Peace => Next::Calls { at: 0 },
            Next::Calls { at } => Next::Calls { at: self.best.first(at, is_disturbed) + 1 },
            Next::Merged { size, at } => Next::Merged { size, at: at + alike(&self.best.actions, at, size) },
            Next::Halves { at } => Next::Halves { at: self.best.first(at, |action| halved(*action).is_some()) + 1 },
            Next::Done => Next::Done,
        };
    }
}

impl Next {
    /// These actions, shortened in this way; `None` if there is nothing to shorten.
    fn shorten(self, actions: &[Action]) -> Option<Vec<Action>> {
        let mut shorter = actions.to_vec();
        match self {
            Next::Pieces { size, at, .. } if at < actions.len() => {
                shorter.drain(at..(at + size).min(actions.len()));
            }
            Next::Peace if actions.iter().any(is_disturbed) => shorter.iter_mut().for_each(leave_in_peace),
            Next::Calls { at } => leave_in_peace(shorter.iter_mut().skip(at).find(|action| is_disturbed(action))?),
            Next::Merged { size, at } => {
                let count = alike(actions, at, size);
                let merged = merged(actions.get(at..at + count).filter(|stretch| stretch.len() > 1)?);
                shorter.splice(at..at + count, [merged]);
            }
            Next::Halves { at } => {
                let (action, halved) = shorter.iter_mut().skip(at).find_map(|action| {
                    let halved = halved(*action)?;
                    Some((action, halved))
                })?;
                *action = halved;
            }
            Next::Pieces { .. } | Next::Peace | Next::Done => return None,
        }
        Some(shorter)
    }
}

impl Schedule {
    /// Where the first action from `at` on is of which that is true.
    fn first(&self, at: usize, is_so: impl Fn(&Action) -> bool) -> usize {
        at + self.actions.iter().skip(at).position(is_so).unwrap_or_default()
    }
}

fn pieces(schedule: &Schedule, again: bool) -> Next {
    Next::Pieces { size: schedule.actions.len().div_ceil(2), at: 0, again }
}

/// Whether something may go wrong with its calls.
fn is_disturbed(action: &Action) -> bool {
    matches!(action, Action::Step { luck, .. } | Action::Log { luck } if *luck != 0)
}

pub(super) fn leave_in_peace(action: &mut Action) {
    if let Action::Step { luck, .. } | Action::Log { luck } = action {
        *luck = 0;
    }
}

/// How many actions from `at` on, at most `size`, may become one: what happens when nothing goes wrong, or input.
fn alike(actions: &[Action], at: usize, size: usize) -> usize {
    let from = || actions.iter().skip(at).take(size);
    from().take_while(|action| is_ordinary(action)).count().max(from().take_while(|action| is_input(action)).count())
}

fn is_ordinary(action: &Action) -> bool {
    match action {
        Action::Step { .. } | Action::Log { .. } => !is_disturbed(action),
        Action::Wait { .. } | Action::Calm { .. } => true,
        _ => false,
    }
}

fn is_input(action: &Action) -> bool {
    matches!(action, Action::Produce { .. })
}

/// One action in place of these: all their input, or a calm as long as they take, and long enough for each of them.
fn merged(stretch: &[Action]) -> Action {
    if stretch.iter().all(is_input) {
        let records = stretch.iter().fold(0, |records: u16, action| records.saturating_add(action.records()));
        return Action::Produce { records };
    }
    let ms: i64 = stretch.iter().map(Action::takes_ms).sum();
    Action::Calm { ms: u32::try_from(ms.max(stretch.len() as i64)).unwrap_or(u32::MAX) }
}

/// The same in half the time, or with half the records; `None` if there is no half.
fn halved(action: Action) -> Option<Action> {
    let halved = match action {
        Action::Step { instance, thread, after_ms, luck } => {
            Action::Step { instance, thread, after_ms: after_ms / 2, luck }
        }
        Action::Wait { ms } => Action::Wait { ms: ms / 2 },
        Action::Calm { ms } => Action::Calm { ms: ms / 2 },
        Action::Pause { instance, ms } => Action::Pause { instance, ms: ms / 2 },
        Action::Produce { records: records @ 2.. } => Action::Produce { records: records / 2 },
        other => other,
    };
    (halved != action).then_some(halved)
}

impl Action {
    /// How long it takes, in milliseconds.
    pub(super) fn takes_ms(&self) -> i64 {
        match self {
            Action::Step { after_ms: ms, .. } | Action::Wait { ms } => i64::from(*ms),
            Action::Calm { ms } => i64::from(*ms),
            _ => 0,
        }
    }

    /// How many records of the input come.
    fn records(&self) -> u16 {
        match self {
            Action::Produce { records } => *records,
            _ => 0,
        }
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
        shortening.best.actions
    }

    /// The time that passes before the first instance leaves.
    fn passed_ms(actions: &[Action]) -> i64 {
        actions.iter().take_while(|action| **action != LEAVE).map(Action::takes_ms).sum()
    }

    #[test]
    fn what_matters_is_all_that_is_left() {
        let actions: Vec<Action> = [STEP; 300].into_iter().chain([LEAVE]).chain([STEP; 500]).collect();
        assert_eq!(shortest(actions.clone(), |actions| actions.contains(&LEAVE)), [LEAVE]);
        assert_eq!(shortest(actions, |_| true), []);
    }

    #[test]
    fn calls_that_do_not_matter_are_left_in_peace() {
        let calm = Action::Step { instance: 1, thread: 0, after_ms: 0, luck: 0 };
        let leaves_after_steps = |actions: &[Action]| actions.len() == 4 && actions.ends_with(&[LEAVE]);
        assert_eq!(shortest(vec![STEP, STEP, STEP, LEAVE], leaves_after_steps), [calm, calm, calm, LEAVE]);
        let second_matters = |actions: &[Action]| leaves_after_steps(actions) && is_disturbed(&actions[1]);
        let disturbed = Action::Step { instance: 1, thread: 0, after_ms: 0, luck: 7 };
        assert_eq!(shortest(vec![STEP, STEP, STEP, LEAVE], second_matters), [calm, disturbed, calm, LEAVE]);
    }

    #[test]
    fn single_steps_become_one_calm_stretch() {
        let actions: Vec<Action> = [STEP; 40].into_iter().chain([LEAVE]).chain([STEP; 3]).collect();
        let shortest = shortest(actions, |actions| actions.contains(&LEAVE) && passed_ms(actions) >= 30);
        assert_eq!(shortest, [Action::Calm { ms: 30 }, LEAVE]);
    }

    #[test]
    fn input_that_comes_in_a_row_comes_at_once() {
        let records = |actions: &[Action]| actions.iter().map(|action| u32::from(action.records())).sum::<u32>();
        let actions = vec![Action::Produce { records: 3 }, Action::Produce { records: 1 }, LEAVE];
        assert_eq!(shortest(actions, |actions| records(actions) >= 4), [Action::Produce { records: 4 }]);
    }

    #[test]
    fn steps_that_matter_one_by_one_stay_behind_the_calm() {
        let actions: Vec<Action> = [STEP; 40].into_iter().chain([LEAVE]).collect();
        let two_steps_before = |actions: &[Action]| {
            let is_step = |action: &Action| matches!(action, Action::Step { .. });
            actions.contains(&LEAVE)
                && passed_ms(actions) >= 30
                && actions.iter().filter(|action| is_step(action)).count() >= 2
        };
        let shortest = shortest(actions, two_steps_before);
        assert_eq!(shortest.len(), 4, "{shortest:?}");
    }

    #[test]
    fn what_takes_time_takes_as_little_as_will_do() {
        let actions = vec![
            Action::Produce { records: 9 },
            Action::Wait { ms: 1_000 },
            Action::Pause { instance: 0, ms: 8_000 },
            LEAVE,
        ];
        let all_four = |actions: &[Action]| {
            matches!(actions, [Action::Produce { .. }, Action::Wait { ms: 100.. }, Action::Pause { .. }, LEAVE])
        };
        let expected =
            [Action::Produce { records: 1 }, Action::Wait { ms: 125 }, Action::Pause { instance: 0, ms: 0 }, LEAVE];
        assert_eq!(shortest(actions, all_four), expected);
    }
}
