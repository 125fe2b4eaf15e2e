//! The consumer of the embedded log: a member of a group, and a queue per partition.

use super::core::Core;
use super::faults::{Decision, Gate, Operation};
use super::group::Introduction;
use super::queue::Queue;
use super::state::State;
use crate::error::{Error, ErrorKind, Result};
use crate::log::{
    Budget, Call, Consumer, ConsumerConfig, Fetched, GroupEvent, GroupMetadata, Isolation, Offsets, Start,
};
use crate::record::{Message, Topic, TopicPartition};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

/// Reads the embedded log.
pub(super) struct EmbeddedConsumer {
    core: Arc<Core>,
    config: ConsumerConfig,
    alive: Arc<()>,
    topics: BTreeSet<Topic>,
    member: Option<Member>,
    queues: FxHashMap<TopicPartition, Queue>,
    gate: Gate,
    seen: u64,
}

/// What the consumer knows of its membership.
struct Member {
    id: String,
    generation: i32,
    owned: BTreeSet<TopicPartition>,
    revoking: BTreeSet<TopicPartition>,
}

impl EmbeddedConsumer {
    /// A consumer that reads nothing yet.
    pub(super) fn new(core: Arc<Core>, config: ConsumerConfig) -> Self {
        EmbeddedConsumer {
            core,
            config,
            alive: Arc::new(()),
            topics: BTreeSet::new(),
            member: None,
            queues: FxHashMap::default(),
            gate: Gate::default(),
            seen: 0,
        }
    }

    fn group(&self) -> Result<&str> {
        let none = || Error::new(ErrorKind::Config, "the consumer has no group");
        self.config.group.as_deref().ok_or_else(none)
    }

    fn introduction(&self) -> Introduction {
        Introduction {
            client_id: self.config.client_id.clone(),
            topics: self.topics.clone(),
            session_timeout_ms: self.config.session_timeout_ms,
            max_poll_interval_ms: self.config.max_poll_interval_ms,
            alive: Arc::downgrade(&self.alive),
        }
    }

    /// The group has removed this member: what it had is lost, and it joins again in the next step.
    fn lose(&mut self) -> Option<GroupEvent> {
        let member = self.member.take()?;
        for partition in &member.owned {
            self.queues.remove(partition);
        }
        (!member.owned.is_empty()).then(|| GroupEvent::Lost(member.owned.into_iter().collect()))
    }

    fn note(&mut self, generation: i32, event: Option<&GroupEvent>) {
        let Some(member) = &mut self.member else { return };
        member.generation = generation;
        match event {
            Some(GroupEvent::Assigned(partitions)) => member.owned.extend(partitions.iter().cloned()),
            Some(GroupEvent::Revoked(partitions)) => member.revoking.extend(partitions.iter().cloned()),
            Some(GroupEvent::Lost(_)) | None => {}
        }
    }
}

impl Consumer for EmbeddedConsumer {
    fn subscribe(&mut self, topics: &[Topic]) -> Result<()> {
        let group = self.group()?.to_owned();
        self.topics = topics.iter().cloned().collect();
        if let Some(member) = &self.member {
            self.core.lock()?.resubscribe(&group, &member.id, self.topics.clone());
        }
        Ok(())
    }

    fn poll_event(&mut self, now_ms: i64) -> Result<Option<GroupEvent>> {
        self.core.drive(now_ms)?;
        let core = self.core.clone();
        let mut state = core.lock_at(now_ms)?;
        self.seen = state.version;
        let Some(group) = self.config.group.clone() else { return Ok(None) };
        let Some(member) = &self.member else {
            if !self.topics.is_empty() {
                let id = state.join(&group, self.introduction());
                self.member = Some(Member { id, generation: 0, owned: BTreeSet::new(), revoking: BTreeSet::new() });
            }
            return Ok(None);
        };
        let operation = Operation::Heartbeat { group: &group, member: &member.id };
        match self.gate.pass(state.faults.as_mut(), &operation, now_ms) {
            Decision::Proceed | Decision::Forget => {}
            Decision::Wait | Decision::Refuse(_) | Decision::LoseAnswer => return Ok(None),
        }
        let Some((generation, event)) = state.poll_member(&group, &member.id) else { return Ok(self.lose()) };
        self.note(generation, event.as_ref());
        Ok(event)
    }

