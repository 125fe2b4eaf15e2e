//! Opening tasks: from the group's decision to operators that process.

use super::{Stage, StreamThread};
use crate::error::{Error, ErrorKind, Result, Scope};
use crate::log::{Budget, Call, OffsetAt, Offsets, Start};
use crate::record::{TaskId, TopicPartition};
use crate::runtime::assigned::{Assigned, Running};
use crate::runtime::restore::Restoring;
use crate::runtime::task::{OpenStores, Task, TaskSettings};
use crate::store::Changelog;
use crate::topology::{Blueprint, Subtopology};
use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::task::Poll;

/// What restoring may take of one step while no task processes.
const RESTORE_RECORDS_MAX: usize = 5_000;

/// The same while tasks process: half of what they may take.
const RESTORE_RECORDS_BESIDE_MAX: usize = super::running::STEP_RECORDS_MAX / 2;

/// The most bytes that are restored in one piece.
const RESTORE_BYTES_MAX: usize = 1 << 20;

impl StreamThread {
    /// Brings every task that does not process yet a bit further. True if one of them moved.
    pub(super) fn open_tasks(&mut self, now_ms: i64) -> Result<bool> {
        let opening: Vec<TaskId> =
            self.tasks.iter().filter(|(_, assigned)| !assigned.is_running()).map(|(task, _)| *task).collect();
        let is_beside = opening.len() < self.tasks.len();
        let mut left = if is_beside { RESTORE_RECORDS_BESIDE_MAX } else { RESTORE_RECORDS_MAX };
        let mut moved = false;
        for task in opening {
            self.current = Some(task);
            moved |= self.open_task(task, &mut left, now_ms)?;
        }
        self.current = None;
        Ok(moved)
    }

    fn open_task(&mut self, task: TaskId, left: &mut usize, now_ms: i64) -> Result<bool> {
        let Some(mut assigned) = self.tasks.remove(&task) else { return Ok(false) };
        let opened = self.open_further(task, &mut assigned, left, now_ms);
        let has_failed = opened.is_err();
        let opened = opened.or_else(|error| {
            assigned.stage = Stage::Waiting { since_ms: now_ms };
            self.open_again(&mut assigned, error, now_ms)
        });
        self.tasks.insert(task, assigned);
        if has_failed {
            self.stop_idle_restores()?;
        }
        opened
    }

    /// What went wrong while a task was opened concerns it alone: nothing of it was sent yet.
    fn open_again(&self, assigned: &mut Assigned, error: Error, now_ms: i64) -> Result<bool> {
        match error.kind() {
            _ if error.scope() != Scope::Thread => return Err(error),
            ErrorKind::Corrupt => assigned.is_corrupt = true,
            ErrorKind::Timeout | ErrorKind::Pending => {}
            _ => return Err(error),
        }
        tracing::warn!(thread = self.name, %error, "opening the task again");
        assigned.retry.failed(error, now_ms, self.instance.config.task_timeout_ms)?;
        Ok(false)
    }

    fn open_further(&mut self, task: TaskId, assigned: &mut Assigned, left: &mut usize, now_ms: i64) -> Result<bool> {
        match &mut assigned.stage {
            Stage::Waiting { since_ms } => {
                let since_ms = *since_ms;
                self.begin_opening(task, assigned, since_ms, now_ms)
            }
            Stage::Offsets { since_ms, call } => {
                let Poll::Ready(committed) = call.poll(now_ms)? else {
                    return self.be_patient("where inputs go on", *since_ms, now_ms);
                };
                #[cfg(feature = "broken")]
                let committed = assigned.believed(committed);
                let open = self.open_stores(task, assigned, now_ms)?;
                let changelogs: Vec<TopicPartition> =
                    (0..open.stores.len()).filter_map(|store| open.stores.changelog(store)).collect();
                let end = if broken!(RestoreToLastStable) { OffsetAt::LastStable } else { OffsetAt::End };
                let call = self.admin.offsets(&changelogs, end);
                assigned.stage = Stage::Ends { since_ms: now_ms, open, committed, call };
                Ok(true)
            }
            Stage::Ends { since_ms, call, .. } => {
                let Poll::Ready(ends) = call.poll(now_ms)? else {
                    return self.be_patient("where changelogs end", *since_ms, now_ms);
                };
                self.begin_restoring(task, assigned, &ends, now_ms)
            }
            Stage::Restoring(restoring) if restoring.is_done() => {
                if self.instance.lacks_globals() {
                    return Ok(false);
                }
                self.retire_restoring(task, assigned, now_ms)?;
                Ok(true)
            }
            Stage::Restoring(restoring) => {
                let budget = Budget { records: *left, bytes: RESTORE_BYTES_MAX };
                let (jobs, restored) = (restoring.jobs_left(), restoring.restored());
                let read =
                    if *left == 0 { 0 } else { self.restorer.step(&self.instance, restoring, budget, now_ms)? };
                *left -= read.min(*left);
                // A task that is opened again restores again: the counter goes on.
                let before = if broken!(RestoredCountedAnew) { assigned.metrics.counts.restored } else { restored };
                assigned.metrics.counts.restored += restoring.restored() - before;
                assigned.metrics.counts.restore_remaining = restoring.remaining();
                Ok(read > 0 || restoring.jobs_left() < jobs)
            }
            Stage::Running(_) => Ok(false),
        }
    }

