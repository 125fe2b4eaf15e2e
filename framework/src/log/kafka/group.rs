//! Membership of a group: what librdkafka says of it becomes events, and what the runtime does becomes answers.
//!
//! librdkafka waits for an answer to each rebalance before it goes on. What comes is answered at once, with the partitions paused,
//! because reading them begins much later, when their state is restored; so no later call of the runtime can be taken
//! for the answer to another rebalance. What is to go is answered when all of it was given back.

use super::native::{NativeConsumer, PartitionQueue};
use super::signal::Signal;
use crate::log::GroupEvent;
use crate::record::{Topic, TopicPartition};
use rdkafka::consumer::{Consumer as _, RebalanceProtocol};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// What a consumer has by its group.
#[derive(Default)]
pub(super) struct Membership {
    pub(super) topics: BTreeSet<Topic>,
    pub(super) owned: BTreeSet<TopicPartition>,
    /// Owned and not read: librdkafka has paused them.
    pub(super) parked: BTreeMap<TopicPartition, PartitionQueue>,
    /// To be given back, as librdkafka named them; it waits for them.
    revoked: Vec<TopicPartition>,
    /// Of these, what was not given back yet.
    unreleased: BTreeSet<TopicPartition>,
    pub(super) events: VecDeque<GroupEvent>,
}

impl Membership {
    /// Whether librdkafka waits for partitions to be given back.
    pub(super) fn is_giving_back(&self) -> bool {
        !self.revoked.is_empty()
    }

    /// These partitions come.
    pub(super) fn assigned(
        &mut self,
        client: &Arc<NativeConsumer>,
        partitions: Vec<TopicPartition>,
        signal: &Arc<Signal>,
    ) -> KafkaResult<()> {
        // The order matters: first apart, so that nothing goes to the common queue; then paused, so that nothing is fetched; then taken.
        for partition in &partitions {
            if let Some(queue) = PartitionQueue::split(client, partition, signal) {
                self.parked.insert(partition.clone(), queue);
            }
        }
        client.pause(&list(&partitions, None))?;
        let taken = list(&partitions, Some(Offset::Offset(0)));
        match is_incremental(client) {
            true => client.incremental_assign(&taken)?,
            false => client.assign(&taken)?,
        }
        self.owned.extend(partitions.iter().cloned());
        if !partitions.is_empty() {
            self.events.push_back(GroupEvent::Assigned(partitions));
        }
        Ok(())
    }

    /// These partitions are to go.
    pub(super) fn revoked(&mut self, client: &NativeConsumer, partitions: Vec<TopicPartition>) -> KafkaResult<()> {
        if partitions.is_empty() {
            return answer_revocation(client, &partitions);
        }
        self.unreleased = partitions.iter().cloned().collect();
        self.revoked.clone_from(&partitions);
        self.events.push_back(GroupEvent::Revoked(partitions));
        Ok(())
    }

    /// These partitions are gone.
    pub(super) fn lost(&mut self, client: &NativeConsumer, partitions: Vec<TopicPartition>) -> KafkaResult<()> {
        self.forget(&partitions);
        // What was assigned or asked back and nobody has heard of yet is lost with the rest.
        self.events.retain(|event| matches!(event, GroupEvent::Lost(_)));
        (self.revoked, self.unreleased) = (Vec::new(), BTreeSet::new());
        answer_revocation(client, &partitions)?;
        if !partitions.is_empty() {
            self.events.push_back(GroupEvent::Lost(partitions));
        }
        Ok(())
    }

    /// A partition was given back. True if it is one that was revoked.
    pub(super) fn released(&mut self, client: &NativeConsumer, partition: &TopicPartition) -> KafkaResult<bool> {
        if !self.unreleased.remove(partition) {
            return Ok(self.revoked.contains(partition));
        }
        if self.unreleased.is_empty() {
            self.give_back(client)?;
        }
        Ok(true)
    }

    /// Answers an open revocation.
    pub(super) fn give_back(&mut self, client: &NativeConsumer) -> KafkaResult<()> {
        let revoked = std::mem::take(&mut self.revoked);
        self.unreleased.clear();
        if revoked.is_empty() {
            return Ok(());
        }
        self.forget(&revoked);
        answer_revocation(client, &revoked)
    }

    fn forget(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.owned.remove(partition);
            self.parked.remove(partition);
        }
    }
}

/// Whether the group's protocol lets partitions come and go one by one.
pub(super) fn is_incremental(client: &NativeConsumer) -> bool {
    !matches!(client.rebalance_protocol(), RebalanceProtocol::Eager)
}

fn answer_revocation(client: &NativeConsumer, partitions: &[TopicPartition]) -> KafkaResult<()> {
    if is_incremental(client) { client.incremental_unassign(&list(partitions, None)) } else { client.unassign() }
}

/// Partitions as librdkafka takes them.
pub(super) fn list(partitions: &[TopicPartition], offset: Option<Offset>) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        let mut element = list.add_partition(partition.topic.as_str(), partition.partition);
        if let Some(offset) = offset {
            // Only numbers below zero are refused.
            element.set_offset(offset).expect("an offset is not negative");
        }
    }
    list
}

/// Partitions as librdkafka named them, in order.
pub(super) fn named(partitions: Vec<(String, i32)>) -> Vec<TopicPartition> {
    let mut named: Vec<_> =
        partitions.into_iter().map(|(topic, partition)| TopicPartition::new(topic, partition)).collect();
    named.sort();
    named
}
