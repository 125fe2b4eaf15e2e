//! The producer of the embedded log: batches per partition, acknowledgements, one transaction at a time.
//!
//! ```text
//! New --poll_init--> Idle --begin--> Open --poll_commit, poll_abort--> Idle
//!                                     |---failed delivery--> Failed --poll_abort--> Idle
//! any of them --newer producer, timeout--> Fenced
//! ```

mod batches;
mod sending;

use self::batches::{Batches, Facts};
use super::coordinator::Identity;
use super::core::Core;
use super::errors;
use super::faults::{Gate, Operation};
use super::mail::Postbox;
use super::partition::Writer;
use super::state::State;
use crate::error::{Error, ErrorKind, Result};
use crate::log::{Delivery, GroupMetadata, Offsets, Placed, Producer, ProducerConfig, Sent};
use crate::record::{Outgoing, Topic, TopicPartition};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, ready};

/// Writes to the embedded log.
pub(super) struct EmbeddedProducer {
    core: Arc<Core>,
    config: ProducerConfig,
    phase: Phase,
    writer: Option<Writer>,
    batches: Batches,
    sequences: FxHashMap<TopicPartition, i32>,
    answered: VecDeque<Answered>,
    answered_records: usize,
    /// The log knows of the open transaction, whether or not it could say so.
    joined: Arc<AtomicBool>,
    /// How the transaction is to end, while that is under way.
    ending: Option<bool>,
    /// A commit was asked for and is not answered.
    is_committing: bool,
    postboxes: Postboxes,
    /// Holds back messages outside of transactions.
    gate: Gate,
}

/// Where the producer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    New,
    Idle,
    Open,
    Failed,
    Fenced,
}

/// The answer to a batch.
struct Answered {
    tokens: VecDeque<u64>,
    partition: i32,
    next: Result<i64>,
}

/// The answers that are awaited, one for each kind of request.
#[derive(Debug, Default)]
struct Postboxes {
    init: Postbox<Writer>,
    append: Postbox<i64>,
    offsets: Postbox<()>,
    end: Postbox<()>,
}

impl EmbeddedProducer {
    /// A producer that is not initialised yet.
    pub(super) fn new(core: Arc<Core>, config: ProducerConfig) -> Self {
        EmbeddedProducer {
            core,
            config,
            phase: Phase::New,
            writer: None,
            batches: Batches::default(),
            sequences: FxHashMap::default(),
            answered: VecDeque::new(),
            answered_records: 0,
            joined: Arc::default(),
            ending: None,
            is_committing: false,
            postboxes: Postboxes::default(),
            gate: Gate::default(),
        }
    }

    fn initialise(&mut self, now_ms: i64) -> Poll<Result<()>> {
        let transactional_id = self.config.transactional_id.as_deref();
        let operation = Operation::InitProducer { transactional_id };
        let (id, timeout_ms) = (transactional_id.unwrap_or_default().to_owned(), self.config.transaction_timeout_ms);
        let init = move |state: &mut State| state.init_producer(&id, timeout_ms).map(Ok);
        let (writer, told) = ready!(self.core.request(&mut self.postboxes.init, &operation, now_ms, init))?;
        if told.is_ok() {
            (self.writer, self.phase) = (Some(writer), Phase::Idle);
        }
        Poll::Ready(told)
    }

    /// Refuses what cannot be done where the producer stands.
    fn check_sending(&self) -> Result<()> {
        match self.phase {
            Phase::Fenced => Err(errors::fenced()),
            Phase::Failed => Err(errors::aborted("a message of it could not be delivered")),
            Phase::New | Phase::Idle if self.config.transactional_id.is_some() => {
                Err(errors::misuse("a transactional producer was used outside of a transaction"))
            }
            Phase::New | Phase::Idle | Phase::Open => Ok(()),
        }
    }

    /// Notes what an error means for the producer and its transaction.
    fn fail(&mut self, error: &Error) {
        if error.kind() == ErrorKind::Fenced && error.class().ends_with("ProducerFencedException") {
            self.phase = Phase::Fenced;
        } else if self.phase == Phase::Open {
            self.phase = Phase::Failed;
        }
    }

