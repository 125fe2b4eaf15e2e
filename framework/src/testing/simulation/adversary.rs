//! The adversary: decides, call by call, what goes wrong between the instance at work and the log, and notes everything.

use super::faults::{Conditions, FaultKind};
use super::random::Random;
use super::schedule::Cut;
use super::story;
use super::trace::Trace;
use crate::error::{Error, ErrorKind, Result};
use crate::log::embedded::{Fault, FaultPlan, Operation};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The longest time that a call takes, in milliseconds: longer than sessions and transactions last.
const DELAY_MS_MAX: i64 = 20_000;

/// Who is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Actor {
    /// A thread of an instance, both by number.
    Thread(u8, u8),
    /// The log, by itself.
    Log,
    /// Whoever writes the input.
    Input,
    /// Whoever looks at the end.
    Observer,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::Thread(instance, thread) => write!(f, "instance {instance}, thread {thread}"),
            Actor::Log => f.write_str("log"),
            Actor::Input => f.write_str("input"),
            Actor::Observer => f.write_str("observer"),
        }
    }
}

/// Shared by the log, the disks and the schedule of one run.
#[derive(Clone)]
pub(super) struct Adversary(Arc<Mutex<State>>);

struct State {
    actor: Actor,
    conditions: Conditions,
    /// Decides about the calls of the step at hand; `None` leaves it in peace.
    luck: Option<Random>,
    /// So many calls and writes are left to the instance at work before it is cut off from everything.
    calls_left: Option<u32>,
    /// The first call that is cut off is under way already, and arrives so much later.
    late_ms: Option<i64>,
    is_cut: bool,
    /// Transactional ids whose transaction was ended without their knowing: no log says afterwards that it was aborted.
    decided: BTreeSet<String>,
    /// Batches that were to be appended.
    appends: u64,
    /// When the last of the delayed calls arrives.
    delayed_until_ms: i64,
    /// Which instance each member of a group belongs to.
    members: BTreeMap<String, u8>,
    /// Instances that stand still: nobody hears of them.
    still: BTreeSet<u8>,
    trace: Trace,
}

impl Adversary {
    pub(super) fn new(conditions: Conditions, trace: Trace) -> Self {
        Adversary(Arc::new(Mutex::new(State {
            actor: Actor::Observer,
            conditions,
            luck: None,
            calls_left: None,
            late_ms: None,
            is_cut: false,
            decided: BTreeSet::new(),
            appends: 0,
            delayed_until_ms: 0,
            members: BTreeMap::new(),
            still: BTreeSet::new(),
            trace,
        })))
    }

