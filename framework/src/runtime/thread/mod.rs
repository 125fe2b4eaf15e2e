//! A stream thread: owns a consumer, a producer and tasks, and does everything in [`StreamThread::step`].
//!
//! No call in here waits, reads a clock or draws a random number: the time is handed in, and every question to the log is
//! asked again in later steps until it is answered. So the same code runs on a thread of its own and under a simulator.

mod commit;
mod counting;
mod ending;
mod group;
mod opening;
mod phase;
mod refresh;
mod reset;
mod rollback;
mod running;

pub use commit::CommitStage;
pub(crate) use phase::{Phase, Stepped};

use self::commit::Purge;
use self::counting::Counting;
use self::ending::GivenUp;
use self::refresh::Refresh;
use super::assigned::{Assigned, Running, Stage};
use super::instance::Instance;
use super::outlet::Outlet;
use super::resolve::{Resolved, Resolving};
use super::restore::Restorer;
use super::retry::Retry;
use super::state::ThreadState;
use super::task::TaskSettings;
use crate::engine::SharedEngine;
use crate::error::{Error, Result, Scope};
use crate::log::{Admin, Consumer, ConsumerConfig, Isolation, OffsetReset};
use crate::metrics::ThreadMetrics;
use crate::operator::SinkTopic;
use crate::record::{TaskId, Topic, TopicPartition};
use crate::store::CacheBudget;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// Bytes of decoded rows that stores without caching may keep at hand, for one thread.
const READ_CACHE_BYTES_MAX: usize = 8 << 20;

/// What sinks know of topics, shared by the tasks of a thread.
type Sinks = Rc<RefCell<BTreeMap<Topic, SinkTopic>>>;

/// A stream thread. Not `Send`: it is made where it runs.
pub(crate) struct StreamThread {
    instance: Arc<Instance>,
    /// Its number in the instance, from 0.
    thread: usize,
    name: String,
    phase: Phase,
    /// It does nothing before this time.
    begins_ms: i64,
    given_up: GivenUp,
    reported: ThreadState,
    engine: SharedEngine,
    consumer: Box<dyn Consumer>,
    outlet: Outlet,
    restorer: Restorer,
    budget: Rc<CacheBudget>,
    /// Once topics are resolved.
    resolved: Option<Resolved>,
    sinks: Sinks,
    tasks: BTreeMap<TaskId, Assigned>,
    next_number: u32,
    /// Partitions that the group wants back: they go with the next commit.
    revoked: Vec<TopicPartition>,
    /// Why everything since the last commit must be taken back, where it was found out in the middle of a commit.
    lost: bool,
    last_commit_ms: i64,
    is_commit_requested: bool,
    /// Rollbacks without a commit in between.
    rollbacks: Retry,
    refresh: Refresh,
    purge: Purge,
    metrics: ThreadMetrics,
    counting: Counting,
    /// The task at work, for the report of a panic.
    current: Option<TaskId>,
    /// Which of the running tasks has the first turn.
    first_turn: usize,
    /// The end of a transaction was asked for and not answered.
    is_outcome_unknown: bool,
    /// The producer is to be replaced before it is initialised.
    is_renewal_due: bool,
    admin: Arc<dyn Admin>,
}

