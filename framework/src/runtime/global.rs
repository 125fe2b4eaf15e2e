//! The thread of global tables: reads their topics in full, then follows them.
//!
//! One for an instance, stepped like a stream thread. It writes rows in batches, each together with the positions it stands
//! for; stream threads read the committed rows. It sends nothing: dead letters of its records are only logged.

use super::instance::Instance;
use super::resolve::Resolving;
use super::retry::Retry;
use super::state::ThreadState;
use super::task::{OpenStores, Task, TaskSettings};
use super::thread::Stepped;
use crate::engine::memory::MemoryEngine;
use crate::engine::{Batch, Durability, SharedEngine, Space};
use crate::error::{Error, ErrorKind, Result, Scope};
use crate::log::{Budget, Call, Consumer, ConsumerConfig, Isolation, OffsetAt, OffsetReset, Start};
use crate::record::{TaskId, Topic, TopicPartition};
use crate::store::CacheBudget;
use std::collections::BTreeMap;
use std::mem;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// The space of the engine that holds, by partition, the offset of the next record to read.
const POSITIONS: &str = "global-positions";

/// The most records of one partition that are written in one batch.
const RECORDS_PER_BATCH: usize = 5_000;

/// The most bytes of one partition that are written in one batch.
const BYTES_PER_BATCH: usize = 1 << 20;

/// A look at whether the instance is to end is never further away.
const IDLE_MS_MAX: i64 = 100;

/// The thread of global tables. Not `Send`: it is made where it runs.
pub(crate) struct GlobalThread {
    instance: Arc<Instance>,
    thread: usize,
    consumer: Box<dyn Consumer>,
    memory: SharedEngine,
    positions: Space,
    phase: Phase,
    tables: Vec<Table>,
    retry: Retry,
}

/// What the thread is doing.
///
/// ```text
/// Created -> Resolving -> Ends -> Restoring -> Following -> Dead
///                          ^----------'  a position is outside of its topic: again from the beginning
/// ```
enum Phase {
    Created,
    /// Looks at topics.
    Resolving(Resolving),
    /// Asks how far the topics go: only what is there at the start is waited for.
    Ends(Call<BTreeMap<TopicPartition, i64>>),
    /// Reads up to these ends.
    Restoring(BTreeMap<TopicPartition, i64>),
    /// Reads what comes.
    Following,
    Dead,
}

/// One global table.
struct Table {
    task: Task,
    partitions: Vec<TopicPartition>,
    /// A record that waits for its schema, and all behind it.
    retry: Retry,
}

impl GlobalThread {
    /// Thread number `thread` of an instance.
    ///
    /// # Errors
    /// `Config` if the log has no such consumer; what the engine refuses.
    pub(crate) fn new(instance: &Arc<Instance>, thread: usize) -> Result<Self> {
        let config = ConsumerConfig {
            client_id: format!("{}-global-consumer", instance.client_id),
            isolation: Isolation::ReadCommitted,
            offset_reset: OffsetReset::None,
            ..ConsumerConfig::default()
        };
        Ok(GlobalThread {
            thread,
            consumer: instance.log.consumer(&config)?,
            memory: Arc::new(MemoryEngine::default()),
            positions: instance.engine.space(POSITIONS)?,
            phase: Phase::Created,
            tables: Vec::new(),
            retry: Retry::default(),
            instance: instance.clone(),
        })
    }

    /// Does what there is to do at `now_ms` (milliseconds since the epoch), within a budget.
    ///
    /// # Errors
    /// What ends the instance.
    pub(crate) fn step(&mut self, now_ms: i64) -> Result<Stepped> {
        if matches!(self.phase, Phase::Dead) || self.instance.board.is_ending() {
            self.end();
            return Ok(Stepped::Ended);
        }
        if !self.retry.is_due(now_ms) {
            return Ok(Stepped::Idle { until_ms: self.retry.due_ms() });
        }
        match self.attempt(now_ms) {
            Err(error) if error.scope() == Scope::Thread => {
                tracing::warn!(%error, "global tables: trying again");
                self.retry.failed(error, now_ms, self.instance.config.task_timeout_ms)?;
                self.phase = Phase::Created;
                Ok(Stepped::Busy)
            }
            stepped => stepped.map_err(|error| error.context("global tables")),
        }
    }

