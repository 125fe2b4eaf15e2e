//! The consumer of the embedded log: a member of a group, and a queue per partition.

use super::core::Core;
use super::faults::{Decision, Gate, Operation};
use super::group::Introduction;
use super::mail::Postbox;
use super::queue::Queue;
use super::state::State;
use crate::error::{Error, ErrorKind, Result};
use crate::log::{
    Budget, Call, Consumer, ConsumerConfig, Fetched, GroupEvent, GroupMetadata, Isolation, Offsets, Start, Visit,
};
use crate::record::{Topic, TopicPartition};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    postboxes: Postboxes,
    gate: Gate,
    seen: u64,
}

/// The answers that are awaited.
#[derive(Default)]
struct Postboxes {
    /// The member's id, and what it subscribed to when it asked.
    join: Postbox<(String, BTreeSet<Topic>)>,
    leave: Postbox<()>,
    /// Whether a commit is under way. What is asked later arrives later, even if its caller has given up: they share a connection.
    commits: Arc<AtomicBool>,
}

/// What the consumer knows of its membership.
struct Member {
    id: String,
    generation: i32,
    owned: BTreeSet<TopicPartition>,
    revoking: BTreeSet<TopicPartition>,
    /// Given back, but the group has not heard of it.
    releasing: Vec<TopicPartition>,
    /// The group has not heard what it subscribes to now.
    resubscribes: bool,
}

impl Member {
    fn new(id: String, resubscribes: bool) -> Self {
        let (owned, revoking, releasing) = Default::default();
        Member { id, generation: 0, owned, revoking, releasing, resubscribes }
    }

