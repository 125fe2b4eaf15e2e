//! Transactions: who may write under a transactional id, what is in its transaction, how it ends.

use super::errors;
use super::faults::{Decision, Operation};
use super::partition::{Append, Writer};
use super::state::State;
use super::transaction::{Phase, Transaction};
use crate::error::Result;
use crate::log::{GroupMetadata, Offsets};
use crate::record::TopicPartition;
use std::collections::BTreeMap;
use std::mem;
use std::task::Poll;

/// Who writes in transactions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity<'a> {
    /// The transactional id.
    pub(super) transactional_id: &'a str,
    /// Producer and epoch.
    pub(super) writer: Writer,
}

impl State {
    /// A producer id that nobody had.
    pub(super) fn new_producer(&mut self) -> i64 {
        let producer = self.ids.producer;
        self.ids.producer += 1;
        let ids = self.ids;
        self.journal(|journal| journal.put_ids(&ids));
        producer
    }

    /// Makes the caller the one producer of a transactional id. Pending until an open transaction is finished (an older
    /// producer's is aborted).
    pub(super) fn init_producer(&mut self, transactional_id: &str, timeout_ms: i64) -> Poll<Writer> {
        match self.transactions.get(transactional_id).map(|transaction| transaction.phase) {
            None => self.new_transactional_id(transactional_id, timeout_ms),
            Some(Phase::Empty) => self.next_epoch(transactional_id),
            Some(Phase::Ongoing) => {
                self.abort_and_fence(transactional_id);
                return Poll::Pending;
            }
            Some(Phase::Committing | Phase::Aborting) => return Poll::Pending,
        }
        let now_ms = self.now_ms;
        let Some(transaction) = self.transactions.get_mut(transactional_id) else { return Poll::Pending };
        (transaction.timeout_ms, transaction.started_ms) = (timeout_ms, now_ms);
        let writer = Writer { producer: transaction.producer, epoch: transaction.epoch, transactional: true };
        self.keep_transaction(transactional_id);
        Poll::Ready(writer)
    }

    fn new_transactional_id(&mut self, transactional_id: &str, timeout_ms: i64) {
        let producer = self.new_producer();
        self.transactions.insert(transactional_id.to_owned(), Transaction::new(producer, timeout_ms));
    }

    // The last epoch is never given out, so that there is one more to fence its owner with.
    fn next_epoch(&mut self, transactional_id: &str) {
        let used_up = self.transactions.get(transactional_id).is_some_and(|known| known.epoch >= i16::MAX - 1);
        let fresh = used_up.then(|| self.new_producer());
        if let Some(transaction) = self.transactions.get_mut(transactional_id) {
            match fresh {
                Some(producer) => (transaction.producer, transaction.epoch) = (producer, 0),
                None => transaction.epoch += 1,
            }
        }
    }

    /// Decides an ongoing transaction against its producer, which is fenced.
    pub(super) fn abort_and_fence(&mut self, transactional_id: &str) {
        if let Some(transaction) = self.transactions.get_mut(transactional_id) {
            transaction.decide(false);
            transaction.epoch += 1;
        }
        self.keep_transaction(transactional_id);
    }

    fn keep_transaction(&mut self, transactional_id: &str) {
        let State { transactions, journal, .. } = self;
        if let (Some(journal), Some(transaction)) = (journal, transactions.get(transactional_id)) {
            journal.put_transaction(transactional_id, &transaction.row());
        }
    }

    /// The transaction of this producer, if it may write now. Pending while the previous one has no markers yet.
    fn writable(&mut self, who: Identity<'_>) -> Poll<Result<&mut Transaction>> {
        let known = self.transactions.get_mut(who.transactional_id).filter(|known| known.is_of(who.writer));
        match known {
            None => Poll::Ready(Err(errors::fenced())),
            Some(transaction) if transaction.is_ending() => Poll::Pending,
            Some(transaction) => Poll::Ready(Ok(transaction)),
        }
    }

    /// Whether this producer may append now.
    pub(super) fn poll_writable(&mut self, who: Identity<'_>) -> Poll<Result<()>> {
        self.writable(who).map_ok(|_| ())
    }

    /// Appends messages of a transaction, which begins with the first. Only after `poll_writable` was ready.
    pub(super) fn append_in_transaction(
        &mut self,
        who: Identity<'_>,
        partition: &TopicPartition,
        append: Append,
    ) -> Result<i64> {
        let offset = self.append(partition, append)?;
        let now_ms = self.now_ms;
        let Some(transaction) = self.transactions.get_mut(who.transactional_id) else { return Err(errors::fenced()) };
        let begins = transaction.phase == Phase::Empty;
        transaction.begin(now_ms);
        if !transaction.partitions.contains_key(partition) {
            transaction.partitions.insert(partition.clone(), offset);
            self.keep_transaction(who.transactional_id);
        } else if begins {
            self.keep_transaction(who.transactional_id);
        }
        Ok(offset)
    }

    /// Puts a group's offsets into the transaction.
    pub(super) fn add_offsets(
        &mut self,
        who: Identity<'_>,
        offsets: &Offsets,
        speaker: &GroupMetadata,
    ) -> Poll<Result<()>> {
        match self.poll_writable(who) {
            Poll::Ready(Ok(())) => {}
            other => return other,
        }
        let group = self.groups.entry(speaker.group.clone()).or_default();
        if !group.accepts(speaker) {
            return Poll::Ready(Err(errors::stale_member(&speaker.group, &speaker.member)));
        }
        group.pending.entry(who.writer.producer).or_default().extend(offsets.keys().cloned());
        let now_ms = self.now_ms;
        if let Some(transaction) = self.transactions.get_mut(who.transactional_id) {
            transaction.begin(now_ms);
            let of_group = transaction.offsets.entry(speaker.group.clone()).or_default();
            of_group.extend(offsets.iter().map(|(partition, offset)| (partition.clone(), offset.clone())));
        }
        self.keep_transaction(who.transactional_id);
        Poll::Ready(Ok(()))
    }

