//! The commit: input offsets, outputs, changelogs and state become permanent together.

use super::{Phase, Stage, Stepped, StreamThread};
use crate::engine::Durability;
use crate::error::{Error, ErrorKind, Result};
use crate::log::{Call, GroupMetadata, Offsets};
use crate::record::TopicPartition;
use crate::runtime::assigned::{Assigned, Running};
use crate::runtime::retry::Retry;
use crate::store::Changelog;
use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::task::Poll;

/// Where a commit stands.
///
/// ```text
/// Flush -> Drain -> Acknowledge -> Offsets -> End -> Write
///                                     '-------------^  at least once: there is no transaction to end
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CommitStage {
    /// Operators send what they hold back: the offsets stand for it.
    Flush,
    /// Outboxes go to the producer: what was not handed over would be missing.
    Drain,
    /// Everything is acknowledged: only now is it known how far each changelog goes.
    Acknowledge,
    /// Offsets go into the transaction, or are committed by themselves: after what they stand for, never before.
    Offsets,
    /// The transaction is committed: from here on everything counts, whatever happens.
    End,
    /// State goes to disk: last, so that it may lag behind its changelog, but is never ahead.
    Write,
}

/// A commit that stays where it is says so in the log, so often in milliseconds.
const TOLD_EVERY_MS: i64 = 10_000;

/// A commit under way.
pub(crate) struct Commit {
    stage: CommitStage,
    began_ms: i64,
    since_ms: i64,
    /// When it says next that it waits.
    told_due_ms: i64,
    offsets: Offsets,
    /// Who commits: asked for right before it is used, once for each request.
    group: Option<GroupMetadata>,
    call: Option<Call<()>>,
    retry: Retry,
    /// The transaction may have ended already, whatever is answered now.
    is_end_unanswered: bool,
}

/// Deletes repartition records that are processed.
#[derive(Default)]
pub(super) struct Purge {
    /// `None` before the first commit: the first deletion is an interval after that.
    due_ms: Option<i64>,
    call: Option<Call<()>>,
}

impl CommitStage {
    /// Every stage, in order.
    pub const ALL: [CommitStage; 6] = [
        CommitStage::Flush,
        CommitStage::Drain,
        CommitStage::Acknowledge,
        CommitStage::Offsets,
        CommitStage::End,
        CommitStage::Write,
    ];

    /// Whether it asks something that may be asked again. What timed out before was a message, and it is lost unless it is
    /// rolled back and done again.
    fn is_question(self) -> bool {
        matches!(self, CommitStage::Offsets | CommitStage::End) || broken!(TimeoutIgnored)
    }
}

impl Commit {
    fn new(now_ms: i64) -> Self {
        let stage = CommitStage::Flush;
        Commit {
            stage,
            began_ms: now_ms,
            since_ms: now_ms,
            told_due_ms: now_ms.saturating_add(TOLD_EVERY_MS),
            offsets: Offsets::new(),
            group: None,
            call: None,
            retry: Retry::default(),
            is_end_unanswered: false,
        }
    }

    /// Where it stands.
    pub(crate) fn stage(&self) -> CommitStage {
        self.stage
    }
}

impl StreamThread {
    /// Whether it is time, or somebody waits for it.
    pub(super) fn is_commit_due(&mut self, now_ms: i64) -> bool {
        let config = &self.instance.config;
        let (interval_ms, bytes_max) = (config.commit_interval_ms(), config.statestore_uncommitted_max_bytes);
        self.is_commit_requested
            || !self.revoked.is_empty()
            || self.is_ending()
            || now_ms.saturating_sub(self.last_commit_ms) >= interval_ms
            || self.uncommitted_bytes() >= bytes_max
    }

    /// Whether a store or a cache of a running task holds something back.
    pub(crate) fn is_dirty(&mut self) -> bool {
        self.running().any(|(_, _, running)| running.task.stores().is_dirty())
    }

    /// Whether it has begun a transaction that it has not ended.
    pub(crate) fn is_in_transaction(&mut self) -> bool {
        self.outlet.producer().in_transaction()
    }

    /// The longest interval of a wall-clock punctuation of its running tasks.
    pub(crate) fn longest_punctuation_ms(&mut self) -> Option<i64> {
        self.running().filter_map(|(_, _, running)| running.task.longest_punctuation_ms()).max()
    }

