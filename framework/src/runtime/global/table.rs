//! One global table: its stores and operators, and how far its topic is in them.

use super::super::retry::Retry;
use super::super::task::{OpenStores, Task, TaskSettings};
use crate::engine::{Batch, Durability, Engine, Space};
use crate::error::{ErrorKind, Result};
use crate::log::{Budget, Consumer, Start};
use crate::record::TopicPartition;
use crate::store::QuerySource;
use crate::topology::{Blueprint, Subtopology};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// The most records of one partition that are written in one batch.
const BATCH_RECORDS_MAX: usize = 5_000;

/// The most bytes of one partition that are written in one batch.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// A global table.
pub(super) struct GlobalTable {
    task: Task,
    partitions: Vec<TopicPartition>,
    /// For so long the topic keeps deletions.
    tombstone_retention_ms: Option<i64>,
    /// Partitions whose next record cannot be taken yet, by their place.
    troubled: BTreeMap<usize, Retry>,
    /// The records that the last read took from each partition.
    taken: Vec<usize>,
}

/// Where positions are kept: by partition, the offset of the next record to read.
#[derive(Clone, Copy)]
pub(super) struct Positions<'a> {
    pub(super) engine: &'a dyn Engine,
    pub(super) space: Space,
}

impl Positions<'_> {
    fn of(self, partition: &TopicPartition) -> Result<Option<i64>> {
        let bytes = self.engine.get(self.space, partition.to_string().as_bytes())?;
        Ok(bytes.and_then(|bytes| Some(i64::from_be_bytes(bytes.try_into().ok()?))))
    }
}

impl GlobalTable {
    /// Wires the operators over stores that are open.
    pub(super) fn wire(
        blueprint: &Arc<Blueprint>,
        subtopology: &Subtopology,
        settings: &TaskSettings,
        open: OpenStores,
        partitions: Vec<TopicPartition>,
        tombstone_retention_ms: Option<i64>,
    ) -> Result<Self> {
        let task = Task::wire(blueprint, subtopology, settings, open, &partitions)?;
        let (troubled, taken) = (BTreeMap::new(), vec![0; partitions.len()]);
        Ok(GlobalTable { task, partitions, tombstone_retention_ms, troubled, taken })
    }

    /// The partitions of its topic.
    pub(super) fn partitions(&self) -> &[TopicPartition] {
        &self.partitions
    }

    /// The name of its store.
    pub(super) fn name(&self) -> Arc<str> {
        self.task.stores().spec(0).name
    }

    /// Each partition, with the records that the last read took from it.
    pub(super) fn taken(&self) -> impl Iterator<Item = (&TopicPartition, usize)> {
        self.partitions.iter().zip(self.taken.iter().copied())
    }

    /// Where other threads read its committed rows.
    pub(super) fn query_source(&self) -> QuerySource {
        self.task.stores().query_source()
    }

    /// Why its rows cannot be gone on from, if so: they are to be read again from the beginning.
    pub(super) fn misfit(
        &self,
        positions: Positions<'_>,
        ends: &BTreeMap<TopicPartition, i64>,
        now_ms: i64,
    ) -> Result<Option<String>> {
        let stores = self.task.stores();
        if (0..stores.len()).any(|store| stores.position(store).is_none()) {
            return Ok(Some("there are no rows yet".to_owned()));
        }
        let mut is_behind = false;
        for partition in &self.partitions {
            let (end, position) = (ends.get(partition).copied().unwrap_or(0), positions.of(partition)?);
            if position.is_some_and(|position| position > end) {
                return Ok(Some(format!("`{partition}` ends before them")));
            }
            is_behind |= position.unwrap_or(0) < end;
        }
        // Whoever has read everything has missed no deletion, however long ago that was.
        let committed_at_ms = (0..stores.len()).map(|store| stores.committed_at_ms(store)).min().unwrap_or(now_ms);
        let age_ms = now_ms.saturating_sub(committed_at_ms);
        let is_old = is_behind && self.tombstone_retention_ms.is_some_and(|retention_ms| age_ms > retention_ms);
        Ok(is_old.then(|| format!("they are {age_ms} ms old, and deletions may be gone from the topic")))
    }

    /// Where each partition is read on.
    pub(super) fn starts(&self, positions: Positions<'_>) -> Result<Vec<(TopicPartition, Start)>> {
        let start = |partition: &TopicPartition| {
            let position = positions.of(partition)?;
            Ok((partition.clone(), position.map_or(Start::Beginning, Start::Offset)))
        };
        self.partitions.iter().map(start).collect()
    }

    /// Deletes its rows and positions.
    pub(super) fn wipe(&self, positions: Positions<'_>) -> Result<()> {
        let mut batch = Batch::default();
        for partition in &self.partitions {
            batch.delete(positions.space, partition.to_string());
        }
        positions.engine.write(&batch, Durability::Process)?;
        let stores = self.task.stores();
        (0..stores.len()).try_for_each(|store| stores.wipe(store))
    }

    /// Reads a batch and processes it; returns the number of records.
    pub(super) fn read(&mut self, consumer: &mut dyn Consumer, limit_ms: i64, now_ms: i64) -> Result<usize> {
        self.task.record_context().set_wall_clock(now_ms);
        self.taken.fill(0);
        for input in 0..self.partitions.len() {
            if self.troubled.get(&input).is_none_or(|retry| retry.is_due(now_ms)) {
                self.taken[input] = self.fetch(input, consumer, limit_ms, now_ms)?;
            }
        }
        while self.task.process(now_ms)? {}
        Ok(self.taken.iter().sum())
    }

    fn fetch(&mut self, input: usize, consumer: &mut dyn Consumer, limit_ms: i64, now_ms: i64) -> Result<usize> {
        let GlobalTable { task, partitions, troubled, .. } = self;
        let partition = &partitions[input];
        let mut refused = None;
        let budget = Budget { records: BATCH_RECORDS_MAX, bytes: BATCH_BYTES_MAX };
        let fetched = consumer.fetch(partition, budget, now_ms, &mut |message| match task.push(input, message) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                refused = Some((message.offset, error));
                ControlFlow::Break(())
            }
        })?;
        // The one that was refused counts as fetched.
        let taken = fetched.records.saturating_sub(usize::from(refused.is_some()));
        if taken > 0 {
            troubled.remove(&input);
        }
        match refused {
            None => Ok(taken),
            Some((offset, error)) if error.kind() == ErrorKind::Pending => {
                // Its schema is being asked for: it is offered again.
                consumer.seek(partition, Start::Offset(offset))?;
                troubled.entry(input).or_default().failed(error, now_ms, limit_ms)?;
                Ok(taken)
            }
            Some((_, error)) => Err(error),
        }
    }

    /// Writes what was processed, together with the positions that it stands for.
    pub(super) fn write(&mut self, consumer: &dyn Consumer, positions: Positions<'_>, now_ms: i64) -> Result<()> {
        let task = &mut self.task;
        task.flush()?;
        task.outbox().borrow_mut().clear();
        let stores = task.stores();
        let first = self.partitions.first().and_then(|partition| consumer.position(partition)).unwrap_or(0);
        let of_stores: Vec<(u32, i64)> = (0..stores.len()).map(|store| (store, first)).collect();
        let mut batch = stores.prepare_batch(&of_stores, now_ms)?;
        for partition in &self.partitions {
            if let Some(position) = consumer.position(partition) {
                batch.put(positions.space, partition.to_string(), position.to_be_bytes());
            }
        }
        positions.engine.write(&batch, Durability::Process)?;
        stores.committed()?;
        task.committed();
        Ok(())
    }
}
