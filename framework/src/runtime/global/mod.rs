//! The thread of global tables: reads their topics in full, then follows them.
//!
//! One for an instance, stepped like a stream thread. It writes rows in batches, each together with the positions it stands
//! for; stream threads read the committed rows. It sends nothing: dead letters of its records are only logged.

mod refresh;
mod table;

use self::refresh::Refresh;
use self::table::{GlobalTable, Positions};
use super::announcer::Announcer;
use super::instance::Instance;
use super::resolve::{Resolved, Resolving};
use super::retry::Retry;
use super::roster::GLOBAL;
use super::state::ThreadState;
use super::task::{OpenStores, TaskSettings};
use super::thread::Stepped;
use crate::engine::memory::MemoryEngine;
use crate::engine::{SharedEngine, Space};
use crate::error::{ErrorKind, Result, Scope};
use crate::log::{Call, Consumer, ConsumerConfig, ConsumerRole, Isolation, OffsetAt, OffsetReset, Start, TopicInfo};
use crate::record::{TaskId, Topic, TopicPartition};
use crate::store::CacheBudget;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// The space of the engine that holds, by partition, the offset of the next record to read.
const POSITIONS: &str = "global-positions";

/// A look at whether the instance is to end is never further away.
const IDLE_MS_MAX: i64 = 100;

/// The thread of global tables. Not `Send`: it is made where it runs.
pub(crate) struct GlobalThread {
    instance: Arc<Instance>,
    consumer: Box<dyn Consumer>,
    engine: SharedEngine,
    memory: SharedEngine,
    positions: Space,
    phase: Phase,
    tables: Vec<GlobalTable>,
    refresh: Refresh,
    retry: Retry,
    announcer: Announcer,
}

/// What the thread is doing.
///
/// ```text
/// Created -> Resolving -> Ends -> Restoring -> Following -> Dead
///    ^                     ^  |       |          |  |
///    |                     |  v       v          |  |
///    |                 Withdrawing <-------------'  |   a position is outside of its topic
///    '----------------------------------------------'   a topic has more partitions
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
    /// Waits until no task reads the rows any more, to delete them; holds what readers hold.
    Withdrawing(Arc<()>),
    Dead,
}

impl GlobalThread {
    /// The thread of an instance's global tables.
    ///
    /// # Errors
    /// `Config` if the log has no such consumer; what the engine refuses.
    pub(crate) fn new(instance: &Arc<Instance>) -> Result<Self> {
        let config = ConsumerConfig {
            role: ConsumerRole::Global,
            client_id: format!("{}-global-consumer", instance.client_id),
            isolation: Isolation::ReadCommitted,
            offset_reset: OffsetReset::None,
            ..ConsumerConfig::default()
        };
        let engine = instance.engine()?;
        Ok(GlobalThread {
            consumer: instance.log.consumer(&config)?,
            memory: Arc::new(MemoryEngine::default()),
            positions: engine.space(POSITIONS)?,
            engine,
            phase: Phase::Created,
            tables: Vec::new(),
            refresh: Refresh::default(),
            retry: Retry::default(),
            announcer: Announcer::new(instance),
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
                self.instance.board.report(GLOBAL, ThreadState::Starting);
                Ok(Stepped::Busy)
            }
            Phase::Resolving(resolving) => {
                let Poll::Ready(resolved) = resolving.poll(&self.instance, now_ms) else {
                    return Ok(Stepped::soon(now_ms));
                };
                self.open(&resolved?, now_ms)?;
                self.ask_ends()?;
                Ok(Stepped::Busy)
            }
            Phase::Ends(call) => {
                let Poll::Ready(ends) = call.poll(now_ms)? else { return Ok(Stepped::soon(now_ms)) };
                self.begin_restoring(ends, now_ms)?;
                Ok(Stepped::Busy)
            }
            Phase::Restoring(_) => self.restore(now_ms),
            Phase::Following => self.follow(now_ms),
            Phase::Withdrawing(readers) => {
                if Arc::strong_count(readers) > 1 && !self.instance.board.is_ending() {
                    return Ok(Stepped::soon(now_ms));
                }
                self.tables.iter().try_for_each(|table| table.wipe(self.positions()))?;
                self.ask_ends()?;
                Ok(Stepped::Busy)
            }
            Phase::Dead => Ok(Stepped::Ended),
        }
    }

