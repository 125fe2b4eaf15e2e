//! The running phase: take messages in, process them, punctuate, send.

use super::{Stage, Stepped, StreamThread};
use crate::error::{ErrorKind, Result};
use crate::log::{Budget, Start};
use crate::record::{TaskId, TopicPartition};
use crate::runtime::assigned::Assigned;
use std::ops::ControlFlow;

/// The most records that one step processes.
pub(super) const STEP_RECORDS_MAX: usize = 1_000;

/// The most records of one task before the next has its turn.
const TURN_RECORDS_MAX: usize = 100;

/// The most bytes that one fetch takes of one partition.
const FETCH_BYTES_MAX: usize = 1 << 20;

/// A look at the group, and at whether the instance is to end, is never further away.
const IDLE_MS_MAX: i64 = 100;

/// What one task did in its turn.
struct Turn {
    records: usize,
    /// The producer's queue is full.
    is_blocked: bool,
}

impl StreamThread {
    /// One round: open, take in, process, punctuate, send; then perhaps begin a commit.
    pub(super) fn run(&mut self, now_ms: i64) -> Result<Stepped> {
        if self.lost {
            self.roll_back_lost(now_ms);
            return Ok(Stepped::Busy);
        }
        if self.instance.lacks_globals() && self.running().next().is_some() {
            self.roll_back_without_globals(now_ms);
            return Ok(Stepped::Busy);
        }
        if !self.rollbacks.is_due(now_ms) && !self.is_ending() {
            return Ok(Stepped::Idle { until_ms: self.rollbacks.due_ms() });
        }
        let mut did = self.refresh(now_ms)?;
        did |= self.open_tasks(now_ms)?;
        did |= self.take_later_inputs(now_ms)?;
        let unanswered = self.outlet.take_deliveries(now_ms)?;
        // A full queue is back-pressure: no further input while something waits to be sent.
        let is_blocked = !self.drain(now_ms)? || !self.work(now_ms, &mut did)?;
        if broken!(ReleaseBeforeCommit) {
            self.release_revoked(now_ms)?;
        }
        self.poll_purge(now_ms);
        if self.is_commit_due(now_ms) && self.begin_commit(now_ms)? {
            return Ok(Stepped::Busy);
        }
        Ok(match did {
            true => Stepped::Busy,
            false if is_blocked || unanswered > 0 => Stepped::soon(now_ms),
            false => Stepped::Idle { until_ms: self.next_due_ms(now_ms) },
        })
    }

    /// False if the producer's queue is full.
    fn work(&mut self, now_ms: i64, did: &mut bool) -> Result<bool> {
        // What is done is committed all the same, and the group is heard.
        if self.instance.board.is_paused() {
            return Ok(true);
        }
        *did |= self.fetch(now_ms)?;
        let is_free = self.process(now_ms, did)?;
        *did |= self.punctuate(now_ms)?;
        Ok(self.drain(now_ms)? && is_free)
    }

    /// Hands over what tasks have sent; false if the producer's queue is full.
    pub(super) fn drain(&mut self, now_ms: i64) -> Result<bool> {
        let StreamThread { tasks, outlet, .. } = self;
        for assigned in tasks.values_mut() {
            let Assigned { number, stage: Stage::Running(running), .. } = assigned else { continue };
            if !outlet.drain(*number, &mut running.task.outbox().borrow_mut(), now_ms)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Fills the queues of inputs that have room. True if something came.
    fn fetch(&mut self, now_ms: i64) -> Result<bool> {
        let mut came = false;
        for task in self.running_ids() {
            self.current = Some(task);
            let Some(running) = self.tasks.get_mut(&task).and_then(Assigned::running) else { continue };
            running.task.record_context().set_wall_clock(now_ms);
            let partitions: Vec<TopicPartition> = running.task.partitions().cloned().collect();
            for (input, partition) in partitions.iter().enumerate() {
                came |= match self.fetch_input(task, input, partition, now_ms) {
                    Err(error) if error.kind() == ErrorKind::OutOfRange => {
                        self.reset(task, partition, error)?;
                        true
                    }
                    fetched => fetched?,
                };
            }
        }
        self.current = None;
        Ok(came)
    }

    fn fetch_input(&mut self, task: TaskId, input: usize, partition: &TopicPartition, now_ms: i64) -> Result<bool> {
        let StreamThread { tasks, consumer, instance, .. } = self;
        let Some(running) = tasks.get_mut(&task).and_then(Assigned::running) else { return Ok(false) };
        let room = instance.config.buffered_records_per_partition.saturating_sub(running.task.buffered(input));
        if room == 0 || !running.troubled.get(&input).is_none_or(|retry| retry.is_due(now_ms)) {
            return Ok(false);
        }
        let budget = Budget { records: room, bytes: FETCH_BYTES_MAX };
        let mut refused = None;
        let fetched =
            consumer.fetch(partition, budget, now_ms, &mut |message| match running.task.push(input, message) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    refused = Some((message.offset, error));
                    ControlFlow::Break(())
                }
            })?;
        match refused {
            None => {
                if fetched.records > 0 {
                    running.troubled.remove(&input);
                }
                Ok(fetched.records > 0)
            }
            // Its schema is being asked for: it is offered again.
            Some((offset, error)) if error.kind() == ErrorKind::Pending => {
                consumer.seek(partition, Start::Offset(offset))?;
                let retry = running.troubled.entry(input).or_default();
                if fetched.records > 1 {
                    retry.succeeded();
                }
                retry.failed(error, now_ms, instance.config.task_timeout_ms)?;
                Ok(fetched.records > 1)
            }
            Some((_, error)) => Err(error),
        }
    }