    /// Bytes that the stores of running tasks hold back for the next commit.
    pub(crate) fn uncommitted_bytes(&mut self) -> u64 {
        self.running().map(|(_, _, running)| running.task.stores().uncommitted_bytes() as u64).sum()
    }

    /// Begins a commit, or finds that there is nothing to commit. True if this leads to something.
    pub(super) fn begin_commit(&mut self, now_ms: i64) -> Result<bool> {
        if self.needs_commit() {
            self.phase = Phase::Committing(Box::new(Commit::new(now_ms)));
            return Ok(true);
        }
        if self.is_at_rest() {
            self.rollbacks.succeeded();
        }
        let changes = !self.revoked.is_empty() || self.is_ending();
        self.conclude(now_ms)?;
        Ok(changes)
    }

    fn needs_commit(&mut self) -> bool {
        let StreamThread { tasks, consumer, outlet, .. } = self;
        outlet.producer().in_transaction()
            || tasks.values_mut().filter_map(Assigned::running).any(|running| {
                running.task.is_commit_needed() || running.task.stores().is_dirty() || running.has_moved(&**consumer)
            })
    }

    /// Whether everything that the log has is processed and committed.
    fn is_at_rest(&self) -> bool {
        self.tasks.values().all(|assigned| match &assigned.stage {
            Stage::Running(running) => running.is_at_end(&*self.consumer),
            _ => false,
        })
    }

    /// One move of the commit.
    pub(super) fn commit(&mut self, now_ms: i64) -> Result<Stepped> {
        let Phase::Committing(mut commit) = mem::replace(&mut self.phase, Phase::Running) else {
            return Ok(Stepped::Busy);
        };
        // A transaction whose end was asked for must be followed to it, whatever was lost meanwhile.
        if self.lost && commit.stage < CommitStage::End {
            self.roll_back_lost(now_ms);
            return Ok(Stepped::Busy);
        }
        let next = match self.advance(&mut commit, now_ms) {
            Err(error) if error.kind() == ErrorKind::Timeout && commit.stage.is_question() => {
                self.ask_again(&mut commit, error, now_ms)?
            }
            Err(error) if error.kind() == ErrorKind::Fenced && broken!(MissingFence) => {
                self.outlet.renew(&self.instance)?;
                self.outlet.producer().poll_init(now_ms).map(|_| Some(CommitStage::Acknowledge))
            }
            next => next?,
        };
        self.current = None;
        match next {
            Poll::Pending => {
                self.check_patience(&mut commit, now_ms)?;
                let until_ms = commit.retry.due_ms().max(now_ms + 1);
                self.phase = Phase::Committing(commit);
                Ok(Stepped::Idle { until_ms })
            }
            Poll::Ready(Some(stage)) => {
                (commit.stage, commit.since_ms) = (stage, now_ms);
                commit.told_due_ms = now_ms.saturating_add(TOLD_EVERY_MS);
                self.phase = Phase::Committing(commit);
                Ok(Stepped::Busy)
            }
            Poll::Ready(None) => {
                self.conclude(now_ms)?;
                Ok(Stepped::Busy)
            }
        }
    }

    /// The answer did not come in time: the same question again, within limits.
    fn ask_again(&self, commit: &mut Commit, error: Error, now_ms: i64) -> Result<Poll<Option<CommitStage>>> {
        tracing::warn!(thread = self.name, stage = ?commit.stage, %error, "a commit asks again");
        // The group may have moved on meanwhile.
        (commit.call, commit.group) = (None, None);
        commit.is_end_unanswered |= commit.stage == CommitStage::End;
        commit.retry.failed(error, now_ms, self.instance.config.task_timeout_ms)?;
        Ok(Poll::Pending)
    }

    fn check_patience(&self, commit: &mut Commit, now_ms: i64) -> Result<()> {
        let (limit_ms, waited_ms) = (self.instance.config.task_timeout_ms, now_ms.saturating_sub(commit.since_ms));
        if waited_ms <= limit_ms {
            if now_ms >= commit.told_due_ms {
                commit.told_due_ms = now_ms.saturating_add(TOLD_EVERY_MS);
                tracing::warn!(thread = self.name, stage = ?commit.stage, waited_ms, "a commit is not answered");
            }
            return Ok(());
        }
        Err(Error::new(ErrorKind::Timeout, format!("a commit was not answered at {:?}", commit.stage))
            .with_detail(format!("{limit_ms} ms")))
    }

