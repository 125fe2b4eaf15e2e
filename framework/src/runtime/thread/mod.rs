//! A stream thread: owns a consumer, a producer and tasks, and does everything in [`StreamThread::step`].
//!
//! No call in here waits, reads a clock or draws a random number: the time is handed in, and every question to the log is
//! asked again in later steps until it is answered. So the same code runs on a thread of its own and under a simulator.

mod commit;
mod counting;
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
use self::refresh::Refresh;
use super::assigned::{Assigned, Running, Stage};
use super::instance::Instance;
use super::outlet::Outlet;
use super::resolve::{Resolved, Resolving};
use super::restore::Restorer;
use super::retry::Retry;
use super::state::ThreadState;
use super::task::TaskSettings;
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
    reported: ThreadState,
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
        let name = instance.thread_name(thread);
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
        let cache_bytes = config.cache_bytes_per_thread(instance.has_globals());
        Ok(StreamThread {
            thread,
            phase: Phase::Created,
            reported: ThreadState::Created,
            consumer,
            outlet: Outlet::new(instance, thread, &name)?,
            restorer: Restorer::new(instance, &name)?,
            budget: CacheBudget::new(usize::try_from(cache_bytes).unwrap_or(usize::MAX), READ_CACHE_BYTES_MAX),
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

    /// Does what there is to do at `now_ms` (milliseconds since the epoch), within a budget.
    ///
    /// # Errors
    /// Only what ends the instance: everything else is rolled back and done again.
    pub(crate) fn step(&mut self, now_ms: i64) -> Result<Stepped> {
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

    /// Before it has joined, a thread that is to end just ends.
    fn ends_early(&mut self) -> bool {
        let ends = self.instance.board.is_ending();
        if ends {
            self.phase = Phase::Leaving;
        }
        ends
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

    fn leave(&mut self, now_ms: i64) -> Result<Stepped> {
        self.close_tasks();
        let Poll::Ready(left) = self.consumer.poll_leave(now_ms) else { return Ok(Stepped::soon(now_ms)) };
        self.phase = Phase::Dead;
        tracing::info!(thread = self.name, "ended");
        left.map(|()| Stepped::Ended)
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

    /// After an error that ends the instance, or a panic: gives up what is not committed, and the membership, so that others
    /// take over at once. Makes one attempt at each.
    pub(crate) fn abandon(&mut self, now_ms: i64) {
        self.phase = Phase::Dead;
        self.close_tasks();
        if let Poll::Ready(Err(error)) = self.outlet.producer().poll_abort(now_ms) {
            tracing::warn!(thread = self.name, %error, "the transaction is left to its timeout");
        }
        if let Poll::Ready(Err(error)) = self.consumer.poll_leave(now_ms) {
            tracing::warn!(thread = self.name, %error, "the group is left to its session timeout");
        }
    }

    /// Drops all tasks as they are.
    fn close_tasks(&mut self) {
        self.tasks.clear();
        self.instance.tasks.give_back_all(self.thread);
    }

    /// The task at work when a step panicked.
    pub(crate) fn current_task(&self) -> Option<TaskId> {
        self.current
    }

    /// The thread's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What the thread is doing.
    pub(crate) fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Whether nothing happens any more.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Dead)
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
            Phase::Running | Phase::Committing(_) if self.instance.board.is_ending() => ThreadState::PendingShutdown,
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
            ..TaskSettings::new(&self.instance.config, self.instance.registry.clone(), self.instance.engine.clone())
        }
    }

    /// The ids of the tasks that process, in order.
    /// The tasks that run.
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