    /// Processes, turn by turn, until the budget is spent or nothing is left; false if the producer's queue is full.
    fn process(&mut self, now_ms: i64, did: &mut bool) -> Result<bool> {
        let mut tasks = self.running_ids();
        if tasks.is_empty() {
            return Ok(true);
        }
        // Another one begins in each step.
        let first = self.first_turn % tasks.len();
        self.first_turn = self.first_turn.wrapping_add(1);
        tasks.rotate_left(first);
        let mut left = STEP_RECORDS_MAX;
        loop {
            let before = left;
            for task in &tasks {
                let turn = self.process_turn(*task, left.min(TURN_RECORDS_MAX), now_ms)?;
                left -= turn.records;
                *did |= turn.records > 0;
                if turn.is_blocked {
                    return Ok(false);
                }
            }
            if left == 0 || left == before || self.is_commit_requested {
                return Ok(true);
            }
        }
    }

    fn process_turn(&mut self, task: TaskId, records_max: usize, now_ms: i64) -> Result<Turn> {
        let StreamThread { tasks, consumer, outlet, instance, current, is_commit_requested, .. } = self;
        let mut turn = Turn { records: 0, is_blocked: false };
        let Some(Assigned { number, stage: Stage::Running(running), .. }) = tasks.get_mut(&task) else {
            return Ok(turn);
        };
        *current = Some(task);
        let max_idle_ms = instance.config.max_task_idle_ms;
        while turn.records < records_max && running.may_process(&**consumer, max_idle_ms, now_ms) {
            if !running.task.process(now_ms)? {
                break;
            }
            turn.records += 1;
            if !outlet.drain(*number, &mut running.task.outbox().borrow_mut(), now_ms)? {
                turn.is_blocked = true;
                break;
            }
            if running.task.take_commit_request() {
                *is_commit_requested = true;
                break;
            }
        }
        *current = None;
        self.count_processed(task, turn.records as u64);
        Ok(turn)
    }

    /// Runs the punctuations that are due: of stream time first, then of the wall clock.
    fn punctuate(&mut self, now_ms: i64) -> Result<bool> {
        let mut fired = 0;
        for task in self.running_ids() {
            self.current = Some(task);
            let Some(running) = self.tasks.get_mut(&task).and_then(Assigned::running) else { continue };
            fired += u64::from(running.task.punctuate_stream_time()?);
            fired += u64::from(running.task.punctuate_wall_clock(now_ms)?);
            self.is_commit_requested |= running.task.take_commit_request();
        }
        self.current = None;
        self.count_punctuations(fired);
        Ok(fired > 0)
    }

    /// When there is something to do even if the log stays as it is.
    fn next_due_ms(&mut self, now_ms: i64) -> i64 {
        if self.tasks.values().any(|assigned| !assigned.is_running()) {
            return now_ms + 1;
        }
        let commit_ms = self.last_commit_ms.saturating_add(self.instance.config.commit_interval_ms());
        if self.instance.board.is_paused() {
            return commit_ms.min(now_ms + IDLE_MS_MAX).max(now_ms + 1);
        }
        let punctuation_ms = self.running().filter_map(|(_, _, running)| running.task.next_punctuation_ms()).min();
        let max_idle_ms = self.instance.config.max_task_idle_ms;
        let waiting = self.running().filter_map(|(_, _, running)| running.waits_since_ms()).min();
        let waited_ms = waiting.map_or(i64::MAX, |since_ms| since_ms.saturating_add(max_idle_ms));
        let due_ms = punctuation_ms.unwrap_or(i64::MAX).min(commit_ms).min(waited_ms).min(now_ms + IDLE_MS_MAX);
        due_ms.max(now_ms + 1)
    }
}