    /// The next stage, or `None` once everything is done.
    fn advance(&mut self, commit: &mut Commit, now_ms: i64) -> Result<Poll<Option<CommitStage>>> {
        if !commit.retry.is_due(now_ms) {
            return Ok(Poll::Pending);
        }
        match commit.stage {
            CommitStage::Flush if broken!(CommitBeforeFlush) => Ok(Poll::Ready(Some(CommitStage::Drain))),
            CommitStage::Flush => self.flush(),
            CommitStage::Drain => match self.drain(now_ms)? {
                true => Ok(Poll::Ready(Some(CommitStage::Acknowledge))),
                false => self.outlet.take_deliveries(now_ms).map(|_| Poll::Pending),
            },
            CommitStage::Acknowledge => match self.outlet.poll_acknowledged(now_ms)? {
                Poll::Pending => Ok(Poll::Pending),
                Poll::Ready(()) => {
                    commit.offsets = self.offsets();
                    if broken!(WriteBeforeCommit) {
                        self.write(&commit.offsets, now_ms)?;
                    }
                    Ok(Poll::Ready(Some(CommitStage::Offsets)))
                }
            },
            CommitStage::Offsets if self.outlet.is_transactional() && !broken!(OffsetsOutsideTransaction) => {
                self.send_offsets(commit, now_ms)
            }
            CommitStage::Offsets => self.commit_offsets(commit, now_ms),
            CommitStage::End => self.end_transaction(commit, now_ms),
            CommitStage::Write => {
                self.write(&commit.offsets, now_ms)?;
                self.count_commit(commit.began_ms, now_ms);
                Ok(Poll::Ready(None))
            }
        }
    }

    fn flush(&mut self) -> Result<Poll<Option<CommitStage>>> {
        for task in self.running_ids() {
            self.current = Some(task);
            if let Some(running) = self.tasks.get_mut(&task).and_then(Assigned::running) {
                running.task.flush()?;
            }
        }
        Ok(Poll::Ready(Some(CommitStage::Drain)))
    }

    fn offsets(&self) -> Offsets {
        let running = self.tasks.values().filter_map(|assigned| match &assigned.stage {
            Stage::Running(running) => Some(running),
            _ => None,
        });
        running.flat_map(|running| running.offsets(&*self.consumer)).collect()
    }

    fn send_offsets(&mut self, commit: &mut Commit, now_ms: i64) -> Result<Poll<Option<CommitStage>>> {
        self.outlet.begin()?;
        if commit.offsets.is_empty() {
            return Ok(Poll::Ready(Some(CommitStage::End)));
        }
        if commit.group.is_none() {
            commit.group = self.consumer.group_metadata();
        }
        let group = commit.group.as_ref().ok_or_else(|| Error::new(ErrorKind::Bug, "a stream thread has no group"))?;
        match self.outlet.producer().poll_send_offsets(&commit.offsets, group, now_ms)? {
            Poll::Pending => Ok(Poll::Pending),
            Poll::Ready(()) => Ok(Poll::Ready(Some(CommitStage::End))),
        }
    }

    fn commit_offsets(&mut self, commit: &mut Commit, now_ms: i64) -> Result<Poll<Option<CommitStage>>> {
        if commit.offsets.is_empty() {
            return Ok(Poll::Ready(Some(CommitStage::Write)));
        }
        let call = commit.call.get_or_insert_with(|| self.consumer.commit(&commit.offsets));
        match call.poll(now_ms)? {
            Poll::Pending => Ok(Poll::Pending),
            Poll::Ready(()) if broken!(OffsetsOutsideTransaction) && self.outlet.is_transactional() => {
                Ok(Poll::Ready(Some(CommitStage::End)))
            }
            Poll::Ready(()) => Ok(Poll::Ready(Some(CommitStage::Write))),
        }
    }

