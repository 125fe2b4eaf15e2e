//! The whole state of an embedded log, behind one lock: topics, transactional ids, groups, and what is to be written.
//!
//! Methods change the state and the journal together, and never wait. What the coordinators do is in `coordinator`
//! (transactions) and `membership` (groups); what is due by itself in `step`.

use super::cache::Cache;
use super::errors;
use super::faults::{FaultPlan, Operation};
use super::journal::{Ids, Journal, Place, TopicRow};
use super::mail::Mail;
use super::partition::{Append, Appended, Partition};
use super::topic::{TopicState, check};
use super::transaction::Transaction;
use crate::engine::Batch;
use crate::error::Result;
use crate::log::{Created, NewTopic, OffsetAt};
use crate::record::{Topic, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Everything an embedded log knows.
pub(super) struct State {
    /// The latest time any caller has told.
    pub(super) now_ms: i64,
    /// Rises with everything a waiting consumer may want to see.
    pub(super) version: u64,
    /// Topics by name.
    pub(super) topics: BTreeMap<Topic, TopicState>,
    /// Transactional ids.
    pub(super) transactions: BTreeMap<String, Transaction>,
    /// Groups by name.
    pub(super) groups: BTreeMap<String, super::group::Group>,
    /// The next numbers.
    pub(super) ids: Ids,
    /// What is to be written; `None` in memory.
    pub(super) journal: Option<Journal>,
    /// What may go wrong.
    pub(super) faults: Box<dyn FaultPlan>,
    /// What was sent and has not arrived.
    pub(super) mail: Mail,
    /// Which chunks are in memory beside the engine.
    pub(super) cache: Cache,
    /// When the timers were last looked at.
    pub(super) timers_ms: i64,
    /// When retention and compaction were last looked at.
    pub(super) housekeeping_ms: i64,
    /// Why nothing can be done any more: the engine has failed.
    pub(super) broken: Option<String>,
    topics_version: Arc<AtomicU64>,
}

impl State {
    /// An empty log.
    pub(super) fn new(journal: Option<Journal>, cache: Cache, topics_version: Arc<AtomicU64>) -> Self {
        State {
            now_ms: i64::MIN,
            version: 1,
            topics: BTreeMap::new(),
            transactions: BTreeMap::new(),
            groups: BTreeMap::new(),
            ids: Ids::default(),
            journal,
            faults: Box::new(|_: &Operation<'_>, _: i64| super::faults::Fault::None),
            mail: Mail::default(),
            cache,
            timers_ms: i64::MIN,
            housekeeping_ms: i64::MIN,
            broken: None,
            topics_version,
        }
    }

    /// Adds rows to the journal of a durable log.
    pub(super) fn journal(&mut self, write: impl FnOnce(&mut Journal)) {
        if let Some(journal) = &mut self.journal {
            write(journal);
        }
    }

    /// Takes what is to be written, and the number of the batch.
    pub(super) fn take_journal(&mut self) -> Option<(Batch, u64)> {
        let topics = &self.topics;
        let row = |partition: &TopicPartition| {
            let topic = topics.get(&partition.topic)?;
            let state = topic.partitions.get(usize::try_from(partition.partition).ok()?)?;
            Some(((topic.id, partition.partition), state.row()))
        };
        Some(self.journal.as_mut()?.take(row))
    }

    /// A topic.
    pub(super) fn topic(&self, topic: &Topic) -> Result<&TopicState> {
        self.topics.get(topic).ok_or_else(|| errors::no_topic(topic))
    }

    /// A partition.
    pub(super) fn partition(&self, partition: &TopicPartition) -> Result<&Partition> {
        let number = usize::try_from(partition.partition).ok();
        let found =
            self.topics.get(&partition.topic).zip(number).and_then(|(topic, number)| topic.partitions.get(number));
        found.ok_or_else(|| errors::no_partition(partition))
    }

    /// A partition, to be changed; its row on disk will be.
    pub(super) fn partition_mut(&mut self, partition: &TopicPartition) -> Result<(Place, &mut Partition)> {
        self.partition(partition)?;
        self.journal(|journal| journal.touch(partition));
        let topic = self.topics.get_mut(&partition.topic).ok_or_else(|| errors::no_topic(&partition.topic))?;
        let place = (topic.id, partition.partition);
        Ok((place, &mut topic.partitions[partition.partition as usize]))
    }

    /// An offset of a partition; `None` if only its messages can tell (a timestamp).
    pub(super) fn offset(&self, partition: &TopicPartition, at: OffsetAt) -> Result<Option<i64>> {
        let state = self.partition(partition)?;
        Ok(match at {
            OffsetAt::Beginning => Some(state.start()),
            OffsetAt::End => Some(state.end()),
            OffsetAt::LastStable => Some(state.stable_end()),
            OffsetAt::Timestamp(_) => None,
        })
    }

    /// Creates a topic, unless it exists.
    pub(super) fn create_topic(&mut self, new: &NewTopic) -> Result<Created> {
        if let Some(topic) = self.topics.get(&new.topic) {
            return Ok(Created::Existed { partitions: topic.partition_count() });
        }
        check(new)?;
        let id = self.ids.topic;
        self.ids.topic += 1;
        let now_ms = self.now_ms;
        let partitions = (0..new.partitions).map(|_| Partition::new(now_ms)).collect();
        let row = TopicRow { id, partitions: new.partitions, config: new.config.entries() };
        let ids = self.ids;
        self.journal(|journal| {
            journal.put_ids(&ids);
            journal.put_topic(&new.topic, &row);
            for number in 0..new.partitions {
                journal.touch(&TopicPartition { topic: new.topic.clone(), partition: number });
            }
        });
        self.topics.insert(new.topic.clone(), TopicState::new(id, new.config.clone(), partitions));
        self.topics_changed(&new.topic);
        Ok(Created::New)
    }

    /// Deletes a topic with its messages, its part in open transactions and the offsets committed for it.
    pub(super) fn delete_topic(&mut self, topic: &Topic) -> Result<()> {
        let id = self.topic(topic)?.id;
        self.topics.remove(topic);
        self.journal(|journal| journal.delete_topic(topic, id));
        for transaction in self.transactions.values_mut() {
            transaction.partitions.retain(|partition, _| partition.topic != *topic);
        }
        self.forget_offsets_of(topic);
        self.topics_changed(topic);
        Ok(())
    }

    fn forget_offsets_of(&mut self, topic: &Topic) {
        let State { groups, journal, .. } = self;
        for (name, group) in groups {
            let gone = group.offsets.keys().filter(|partition| partition.topic == *topic);
            if let Some(journal) = journal {
                gone.for_each(|partition| journal.delete_offset(name, partition));
            }
            group.offsets.retain(|partition, _| partition.topic != *topic);
        }
    }

    fn topics_changed(&mut self, topic: &Topic) {
        self.topics_version.fetch_add(1, Ordering::Release);
        self.version += 1;
        for group in self.groups.values_mut() {
            group.unsettled |= group.subscribes_to(topic);
        }
    }

    /// Appends messages that are not, or already, part of a transaction. Returns the offset of the first.
    pub(super) fn append(&mut self, partition: &TopicPartition, append: Append) -> Result<i64> {
        let now_ms = self.now_ms;
        let limits = self.topic(&partition.topic)?.rules.limits;
        let (place, state) = self.partition_mut(partition)?;
        match state.append(append, limits, now_ms)? {
            Appended::Duplicate(offset) => Ok(offset),
            Appended::New(chunk, closed) => {
                self.journal(|journal| {
                    journal.put_chunk(place, &chunk);
                    closed.iter().for_each(|segment| journal.put_segment(place, segment));
                });
                self.cache.added(partition, &chunk);
                self.version += 1;
                Ok(chunk.base)
            }
        }
    }

    /// Makes `start` the first offset of a partition that may be read.
    pub(super) fn advance_start(&mut self, partition: &TopicPartition, start: i64) -> Result<()> {
        let (place, state) = self.partition_mut(partition)?;
        let before = state.start();
        let (segments, aborted) = state.advance_start(start);
        let start = state.start();
        self.journal(|journal| {
            // From where the last deletion ended: the engine need not walk over what is gone already.
            journal.delete_chunks(place, before, start);
            segments.iter().for_each(|segment| journal.delete_segment(place, segment.base));
            aborted.iter().for_each(|range| journal.delete_aborted(place, range));
        });
        Ok(())
    }

    /// The partition counts of all topics.
    pub(super) fn partition_counts(&self) -> BTreeMap<Topic, i32> {
        self.topics.iter().map(|(name, topic)| (name.clone(), topic.partition_count())).collect()
    }
}