    /// A request about the transaction was refused; a timeout leaves it as it was, to be asked again.
    fn refused(&mut self, error: Error) -> Poll<Result<()>> {
        if error.kind() != ErrorKind::Timeout {
            self.fail(&error);
        }
        Poll::Ready(Err(error))
    }

    fn is_full(&self) -> bool {
        self.batches.records() + self.answered_records >= self.config.queue_records_max
            || self.batches.bytes() >= self.config.queue_bytes_max
    }

    /// What sending needs to know of a topic; looked up again when topics were created or deleted.
    fn facts(&mut self, topic: &Topic) -> Result<Facts> {
        let version = self.core.topics_version();
        if let Some(facts) = self.batches.facts(topic, version) {
            return Ok(facts);
        }
        let state = self.core.lock()?;
        let known = state.topic(topic)?;
        let facts = Facts {
            partitions: known.partition_count(),
            message_bytes_max: known.rules.message_bytes_max,
            needs_key: known.rules.cleanup.compacts(),
        };
        self.batches.learn(topic, version, facts);
        Ok(facts)
    }

    /// Commits or aborts what the log knows of.
    fn end(&mut self, commit: bool, now_ms: i64) -> Poll<Result<()>> {
        let transactional_id = self.config.transactional_id.as_deref().unwrap_or_default();
        let operation = Operation::EndTransaction { transactional_id, commit };
        if self.postboxes.end.awaits() && self.ending != Some(commit) {
            return Poll::Ready(Err(errors::misuse("a transaction whose end is under way was asked to end otherwise")));
        }
        self.ending = Some(commit);
        let (id, writer) = owned_identity(&self.config, self.writer)?;
        let end = move |state: &mut State| {
            Poll::Ready(state.end_transaction(Identity { transactional_id: &id, writer }, commit))
        };
        let ended = ready!(self.core.request(&mut self.postboxes.end, &operation, now_ms, end));
        match ended {
            Err(error) => self.refused(error),
            Ok(((), told)) => {
                if told.is_ok() {
                    self.phase = Phase::Idle;
                    self.joined.store(false, Ordering::Relaxed);
                }
                Poll::Ready(told)
            }
        }
    }
}

impl Producer for EmbeddedProducer {
    fn poll_init(&mut self, now_ms: i64) -> Poll<Result<()>> {
        match self.phase {
            Phase::New if self.config.transactional_id.is_some() => self.initialise(now_ms),
            Phase::Fenced => Poll::Ready(Err(errors::fenced())),
            Phase::New | Phase::Idle | Phase::Open | Phase::Failed => Poll::Ready(Ok(())),
        }
    }

    fn begin(&mut self) -> Result<()> {
        match self.phase {
            Phase::Fenced => Err(errors::fenced()),
            Phase::Idle if self.config.transactional_id.is_some() => {
                self.phase = Phase::Open;
                Ok(())
            }
            _ => Err(errors::misuse("a transaction was begun where none can be")),
        }
    }

    fn in_transaction(&self) -> bool {
        matches!(self.phase, Phase::Open | Phase::Failed)
    }

    fn send(&mut self, message: &Outgoing<'_>, token: u64, now_ms: i64) -> Result<Sent> {
        self.check_sending()?;
        let facts = self.facts(message.topic)?;
        facts.check(message)?;
        if self.is_full() || self.core.refuses_sending(message.topic, now_ms)? {
            return Ok(Sent::QueueFull);
        }
        self.batches.push(message, facts, token, now_ms);
        Ok(Sent::Queued)
    }

    fn poll_partitions(&mut self, topic: &Topic, _now_ms: i64) -> Poll<Result<i32>> {
        Poll::Ready(self.facts(topic).map(|facts| facts.partitions))
    }

    fn deliveries(&mut self, now_ms: i64, each: &mut dyn FnMut(Delivery)) -> Result<usize> {
        self.work(now_ms)?;
        for answered in self.answered.drain(..) {
            let mut next = answered.next;
            for token in answered.tokens {
                let partition = answered.partition;
                each(Delivery { token, placed: placed(&mut next, partition) });
            }
        }
        self.answered_records = 0;
        Ok(self.batches.records())
    }

