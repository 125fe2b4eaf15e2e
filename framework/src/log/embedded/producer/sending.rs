//! From the queue to the log: batch by batch, oldest first, as far as nothing holds it back.

use super::batches::Batch;
use super::{Answered, EmbeddedProducer, identity};
use crate::error::{Error, Result};
use crate::log::embedded::chunk::ChunkBuilder;
use crate::log::embedded::coordinator::Identity;
use crate::log::embedded::errors;
use crate::log::embedded::faults::{Decision, Operation, forgotten};
use crate::log::embedded::mail::Letter;
use crate::log::embedded::partition::{Append, Writer};
use crate::log::embedded::state::State;
use crate::record::TopicPartition;
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::task::Poll;

impl EmbeddedProducer {
    /// Appends what is queued, as far as nothing holds it back, and waits for the disk once.
    pub(super) fn work(&mut self, now_ms: i64) -> Result<()> {
        self.core.drive(now_ms)?;
        if self.batches.is_empty() {
            return Ok(());
        }
        let core = self.core.clone();
        let mut answers = Vec::new();
        let mut state = core.lock_at(now_ms)?;
        while let Some(answer) = self.append_oldest(&mut state, now_ms) {
            answers.push(answer);
        }
        drop(state);
        if !answers.is_empty() {
            // Acknowledged is only what is on disk.
            core.persist()?;
            core.ring();
        }
        for answer in answers {
            self.answer(answer);
        }
        Ok(())
    }

    /// Appends the oldest batch; `None` if there is none or it has to wait.
    fn append_oldest(&mut self, state: &mut State, now_ms: i64) -> Option<Answered> {
        let partition = &self.batches.oldest()?.partition;
        if let Some(answer) = self.postboxes.append.take() {
            let Poll::Ready(placed) = answer else { return None };
            return Some(self.answered(state, placed));
        }
        if let Err(error) = self.check_sending() {
            return Some(self.refuse_oldest(error));
        }
        let transactional_id = self.config.transactional_id.as_deref();
        let writer = *self.writer.get_or_insert_with(|| Writer {
            producer: state.new_producer(),
            epoch: 0,
            transactional: false,
        });
        if let Some(transactional_id) = transactional_id {
            match state.poll_writable(Identity { transactional_id, writer }) {
                Poll::Pending => return None,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Some(self.refuse_oldest(error)),
            }
        }
        let operation = Operation::Append { partition, transactional_id };
        let decision = match transactional_id {
            Some(_) => Decision::by(state.faults.as_mut(), &operation, now_ms),
            None => self.gate.pass(state.faults.as_mut(), &operation, now_ms),
        };
        match decision {
            Decision::Wait { until_ms } => {
                self.append_late(state, writer, until_ms);
                None
            }
            Decision::Refuse(error) => Some(self.refuse_oldest(error)),
            Decision::Proceed => Some(self.append(state, writer, None)),
            Decision::Forget => {
                let lost = forgotten(&operation);
                Some(self.append(state, writer, Some(lost)))
            }
            Decision::LoseAnswer => {
                self.append_unheard(state, writer);
                None
            }
        }
    }

