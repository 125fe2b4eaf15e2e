//! What may go wrong, and how often: drawn anew for each seed.

use super::random::Random;
use std::fmt;

/// A kind of mishap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// An instance is killed, between two steps or in the middle of one; its disk keeps what was written.
    Crash,
    /// An instance that is killed loses its disk.
    LoseDisk,
    /// An instance that is killed finds its disk at an earlier consistent point: a power cut.
    RollBackDisk,
    /// An instance stands still, at times beyond its session and its transaction's time, and goes on as if nothing had been.
    Pause,
    /// Instances leave in order, and others come.
    Membership,
    /// A call to the log takes its time.
    Delay,
    /// A call to the log times out without effect, or its transaction is aborted.
    Refuse,
    /// A call has its effect, its answer is lost, and the client asks again.
    LostAnswer,
    /// A call has its effect, but the caller hears only that it timed out.
    UnknownOutcome,
    /// A producer is told that another has taken its place.
    Fence,
    /// The producer's queue is full.
    FullQueue,
}

impl FaultKind {
    /// All kinds.
    pub const ALL: [FaultKind; 11] = [
        FaultKind::Crash,
        FaultKind::LoseDisk,
        FaultKind::RollBackDisk,
        FaultKind::Pause,
        FaultKind::Membership,
        FaultKind::Delay,
        FaultKind::Refuse,
        FaultKind::LostAnswer,
        FaultKind::UnknownOutcome,
        FaultKind::Fence,
        FaultKind::FullQueue,
    ];

    /// What happens to single calls of the log; the others happen to instances.
    pub(super) const OF_CALLS: [FaultKind; 6] = [
        FaultKind::Delay,
        FaultKind::Refuse,
        FaultKind::LostAnswer,
        FaultKind::UnknownOutcome,
        FaultKind::Fence,
        FaultKind::FullQueue,
    ];
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// How often each kind happens, in thousandths. A seed has some kinds often, some rarely and some not at all: a schedule with
/// everything at once hides what shows only where nothing else disturbs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conditions(Vec<(FaultKind, u64)>);

impl Conditions {
    pub(super) fn draw(allowed: &[FaultKind], random: &mut Random) -> Self {
        let mut rate = |kind: &FaultKind| (*kind, *random.pick(&[0, 0, 0, 1, 5, 25]));
        Conditions(allowed.iter().map(&mut rate).collect())
    }

    pub(super) fn rate(&self, kind: FaultKind) -> u64 {
        self.0.iter().find(|(known, _)| *known == kind).map_or(0, |(_, rate)| *rate)
    }

    /// Whether this kind happens at all.
    pub(super) fn has(&self, kind: FaultKind) -> bool {
        self.rate(kind) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_allowed_never_happens() {
        for seed in 0..100 {
            let conditions = Conditions::draw(&[FaultKind::Crash], &mut Random::new(seed));
            assert!(FaultKind::ALL.into_iter().all(|kind| kind == FaultKind::Crash || !conditions.has(kind)));
        }
    }
}