    fn poll_flush(&mut self, now_ms: i64) -> Poll<Result<()>> {
        self.work(now_ms)?;
        if self.batches.is_empty() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_send_offsets(&mut self, offsets: &Offsets, group: &GroupMetadata, now_ms: i64) -> Poll<Result<()>> {
        self.check_sending()?;
        let transactional_id = self.config.transactional_id.as_deref().unwrap_or_default();
        let operation = Operation::SendOffsets { transactional_id, group: &group.group };
        let (id, writer) = owned_identity(&self.config, self.writer)?;
        let (offsets, speaker, joined) = (offsets.clone(), group.clone(), self.joined.clone());
        let add = move |state: &mut State| {
            let added = state.add_offsets(Identity { transactional_id: &id, writer }, &offsets, &speaker);
            joined.fetch_or(matches!(added, Poll::Ready(Ok(()))), Ordering::Relaxed);
            added
        };
        let added = ready!(self.core.request(&mut self.postboxes.offsets, &operation, now_ms, add));
        match added {
            Err(error) => self.refused(error),
            Ok(((), told)) => Poll::Ready(told),
        }
    }

    fn poll_commit(&mut self, now_ms: i64) -> Poll<Result<()>> {
        let answer = self.commit(now_ms);
        self.is_committing = answer.is_pending();
        answer
    }

    fn poll_abort(&mut self, now_ms: i64) -> Poll<Result<()>> {
        if self.is_committing {
            return Poll::Ready(Err(errors::misuse("a transaction whose end is under way was asked to end otherwise")));
        }
        self.abort(now_ms)
    }
}

impl EmbeddedProducer {
    fn commit(&mut self, now_ms: i64) -> Poll<Result<()>> {
        match self.phase {
            Phase::Open => ready!(self.poll_flush(now_ms))?,
            Phase::Idle => return Poll::Ready(Err(errors::misuse("there is no transaction to commit"))),
            Phase::New | Phase::Failed | Phase::Fenced => {}
        }
        self.check_sending()?;
        if !self.joined.load(Ordering::Relaxed) {
            self.phase = Phase::Idle;
            return Poll::Ready(Ok(()));
        }
        self.end(true, now_ms)
    }

    fn abort(&mut self, now_ms: i64) -> Poll<Result<()>> {
        match self.phase {
            Phase::Fenced => return Poll::Ready(Err(errors::fenced())),
            Phase::New | Phase::Idle => return Poll::Ready(Ok(())),
            Phase::Open | Phase::Failed => {}
        }
        ready!(self.await_what_is_under_way(now_ms))?;
        while !self.batches.is_empty() {
            let dropped = self.refuse_oldest(errors::aborted("it was aborted before this message was sent"));
            self.answer(dropped);
        }
        if !self.joined.load(Ordering::Relaxed) {
            self.phase = Phase::Idle;
            return Poll::Ready(Ok(()));
        }
        self.end(false, now_ms)
    }
}

fn owned_identity(config: &ProducerConfig, writer: Option<Writer>) -> Result<(String, Writer)> {
    identity(config, writer).map(|who| (who.transactional_id.to_owned(), who.writer))
}

fn identity(config: &ProducerConfig, writer: Option<Writer>) -> Result<Identity<'_>> {
    match (&config.transactional_id, writer) {
        (Some(transactional_id), Some(writer)) => Ok(Identity { transactional_id, writer }),
        _ => Err(errors::misuse("a transaction was asked of a producer that has none")),
    }
}

/// The place of the next message of a batch; the first one takes an error, the others get its like.
fn placed(next: &mut Result<i64>, partition: i32) -> Result<Placed> {
    match next {
        Ok(offset) => {
            *offset += 1;
            Ok(Placed { partition, offset: *offset - 1 })
        }
        Err(error) => {
            let again = Error::new(error.kind(), error.message()).with_class(error.class());
            Err(std::mem::replace(error, again))
        }
    }
}