    /// An answer that has not come yet is waited for, but not forever.
    fn be_patient(&self, question: &str, since_ms: i64, now_ms: i64) -> Result<bool> {
        let limit_ms = self.instance.config.task_timeout_ms;
        if now_ms.saturating_sub(since_ms) <= limit_ms {
            return Ok(false);
        }
        let sentence = format!("the log did not say {question}");
        Err(Error::new(ErrorKind::Timeout, sentence).with_detail(format!("within {limit_ms} ms")).answered())
    }

    fn begin_opening(&mut self, task: TaskId, assigned: &mut Assigned, since_ms: i64, now_ms: i64) -> Result<bool> {
        if !assigned.retry.is_due(now_ms)
            || assigned.partitions.iter().any(|partition| self.revoked.contains(partition))
        {
            return Ok(false);
        }
        let needed = self.resolved().plan.partitions_of(task);
        if !needed.is_subset(&assigned.partitions) && !broken!(PartialTask) {
            return match now_ms.saturating_sub(since_ms) > self.patience_with_group_ms() {
                true => Err(partial(&needed, &assigned.partitions)),
                false => Ok(false),
            };
        }
        if !self.instance.tasks.take(task, self.thread) {
            return Ok(false);
        }
        let partitions: Vec<TopicPartition> = assigned.partitions.iter().cloned().collect();
        assigned.stage = Stage::Offsets { since_ms: now_ms, call: self.consumer.committed(&partitions) };
        Ok(true)
    }

    /// How long the group may keep a task's partitions apart. While a topic is new some members know it and some do not: each
    /// looks within a metadata age, or is given up after its session; then all are assigned once more.
    fn patience_with_group_ms(&self) -> i64 {
        let config = &self.instance.config;
        if broken!(Impatient) {
            return config.metadata_max_age_ms;
        }
        let looks_ms = 2_i64.saturating_mul(config.metadata_max_age_ms).saturating_add(2 * config.session_timeout_ms);
        looks_ms.max(config.task_timeout_ms)
    }

    fn open_stores(&self, task: TaskId, assigned: &mut Assigned, now_ms: i64) -> Result<OpenStores> {
        let (blueprint, memory, budget) = (&self.instance.blueprint, assigned.memory.clone(), self.budget.clone());
        let subtopology = subtopology(blueprint, task);
        let open = OpenStores::open(blueprint, subtopology, task, &self.settings(), memory, budget, now_ms)?;
        if mem::take(&mut assigned.is_corrupt) {
            for store in 0..open.stores.len() {
                if open.stores.spec(store).changelog != Changelog::Off {
                    open.stores.wipe(store)?;
                    self.instance.counters.stores_wiped.add(1);
                }
            }
        }
        Ok(open)
    }

    fn begin_restoring(
        &mut self,
        task: TaskId,
        assigned: &mut Assigned,
        ends: &BTreeMap<TopicPartition, i64>,
        now_ms: i64,
    ) -> Result<bool> {
        let stage = mem::replace(&mut assigned.stage, Stage::Waiting { since_ms: now_ms });
        if let Stage::Ends { open, committed, .. } = stage {
            let restoring = Restoring::new(&self.instance, task, open, committed, ends, now_ms)?;
            restoring.log_begin(task);
            assigned.stage = Stage::Restoring(restoring);
        }
        Ok(true)
    }

    fn retire_restoring(&mut self, task: TaskId, assigned: &mut Assigned, now_ms: i64) -> Result<()> {
        let stage = mem::replace(&mut assigned.stage, Stage::Waiting { since_ms: now_ms });
        if let Stage::Restoring(restoring) = stage {
            restoring.log_end(task, now_ms);
            let running = self.wire(task, assigned, restoring)?;
            assigned.number = self.next_number;
            self.next_number += 1;
            assigned.retry.succeeded();
            self.instance.tasks.publish(task, self.thread, running.task.stores().query_source());
            self.count_opened();
            assigned.stage = Stage::Running(Box::new(running));
        }
        Ok(())
    }

