//! Groups: members that come and go, committed offsets.

use super::errors;
use super::faults::{Fault, Operation};
use super::group::{Group, Introduction};
use super::state::State;
use crate::error::Result;
use crate::log::{GroupEvent, GroupMetadata, Offsets};
use crate::record::{Topic, TopicPartition};
use std::collections::BTreeSet;
use std::task::Poll;

impl State {
    /// A new member of a group. Returns its id.
    pub(super) fn join(&mut self, group: &str, introduction: Introduction) -> String {
        let member = format!("{}-{:06}", introduction.client_id, self.ids.member);
        self.ids.member += 1;
        let (ids, now_ms) = (self.ids, self.now_ms);
        self.journal(|journal| journal.put_ids(&ids));
        self.groups.entry(group.to_owned()).or_default().join(member.clone(), introduction, now_ms);
        member
    }

    /// A member asks for news: its generation and the next event. `None`: it is no member (any more).
    pub(super) fn poll_member(&mut self, group: &str, member: &str) -> Option<(i32, Option<GroupEvent>)> {
        let now_ms = self.now_ms;
        self.groups.get_mut(group)?.poll(member, now_ms)
    }

    /// A member changes its subscription.
    pub(super) fn resubscribe(&mut self, group: &str, member: &str, topics: BTreeSet<Topic>) {
        if let Some(group) = self.groups.get_mut(group) {
            group.resubscribe(member, topics);
        }
    }

    /// A member has given partitions back.
    pub(super) fn release(&mut self, group: &str, member: &str, partitions: &[TopicPartition]) {
        if let Some(group) = self.groups.get_mut(group) {
            group.release(member, partitions);
        }
        self.version += 1;
    }

    /// A member leaves.
    pub(super) fn leave(&mut self, group: &str, member: &str) {
        if let Some(group) = self.groups.get_mut(group) {
            group.remove(member);
        }
    }

    /// Commits offsets for a group outside of transactions.
    pub(super) fn commit_offsets(&mut self, speaker: &GroupMetadata, offsets: &Offsets) -> Result<()> {
        let group = self.groups.entry(speaker.group.clone()).or_default();
        if !group.accepts(speaker) {
            return Err(errors::stale_member(&speaker.group, &speaker.member));
        }
        self.set_offsets(&speaker.group, offsets);
        Ok(())
    }

    /// Sets committed offsets. Those of topics that do not exist are left out.
    pub(super) fn set_offsets(&mut self, group: &str, offsets: &Offsets) {
        let known = self.groups.entry(group.to_owned()).or_default();
        for (partition, offset) in offsets {
            if self.topics.contains_key(&partition.topic) {
                known.offsets.insert(partition.clone(), offset.clone());
                if let Some(journal) = &mut self.journal {
                    journal.put_offset(group, partition, offset);
                }
            }
        }
    }

    /// The committed offsets of a group for these partitions. With `stable` pending while a transaction has undecided offsets
    /// for one of them.
    pub(super) fn committed(&self, group: &str, partitions: &[TopicPartition], stable: bool) -> Poll<Offsets> {
        let Some(group) = self.groups.get(group) else { return Poll::Ready(Offsets::new()) };
        if stable && group.has_pending(partitions.iter()) {
            return Poll::Pending;
        }
        let offset = |partition: &TopicPartition| Some((partition.clone(), group.offsets.get(partition)?.clone()));
        Poll::Ready(partitions.iter().filter_map(offset).collect())
    }

    /// Hears of living members and removes those that were silent for too long. True if somebody was removed.
    pub(super) fn expire_members(&mut self) -> bool {
        let State { groups, faults, now_ms, .. } = self;
        let mut removed = false;
        for (name, group) in groups {
            group.hear(*now_ms, |member| {
                faults.decide(&Operation::Heartbeat { group: name, member }, *now_ms) == Fault::None
            });
            removed |= group.expire(*now_ms);
        }
        removed
    }

    /// Decides anew for groups in which something changed. True if there was one.
    pub(super) fn settle_groups(&mut self) -> bool {
        let unsettled: Vec<String> =
            self.groups.iter().filter(|(_, group)| group.unsettled).map(|(name, _)| name.clone()).collect();
        if unsettled.is_empty() {
            return false;
        }
        let counts = self.partition_counts();
        for name in &unsettled {
            let Some(group) = self.groups.get_mut(name) else { continue };
            group.settle(&counts);
            let generation = group.generation;
            self.journal(|journal| journal.put_group(name, generation));
        }
        self.version += 1;
        true
    }

    /// A group that exists.
    pub(super) fn group(&self, group: &str) -> Result<&Group> {
        self.groups.get(group).ok_or_else(|| errors::no_group(group))
    }

    /// Deletes a group without members.
    pub(super) fn delete_group(&mut self, group: &str) -> Result<()> {
        if !self.group(group)?.members.is_empty() {
            return Err(errors::group_in_use(group));
        }
        self.groups.remove(group);
        self.journal(|journal| journal.delete_group(group));
        Ok(())
    }
}
