//! A task that the group gave to a thread, from its first partition to its operators.

use super::restore::Restoring;
use super::retry::Retry;
use super::task::{OpenStores, Readiness, Task};
use crate::engine::SharedEngine;
use crate::engine::memory::MemoryEngine;
use crate::log::{Call, Consumer, Offsets};
use crate::metrics::TaskMetrics;
use crate::record::TopicPartition;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A task of a thread.
pub(super) struct Assigned {
    /// Names the task's messages in deliveries; another one each time the task is opened.
    pub(super) number: u32,
    /// The partitions that are here.
    pub(super) partitions: BTreeSet<TopicPartition>,
    /// Holds the stores in memory across rollbacks.
    pub(super) memory: SharedEngine,
    /// Its local rows cannot be trusted: they are deleted when it is opened.
    pub(super) is_corrupt: bool,
    /// Of opening it; its inputs have their own.
    pub(super) retry: Retry,
    pub(super) metrics: TaskMetrics,
    pub(super) stage: Stage,
    /// What a broken variant believes to be committed.
    #[cfg(feature = "broken")]
    pub(super) committed: BTreeMap<TopicPartition, i64>,
}

/// How far a task is.
///
/// ```text
/// Waiting -> Offsets -> Ends -> Restoring -> Running
///    ^----------'---------'---------'----------'  rollback, or another attempt
/// ```
pub(super) enum Stage {
    /// For the rest of its partitions, and for another thread to let go of it: two writers would spoil its rows.
    Waiting {
        /// Since when, in milliseconds since the epoch.
        since_ms: i64,
    },
    /// Reads where its inputs go on: before the changelogs' ends, so that no commit can fall between the two.
    Offsets {
        /// Since when, in milliseconds since the epoch.
        since_ms: i64,
        /// The question.
        call: Call<Offsets>,
    },
    /// Asks how far its changelogs go.
    Ends {
        /// Since when, in milliseconds since the epoch.
        since_ms: i64,
        /// Its open stores.
        open: OpenStores,
        /// The answer before.
        committed: Offsets,
        /// The question.
        call: Call<BTreeMap<TopicPartition, i64>>,
    },
    /// Brings its stores to the ends of their changelogs.
    Restoring(Restoring),
    /// Processes.
    Running(Box<Running>),
}

/// A task that processes.
pub(super) struct Running {
    pub(super) task: Task,
    /// Since when some input is known to have nothing, in milliseconds since the epoch; kept while all are empty.
    pub(super) idle_since_ms: Option<i64>,
    /// What was committed for its inputs.
    pub(super) committed: BTreeMap<TopicPartition, i64>,
    /// Inputs whose next record cannot be taken yet, each with a patience of its own.
    pub(super) troubled: BTreeMap<usize, Retry>,
    /// Inputs that came later, and the question where they go on.
    pub(super) later: Option<(Vec<TopicPartition>, Call<Offsets>)>,
    /// Dropped records that are counted already.
    pub(super) dropped: u64,
    /// Records that were processed though an input was empty.
    pub(super) enforced: u64,
    /// Held as long as its operators may read global tables.
    _reads_globals: Option<Arc<()>>,
}

impl Assigned {
    pub(super) fn new(number: u32, metrics: TaskMetrics, now_ms: i64) -> Self {
        Assigned {
            number,
            partitions: BTreeSet::new(),
            memory: Arc::new(MemoryEngine::default()),
            is_corrupt: false,
            retry: Retry::default(),
            metrics,
            stage: Stage::Waiting { since_ms: now_ms },
            #[cfg(feature = "broken")]
            committed: BTreeMap::new(),
        }
    }

    pub(super) fn running(&mut self) -> Option<&mut Running> {
        match &mut self.stage {
            Stage::Running(running) => Some(running),
            _ => None,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Running(_))
    }
}

impl Running {
    pub(super) fn new(task: Task, committed: &Offsets, reads_globals: Option<Arc<()>>) -> Self {
        let committed = committed.iter().map(|(partition, committed)| (partition.clone(), committed.offset)).collect();
        Running {
            task,
            idle_since_ms: None,
            committed,
            troubled: BTreeMap::new(),
            later: None,
            dropped: 0,
            enforced: 0,
            _reads_globals: reads_globals,
        }
    }

    /// Whether the next record may be taken: the smallest time is known, or was waited for long enough
    /// (`max.task.idle.ms`).
    pub(super) fn may_process(&mut self, consumer: &dyn Consumer, max_idle_ms: i64, now_ms: i64) -> bool {
        match self.task.readiness() {
            Readiness::Empty => false,
            Readiness::Full => {
                self.idle_since_ms = None;
                true
            }
            Readiness::Partial if max_idle_ms < 0 => {
                self.enforced += 1;
                true
            }
            Readiness::Partial => self.has_waited(consumer, max_idle_ms, now_ms),
        }
    }

    /// Since when a record waits for the inputs that have none.
    pub(super) fn waits_since_ms(&self) -> Option<i64> {
        self.idle_since_ms.filter(|_| self.task.readiness() == Readiness::Partial)
    }

    fn has_waited(&mut self, consumer: &dyn Consumer, max_idle_ms: i64, now_ms: i64) -> bool {
        let partitions: Vec<&TopicPartition> = self.task.partitions().collect();
        // What the log is known to have comes first, however long it takes.
        if self.task.empty_inputs().any(|input| consumer.lag(partitions[input]) != Some(0)) {
            return false;
        }
        let since_ms = *self.idle_since_ms.get_or_insert(now_ms);
        let has_waited = now_ms.saturating_sub(since_ms) >= max_idle_ms;
        self.enforced += u64::from(has_waited);
        has_waited
    }

    /// The offset to commit for each input: of the oldest record that is not processed, else where the consumer stands, which is
    /// behind control records.
    pub(super) fn offsets(&self, consumer: &dyn Consumer) -> Offsets {
        let of_input = |(input, progress): (usize, super::task::Progress)| {
            let position = match self.task.buffered(input) {
                0 => consumer.position(&progress.partition).max(progress.offset),
                _ if broken!(OffsetsOfFetched) => consumer.position(&progress.partition),
                _ => progress.offset,
            };
            let metadata = progress.metadata;
            Some((progress.partition, crate::log::OffsetAndMetadata { offset: position?, metadata }))
        };
        self.task.progress().into_iter().enumerate().filter_map(of_input).collect()
    }

    /// Whether every input is read to its end and processed.
    pub(super) fn is_at_end(&self, consumer: &dyn Consumer) -> bool {
        let is_read = |partition: &TopicPartition| consumer.lag(partition) == Some(0);
        self.task.readiness() == Readiness::Empty && self.task.partitions().all(is_read)
    }

    /// Whether an input's position has moved since the last commit though nothing was processed: control records.
    pub(super) fn has_moved(&self, consumer: &dyn Consumer) -> bool {
        let behind = |(input, partition): (usize, &TopicPartition)| {
            self.task.buffered(input) == 0
                && self.committed.get(partition).is_some_and(|known| consumer.position(partition) > Some(*known))
        };
        self.task.partitions().enumerate().any(behind)
    }
}

/// For the broken variant that asks nobody.
#[cfg(feature = "broken")]
impl Assigned {
    pub(super) fn believed(&self, mut committed: Offsets) -> Offsets {
        for (partition, offset) in self.committed.iter().filter(|_| broken!(OutcomeAssumed)) {
            let metadata = committed.get(partition).map(|known| known.metadata.clone()).unwrap_or_default();
            committed.insert(partition.clone(), crate::log::OffsetAndMetadata { offset: *offset, metadata });
        }
        committed
    }
}
