//! A task: one sub-topology over one partition, wired and open.
//!
//! It holds its inputs, its stores and its operators, takes the record with the smallest time next, and knows
//! what a commit has to write. It does not talk to the log: messages are pushed in, and what it sends waits in
//! its outbox.

use super::metadata::CommitMetadata;
use crate::config::{Config, TimestampPolicy};
use crate::engine::SharedEngine;
use crate::error::Result;
use crate::operator::{ErrorPolicies, Input, JavaHeap, PunctuationType, SinkTopics, TaskContext};
use crate::record::{Message, Outbox, RecordContext, TaskId, Topic, TopicPartition};
use crate::serde::Registry;
use crate::store::{CacheBudget, QuerySource, TaskStores, TaskStoresConfig};
use crate::topology::{Blueprint, Chain, Subtopology, Surroundings};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// What every task of an instance is opened with.
#[derive(Clone)]
pub(crate) struct TaskSettings {
    pub(crate) application_id: Arc<str>,
    pub(crate) policies: ErrorPolicies,
    pub(crate) default_extractor: TimestampPolicy,
    pub(crate) registry: Arc<dyn Registry>,
    /// Where persistent stores live.
    pub(crate) engine: SharedEngine,
    /// Where the committed rows of global tables are.
    pub(crate) globals: Option<QuerySource>,
    /// By changelog: a store whose last commit is older than this is restored in full, in milliseconds.
    pub(crate) tombstone_retention_ms: Rc<BTreeMap<Topic, i64>>,
    /// What is known of the topics that are written to.
    pub(crate) sink_topics: Rc<SinkTopics>,
}

impl TaskSettings {
    /// The settings that a configuration decides, with nothing known of topics yet.
    pub(crate) fn new(config: &Config, registry: Arc<dyn Registry>, engine: SharedEngine) -> Self {
        TaskSettings {
            application_id: config.application_id.as_str().into(),
            policies: ErrorPolicies::from(config),
            default_extractor: config.default_timestamp_extractor,
            registry,
            engine,
            globals: None,
            tombstone_retention_ms: Rc::default(),
            sink_topics: Rc::new(|_| None),
        }
    }
}

/// What a commit writes for one input partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) partition: TopicPartition,
    /// The offset of the next record to process; `None` if none was taken yet.
    pub(crate) offset: Option<i64>,
    pub(crate) metadata: String,
}

struct TaskInput {
    partition: TopicPartition,
    input: Rc<dyn Input>,
    /// Whether the partition stands in the queue by time.
    queued: bool,
}

/// A running task.
pub(crate) struct Task {
    context: Rc<TaskContext>,
    stores: Rc<TaskStores>,
    /// Opens inputs for partitions that come later; the operators themselves are held by the inputs.
    chain: Chain,
    sources: Vec<crate::topology::NodeId>,
    inputs: Vec<TaskInput>,
    by_time: JavaHeap<usize>,
    commit_needed: bool,
}

/// A task's stores before its operators are wired: what restore works on.
pub(crate) struct OpenStores {
    pub(crate) context: Rc<TaskContext>,
    pub(crate) stores: Rc<TaskStores>,
}

impl OpenStores {
    /// Opens the stores of a sub-topology for one task; `owner` names them in the engine.
    pub(crate) fn open(
        blueprint: &Blueprint,
        subtopology: &Subtopology,
        id: TaskId,
        settings: &TaskSettings,
        memory: SharedEngine,
        budget: Rc<CacheBudget>,
        now_ms: i64,
    ) -> Result<Self> {
        let sink_topics = settings.sink_topics.clone();
        let (application_id, policies) = (settings.application_id.clone(), settings.policies.clone());
        let context = TaskContext::new(id, application_id, policies, move |topic| sink_topics(topic));
        context.record().set_wall_clock(now_ms);
        let stores = TaskStores::new(TaskStoresConfig {
            application_id: settings.application_id.clone(),
            owner: if subtopology.is_global { "global".to_owned() } else { id.to_string() },
            partition: id.partition,
            engine: settings.engine.clone(),
            memory,
            registry: settings.registry.clone(),
            context: context.record().clone(),
            budget,
            now_ms,
            tombstone_retention_ms: settings.tombstone_retention_ms.clone(),
        });
        for name in subtopology.stores.iter() {
            if let Some(store) = blueprint.store(name).filter(|_| subtopology.is_global || !blueprint.is_global(name)) {
                stores.open(&**store)?;
            }
        }
        Ok(OpenStores { context, stores: Rc::new(stores) })
    }
}

impl Task {
    /// Wires the operators of a task whose stores are open and restored, and its inputs for these partitions.
    pub(crate) fn wire(
        blueprint: &Arc<Blueprint>,
        subtopology: &Subtopology,
        settings: &TaskSettings,
        open: OpenStores,
        partitions: &[TopicPartition],
    ) -> Result<Task> {
        let OpenStores { context, stores } = open;
        let surroundings = Surroundings {
            context: context.clone(),
            stores: stores.clone(),
            globals: settings.globals.clone(),
            registry: settings.registry.clone(),
            default_extractor: settings.default_extractor,
        };
        let chain = Chain::wire(blueprint, &subtopology.nodes, surroundings)?;
        let sources = subtopology.sources.clone();
        let (inputs, by_time) = (Vec::new(), JavaHeap::default());
        let mut task = Task { context, stores, chain, sources, inputs, by_time, commit_needed: false };
        for partition in partitions {
            task.add_input(partition.clone())?;
        }
        Ok(task)
    }

    /// Opens a further input.
    pub(crate) fn add_input(&mut self, partition: TopicPartition) -> Result<()> {
        let input = self.chain.input(&self.sources, partition.clone())?;
        self.inputs.push(TaskInput { partition, input, queued: false });
        Ok(())
    }