    /// One that does nothing.
    #[cfg(test)]
    pub(super) fn idle() -> Self {
        Adversary::new(Conditions::draw(&[], &mut Random::new(0)), Trace::new(false))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on `actor` is at work.
    pub(super) fn turn(&self, actor: Actor, luck: u64) {
        let mut state = self.state();
        state.actor = actor;
        state.luck = (luck != 0).then(|| Random::new(luck));
        state.trace.begin_step(actor);
    }

    /// These instances stand still.
    pub(super) fn stand_still(&self, instances: BTreeSet<u8>) {
        self.state().still = instances;
    }

    /// The instance at work is cut off after so many calls and writes.
    pub(super) fn cut(&self, cut: Cut) {
        let mut state = self.state();
        (state.calls_left, state.late_ms) = (Some(u32::from(cut.calls)), cut.late_ms.map(i64::from));
    }

    /// Ends a cut; true if it took effect.
    pub(super) fn mend(&self) -> bool {
        let mut state = self.state();
        (state.calls_left, state.late_ms) = (None, None);
        std::mem::take(&mut state.is_cut)
    }

    /// A write to the disk.
    pub(super) fn write(&self) -> Result<()> {
        let mut state = self.state();
        if state.spend() {
            return Ok(());
        }
        // Whoever dies at a write makes no call after it.
        state.late_ms = None;
        Err(Error::new(ErrorKind::Io, "the simulated instance was cut off from its disk"))
    }

    /// How many batches were to be appended so far.
    pub(super) fn appends(&self) -> u64 {
        self.state().appends
    }

    /// When the last of the delayed calls arrives, in milliseconds of the virtual clock.
    pub(super) fn delayed_until_ms(&self) -> i64 {
        self.state().delayed_until_ms
    }

    /// Notes an event of the run.
    pub(super) fn note(&self, now_ms: i64, event: impl Hash, line: impl FnOnce() -> String) {
        self.state().trace.note(now_ms, event, line);
    }

    /// With the trace of the run.
    pub(super) fn with_trace<T>(&self, look: impl FnOnce(&mut Trace) -> T) -> T {
        look(&mut self.state().trace)
    }
}

impl State {
    /// False if the instance at work is cut off.
    fn spend(&mut self) -> bool {
        match &mut self.calls_left {
            None => true,
            Some(0) => {
                self.is_cut = true;
                false
            }
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }

    fn decide(&mut self, operation: &Operation<'_>) -> Fault {
        if !self.spend() {
            let last = self.late_ms.take().and_then(|by_ms| fault(FaultKind::Delay, operation, by_ms));
            return last.unwrap_or(Fault::Fail(ErrorKind::Timeout));
        }
        if let Operation::Heartbeat { member, .. } = operation
            && self.is_still(member)
        {
            return Fault::Fail(ErrorKind::Timeout);
        }
        let fault = self.draw(operation);
        if let Operation::EndTransaction { transactional_id, .. } = operation {
            return self.end(transactional_id, fault);
        }
        fault
    }

    /// Whether the member's instance stands still. The log asks for heartbeats when it looks at its timers, not the instance:
    /// one that stands still sends none.
    fn is_still(&mut self, member: &str) -> bool {
        if let Actor::Thread(instance, _) = self.actor {
            self.members.insert(member.to_owned(), instance);
        }
        self.members.get(member).is_some_and(|instance| self.still.contains(instance))
    }

    fn end(&mut self, transactional_id: &str, fault: Fault) -> Fault {
        match fault {
            Fault::Fail(ErrorKind::Aborted) if self.decided.contains(transactional_id) => Fault::None,
            Fault::LostAnswer | Fault::Unknown => {
                self.decided.insert(transactional_id.to_owned());
                fault
            }
            Fault::None => {
                self.decided.remove(transactional_id);
                fault
            }
            _ => fault,
        }
    }

    fn draw(&mut self, operation: &Operation<'_>) -> Fault {
        let Some(luck) = &mut self.luck else { return Fault::None };
        let mut drawn = Fault::None;
        // Drawn for every kind, so that the next call means the same whatever became of this one.
        for kind in FaultKind::OF_CALLS.iter().copied() {
            let happens = luck.chance(self.conditions.rate_of_call(kind, operation), 1_000);
            let by_ms = *luck.pick(&[1, 5, 20, 100, 1_000, 5_000, DELAY_MS_MAX]);
            if happens && drawn == Fault::None {
                drawn = fault(kind, operation, by_ms).unwrap_or(Fault::None);
            }
        }
        drawn
    }
}

/// What a kind means for an operation; `None` where no broker and no client behaves so: a client repeats a fetch that failed by
/// itself, so that it only takes longer.
fn fault(kind: FaultKind, operation: &Operation<'_>, by_ms: i64) -> Option<Fault> {
    use Operation::{
        Admin, Append, Commit, Committed, EndTransaction, Fetch, Heartbeat, InitProducer, Join, Leave, Release, Send,
        SendOffsets, Subscribe, WriteMarkers,
    };
    let refused = Some(Fault::Fail(ErrorKind::Timeout));
    match (kind, operation) {
        // What is told again in every step until it is heard.
        (FaultKind::Delay, Send { .. } | Heartbeat { .. } | Subscribe { .. } | Release { .. }) => None,
        (FaultKind::Delay, _) => Some(Fault::Delay { by_ms }),
        (FaultKind::Refuse, Heartbeat { .. } | Join { .. } | Subscribe { .. } | Release { .. }) => refused,
        (FaultKind::Refuse, Append { .. } | InitProducer { .. } | Commit { .. } | Leave { .. }) => refused,
        (FaultKind::Refuse, Committed { .. } | Admin { .. }) => refused,
        (FaultKind::Refuse, SendOffsets { .. } | EndTransaction { .. }) => Some(Fault::Fail(ErrorKind::Aborted)),
        (FaultKind::LostAnswer, Send { .. } | Fetch { .. } | WriteMarkers { .. } | Heartbeat { .. }) => None,
        (FaultKind::LostAnswer, Join { .. } | Subscribe { .. } | Release { .. }) => None,
        (FaultKind::LostAnswer, _) => Some(Fault::LostAnswer),
        (FaultKind::UnknownOutcome, Append { .. } | EndTransaction { .. } | Commit { .. } | InitProducer { .. }) => {
            Some(Fault::Unknown)
        }
        (FaultKind::UnknownOutcome, SendOffsets { .. } | Admin { .. }) => Some(Fault::Unknown),
        (FaultKind::Fence, Append { transactional_id: Some(_), .. } | SendOffsets { .. } | EndTransaction { .. }) => {
            Some(Fault::Fail(ErrorKind::Fenced))
        }
        (FaultKind::FullQueue, Send { .. }) => Some(Fault::QueueFull),
        _ => None,
    }
}

impl FaultPlan for Adversary {
    fn decide(&mut self, operation: &Operation<'_>, now_ms: i64) -> Fault {
        let mut state = self.state();
        state.appends += u64::from(matches!(operation, Operation::Append { .. }));
        let fault = state.decide(operation);
        if let Fault::Delay { by_ms } = fault {
            state.delayed_until_ms = state.delayed_until_ms.max(now_ms + by_ms);
        }
        let actor = state.actor;
        let weight = story::weight(actor, operation, fault);
        let line = || story::sentence(operation, fault);
        state.trace.note_weighed(weight, now_ms, (actor, operation, fault), line);
        fault
    }
}