    /// Opens the stores and wires the operators of every global table.
    fn open(&mut self, resolved: &Resolved, now_ms: i64) -> Result<()> {
        self.tables.clear();
        let instance = self.instance.clone();
        let settings = TaskSettings::new(&instance.config, instance.registry.clone(), self.engine.clone());
        let budget = CacheBudget::new(instance.cache_bytes_per_thread(), 0);
        let known = resolved.counts();
        for subtopology in instance.blueprint.subtopologies.iter().filter(|subtopology| subtopology.is_global) {
            let id = TaskId { subtopology: subtopology.id, partition: 0 };
            let (memory, budget) = (self.memory.clone(), budget.clone());
            let open = OpenStores::open(&instance.blueprint, subtopology, id, &settings, memory, budget, now_ms)?;
            let topics: Vec<Topic> = subtopology
                .source_topics(&instance.blueprint.nodes)
                .map(|topic| topic.full(&instance.config.application_id))
                .collect();
            let retention_ms = topics.iter().filter_map(|topic| resolved.tombstone_retention_ms.get(topic)).min();
            let partitions = topics.iter().flat_map(|topic| {
                let count = known.get(topic).copied().unwrap_or(0);
                (0..count).map(move |partition| TopicPartition { topic: topic.clone(), partition })
            });
            let (partitions, retention_ms) = (partitions.collect(), retention_ms.copied());
            let blueprint = &instance.blueprint;
            let table = GlobalTable::wire(blueprint, subtopology, &settings, open, partitions, retention_ms)?;
            self.tables.push(table);
        }
        Ok(())
    }