    fn wire(&mut self, task: TaskId, assigned: &Assigned, restoring: Restoring) -> Result<Running> {
        let (blueprint, globals) = (self.instance.blueprint.clone(), self.instance.globals());
        let settings =
            TaskSettings { globals: globals.as_ref().map(|globals| globals.source.clone()), ..self.settings() };
        let subtopology = subtopology(&blueprint, task);
        let Restoring { open, committed, .. } = restoring;
        let partitions: Vec<TopicPartition> = assigned.partitions.iter().cloned().collect();
        let mut wired = Task::wire(&blueprint, subtopology, &settings, open, &partitions)?;
        for (input, partition) in partitions.iter().enumerate() {
            if let Some(committed) = committed.get(partition) {
                wired.resume(input, &committed.metadata);
            }
        }
        self.consumer.assign(&self.starts(task, &partitions, &committed)?)?;
        Ok(Running::new(wired, &committed, globals.map(|globals| globals.readers)))
    }

    /// Where inputs are read on.
    fn starts(
        &self,
        task: TaskId,
        partitions: &[TopicPartition],
        committed: &Offsets,
    ) -> Result<Vec<(TopicPartition, Start)>> {
        let start = |partition: &TopicPartition| match committed.get(partition) {
            Some(committed) => Ok((partition.clone(), Start::Offset(committed.offset))),
            None => Ok((partition.clone(), self.first_start(task, partition)?)),
        };
        partitions.iter().map(start).collect()
    }

    /// Gives running tasks the partitions of topics that have come to match their pattern.
    pub(super) fn take_later_inputs(&mut self, now_ms: i64) -> Result<bool> {
        let mut moved = false;
        for task in self.running_ids() {
            if let Some((partitions, committed)) = self.poll_later_inputs(task, now_ms)? {
                let starts = self.starts(task, &partitions, &committed)?;
                self.consumer.assign(&starts)?;
                moved = true;
                tracing::info!(thread = self.name, %task, ?partitions, "inputs were added");
            }
        }
        Ok(moved)
    }

    fn poll_later_inputs(&mut self, task: TaskId, now_ms: i64) -> Result<Option<(Vec<TopicPartition>, Offsets)>> {
        let StreamThread { tasks, consumer, .. } = self;
        let Some(Assigned { partitions, stage: Stage::Running(running), .. }) = tasks.get_mut(&task) else {
            return Ok(None);
        };
        if running.later.is_none() {
            let new: Vec<TopicPartition> =
                partitions.iter().filter(|partition| running.task.input_number(partition).is_none()).cloned().collect();
            if !new.is_empty() {
                let call: Call<Offsets> = consumer.committed(&new);
                running.later = Some((new, call));
            }
        }
        let Some((_, call)) = &mut running.later else { return Ok(None) };
        let Poll::Ready(answer) = call.poll(now_ms) else { return Ok(None) };
        let asked = running.later.take().map(|(asked, _)| asked).unwrap_or_default();
        let committed = answer?;
        for partition in &asked {
            running.task.add_input(partition.clone())?;
            if let (Some(input), Some(committed)) = (running.task.input_number(partition), committed.get(partition)) {
                running.task.resume(input, &committed.metadata);
                running.committed.insert(partition.clone(), committed.offset);
            }
        }
        Ok(Some((asked, committed)))
    }
}

/// The sub-topology of a task.
pub(super) fn subtopology(blueprint: &Blueprint, task: TaskId) -> &Subtopology {
    let found = blueprint.subtopologies.iter().find(|subtopology| subtopology.id == task.subtopology);
    found.expect("task ids are made from the blueprint's sub-topologies")
}

fn partial(needed: &BTreeSet<TopicPartition>, here: &BTreeSet<TopicPartition>) -> Error {
    let names = |partitions: &mut dyn Iterator<Item = &TopicPartition>| {
        partitions.map(|partition| format!("`{partition}`")).collect::<Vec<_>>().join(", ")
    };
    Error::new(
        ErrorKind::Config,
        format!(
            "the group keeps apart partitions that a task needs together: {} did not come",
            names(&mut needed.difference(here))
        ),
    )
    .with_detail(format!("here are {}", names(&mut here.iter())))
    .with_hint("the topics that one task reads must have equal numbers of partitions")
}