impl StreamThread {
    /// Stream thread number `thread` (from 0) of an instance.
    ///
    /// # Errors
    /// `Config` if the log has no such clients.
    pub(crate) fn new(instance: &Arc<Instance>, thread: usize) -> Result<Self> {
        let name = instance.board.thread_name(thread);
        let config = &instance.config;
        let isolation = if config.is_exactly_once() && !broken!(InputUncommitted) {
            Isolation::ReadCommitted
        } else {
            Isolation::ReadUncommitted
        };
        let consumer = instance.log.consumer(&ConsumerConfig {
            group: Some(config.application_id.clone()),
            group_instance_id: config
                .clients
                .consumer
                .get("group.instance.id")
                .map(|id| format!("{id}-{}", thread + 1)),
            client_id: format!("{name}-consumer"),
            isolation,
            // Each source has a policy of its own, see `reset`.
            offset_reset: OffsetReset::None,
            session_timeout_ms: config.session_timeout_ms,
            ..ConsumerConfig::default()
        })?;
        Ok(StreamThread {
            thread,
            phase: Phase::Created,
            begins_ms: i64::MIN,
            given_up: GivenUp::default(),
            reported: ThreadState::Created,
            engine: instance.engine()?,
            consumer,
            outlet: Outlet::new(instance, thread, &name)?,
            restorer: Restorer::new(instance, &name)?,
            budget: CacheBudget::new(instance.cache_bytes_per_thread(), READ_CACHE_BYTES_MAX),
            resolved: None,
            sinks: Sinks::default(),
            tasks: BTreeMap::new(),
            next_number: 0,
            revoked: Vec::new(),
            lost: false,
            last_commit_ms: 0,
            is_commit_requested: false,
            rollbacks: Retry::default(),
            refresh: Refresh::default(),
            purge: Purge::default(),
            metrics: instance.metrics.thread(&name),
            counting: Counting::default(),
            current: None,
            first_turn: 0,
            is_outcome_unknown: false,
            is_renewal_due: false,
            admin: instance.log.admin()?,
            name,
            instance: instance.clone(),
        })
    }

    /// The same, which does nothing before `begins_ms`.
    pub(crate) fn beginning_at(self, begins_ms: i64) -> Self {
        StreamThread { begins_ms, ..self }
    }

    /// Does what there is to do at `now_ms` (milliseconds since the epoch), within a budget.
    ///
    /// # Errors
    /// Only what ends the instance: everything else is rolled back and done again.
    pub(crate) fn step(&mut self, now_ms: i64) -> Result<Stepped> {
        self.heed_instance(now_ms);
        let stepped = match self.attempt(now_ms) {
            Ok(stepped) => Ok(stepped),
            Err(error) => self.recover(error, now_ms).map(|()| Stepped::Busy),
        };
        self.report();
        self.publish(now_ms);
        stepped
    }

    fn attempt(&mut self, now_ms: i64) -> Result<Stepped> {
        if self.phase.is_member() {
            self.heed_group(now_ms)?;
        }
        match &self.phase {
            Phase::Created if now_ms < self.begins_ms && !self.is_ending() => {
                Ok(Stepped::Idle { until_ms: self.begins_ms })
            }
            Phase::Created => {
                self.phase = Phase::Resolving(Resolving::new(&self.instance)?);
                Ok(Stepped::Busy)
            }
            Phase::Resolving(_) => self.resolve(now_ms),
            Phase::Joining => self.join(now_ms),
            Phase::Running => self.run(now_ms),
            Phase::Committing(_) => self.commit(now_ms),
            Phase::RollingBack(_) => self.roll_back(now_ms),
            Phase::Leaving => self.leave(now_ms),
            Phase::Dead => Ok(Stepped::Ended),
        }
    }

    fn resolve(&mut self, now_ms: i64) -> Result<Stepped> {
        if self.ends_early() {
            return Ok(Stepped::Busy);
        }
        let Phase::Resolving(resolving) = &mut self.phase else { return Ok(Stepped::Busy) };
        match resolving.poll(&self.instance, now_ms) {
            Poll::Pending => Ok(Stepped::soon(now_ms)),
            Poll::Ready(resolved) => {
                let resolved = resolved?;
                self.sinks.replace(resolved.sinks.clone());
                self.resolved = Some(resolved);
                self.phase = Phase::Joining;
                Ok(Stepped::Busy)
            }
        }
    }

