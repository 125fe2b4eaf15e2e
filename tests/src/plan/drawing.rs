//! Drawing a plan: what happens, in which order, and when there is somebody to whom it can happen.

use super::{Action, Event};
use kstreams::testing::simulation::Random;

/// The instances that a drawn plan knows; the last of them is not there at first.
pub(super) const SLOTS: u8 = 4;

/// One thing that happens, from its beginning to its end.
#[derive(Debug, Clone, Copy)]
enum Episode {
    Kill,
    KillAndWipe,
    KillAndTruncate,
    Leave,
    Stay,
    Pause,
    Loss,
    Add,
    Remove,
}

/// What happens in all, in a drawn order.
fn deck(random: &mut Random, kills: u64) -> Vec<Episode> {
    let wipes = if kills < 3 { 0 } else { (kills / 5).max(1) };
    let truncations = if kills < 5 { 0 } else { (kills / 10).max(1) };
    let sometimes = |of: u64| (kills / of).max(1);
    let shares = [
        (Episode::Kill, kills - wipes - truncations),
        (Episode::KillAndWipe, wipes),
        (Episode::KillAndTruncate, truncations),
        (Episode::Pause, sometimes(5)),
        (Episode::Loss, sometimes(7)),
        (Episode::Leave, sometimes(8)),
        (Episode::Stay, sometimes(8)),
        (Episode::Add, sometimes(10)),
        (Episode::Remove, sometimes(10)),
    ];
    let mut deck: Vec<Episode> = shares.iter().flat_map(|(episode, times)| (0..*times).map(|_| *episode)).collect();
    for last in (1..deck.len()).rev() {
        deck.swap(last, random.below(last as u64 + 1) as usize);
    }
    deck
}

/// A plan that is being drawn.
pub(super) struct Drawing {
    random: Random,
    may_be_lost: u8,
    session_ms: u64,
    /// Whether pauses outlive sessions.
    has_zombies: bool,
    now_ms: u64,
    events: Vec<Event>,
    /// When each instance is there and nothing happens to it; `None` if it was removed.
    free_ms: Vec<Option<u64>>,
    /// When all brokers are there.
    whole_ms: u64,
}

impl Drawing {
    pub(super) fn new(seed: u64, may_be_lost: u8, session_ms: u64, has_zombies: bool) -> Self {
        let mut drawing = Drawing {
            random: Random::new(seed),
            may_be_lost,
            session_ms,
            has_zombies,
            now_ms: 2_000,
            events: Vec::new(),
            free_ms: vec![Some(0); usize::from(SLOTS - 1)],
            whole_ms: 0,
        };
        drawing.free_ms.push(None);
        (1..SLOTS).for_each(|slot| drawing.push(0, Action::Start(slot)));
        drawing
    }

    /// All that happens, so many kills among it.
    pub(super) fn drawn(mut self, kills: u64) -> Vec<Event> {
        for episode in deck(&mut self.random, kills) {
            self.add(episode);
        }
        self.events
    }

    fn push(&mut self, at_ms: u64, action: Action) {
        self.events.push(Event { at_ms, action });
    }

    fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.random.below(most - least + 1)
    }

    fn add(&mut self, episode: Episode) {
        self.now_ms += self.between(600, 2_500);
        match episode {
            Episode::Kill => self.down(Action::Kill, 100, 3_000, &[]),
            Episode::KillAndWipe => self.down(Action::Kill, 100, 3_000, &[Action::Wipe]),
            Episode::KillAndTruncate => self.truncate(),
            Episode::Leave => self.down(Action::Leave, 500, 3_000, &[]),
            Episode::Stay => self.down(Action::Stay, 500, 3_000, &[]),
            Episode::Pause => self.pause(),
            Episode::Loss => self.lose(),
            Episode::Add => self.come(),
            Episode::Remove => self.go(),
        }
    }

    /// An instance to which something may happen now; the time goes on until there is one.
    fn victim(&mut self) -> u8 {
        let soonest_ms = self.free_ms.iter().flatten().min().copied().expect("not every instance is removed");
        self.now_ms = self.now_ms.max(soonest_ms);
        let free = (1..=SLOTS).zip(&self.free_ms);
        let free: Vec<u8> =
            free.filter(|(_, free_ms)| free_ms.is_some_and(|ms| ms <= self.now_ms)).map(|(slot, _)| slot).collect();
        *self.random.pick(&free)
    }

    /// It is to be free again some time after this.
    fn busy_until(&mut self, slot: u8, until_ms: u64) {
        // It may still be restoring then.
        let free_ms = until_ms + self.between(100, 1_500);
        self.free_ms[usize::from(slot) - 1] = Some(free_ms);
    }

    fn down(&mut self, end: fn(u8) -> Action, least_ms: u64, most_ms: u64, meanwhile: &[fn(u8) -> Action]) {
        let slot = self.victim();
        let back_ms = self.now_ms + self.between(least_ms, most_ms);
        self.push(self.now_ms, end(slot));
        meanwhile.iter().for_each(|action| self.push(back_ms, action(slot)));
        self.push(back_ms, Action::Start(slot));
        self.busy_until(slot, back_ms);
    }

    /// The others have its tasks for long enough to write every key again; then what its stores go on from is gone.
    fn truncate(&mut self) {
        let slot = self.victim();
        self.push(self.now_ms, Action::Kill(slot));
        let away_ms = self.session_ms + self.between(3_000, 4_500);
        let back_ms = (self.now_ms + away_ms).max(self.whole_ms);
        self.push(back_ms, Action::Truncate);
        self.push(back_ms + 200, Action::Start(slot));
        self.whole_ms = self.whole_ms.max(back_ms + 2_000);
        self.busy_until(slot, back_ms + 200);
    }

    fn pause(&mut self) {
        let slot = self.victim();
        let more_ms = self.between(500, 3_500);
        let pause_ms = if self.has_zombies { self.session_ms + more_ms } else { more_ms.min(self.session_ms / 2) };
        let back_ms = self.now_ms + pause_ms;
        self.push(self.now_ms, Action::Pause(slot));
        self.push(back_ms, Action::Resume(slot));
        self.busy_until(slot, back_ms);
    }

    fn lose(&mut self) {
        if self.may_be_lost == 0 {
            return;
        }
        let (least_ms, most_ms) = if self.may_be_lost == 1 { (500, 3_000) } else { (4_000, 9_000) };
        let node = 1 + self.random.below(u64::from(self.may_be_lost)) as u8;
        let begin_ms = self.now_ms.max(self.whole_ms);
        let end_ms = begin_ms + self.between(least_ms, most_ms);
        self.push(begin_ms, Action::Lose(node));
        self.push(end_ms, Action::Regain(node));
        // A broker takes some seconds to start, and some more to have all its partitions.
        self.whole_ms = end_ms + 8_000;
    }

    fn come(&mut self) {
        let Some(slot) = (1..=SLOTS).find(|slot| self.free_ms[usize::from(*slot) - 1].is_none()) else { return };
        self.push(self.now_ms, Action::Start(slot));
        self.busy_until(slot, self.now_ms);
    }

    fn go(&mut self) {
        if self.free_ms.iter().flatten().count() > 2 {
            let slot = self.victim();
            self.push(self.now_ms, Action::Leave(slot));
            self.free_ms[usize::from(slot) - 1] = None;
        }
    }
}