    fn end_transaction(&mut self, commit: &Commit, now_ms: i64) -> Result<Poll<Option<CommitStage>>> {
        self.is_outcome_unknown = true;
        let producer = self.outlet.producer();
        if broken!(OffsetsOutsideTransaction) && !producer.in_transaction() {
            return Ok(Poll::Ready(Some(CommitStage::Write)));
        }
        match producer.poll_commit(now_ms) {
            Poll::Pending => Ok(Poll::Pending),
            Poll::Ready(Err(error)) => {
                self.is_outcome_unknown = commit.is_end_unanswered || error.kind() == ErrorKind::Timeout;
                Err(error)
            }
            Poll::Ready(Ok(())) => {
                self.is_outcome_unknown = false;
                Ok(Poll::Ready(Some(CommitStage::Write)))
            }
        }
    }

    /// Writes each task's rows together with the changelog offsets that they stand for.
    fn write(&mut self, offsets: &Offsets, now_ms: i64) -> Result<()> {
        for task in self.running_ids() {
            self.current = Some(task);
            let Some(Assigned { number, stage: Stage::Running(running), .. }) = self.tasks.get_mut(&task) else {
                continue;
            };
            let mut positions = self.outlet.changelog_positions(*number);
            positions.extend(source_positions(running, offsets));
            let stores = running.task.stores();
            if !positions.is_empty() || running.task.is_commit_needed() {
                let batch = stores.prepare_batch(&positions, now_ms)?;
                self.engine.write(&batch, Durability::Process)?;
                stores.committed()?;
            }
            self.outlet.forget_task(*number);
            running.task.committed();
            let own: Vec<TopicPartition> = running.task.partitions().cloned().collect();
            let committed = own.into_iter().filter_map(|partition| {
                let offset = offsets.get(&partition)?.offset;
                Some((partition, offset))
            });
            running.committed.extend(committed);
        }
        self.rollbacks.succeeded();
        Ok(())
    }

    /// Everything is committed: what waited for that can happen.
    fn conclude(&mut self, now_ms: i64) -> Result<()> {
        self.phase = Phase::Running;
        self.last_commit_ms = now_ms;
        self.is_commit_requested = false;
        if broken!(CommitBeforeFlush) {
            // Too late by one transaction.
            let _ = self.flush()?;
        }
        if self.lost {
            return Ok(());
        }
        self.release_revoked(now_ms)?;
        if self.is_ending() {
            self.phase = Phase::Leaving;
            return Ok(());
        }
        self.begin_purge(now_ms);
        Ok(())
    }

    /// From time to time deletes repartition records that nobody will read again.
    fn begin_purge(&mut self, now_ms: i64) {
        let interval_ms = self.instance.config.repartition_purge_interval_ms;
        let due_ms = *self.purge.due_ms.get_or_insert(now_ms.saturating_add(interval_ms));
        if self.purge.call.is_some() || now_ms < due_ms {
            return;
        }
        self.purge.due_ms = Some(now_ms.saturating_add(interval_ms));
        let (blueprint, id) = (&self.instance.blueprint, &self.instance.config.application_id);
        let own: BTreeSet<_> = blueprint.repartition_topics.iter().map(|topic| topic.topic.full(id)).collect();
        let before: BTreeMap<TopicPartition, i64> = self
            .tasks
            .values_mut()
            .filter_map(Assigned::running)
            .flat_map(|running| running.committed.clone())
            .filter(|(partition, offset)| *offset > 0 && own.contains(&partition.topic))
            .collect();
        if !before.is_empty() {
            self.purge.call = Some(self.admin.delete_records(&before));
        }
    }

    /// Hears whether the deletion went well; if not, the next one will do.
    pub(super) fn poll_purge(&mut self, now_ms: i64) {
        let Some(call) = &mut self.purge.call else { return };
        let Poll::Ready(purged) = call.poll(now_ms) else { return };
        self.purge.call = None;
        if let Err(error) = purged {
            tracing::warn!(thread = self.name, %error, "deleting processed repartition records");
        }
    }
}

/// A store that is restored from an input stands for what was processed of it.
fn source_positions(running: &Running, offsets: &Offsets) -> Vec<(u32, i64)> {
    let stores = running.task.stores();
    let position = |store: u32| {
        let changelog =
            stores.changelog(store).filter(|_| matches!(stores.spec(store).changelog, Changelog::Source(_)))?;
        Some((store, offsets.get(&changelog)?.offset))
    };
    (0..stores.len()).filter_map(position).collect()
}