    /// Decides a transaction. Asked again, it gives the same answer.
    pub(super) fn end_transaction(&mut self, who: Identity<'_>, commit: bool) -> Result<()> {
        let known = self.transactions.get_mut(who.transactional_id).filter(|known| known.is_of(who.writer));
        let transaction = known.ok_or_else(errors::fenced)?;
        if transaction.phase == Phase::Ongoing {
            transaction.decide(commit);
            self.keep_transaction(who.transactional_id);
            return Ok(());
        }
        match transaction.committed_last == commit {
            true => Ok(()),
            false => Err(errors::misuse("a transaction that was decided was asked to end otherwise")),
        }
    }

    /// The transactional ids with something that is not at its end.
    pub(super) fn open_transactions(&self) -> Vec<String> {
        let open = self.transactions.iter().filter(|(_, transaction)| transaction.phase != Phase::Empty);
        open.map(|(transactional_id, _)| transactional_id.clone()).collect()
    }

    /// Aborts transactions that were open for too long. True if there was one.
    pub(super) fn time_out_transactions(&mut self) -> bool {
        let now_ms = self.now_ms;
        let late = self.transactions.iter().filter(|(_, transaction)| transaction.is_timed_out(now_ms));
        let late: Vec<String> = late.map(|(transactional_id, _)| transactional_id.clone()).collect();
        for transactional_id in &late {
            tracing::warn!(transactional_id, "transaction timed out and is aborted");
            self.abort_and_fence(transactional_id);
        }
        !late.is_empty()
    }

    /// Writes the markers of decided transactions. True if there was one.
    pub(super) fn write_markers(&mut self) -> bool {
        let ending = self.transactions.iter().filter(|(_, transaction)| transaction.is_ending());
        let ending: Vec<String> = ending.map(|(transactional_id, _)| transactional_id.clone()).collect();
        let mut wrote = false;
        for transactional_id in ending {
            wrote |= self.finish(&transactional_id);
        }
        wrote
    }

    fn may_write_marker(&mut self, transactional_id: &str, partition: Option<&TopicPartition>) -> bool {
        let State { transactions, faults, now_ms, .. } = self;
        let Some(transaction) = transactions.get_mut(transactional_id) else { return false };
        let operation = Operation::WriteMarkers { transactional_id, partition };
        let gate = transaction.gates.entry(partition.cloned()).or_default();
        // A coordinator repeats what fails until it is done: every fault but a delay is one lost attempt.
        matches!(gate.pass(faults.as_mut(), &operation, *now_ms), Decision::Proceed | Decision::Forget)
    }

    /// Ends a decided transaction wherever it may: each place has a marker of its own, and one may be long before another.
    fn finish(&mut self, transactional_id: &str) -> bool {
        let Some(transaction) = self.transactions.get(transactional_id) else { return false };
        let (commit, producer) = (transaction.phase == Phase::Committing, transaction.producer);
        let partitions: Vec<TopicPartition> = transaction.partitions.keys().cloned().collect();
        let has_offsets = !transaction.offsets.is_empty();
        let mut marked: Vec<TopicPartition> = Vec::new();
        for partition in partitions {
            if self.may_write_marker(transactional_id, Some(&partition)) {
                self.write_marker(&partition, producer, commit);
                marked.push(partition);
            }
        }
        let settles = has_offsets && self.may_write_marker(transactional_id, None);
        let Some(transaction) = self.transactions.get_mut(transactional_id) else { return false };
        transaction.partitions.retain(|partition, _| !marked.contains(partition));
        let offsets = if settles { mem::take(&mut transaction.offsets) } else { BTreeMap::new() };
        let is_over = transaction.partitions.is_empty() && transaction.offsets.is_empty();
        if is_over {
            transaction.phase = Phase::Empty;
            transaction.gates.clear();
        }
        for (group, offsets) in offsets {
            self.settle_offsets(&group, producer, offsets, commit);
        }
        let changed = is_over || settles || !marked.is_empty();
        if changed {
            self.keep_transaction(transactional_id);
            self.version += 1;
        }
        changed
    }

    fn write_marker(&mut self, partition: &TopicPartition, producer: i64, commit: bool) {
        let now_ms = self.now_ms;
        let Some(limits) = self.topics.get(&partition.topic).map(|topic| topic.rules.limits) else { return };
        let Ok((place, state)) = self.partition_mut(partition) else { return };
        let (chunk, aborted, closed) = state.end_transaction(producer, commit, limits, now_ms);
        self.journal(|journal| {
            journal.put_chunk(place, &chunk);
            aborted.iter().for_each(|range| journal.put_aborted(place, range));
            closed.iter().for_each(|segment| journal.put_segment(place, segment));
        });
        self.cache.added(partition, &chunk);
    }

    fn settle_offsets(&mut self, group: &str, producer: i64, offsets: Offsets, commit: bool) {
        if let Some(known) = self.groups.get_mut(group) {
            known.pending.remove(&producer);
        }
        if commit {
            self.set_offsets(group, &offsets);
        }
    }
}
