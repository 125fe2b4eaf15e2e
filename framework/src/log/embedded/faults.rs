//! Faults that are injected: what a test or a simulation lets go wrong between a client and the log.
//!
//! The log does not know why a plan decides as it does, and works the same without one.

use crate::error::{Error, ErrorKind};
use crate::record::TopicPartition;

/// The points at which a plan is asked, each once per request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation<'a> {
    /// A producer is initialised.
    InitProducer {
        /// Its transactional id.
        transactional_id: Option<&'a str>,
    },
    /// A message is queued.
    Send {
        /// The topic.
        topic: &'a str,
    },
    /// A batch of messages is appended.
    Append {
        /// The partition.
        partition: &'a TopicPartition,
        /// The producer's transactional id.
        transactional_id: Option<&'a str>,
    },
    /// Offsets go into a transaction.
    SendOffsets {
        /// The producer's transactional id.
        transactional_id: &'a str,
        /// The group.
        group: &'a str,
    },
    /// A transaction is committed or aborted.
    EndTransaction {
        /// The producer's transactional id.
        transactional_id: &'a str,
        /// Whether it is committed.
        commit: bool,
    },
    /// The coordinator writes a marker of a transaction that was decided: one to each partition, and one to the offsets.
    WriteMarkers {
        /// The producer's transactional id.
        transactional_id: &'a str,
        /// Where; the offsets if there is none.
        partition: Option<&'a TopicPartition>,
    },
    /// A consumer joins its group.
    Join {
        /// The group.
        group: &'a str,
    },
    /// A member tells its group what it subscribes to.
    Subscribe {
        /// The group.
        group: &'a str,
        /// The member.
        member: &'a str,
    },
    /// A member gives revoked partitions back.
    Release {
        /// The group.
        group: &'a str,
        /// The member.
        member: &'a str,
    },
    /// A member leaves its group.
    Leave {
        /// The group.
        group: &'a str,
        /// The member.
        member: &'a str,
    },
    /// A living member is heard of.
    Heartbeat {
        /// The group.
        group: &'a str,
        /// The member.
        member: &'a str,
    },
    /// A consumer commits offsets.
    Commit {
        /// The group.
        group: &'a str,
    },
    /// A consumer asks for committed offsets.
    Committed {
        /// The group.
        group: &'a str,
    },
    /// A consumer fetches from the log (not: takes what it has fetched before).
    Fetch {
        /// The partition.
        partition: &'a TopicPartition,
    },
    /// A question of an [`Admin`](crate::log::Admin).
    Admin {
        /// The name of its method.
        call: &'static str,
    },
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Nothing.
    None,
    /// It arrives so much later, even if its sender is gone by then; until then the answer is `Pending`. Where nothing could
    /// fence a late arrival (messages outside of a transaction) or it would change nothing (a fetch), it is sent later instead.
    Delay {
        /// In milliseconds.
        by_ms: i64,
    },
    /// It is refused with this kind of error and has no effect.
    Fail(ErrorKind),
    /// It has its effect, its answer is lost, and the client asks again by itself.
    LostAnswer,
    /// It has its effect, but the caller is told `Timeout`.
    Unknown,
    /// For [`Operation::Send`]: the queue is full.
    QueueFull,
}

/// Decides what goes wrong. It is called with the log locked: it must not call the log.
///
/// ```
/// use kstreams::log::embedded::{Fault, FaultPlan, Operation};
///
/// let mut commits = 0;
/// let mut plan = |operation: &Operation<'_>, _now_ms: i64| match operation {
///     Operation::EndTransaction { commit: true, .. } if { commits += 1; commits == 3 } => Fault::Unknown,
///     _ => Fault::None,
/// };
/// assert_eq!(plan.decide(&Operation::Send { topic: "a" }, 0), Fault::None);
/// ```
pub trait FaultPlan: Send {
    /// What happens to this request at time `now_ms`.
    fn decide(&mut self, operation: &Operation<'_>, now_ms: i64) -> Fault;
}

impl<F: FnMut(&Operation<'_>, i64) -> Fault + Send> FaultPlan for F {
    fn decide(&mut self, operation: &Operation<'_>, now_ms: i64) -> Fault {
        self(operation, now_ms)
    }
}

/// What to do with one request, once the plan was asked.
pub(super) enum Decision {
    /// Do it.
    Proceed,
    /// Not before then.
    Wait { until_ms: i64 },
    /// Do not do it; answer this.
    Refuse(Error),
    /// Do it, but say `Pending`: the next attempt asks again.
    LoseAnswer,
    /// Do it, but answer `Timeout`.
    Forget,
}

impl Decision {
    /// What `plan` decides about a request.
    pub(super) fn by(plan: &mut dyn FaultPlan, operation: &Operation<'_>, now_ms: i64) -> Self {
        match plan.decide(operation, now_ms) {
            Fault::None | Fault::QueueFull => Decision::Proceed,
            Fault::Delay { by_ms } => Decision::Wait { until_ms: now_ms.saturating_add(by_ms) },
            Fault::Fail(kind) => Decision::Refuse(refusal(kind, operation)),
            Fault::LostAnswer => Decision::LoseAnswer,
            Fault::Unknown => Decision::Forget,
        }
    }
}

/// Remembers, for one kind of request of one client, that it is to be sent later.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Gate {
    due_ms: Option<i64>,
}

impl Gate {
    /// Asks `plan`, unless the request at hand was delayed before.
    pub(super) fn pass(&mut self, plan: &mut dyn FaultPlan, operation: &Operation<'_>, now_ms: i64) -> Decision {
        match self.due_ms {
            Some(until_ms) if now_ms < until_ms => return Decision::Wait { until_ms },
            Some(_) => {
                self.due_ms = None;
                return Decision::Proceed;
            }
            None => {}
        }
        let decision = Decision::by(plan, operation, now_ms);
        if let Decision::Wait { until_ms } = decision {
            self.due_ms = Some(until_ms);
        }
        decision
    }
}

fn refusal(kind: ErrorKind, operation: &Operation<'_>) -> Error {
    match kind {
        ErrorKind::Fenced => super::errors::fenced(),
        _ => Error::new(kind, "the request was refused").with_detail(name(operation)),
    }
}

/// The error of a request whose effect is not known.
pub(super) fn forgotten(operation: &Operation<'_>) -> Error {
    Error::new(ErrorKind::Timeout, "the answer did not come in time").with_detail(name(operation))
}

fn name(operation: &Operation<'_>) -> String {
    format!("{operation:?}")
}