    /// Tells the group what it has not heard yet; what does not arrive is told again. True if the group has heard something.
    fn report(&mut self, state: &mut State, group: &str, topics: &BTreeSet<Topic>) -> bool {
        let before = (self.resubscribes, self.releasing.len());
        let now_ms = state.now_ms;
        let mut is_heard = |operation: Operation<'_>| {
            let decision = Decision::by(state.faults.as_mut(), &operation, now_ms);
            matches!(decision, Decision::Proceed | Decision::Forget)
        };
        let member = self.id.as_str();
        self.resubscribes = self.resubscribes && !is_heard(Operation::Subscribe { group, member });
        let releases = !self.releasing.is_empty() && is_heard(Operation::Release { group, member });
        if before.0 && !self.resubscribes {
            state.resubscribe(group, member, topics.clone());
        }
        if releases {
            state.release(group, member, &std::mem::take(&mut self.releasing));
        }
        before != (self.resubscribes, self.releasing.len())
    }
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
            postboxes: Postboxes::default(),
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

    /// Joins the group, if there is anything to read; the answer may come in a later step.
    fn join(&mut self, group: &str, now_ms: i64) -> Result<()> {
        if self.topics.is_empty() {
            return Ok(());
        }
        let (name, introduction) = (group.to_owned(), self.introduction());
        let join = move |state: &mut State| {
            let topics = introduction.topics.clone();
            Poll::Ready(Ok((state.join(&name, introduction), topics)))
        };
        let operation = Operation::Join { group };
        match self.core.request(&mut self.postboxes.join, &operation, now_ms, join) {
            Poll::Ready(Ok(((id, topics), _))) => self.member = Some(Member::new(id, topics != self.topics)),
            Poll::Ready(Err(error)) if error.kind() != ErrorKind::Timeout => return Err(error),
            // It asks again in its next step.
            Poll::Ready(Err(_)) | Poll::Pending => {}
        }
        Ok(())
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
        if let Some(member) = &mut self.member {
            member.resubscribes = true;
            member.report(&mut *self.core.lock()?, &group, &self.topics);
        }
        Ok(())
    }

    fn poll_event(&mut self, now_ms: i64) -> Result<Option<GroupEvent>> {
        self.core.drive(now_ms)?;
        let core = self.core.clone();
        self.seen = core.lock_at(now_ms)?.version;
        let Some(group) = self.config.group.clone() else { return Ok(None) };
        let Some(member) = &mut self.member else { return self.join(&group, now_ms).map(|()| None) };
        let mut state = core.lock_at(now_ms)?;
        if member.report(&mut state, &group, &self.topics) {
            core.ring();
        }
        let operation = Operation::Heartbeat { group: &group, member: &member.id };
        match self.gate.pass(state.faults.as_mut(), &operation, now_ms) {
            Decision::Proceed | Decision::Forget => {}
            Decision::Wait { .. } | Decision::Refuse(_) | Decision::LoseAnswer => return Ok(None),
        }
        let Some((generation, event)) = state.poll_member(&group, &member.id) else { return Ok(self.lose()) };
        self.note(generation, event.as_ref());
        Ok(event)
    }

    fn poll_leave(&mut self, now_ms: i64) -> Poll<Result<()>> {
        self.core.drive(now_ms)?;
        // Who has asked to join hears first as whom to leave.
        if let Some(joined) = self.postboxes.join.take()
            && let Ok((id, _)) = ready!(joined)
        {
            self.member = Some(Member::new(id, false));
        }
        if let (Some(member), Some(group)) = (&self.member, &self.config.group) {
            let (name, id) = (group.clone(), member.id.clone());
            let leave = move |state: &mut State| {
                state.leave(&name, &id);
                Poll::Ready(Ok(()))
            };
            let operation = Operation::Leave { group, member: &member.id };
            ready!(self.core.request(&mut self.postboxes.leave, &operation, now_ms, leave))?.1?;
            self.core.ring();
        }
        self.member = None;
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
            member.releasing.extend(released);
            member.report(&mut *self.core.lock()?, group, &self.topics);
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
        visit: &mut Visit<'_>,
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
        let (core, offsets, under_way) = (self.core.clone(), offsets.clone(), self.postboxes.commits.clone());
        let mut postbox = Postbox::default();
        Call::new(move |now_ms| {
            core.drive(now_ms)?;
            if !postbox.awaits() && under_way.load(Ordering::Relaxed) {
                return Poll::Pending;
            }
            let operation = Operation::Commit { group: &speaker.group };
            let (speaker, offsets, arrived) = (speaker.clone(), offsets.clone(), under_way.clone());
            let commit = move |state: &mut State| {
                arrived.store(false, Ordering::Relaxed);
                Poll::Ready(state.commit_offsets(&speaker, &offsets))
            };
            if !postbox.awaits() {
                // Before it is sent: whoever lets it arrive says that it has.
                under_way.store(true, Ordering::Relaxed);
            }
            let answer = core.request(&mut postbox, &operation, now_ms, commit);
            if !postbox.awaits() {
                under_way.store(false, Ordering::Relaxed);
            }
            let (_, told) = ready!(answer)?;
            Poll::Ready(told)
        })
    }

    fn committed(&self, partitions: &[TopicPartition]) -> Call<Offsets> {
        let group = match self.group() {
            Ok(group) => group.to_owned(),
            Err(error) => return Call::ready(Err(error)),
        };
        let stable = self.config.isolation == Isolation::ReadCommitted;
        let (core, partitions, under_way) = (self.core.clone(), partitions.to_vec(), self.postboxes.commits.clone());
        let mut postbox = Postbox::default();
        Call::new(move |now_ms| {
            core.drive(now_ms)?;
            if under_way.load(Ordering::Relaxed) {
                return Poll::Pending;
            }
            let operation = Operation::Committed { group: &group };
            let (group, partitions) = (group.clone(), partitions.clone());
            let look = move |state: &mut State| state.committed(&group, &partitions, stable).map(Ok);
            let (found, told) = ready!(core.request(&mut postbox, &operation, now_ms, look))?;
            Poll::Ready(told.map(|()| found))
        })
    }

    fn wait(&mut self, timeout: Duration) {
        self.core.wait(self.seen, timeout);
    }
}
