//! Restoring the stores of a task from their changelogs, a piece at a time.
//!
//! The end of a changelog is its high watermark, asked after the input offsets were read as stable: whatever was committed
//! with them lies below it. The reader sees committed messages only, and waits before open transactions until they are
//! decided. (Stopping at the last stable offset would lose committed state.)

use super::announcer::Announcer;
use super::instance::Instance;
use super::task::OpenStores;
use crate::error::{ErrorKind, Result};
use crate::log::{Budget, Consumer, ConsumerConfig, ConsumerRole, Isolation, OffsetReset, Offsets, Start};
use crate::record::{Headers, Message, TaskId, TopicPartition};
use crate::store::Changelog;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;

/// The stores of a task that are being restored.
pub(crate) struct Restoring {
    pub(crate) open: OpenStores,
    /// The committed offsets of the task's inputs.
    pub(crate) committed: Offsets,
    left: VecDeque<Job>,
    announcer: Announcer,
    restored: u64,
    began_ms: i64,
}

/// One store that is to be restored.
#[derive(Debug)]
struct Job {
    store: u32,
    changelog: TopicPartition,
    /// The first offset that is not restored.
    end: i64,
    is_reading: bool,
}

/// Reads changelogs for one thread.
pub(crate) struct Restorer {
    consumer: Box<dyn Consumer>,
    piece: Piece,
}

/// Copies of the messages that are applied together; kept for its allocations.
#[derive(Default)]
struct Piece {
    bytes: Vec<u8>,
    messages: Vec<Copied>,
}

struct Copied {
    key: Option<std::ops::Range<usize>>,
    value: Option<std::ops::Range<usize>>,
    timestamp: i64,
    headers: Headers,
    offset: i64,
}

impl Restoring {
    /// Compares each store's position with the end of its changelog.
    ///
    /// # Errors
    /// What wiping a store fails with; `Bug` if the program's listener panics.
    pub(crate) fn new(
        instance: &Arc<Instance>,
        task: TaskId,
        open: OpenStores,
        committed: Offsets,
        ends: &BTreeMap<TopicPartition, i64>,
        now_ms: i64,
    ) -> Result<Self> {
        let (mut left, mut announcer) = (VecDeque::new(), Announcer::new(instance));
        for store in 0..open.stores.len() {
            let Some(changelog) = open.stores.changelog(store) else { continue };
            let high_watermark = ends.get(&changelog).copied().unwrap_or(0);
            let end = restore_end(&open, store, high_watermark, &committed);
            let position = open.stores.position(store);
            if position.is_some_and(|position| position > high_watermark) {
                tracing::warn!(%task, store = %open.stores.spec(store).name, position, end, "changelog ends before the store: wiping it");
                open.stores.wipe(store)?;
                instance.counters.stores_wiped.add(1);
            }
            let (name, position) = (open.stores.spec(store).name, open.stores.position(store));
            announcer.begin(&changelog, &name, position.unwrap_or(0), end)?;
            match position {
                Some(position) if position >= end => announcer.end(&changelog, &name)?,
                _ => left.push_back(Job { store, changelog, end, is_reading: false }),
            }
        }
        Ok(Restoring { open, committed, left, announcer, restored: 0, began_ms: now_ms })
    }

    /// The stores that are not restored yet.
    pub(crate) fn jobs_left(&self) -> usize {
        self.left.len()
    }

    /// Messages applied so far.
    pub(crate) fn restored(&self) -> u64 {
        self.restored
    }

    /// Offsets that are still to be read.
    pub(crate) fn remaining(&self) -> u64 {
        let of = |job: &Job| job.end.saturating_sub(self.open.stores.position(job.store).unwrap_or(0)).max(0);
        self.left.iter().map(of).sum::<i64>().unsigned_abs()
    }

    /// The changelogs of those stores.
    pub(crate) fn changelogs(&self) -> impl Iterator<Item = &TopicPartition> {
        self.left.iter().map(|job| &job.changelog)
    }

    /// Whether there is nothing (more) to restore.
    pub(crate) fn is_done(&self) -> bool {
        self.left.is_empty()
    }

    /// Says in the log what was done.
    pub(crate) fn log_end(&self, task: TaskId, now_ms: i64) {
        tracing::info!(%task, records = self.restored, took_ms = now_ms - self.began_ms, "restored");
    }

    /// Says in the log what is to be done.
    pub(crate) fn log_begin(&self, task: TaskId) {
        for job in &self.left {
            let name = self.open.stores.spec(job.store).name;
            let from = self.open.stores.position(job.store).unwrap_or(0);
            tracing::info!(%task, store = %name, changelog = %job.changelog, from, end = job.end, "restoring");
        }
    }
}

/// An input that is a changelog, too, is restored only as far as it was processed.
fn restore_end(open: &OpenStores, store: u32, high_watermark: i64, committed: &Offsets) -> i64 {
    match (open.stores.spec(store).changelog, open.stores.changelog(store)) {
        (Changelog::Source(_), Some(changelog)) => {
            committed.get(&changelog).map_or(0, |committed| committed.offset).min(high_watermark)
        }
        _ => high_watermark,
    }
}

/// An input holds what was never a row: it met the error policy when it was processed, and does so again. It was counted then,
/// and is a dead letter already.
fn keep_decodable(open: &OpenStores, job: &Job, messages: &mut Vec<Message<'_>>) -> Result<()> {
    let mut refused = None;
    messages.retain(|message| match open.stores.check(job.store, message) {
        _ if refused.is_some() => false,
        Ok(()) => true,
        Err(error) if error.kind() != ErrorKind::Pending && open.context.skips_undecodable() => {
            tracing::debug!(changelog = %job.changelog, offset = message.offset, %error, "not restored");
            false
        }
        Err(error) => {
            refused = Some(error.context(format!("restoring from {} at offset {}", job.changelog, message.offset)));
            false
        }
    });
    match refused {
        None => Ok(()),
        Some(error) if error.kind() == ErrorKind::Pending => Err(error),
        Some(error) => Err(error.answered()),
    }
}