    /// The producer comes first: it ends the transaction that a predecessor of the same name left open, which readers of its topics
    /// would wait for. Global tables come before any task.
    fn join(&mut self, now_ms: i64) -> Result<Stepped> {
        if self.ends_early() {
            return Ok(Stepped::Busy);
        }
        if self.instance.lacks_globals() {
            return Ok(Stepped::soon(now_ms));
        }
        if !self.rollbacks.is_due(now_ms) {
            return Ok(Stepped::Idle { until_ms: self.rollbacks.due_ms() });
        }
        if !self.hears_requests() {
            return Ok(Stepped::soon(now_ms));
        }
        let Poll::Ready(initialised) = self.outlet.producer().poll_init(now_ms) else {
            return Ok(Stepped::soon(now_ms));
        };
        initialised?;
        let topics = self.resolved().plan.subscription();
        self.consumer.subscribe(&topics)?;
        self.last_commit_ms = now_ms;
        self.refresh.begin(now_ms + self.instance.config.metadata_max_age_ms);
        self.phase = Phase::Running;
        Ok(Stepped::Busy)
    }

    /// What an error in a step leads to: a rollback, or the end of the instance.
    fn recover(&mut self, error: Error, now_ms: i64) -> Result<()> {
        let error = match self.current {
            Some(task) => error.context(format!("task {task}")),
            None => error,
        };
        if error.scope() != Scope::Thread || !self.phase.is_recoverable() {
            return Err(error.context(format!("thread `{}`", self.name)));
        }
        self.rollbacks.failed(
            Error::new(error.kind(), error.to_string()),
            now_ms,
            self.instance.config.task_timeout_ms,
        )?;
        self.begin_rollback(&error, now_ms);
        Ok(())
    }

    /// Its number in the instance.
    pub(crate) fn number(&self) -> usize {
        self.thread
    }

    /// What the thread is doing.
    pub(crate) fn phase(&self) -> &Phase {
        &self.phase
    }

    /// For the driver between two steps.
    pub(crate) fn wait(&mut self, timeout: Duration) {
        self.consumer.wait(timeout);
    }

    fn report(&mut self) {
        let state = self.state();
        if state != self.reported {
            self.reported = state;
            self.metrics.counts.state = state;
            self.instance.board.report(self.thread, state);
        }
    }

    fn state(&self) -> ThreadState {
        match &self.phase {
            Phase::Created => ThreadState::Created,
            Phase::Resolving(_) | Phase::Joining => ThreadState::Starting,
            Phase::Leaving | Phase::Dead => ThreadState::PendingShutdown,
            Phase::Running | Phase::Committing(_) if !self.revoked.is_empty() => ThreadState::PartitionsRevoked,
            Phase::RollingBack(_) => ThreadState::PartitionsAssigned,
            Phase::Running | Phase::Committing(_) if self.is_ending() => ThreadState::PendingShutdown,
            Phase::Running | Phase::Committing(_) if self.tasks.is_empty() && !self.has_joined() => {
                ThreadState::Starting
            }
            Phase::Running | Phase::Committing(_) => match self.tasks.values().all(Assigned::is_running) {
                true => ThreadState::Running,
                false => ThreadState::PartitionsAssigned,
            },
        }
    }

    /// Whether the group has decided about this member, or there is nothing to decide: all that is read is read by global tables.
    fn has_joined(&self) -> bool {
        self.resolved().plan.subscription().is_empty()
            || self.consumer.group_metadata().is_some_and(|member| member.generation > 0)
    }

    fn resolved(&self) -> &Resolved {
        self.resolved.as_ref().expect("tasks come after topics are resolved")
    }

    fn settings(&self) -> TaskSettings {
        let sinks = self.sinks.clone();
        TaskSettings {
            tombstone_retention_ms: self.resolved().tombstone_retention_ms.clone(),
            sink_topics: Rc::new(move |topic| sinks.borrow().get(topic).copied()),
            ..TaskSettings::new(&self.instance.config, self.instance.registry.clone(), self.engine.clone())
        }
    }

    /// The ids of the tasks that process, in order.
    pub(crate) fn running_ids(&self) -> Vec<TaskId> {
        self.tasks.iter().filter(|(_, assigned)| assigned.is_running()).map(|(task, _)| *task).collect()
    }

    fn running(&mut self) -> impl Iterator<Item = (TaskId, u32, &mut Running)> {
        self.tasks.iter_mut().filter_map(|(task, assigned)| match &mut assigned.stage {
            Stage::Running(running) => Some((*task, assigned.number, &mut **running)),
            _ => None,
        })
    }
}