    fn attempt(&mut self, now_ms: i64) -> Result<Stepped> {
        match &mut self.phase {
            Phase::Created => {
                self.phase = Phase::Resolving(Resolving::new(&self.instance)?);
                self.instance.board.report(self.thread, ThreadState::Starting);
                Ok(Stepped::Busy)
            }
            Phase::Resolving(resolving) => {
                let Poll::Ready(resolved) = resolving.poll(&self.instance, now_ms) else {
                    return Ok(Stepped::soon(now_ms));
                };
                let known = resolved?.counts();
                self.open(&known, now_ms)?;
                self.ask_ends()?;
                Ok(Stepped::Busy)
            }
            Phase::Ends(call) => {
                let Poll::Ready(ends) = call.poll(now_ms)? else { return Ok(Stepped::soon(now_ms)) };
                self.begin_restoring(ends)?;
                Ok(Stepped::Busy)
            }
            Phase::Restoring(_) => self.restore(now_ms),
            Phase::Following => match self.read(now_ms)? {
                0 => Ok(Stepped::Idle { until_ms: now_ms + IDLE_MS_MAX }),
                _ => Ok(Stepped::Busy),
            },
            Phase::Dead => Ok(Stepped::Ended),
        }
    }

    /// Opens the stores and wires the operators of every global table.
    fn open(&mut self, known: &BTreeMap<Topic, i32>, now_ms: i64) -> Result<()> {
        self.tables.clear();
        let instance = self.instance.clone();
        let settings = TaskSettings::new(&instance.config, instance.registry.clone(), instance.engine.clone());
        let cache_bytes = instance.config.cache_bytes_per_thread(true);
        let budget = CacheBudget::new(usize::try_from(cache_bytes).unwrap_or(usize::MAX), 0);
        for subtopology in instance.blueprint.subtopologies.iter().filter(|subtopology| subtopology.is_global) {
            let id = TaskId { subtopology: subtopology.id, partition: 0 };
            let (memory, budget) = (self.memory.clone(), budget.clone());
            let open = OpenStores::open(&instance.blueprint, subtopology, id, &settings, memory, budget, now_ms)?;
            let topics = subtopology.source_topics(&instance.blueprint.nodes);
            let partitions: Vec<TopicPartition> = topics
                .map(|topic| topic.full(&instance.config.application_id))
                .flat_map(|topic| {
                    let count = known.get(&topic).copied().unwrap_or(0);
                    (0..count).map(move |partition| TopicPartition { topic: topic.clone(), partition })
                })
                .collect();
            let task = Task::wire(&instance.blueprint, subtopology, &settings, open, &partitions)?;
            self.tables.push(Table { task, partitions, retry: Retry::default() });
        }
        Ok(())
    }

    fn ask_ends(&mut self) -> Result<()> {
        let partitions: Vec<TopicPartition> =
            self.tables.iter().flat_map(|table| table.partitions.iter().cloned()).collect();
        self.phase = Phase::Ends(self.instance.log.admin()?.offsets(&partitions, OffsetAt::LastStable));
        Ok(())
    }

    fn begin_restoring(&mut self, ends: BTreeMap<TopicPartition, i64>) -> Result<()> {
        for table in &self.tables {
            let starts = self.starts(table, &ends)?;
            self.consumer.assign(&starts)?;
        }
        tracing::info!(partitions = ends.len(), "restoring global tables");
        self.phase = Phase::Restoring(ends);
        Ok(())
    }

    /// Where a table is read on: at its positions, or in full if its rows do not stand for them.
    fn starts(&self, table: &Table, ends: &BTreeMap<TopicPartition, i64>) -> Result<Vec<(TopicPartition, Start)>> {
        let stores = table.task.stores();
        let mut starts = Vec::new();
        let mut is_whole = (0..stores.len()).all(|store| stores.position(store).is_some());
        for partition in &table.partitions {
            let position = self.position(partition)?;
            is_whole &= position.is_none_or(|position| ends.get(partition).is_some_and(|end| position <= *end));
            starts.push((partition.clone(), position.map_or(Start::Beginning, Start::Offset)));
        }
        if !is_whole {
            self.wipe(table)?;
            starts.iter_mut().for_each(|(_, start)| *start = Start::Beginning);
        }
        Ok(starts)
    }

    fn position(&self, partition: &TopicPartition) -> Result<Option<i64>> {
        let bytes = self.instance.engine.get(self.positions, partition.to_string().as_bytes())?;
        Ok(bytes.and_then(|bytes| Some(i64::from_be_bytes(bytes.try_into().ok()?))))
    }

    fn wipe(&self, table: &Table) -> Result<()> {
        let mut batch = Batch::default();
        for partition in &table.partitions {
            batch.delete(self.positions, partition.to_string());
        }
        self.instance.engine.write(&batch, Durability::Process)?;
        let stores = table.task.stores();
        (0..stores.len()).try_for_each(|store| stores.wipe(store))
    }