    fn positions(&self) -> Positions<'_> {
        Positions { engine: &*self.engine, space: self.positions }
    }

    fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.tables.iter().flat_map(GlobalTable::partitions)
    }

    fn ask_ends(&mut self) -> Result<()> {
        let partitions: Vec<TopicPartition> = self.partitions().cloned().collect();
        self.phase = Phase::Ends(self.instance.log.admin()?.offsets(&partitions, OffsetAt::LastStable));
        Ok(())
    }

    fn begin_restoring(&mut self, ends: BTreeMap<TopicPartition, i64>, now_ms: i64) -> Result<()> {
        for table in &self.tables {
            let Some(reason) = table.misfit(self.positions(), &ends, now_ms)? else { continue };
            if self.instance.are_globals_there() {
                self.withdraw(&reason);
                return Ok(());
            }
            tracing::info!(reason, "a global table is read from the beginning");
            table.wipe(self.positions())?;
        }
        // An attempt before may have ended in the middle.
        self.announcer.suspend()?;
        for table in &self.tables {
            let starts = table.starts(self.positions())?;
            for (partition, start) in &starts {
                let from = if let Start::Offset(offset) = start { *offset } else { 0 };
                self.announcer.begin(partition, &table.name(), from, ends.get(partition).copied().unwrap_or(0))?;
            }
            self.consumer.assign(&starts)?;
        }
        tracing::info!(partitions = ends.len(), "restoring global tables");
        self.phase = Phase::Restoring(ends);
        Ok(())
    }

    /// Takes the rows back, to read the topics again from the beginning: nobody is to see a half of them.
    fn withdraw(&mut self, reason: &dyn Display) {
        tracing::warn!(%reason, "global tables are read again from the beginning");
        self.instance.counters.stores_wiped.add(self.tables.len() as u64);
        self.instance.board.report(GLOBAL, ThreadState::Starting);
        self.phase = Phase::Withdrawing(self.instance.withdraw_globals());
    }

    fn restore(&mut self, now_ms: i64) -> Result<Stepped> {
        let Some(read) = self.read(now_ms)? else { return Ok(Stepped::Busy) };
        self.instance.counters.restored.add(read as u64);
        if read > 0 {
            self.retry.succeeded();
        }
        let Phase::Restoring(ends) = &self.phase else { return Ok(Stepped::Busy) };
        announce(&mut self.announcer, &self.tables, &*self.consumer, ends)?;
        let is_there =
            |(partition, end): (&TopicPartition, &i64)| self.consumer.position(partition).is_some_and(|at| at >= *end);
        if ends.iter().all(is_there) {
            self.publish(now_ms)?;
            return Ok(Stepped::Busy);
        }
        Ok(if read > 0 { Stepped::Busy } else { Stepped::soon(now_ms) })
    }

    fn publish(&mut self, now_ms: i64) -> Result<()> {
        self.write_all(now_ms)?;
        if let Some(table) = self.tables.first() {
            self.instance.set_globals(table.query_source());
        }
        tracing::info!("global tables are restored");
        self.retry.succeeded();
        self.refresh.begin(now_ms + self.instance.config.metadata_max_age_ms);
        self.phase = Phase::Following;
        self.instance.board.report(GLOBAL, ThreadState::Running);
        Ok(())
    }

    fn follow(&mut self, now_ms: i64) -> Result<Stepped> {
        if self.has_grown(now_ms)? {
            self.phase = Phase::Created;
            return Ok(Stepped::Busy);
        }
        match self.read(now_ms)? {
            Some(0) => Ok(Stepped::Idle { until_ms: now_ms + IDLE_MS_MAX }),
            _ => Ok(Stepped::Busy),
        }
    }

    /// Looks from time to time whether topics have more partitions; and notes that the rows are as old as that.
    fn has_grown(&mut self, now_ms: i64) -> Result<bool> {
        let admin = || self.instance.log.admin().map(|admin| admin.topics());
        let Some(listed) = self.refresh.poll(now_ms, self.instance.config.metadata_max_age_ms, admin)? else {
            return Ok(false);
        };
        self.write_all(now_ms)?;
        let known = |topic: &Topic| self.partitions().filter(|partition| partition.topic == *topic).count();
        let topics: BTreeSet<&Topic> = self.partitions().map(|partition| &partition.topic).collect();
        let has_more = |info: &TopicInfo| topics.contains(&info.topic) && info.partitions as usize > known(&info.topic);
        Ok(listed.iter().any(has_more))
    }

    /// Reads a batch of each table and writes it. Returns the number of records; `None` if a position is outside of its
    /// topic, and everything is to be read again.
    fn read(&mut self, now_ms: i64) -> Result<Option<usize>> {
        let limit_ms = self.instance.config.task_timeout_ms;
        let positions = Positions { engine: &*self.engine, space: self.positions };
        let mut records = 0;
        for table in &mut self.tables {
            match table.read(&mut *self.consumer, limit_ms, now_ms) {
                Err(error) if error.kind() == ErrorKind::OutOfRange => {
                    self.withdraw(&error);
                    return Ok(None);
                }
                Err(error) => return Err(error),
                Ok(0) => {}
                Ok(read) => {
                    table.write(&*self.consumer, positions, now_ms)?;
                    records += read;
                }
            }
        }
        Ok(Some(records))
    }

    /// Writes the positions even where nothing was read, so that it is known how old the rows are.
    fn write_all(&mut self, now_ms: i64) -> Result<()> {
        let positions = Positions { engine: &*self.engine, space: self.positions };
        self.tables.iter_mut().try_for_each(|table| table.write(&*self.consumer, positions, now_ms))
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

/// What was read last, and which partitions are at their ends.
fn announce(
    announcer: &mut Announcer,
    tables: &[GlobalTable],
    consumer: &dyn Consumer,
    ends: &BTreeMap<TopicPartition, i64>,
) -> Result<()> {
    for table in tables {
        let name = table.name();
        for (partition, taken) in table.taken() {
            let Some(position) = consumer.position(partition) else { continue };
            if taken > 0 {
                announcer.batch(partition, &name, position - 1, taken as u64)?;
            }
            if ends.get(partition).is_none_or(|end| position >= *end) {
                announcer.end(partition, &name)?;
            }
        }
    }
    Ok(())
}
