//! From the queue to the log: batch by batch, oldest first, as far as nothing holds it back.

use super::batches::Batch;
use super::{Answered, EmbeddedProducer, identity};
use crate::error::{Error, Result};
use crate::log::embedded::chunk::ChunkBuilder;
use crate::log::embedded::coordinator::Identity;
use crate::log::embedded::errors;
use crate::log::embedded::faults::{Decision, Operation, forgotten};
use crate::log::embedded::partition::{Append, Writer};
use crate::log::embedded::state::State;
use crate::record::TopicPartition;
use std::collections::VecDeque;
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
        match self.gates.append.pass(state.faults.as_mut(), &operation, now_ms) {
            Decision::Wait => None,
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

    fn append(&mut self, state: &mut State, writer: Writer, lost: Option<Error>) -> Answered {
        let Some(Batch { partition, tokens, messages, .. }) = self.batches.take_oldest() else {
            return Answered { tokens: VecDeque::new(), partition: 0, next: Err(errors::misuse("there is no batch")) };
        };
        let sequence = self.sequences.get(&partition).copied();
        let placed = self.append_at(state, &partition, writer, sequence, messages);
        match state.partition(&partition).map(|log| log.next_sequence(writer.producer)) {
            Ok(next) => drop(self.sequences.insert(partition.clone(), next)),
            Err(_) => drop(self.sequences.remove(&partition)),
        }
        let next = placed.and_then(|offset| lost.map_or(Ok(offset), Err));
        Answered { tokens: tokens.into(), partition: partition.partition, next }
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
        let stamp = state.topic(&partition.topic)?.rules.stamps;
        let append = Append { writer, sequence, messages, stamp };
        let placed = match identity(&self.config, self.writer) {
            Ok(who) => state.append_in_transaction(who, partition, append),
            Err(_) => state.append(partition, append),
        };
        self.joined |= placed.is_ok() && writer.transactional;
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