    fn poll_leave(&mut self, now_ms: i64) -> Poll<Result<()>> {
        if let Some(member) = self.member.take()
            && let Some(group) = &self.config.group
        {
            self.core.lock_at(now_ms)?.leave(group, &member.id);
            self.core.ring();
        }
        self.topics.clear();
        self.queues.clear();
        Poll::Ready(Ok(()))
    }

    fn group_metadata(&self) -> Option<GroupMetadata> {
        let group = self.config.group.clone()?;
        Some(match &self.member {
            Some(member) => GroupMetadata { group, generation: member.generation, member: member.id.clone() },
            None => GroupMetadata::without_member(group),
        })
    }

    fn assign(&mut self, partitions: &[(TopicPartition, Start)]) -> Result<()> {
        let state = self.core.lock()?;
        for (partition, _) in partitions {
            state.partition(partition)?;
        }
        drop(state);
        for (partition, start) in partitions {
            self.queues.insert(partition.clone(), Queue::new(*start));
        }
        Ok(())
    }

    fn unassign(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        for partition in partitions {
            self.queues.remove(partition);
        }
        let (Some(member), Some(group)) = (&mut self.member, &self.config.group) else { return Ok(()) };
        let released: Vec<_> =
            partitions.iter().filter(|partition| member.revoking.remove(partition)).cloned().collect();
        if !released.is_empty() {
            member.owned.retain(|partition| !released.contains(partition));
            self.core.lock()?.release(group, &member.id, &released);
            self.core.ring();
        }
        Ok(())
    }

    fn assignment(&self) -> Vec<TopicPartition> {
        let mut partitions: Vec<_> = self.queues.keys().cloned().collect();
        partitions.sort();
        partitions
    }

    fn fetch(
        &mut self,
        partition: &TopicPartition,
        budget: Budget,
        now_ms: i64,
        visit: &mut dyn FnMut(&Message<'_>) -> ControlFlow<()>,
    ) -> Result<Fetched> {
        let Some(queue) = self.queues.get_mut(partition) else { return Ok(Fetched::default()) };
        let mut fetched = Fetched::default();
        if queue.is_empty() && budget.records > 0 {
            queue.refill(&self.core, &self.config, partition, now_ms)?;
        }
        queue.hand_out(budget, &mut fetched, visit)?;
        Ok(fetched)
    }

    fn position(&self, partition: &TopicPartition) -> Option<i64> {
        self.queues.get(partition)?.position()
    }

    fn lag(&self, partition: &TopicPartition) -> Option<i64> {
        self.queues.get(partition)?.lag()
    }

    fn commit(&mut self, offsets: &Offsets) -> Call<()> {
        let Some(speaker) = self.group_metadata() else {
            return Call::ready(self.group().map(|_| ()));
        };
        let (core, offsets, mut gate) = (self.core.clone(), offsets.clone(), Gate::default());
        Call::new(move |now_ms| {
            let operation = Operation::Commit { group: &speaker.group };
            let commit = |state: &mut State| Poll::Ready(state.commit_offsets(&speaker, &offsets));
            let (_, told) = ready!(core.request(&mut gate, &operation, now_ms, commit))?;
            Poll::Ready(told)
        })
    }

    fn committed(&self, partitions: &[TopicPartition]) -> Call<Offsets> {
        let group = match self.group() {
            Ok(group) => group.to_owned(),
            Err(error) => return Call::ready(Err(error)),
        };
        let stable = self.config.isolation == Isolation::ReadCommitted;
        let (core, partitions, mut gate) = (self.core.clone(), partitions.to_vec(), Gate::default());
        Call::new(move |now_ms| {
            let operation = Operation::Committed { group: &group };
            let look = |state: &mut State| state.committed(&group, &partitions, stable).map(Ok);
            let (found, told) = ready!(core.request(&mut gate, &operation, now_ms, look))?;
            Poll::Ready(told.map(|()| found))
        })
    }

    fn wait(&mut self, timeout: Duration) {
        self.core.wait(self.seen, timeout);
    }
}