    /// The batch of a transaction is under way; whoever is the producer then decides what becomes of it.
    fn append_late(&mut self, state: &mut State, writer: Writer, until_ms: i64) {
        let Some(transactional_id) = self.config.transactional_id.clone() else { return };
        self.batches.seal_oldest();
        let Some(Batch { partition, messages, .. }) = self.batches.oldest() else { return };
        let (partition, messages) = (partition.clone(), messages.clone());
        let sequence = self.sequences.get(&partition).copied();
        let append = move |state: &mut State| {
            let who = Identity { transactional_id: &transactional_id, writer };
            match state.poll_writable(who) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                Poll::Ready(Ok(())) => {
                    Poll::Ready(append_now(state, Some(who), &partition, writer, sequence, messages))
                }
            }
        };
        self.postboxes.append.expect(Letter::send(state, until_ms, append));
    }

    /// What became of the oldest batch, which was under way.
    fn answered(&mut self, state: &State, placed: Result<i64>) -> Answered {
        let Some(Batch { partition, tokens, .. }) = self.batches.take_oldest() else { return Answered::to_nothing() };
        if let Some(writer) = self.writer.filter(|_| placed.is_ok()) {
            self.joined.fetch_or(writer.transactional, Ordering::Relaxed);
            self.learn_sequence(state, &partition, writer);
        }
        Answered { tokens: tokens.into(), partition: partition.partition, next: placed }
    }

    /// Requests of the transaction that are under way come before its end, as they do on a connection.
    pub(super) fn await_what_is_under_way(&mut self, now_ms: i64) -> Poll<Result<()>> {
        self.core.drive(now_ms)?;
        match self.postboxes.append.take() {
            Some(Poll::Pending) => return Poll::Pending,
            Some(Poll::Ready(placed)) => {
                let core = self.core.clone();
                let answer = self.answered(&*core.lock()?, placed);
                self.answer(answer);
            }
            None => {}
        }
        match self.postboxes.offsets.take() {
            Some(Poll::Pending) => Poll::Pending,
            Some(Poll::Ready(_)) | None => Poll::Ready(Ok(())),
        }
    }

    fn append(&mut self, state: &mut State, writer: Writer, lost: Option<Error>) -> Answered {
        let Some(Batch { partition, tokens, messages, .. }) = self.batches.take_oldest() else {
            return Answered::to_nothing();
        };
        let sequence = self.sequences.get(&partition).copied();
        let placed = self.append_at(state, &partition, writer, sequence, messages);
        self.learn_sequence(state, &partition, writer);
        let next = placed.and_then(|offset| lost.map_or(Ok(offset), Err));
        Answered { tokens: tokens.into(), partition: partition.partition, next }
    }

    fn learn_sequence(&mut self, state: &State, partition: &TopicPartition, writer: Writer) {
        match state.partition(partition).map(|log| log.next_sequence(writer.producer)) {
            Ok(next) => drop(self.sequences.insert(partition.clone(), next)),
            Err(_) => drop(self.sequences.remove(partition)),
        }
    }

    /// The batch is appended, but the producer does not hear of it and will send it again.
    fn append_unheard(&mut self, state: &mut State, writer: Writer) {
        self.batches.seal_oldest();
        let Some(Batch { partition, messages, .. }) = self.batches.oldest() else { return };
        let (partition, messages) = (partition.clone(), messages.clone());
        let Ok(next) = state.partition(&partition).map(|log| log.next_sequence(writer.producer)) else { return };
        let sequence = self.sequences.get(&partition).copied().unwrap_or(next);
        if self.append_at(state, &partition, writer, Some(sequence), messages).is_ok() {
            self.sequences.insert(partition, sequence);
        }
    }

    fn append_at(
        &mut self,
        state: &mut State,
        partition: &TopicPartition,
        writer: Writer,
        sequence: Option<i32>,
        messages: ChunkBuilder,
    ) -> Result<i64> {
        let who = identity(&self.config, self.writer).ok();
        let placed = append_now(state, who, partition, writer, sequence, messages);
        self.joined.fetch_or(placed.is_ok() && writer.transactional, Ordering::Relaxed);
        placed
    }

    /// Takes the oldest batch off without sending it.
    pub(super) fn refuse_oldest(&mut self, error: Error) -> Answered {
        let (tokens, partition) = match self.batches.take_oldest() {
            Some(batch) => (batch.tokens.into(), batch.partition.partition),
            None => (VecDeque::new(), 0),
        };
        self.sequences.clear();
        Answered { tokens, partition, next: Err(error) }
    }

    /// Notes the answer to a batch, and what it means for the transaction.
    pub(super) fn answer(&mut self, answer: Answered) {
        if let Err(error) = &answer.next {
            self.sequences.clear();
            self.fail(error);
        }
        self.answered_records += answer.tokens.len();
        self.answered.push_back(answer);
    }
}

impl Answered {
    fn to_nothing() -> Self {
        Answered { tokens: VecDeque::new(), partition: 0, next: Err(errors::misuse("there is no batch")) }
    }
}

fn append_now(
    state: &mut State,
    who: Option<Identity<'_>>,
    partition: &TopicPartition,
    writer: Writer,
    sequence: Option<i32>,
    messages: ChunkBuilder,
) -> Result<i64> {
    let stamp = state.topic(&partition.topic)?.rules.stamps;
    let append = Append { writer, sequence, messages, stamp };
    match who {
        Some(who) => state.append_in_transaction(who, partition, append),
        None => state.append(partition, append),
    }
}