impl Restorer {
    /// A restorer that reads nothing yet.
    ///
    /// # Errors
    /// `Config` if the log has no such consumer.
    pub(crate) fn new(instance: &Instance, thread_name: &str) -> Result<Self> {
        let config = ConsumerConfig {
            role: ConsumerRole::Restore,
            client_id: format!("{thread_name}-restore-consumer"),
            isolation: if broken!(RestoreUncommitted) { Isolation::ReadUncommitted } else { Isolation::ReadCommitted },
            offset_reset: OffsetReset::None,
            ..ConsumerConfig::default()
        };
        Ok(Restorer { consumer: instance.log.consumer(&config)?, piece: Piece::default() })
    }

    /// Restores a piece of at most `budget`; returns what it took of it.
    ///
    /// # Errors
    /// What the log or the engine fails with.
    pub(crate) fn step(
        &mut self,
        instance: &Instance,
        restoring: &mut Restoring,
        budget: Budget,
        now_ms: i64,
    ) -> Result<usize> {
        let Restoring { open, left, announcer, restored, .. } = restoring;
        let Some(job) = left.front_mut() else { return Ok(0) };
        let stores = &open.stores;
        if !job.is_reading {
            let start = stores.position(job.store).map_or(Start::Beginning, Start::Offset);
            self.consumer.assign(&[(job.changelog.clone(), start)])?;
            job.is_reading = true;
        }
        let read = match self.read(&job.changelog, job.end, budget, now_ms) {
            Err(error) if error.kind() == ErrorKind::OutOfRange => {
                tracing::warn!(store = %stores.spec(job.store).name, %error, "changelog begins after the store's end: wiping it");
                stores.wipe(job.store)?;
                instance.counters.stores_wiped.add(1);
                self.consumer.seek(&job.changelog, Start::Beginning)?;
                announcer.begin(&job.changelog, &stores.spec(job.store).name, 0, job.end)?;
                return Ok(0);
            }
            read => read?,
        };
        let mut messages = self.piece.messages();
        if matches!(stores.spec(job.store).changelog, Changelog::Source(_)) {
            keep_decodable(open, job, &mut messages)?;
        }
        let applied = stores.restore(job.store, &messages)?;
        instance.counters.restored.add(applied);
        *restored += applied;
        let name = stores.spec(job.store).name;
        if let Some(last_offset) = self.piece.last_offset() {
            announcer.batch(&job.changelog, &name, last_offset, applied)?;
        }
        if self.consumer.position(&job.changelog).is_some_and(|position| position >= job.end) {
            stores.restored(job.store, job.end, now_ms)?;
            self.consumer.unassign(std::slice::from_ref(&job.changelog))?;
            announcer.end(&job.changelog, &name)?;
            left.pop_front();
        }
        Ok(read)
    }

    /// Copies a piece of a changelog; nothing behind its end.
    fn read(&mut self, changelog: &TopicPartition, end: i64, budget: Budget, now_ms: i64) -> Result<usize> {
        let piece = &mut self.piece;
        piece.clear();
        let fetched = self.consumer.fetch(changelog, budget, now_ms, &mut |message| {
            if message.offset >= end {
                return ControlFlow::Break(());
            }
            piece.push(message);
            ControlFlow::Continue(())
        })?;
        Ok(fetched.records)
    }

    /// Hears what the log's client has to say, who would otherwise keep it as long as nothing is restored.
    ///
    /// # Errors
    /// What the log fails with.
    pub(crate) fn tend(&mut self, now_ms: i64) -> Result<()> {
        self.consumer.poll_event(now_ms).map(drop)
    }

    /// The changelogs that are read.
    #[cfg(test)]
    pub(crate) fn reading(&self) -> Vec<TopicPartition> {
        self.consumer.assignment()
    }

    /// Stops reading all changelogs but these: the other tasks are gone, or are opened anew.
    ///
    /// # Errors
    /// `Io` if the log is broken.
    pub(crate) fn keep_only(&mut self, wanted: &BTreeSet<TopicPartition>) -> Result<()> {
        let reading = self.consumer.assignment();
        let gone: Vec<_> = reading.into_iter().filter(|changelog| !wanted.contains(changelog)).collect();
        self.consumer.unassign(&gone)
    }
}

impl Piece {
    fn clear(&mut self) {
        self.bytes.clear();
        self.messages.clear();
    }

    fn push(&mut self, message: &Message<'_>) {
        let mut copy = |bytes: &[u8]| {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(bytes);
            start..self.bytes.len()
        };
        let (key, value) = (message.key.map(&mut copy), message.value.map(&mut copy));
        let Message { timestamp, offset, .. } = *message;
        self.messages.push(Copied { key, value, timestamp, headers: message.headers.clone(), offset });
    }

    fn last_offset(&self) -> Option<i64> {
        self.messages.last().map(|copied| copied.offset)
    }

    fn messages(&self) -> Vec<Message<'_>> {
        let borrow = |copied: &Copied| Message {
            key: copied.key.clone().map(|range| &self.bytes[range]),
            value: copied.value.clone().map(|range| &self.bytes[range]),
            timestamp: copied.timestamp,
            headers: copied.headers.clone(),
            offset: copied.offset,
        };
        self.messages.iter().map(borrow).collect()
    }
}