    /// The input partitions; an input's place is its number.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.inputs.iter().map(|input| &input.partition)
    }

    /// The number of the input for a partition.
    pub(crate) fn input_number(&self, partition: &TopicPartition) -> Option<usize> {
        self.inputs.iter().position(|input| input.partition == *partition)
    }

    /// Takes up where a commit left off.
    pub(crate) fn resume(&mut self, input: usize, metadata: &str) {
        let Some(metadata) = CommitMetadata::decode(metadata).filter(|_| !broken!(StreamTimeLost)) else { return };
        self.inputs[input].input.restore_partition_time(metadata.partition_time);
        self.context.record().advance_stream_time(metadata.partition_time);
        for (name, number) in metadata.remembered {
            let remembered = self.context.remembered(&name);
            remembered.set(remembered.get().max(number));
        }
    }

    /// Decodes a message into an input's queue.
    ///
    /// # Errors
    /// `Pending` if it was not taken and must be offered again; what the error policy did not absorb.
    pub(crate) fn push(&mut self, input: usize, message: &Message<'_>) -> Result<()> {
        self.inputs[input].input.push(message)?;
        self.enqueue(input)
    }

    /// The records waiting in an input's queue.
    pub(crate) fn buffered(&self, input: usize) -> usize {
        self.inputs[input].input.len()
    }

    /// Whether some input has a record, and whether all have one.
    pub(crate) fn readiness(&self) -> Readiness {
        match self.inputs.iter().filter(|input| input.queued).count() {
            0 => Readiness::Empty,
            ready if ready == self.inputs.len() => Readiness::Full,
            _ => Readiness::Partial,
        }
    }

    /// The inputs without a record.
    pub(crate) fn empty_inputs(&self) -> impl Iterator<Item = usize> {
        self.inputs.iter().enumerate().filter(|(_, input)| !input.queued).map(|(number, _)| number)
    }

    fn enqueue(&mut self, number: usize) -> Result<()> {
        let input = &mut self.inputs[number];
        if !input.queued
            && let Some(head) = input.input.head()?
        {
            input.queued = true;
            self.by_time.push(head.timestamp, number);
        }
        self.commit_needed |= self.inputs[number].input.consumed().is_some();
        Ok(())
    }

    /// Processes the record with the smallest time; false if there is none.
    pub(crate) fn process(&mut self, now_ms: i64) -> Result<bool> {
        self.context.record().set_wall_clock(now_ms);
        let Some((_, number)) = self.by_time.pop() else { return Ok(false) };
        self.inputs[number].queued = false;
        self.commit_needed = true;
        self.inputs[number].input.process()?;
        self.enqueue(number)?;
        Ok(true)
    }

    /// Runs the punctuations that are due on stream time; true if any ran.
    pub(crate) fn punctuate_stream_time(&mut self) -> Result<bool> {
        self.punctuate(PunctuationType::StreamTime, self.context.record().stream_time())
    }

    /// Runs the punctuations that are due on the wall clock; true if any ran.
    pub(crate) fn punctuate_wall_clock(&mut self, now_ms: i64) -> Result<bool> {
        self.context.record().set_wall_clock(now_ms);
        self.context.record().set_source(None);
        self.punctuate(PunctuationType::WallClockTime, now_ms)
    }

    fn punctuate(&mut self, kind: PunctuationType, time_ms: i64) -> Result<bool> {
        let context = self.context.clone();
        let fired = context.punctuations().punctuate(kind, time_ms, |punctuate| {
            context.forget_message();
            context.record().set_timestamp(time_ms);
            context.record().set_headers(Default::default());
            punctuate(time_ms)
        })?;
        self.commit_needed |= fired;
        Ok(fired)
    }

    /// The wall-clock time of the next punctuation.
    pub(crate) fn next_punctuation_ms(&self) -> Option<i64> {
        self.context.punctuations().next_wall_clock_ms()
    }

    /// The longest interval of a punctuation on the wall clock.
    pub(crate) fn longest_punctuation_ms(&self) -> Option<i64> {
        self.context.punctuations().longest_wall_clock_ms()
    }

    /// Pushes down what caches and buffers hold back.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.context.forget_message();
        self.stores.flush()
    }

    /// Whether anything was done since the last commit.
    pub(crate) fn is_commit_needed(&self) -> bool {
        self.commit_needed
    }

    /// Whether a processor asked for a commit since the last call.
    pub(crate) fn take_commit_request(&self) -> bool {
        self.context.take_commit_request()
    }

    /// What a commit has to write for each input.
    pub(crate) fn progress(&self) -> Vec<Progress> {
        let remembered = self.context.remembered_numbers();
        let of_input = |TaskInput { partition, input, .. }: &TaskInput| Progress {
            partition: partition.clone(),
            offset: input.next_offset().or_else(|| input.consumed()),
            metadata: CommitMetadata { partition_time: input.partition_time(), remembered: remembered.clone() }
                .encode(),
        };
        self.inputs.iter().map(of_input).collect()
    }

    /// The commit is done.
    pub(crate) fn committed(&mut self) {
        self.commit_needed = false;
    }

    /// What waits to be sent.
    pub(crate) fn outbox(&self) -> &RefCell<Outbox> {
        self.context.record().outbox()
    }

    /// The task's stores.
    pub(crate) fn stores(&self) -> &Rc<TaskStores> {
        &self.stores
    }

    /// The record context.
    pub(crate) fn record_context(&self) -> &Rc<RecordContext> {
        self.context.record()
    }
}

/// How much a task has to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// No input has a record.
    Empty,
    /// Some inputs have one: the smallest time may still be to come.
    Partial,
    /// Every input has one.
    Full,
}
