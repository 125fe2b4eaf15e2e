//! One group, as its coordinator knows it: members, who owns what and who is to own what, committed offsets.
//!
//! The protocol is Kafka's newer one in small: the coordinator decides the target, and each member gets there by itself: first it
//! gives back what is to go, then it gets what is free. Nobody else stops.

use super::assignment::{Subscriber, assign};
use crate::log::{GroupEvent, GroupMetadata, Offsets};
use crate::record::{Topic, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Weak;

/// A member as it introduces itself.
#[derive(Debug, Clone)]
pub(super) struct Introduction {
    /// The client's name.
    pub(super) client_id: String,
    /// What it subscribes to.
    pub(super) topics: BTreeSet<Topic>,
    /// Unheard of for so long it is removed.
    pub(super) session_timeout_ms: i64,
    /// Not polled for so long it is removed.
    pub(super) max_poll_interval_ms: i64,
    /// Lives as long as the consumer.
    pub(super) alive: Weak<()>,
}

/// A member.
#[derive(Debug)]
pub(super) struct Member {
    /// How it introduced itself.
    pub(super) introduction: Introduction,
    /// The generation it has reached.
    pub(super) generation: i32,
    /// What it owns.
    pub(super) owned: BTreeSet<TopicPartition>,
    target: BTreeSet<TopicPartition>,
    revoking: BTreeSet<TopicPartition>,
    reached_target: bool,
    heard_ms: i64,
    polled_ms: i64,
}

/// A group.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Rises with every decision about who owns what.
    pub(super) generation: i32,
    /// The members by id.
    pub(super) members: BTreeMap<String, Member>,
    /// The committed offsets.
    pub(super) offsets: Offsets,
    /// Partitions with offsets in transactions that are not finished, by producer.
    pub(super) pending: BTreeMap<i64, BTreeSet<TopicPartition>>,
    /// Something changed that asks for a new decision.
    pub(super) unsettled: bool,
}

impl Group {
    /// A member joins.
    pub(super) fn join(&mut self, member: String, introduction: Introduction, now_ms: i64) {
        let member_state = Member {
            introduction,
            generation: 0,
            owned: BTreeSet::new(),
            target: BTreeSet::new(),
            revoking: BTreeSet::new(),
            reached_target: false,
            heard_ms: now_ms,
            polled_ms: now_ms,
        };
        self.members.insert(member, member_state);
        self.unsettled = true;
    }

    /// A member leaves or is removed; what it owned is free.
    pub(super) fn remove(&mut self, member: &str) {
        self.unsettled |= self.members.remove(member).is_some();
    }

    /// A member changes its subscription.
    pub(super) fn resubscribe(&mut self, member: &str, topics: BTreeSet<Topic>) {
        if let Some(member) = self.members.get_mut(member)
            && member.introduction.topics != topics
        {
            member.introduction.topics = topics;
            self.unsettled = true;
        }
    }

    /// Whether some member subscribes to the topic.
    pub(super) fn subscribes_to(&self, topic: &Topic) -> bool {
        self.members.values().any(|member| member.introduction.topics.contains(topic))
    }

    /// A member asks for news. `None`: it is not a member.
    pub(super) fn poll(&mut self, member: &str, now_ms: i64) -> Option<(i32, Option<GroupEvent>)> {
        let generation = self.generation;
        let known = self.members.get_mut(member)?;
        (known.heard_ms, known.polled_ms) = (now_ms, now_ms);
        if known.reached_target && known.generation == generation {
            return Some((generation, None));
        }
        let taken = self.owned_by_others(member);
        let known = self.members.get_mut(member)?;
        let event = known.reconcile(&taken, generation);
        Some((known.generation, event))
    }

    fn owned_by_others(&self, member: &str) -> BTreeSet<TopicPartition> {
        let others = self.members.iter().filter(|(id, _)| *id != member);
        others.flat_map(|(_, other)| other.owned.iter().cloned()).collect()
    }

    /// A member has given partitions back.
    pub(super) fn release(&mut self, member: &str, partitions: &[TopicPartition]) {
        let Some(member) = self.members.get_mut(member) else { return };
        for partition in partitions {
            if member.revoking.remove(partition) {
                member.owned.remove(partition);
            }
        }
    }

    /// Decides anew who is to own what.
    pub(super) fn settle(&mut self, counts: &BTreeMap<Topic, i32>) {
        self.unsettled = false;
        self.generation = self.generation.wrapping_add(1) & i32::MAX;
        let subscriber = |member: &Member| Subscriber {
            topics: member.introduction.topics.clone(),
            owned: member.target.union(&member.owned).cloned().collect(),
        };
        let subscribers: Vec<Subscriber> = self.members.values().map(subscriber).collect();
        for (member, target) in self.members.values_mut().zip(assign(&subscribers, counts)) {
            member.target = target;
            member.reached_target = false;
        }
    }

    /// Notes that living members were heard of; `heard` says whether the member's heartbeat arrives.
    pub(super) fn hear(&mut self, now_ms: i64, mut heard: impl FnMut(&str) -> bool) {
        for (id, member) in &mut self.members {
            if member.introduction.alive.strong_count() > 0 && heard(id) {
                member.heard_ms = now_ms;
            }
        }
    }

    /// Removes members that were not heard of, or not polled, for too long. True if there was one.
    pub(super) fn expire(&mut self, now_ms: i64) -> bool {
        let before = self.members.len();
        self.members.retain(|_, member| {
            now_ms.saturating_sub(member.heard_ms) <= member.introduction.session_timeout_ms
                && now_ms.saturating_sub(member.polled_ms) <= member.introduction.max_poll_interval_ms
        });
        self.unsettled |= self.members.len() < before;
        self.members.len() < before
    }

    /// Whether this speaker may commit for the group.
    pub(super) fn accepts(&self, speaker: &GroupMetadata) -> bool {
        if speaker.generation < 0 {
            return self.members.is_empty();
        }
        self.members.get(&speaker.member).is_some_and(|member| member.generation == speaker.generation)
    }

    /// Whether an unfinished transaction has offsets for one of the partitions.
    pub(super) fn has_pending<'a>(&self, mut partitions: impl Iterator<Item = &'a TopicPartition>) -> bool {
        partitions.any(|partition| self.pending.values().any(|pending| pending.contains(partition)))
    }
}

impl Member {
    fn reconcile(&mut self, taken: &BTreeSet<TopicPartition>, generation: i32) -> Option<GroupEvent> {
        let revoke: Vec<_> =
            self.owned.difference(&self.target).filter(|p| !self.revoking.contains(p)).cloned().collect();
        if !revoke.is_empty() {
            self.revoking.extend(revoke.iter().cloned());
            return Some(GroupEvent::Revoked(revoke));
        }
        if !self.revoking.is_empty() {
            return None;
        }
        self.generation = generation;
        let free: Vec<_> = self.target.difference(&self.owned).filter(|p| !taken.contains(p)).cloned().collect();
        self.owned.extend(free.iter().cloned());
        self.reached_target = self.owned.len() == self.target.len();
        if free.is_empty() {
            return None;
        }
        Some(GroupEvent::Assigned(free))
    }
}