    fn restore(&mut self, now_ms: i64) -> Result<Stepped> {
        let read = match self.read(now_ms) {
            Err(error) if error.kind() == ErrorKind::OutOfRange => {
                tracing::warn!(%error, "global tables are read again from the beginning");
                self.tables.iter().try_for_each(|table| self.wipe(table))?;
                self.ask_ends()?;
                return Ok(Stepped::Busy);
            }
            read => read?,
        };
        self.instance.counters.restored.add(read as u64);
        let Phase::Restoring(ends) = &self.phase else { return Ok(Stepped::Busy) };
        let is_there =
            |(partition, end): (&TopicPartition, &i64)| self.consumer.position(partition).is_some_and(|at| at >= *end);
        if ends.iter().all(is_there) {
            self.publish();
            return Ok(Stepped::Busy);
        }
        Ok(if read > 0 { Stepped::Busy } else { Stepped::soon(now_ms) })
    }

    fn publish(&mut self) {
        if let Some(table) = self.tables.first() {
            self.instance.set_globals(table.task.stores().query_source());
        }
        tracing::info!("global tables are restored");
        self.retry.succeeded();
        self.phase = Phase::Following;
        self.instance.board.report(self.thread, ThreadState::Running);
    }

    /// Reads a batch of each table and writes it. Returns the number of records.
    fn read(&mut self, now_ms: i64) -> Result<usize> {
        let mut tables = mem::take(&mut self.tables);
        let read = tables.iter_mut().try_fold(0, |read, table| Ok(read + self.read_table(table, now_ms)?));
        self.tables = tables;
        read
    }

    fn read_table(&mut self, table: &mut Table, now_ms: i64) -> Result<usize> {
        let Table { task, partitions, retry } = table;
        if !retry.is_due(now_ms) {
            return Ok(0);
        }
        task.record_context().set_wall_clock(now_ms);
        let (mut records, mut refused) = (0, None);
        for (input, partition) in partitions.iter().enumerate() {
            let (taken, waits) = self.take(task, input, partition, now_ms)?;
            records += taken;
            refused = waits.or(refused);
        }
        match refused {
            Some(error) => retry.failed(error, now_ms, self.instance.config.task_timeout_ms)?,
            None if records > 0 => retry.succeeded(),
            None => {}
        }
        while task.process(now_ms)? {}
        if records > 0 {
            self.write(table, now_ms)?;
        }
        Ok(records)
    }

    /// Takes records of one partition. Returns their number, and why the next one has to wait: its schema is being asked
    /// for, and it is offered again.
    fn take(
        &mut self,
        task: &mut Task,
        input: usize,
        partition: &TopicPartition,
        now_ms: i64,
    ) -> Result<(usize, Option<Error>)> {
        let mut refused = None;
        let budget = Budget { records: RECORDS_PER_BATCH, bytes: BYTES_PER_BATCH };
        let fetched =
            self.consumer.fetch(partition, budget, now_ms, &mut |message| match task.push(input, message) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    refused = Some((message.offset, error));
                    ControlFlow::Break(())
                }
            })?;
        match refused {
            None => Ok((fetched.records, None)),
            Some((offset, error)) if error.kind() == ErrorKind::Pending => {
                self.consumer.seek(partition, Start::Offset(offset))?;
                // The one that was refused counts as fetched.
                Ok((fetched.records.saturating_sub(1), Some(error)))
            }
            Some((_, error)) => Err(error),
        }
    }

    fn write(&self, table: &mut Table, now_ms: i64) -> Result<()> {
        let task = &mut table.task;
        task.flush()?;
        task.outbox().borrow_mut().clear();
        let stores = task.stores();
        let first = table.partitions.first().and_then(|partition| self.consumer.position(partition)).unwrap_or(0);
        let positions: Vec<(u32, i64)> = (0..stores.len()).map(|store| (store, first)).collect();
        let mut batch = stores.prepare_batch(&positions, now_ms)?;
        for partition in &table.partitions {
            if let Some(position) = self.consumer.position(partition) {
                batch.put(self.positions, partition.to_string(), position.to_be_bytes());
            }
        }
        self.instance.engine.write(&batch, Durability::Process)?;
        stores.committed()?;
        task.committed();
        Ok(())
    }

    /// Drops everything.
    pub(crate) fn end(&mut self) {
        self.tables.clear();
        self.phase = Phase::Dead;
    }

    /// For the driver between two steps.
    pub(crate) fn wait(&mut self, timeout: Duration) {
        self.consumer.wait(timeout);
    }
}
