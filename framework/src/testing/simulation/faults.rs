//! What may go wrong, and how often: drawn anew for each seed.

use super::random::Random;
use crate::log::embedded::Operation;
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
    pub const ALL: &[FaultKind] = &[
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
    pub(super) const OF_CALLS: &[FaultKind] = FaultKind::ALL.split_at(FaultKind::Delay as usize).1;
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// What the calls of a seed go wrong with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    /// All kinds of calls.
    All,
    /// One kind of calls, and those often.
    Only(CallKind),
}

/// The calls that may go wrong, by what they are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CallKind {
    Init,
    Append,
    SendOffsets,
    EndTransaction,
    WriteMarkers,
    Group,
    Questions,
}

impl CallKind {
    const ALL: [CallKind; 7] = [
        CallKind::Init,
        CallKind::Append,
        CallKind::SendOffsets,
        CallKind::EndTransaction,
        CallKind::WriteMarkers,
        CallKind::Group,
        CallKind::Questions,
    ];

    fn of(operation: &Operation<'_>) -> Self {
        match operation {
            Operation::InitProducer { .. } => CallKind::Init,
            Operation::Send { .. } | Operation::Append { .. } => CallKind::Append,
            Operation::SendOffsets { .. } => CallKind::SendOffsets,
            Operation::EndTransaction { .. } => CallKind::EndTransaction,
            Operation::WriteMarkers { .. } => CallKind::WriteMarkers,
            Operation::Join { .. }
            | Operation::Subscribe { .. }
            | Operation::Release { .. }
            | Operation::Leave { .. }
            | Operation::Heartbeat { .. }
            | Operation::Commit { .. } => CallKind::Group,
            Operation::Committed { .. } | Operation::Fetch { .. } | Operation::Admin { .. } => CallKind::Questions,
        }
    }
}

/// How often each kind happens, in thousandths, and to what. A seed has some kinds often, some rarely and some not at all: a
/// schedule with everything at once hides what shows only where nothing else disturbs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conditions {
    rates: Vec<(FaultKind, u64)>,
    target: Target,
}

impl Conditions {
    pub(super) fn draw(allowed: &[FaultKind], random: &mut Random) -> Self {
        let target = match random.chance(1, 2) {
            true => Target::All,
            false => Target::Only(*random.pick(&CallKind::ALL)),
        };
        // A quarter of the seeds has few kinds, and those often.
        let often: &[u64] = if random.chance(1, 4) { &[0, 0, 0, 0, 25, 100] } else { &[0, 0, 0, 1, 5, 25] };
        let mut rate = |kind: &FaultKind| match target {
            Target::Only(_) if FaultKind::OF_CALLS.contains(kind) => (*kind, *random.pick(&[0, 0, 50, 250])),
            _ => (*kind, *random.pick(often)),
        };
        Conditions { rates: allowed.iter().map(&mut rate).collect(), target }
    }

    /// How often this kind happens to an instance.
    pub(super) fn rate(&self, kind: FaultKind) -> u64 {
        self.rates.iter().find(|(known, _)| *known == kind).map_or(0, |(_, rate)| *rate)
    }

    /// How often this kind happens to a call.
    pub(super) fn rate_of_call(&self, kind: FaultKind, operation: &Operation<'_>) -> u64 {
        match self.target {
            Target::Only(target) if target != CallKind::of(operation) => 0,
            _ => self.rate(kind),
        }
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
    fn kinds_of_calls_begin_with_delays() {
        assert_eq!(FaultKind::OF_CALLS.first(), Some(&FaultKind::Delay));
        assert_eq!(FaultKind::OF_CALLS.last(), FaultKind::ALL.last());
        assert!(!FaultKind::OF_CALLS.contains(&FaultKind::Membership));
    }

    #[test]
    fn what_is_not_allowed_never_happens() {
        for seed in 0..100 {
            let conditions = Conditions::draw(&[FaultKind::Crash], &mut Random::new(seed));
            assert!(FaultKind::ALL.iter().copied().all(|kind| kind == FaultKind::Crash || !conditions.has(kind)));
        }
    }
}
