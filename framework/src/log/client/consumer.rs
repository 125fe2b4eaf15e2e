//! A consumer that waits for messages, and a reader of whole topics.

use super::{Patience, ReceivedMessage, wait};
use crate::error::Result;
use crate::log::{
    Budget, ConsumerConfig, GroupEvent, GroupMetadata, Isolation, Log, OffsetAndMetadata, OffsetAt, Offsets, Start,
};
use crate::record::{Message, Topic, TopicPartition};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// The most messages handed out of one partition before the next has its turn.
const TURN_RECORDS_MAX: usize = 500;

/// The longest the log is left alone while waiting for messages.
const NAP: Duration = Duration::from_millis(10);

/// Reads topics as a member of a group, or partitions on its own.
pub struct Consumer {
    inner: Box<dyn crate::log::Consumer>,
    patience: Patience,
    /// Revoked partitions are given back only after what was read of them is committed, if anybody commits.
    commits: bool,
    read: Offsets,
    owned: BTreeSet<TopicPartition>,
}

impl Consumer {
    /// A member of the configured group that reads these topics. No call takes much longer than `timeout`, except as said.
    ///
    /// # Errors
    /// `Config` if there is no group in the configuration.
    pub fn subscribe(log: &dyn Log, config: &ConsumerConfig, topics: &[Topic], timeout: Duration) -> Result<Self> {
        let mut consumer = Self::new(log, config, timeout)?;
        consumer.inner.subscribe(topics)?;
        Ok(consumer)
    }

    /// A reader of these partitions.
    ///
    /// # Errors
    /// `NotFound` if one does not exist.
    pub fn of_partitions(
        log: &dyn Log,
        config: &ConsumerConfig,
        partitions: &[(TopicPartition, Start)],
        timeout: Duration,
    ) -> Result<Self> {
        let mut consumer = Self::new(log, config, timeout)?;
        consumer.inner.assign(partitions)?;
        consumer.owned = partitions.iter().map(|(partition, _)| partition.clone()).collect();
        Ok(consumer)
    }

    fn new(log: &dyn Log, config: &ConsumerConfig, timeout: Duration) -> Result<Self> {
        Ok(Consumer {
            inner: log.consumer(config)?,
            patience: Patience::new(log, timeout),
            commits: false,
            read: Offsets::new(),
            owned: BTreeSet::new(),
        })
    }

    /// Hands out messages; returns their number once there are some, or 0 after `longest`.
    ///
    /// # Errors
    /// `OutOfRange` if a position is outside of the log and nothing says where to go on.
    pub fn poll(
        &mut self,
        longest: Duration,
        each: &mut dyn FnMut(&TopicPartition, &Message<'_>) -> ControlFlow<()>,
    ) -> Result<usize> {
        let begun = Instant::now();
        loop {
            self.handle_events()?;
            let read = self.fetch(each)?;
            let left = longest.saturating_sub(begun.elapsed());
            if read > 0 || left.is_zero() {
                return Ok(read);
            }
            self.inner.wait(left.min(NAP));
        }
    }

    fn fetch(&mut self, each: &mut dyn FnMut(&TopicPartition, &Message<'_>) -> ControlFlow<()>) -> Result<usize> {
        let (mut read, mut stopped) = (0, false);
        for partition in &self.owned {
            let now_ms = self.patience.now_ms();
            let fetched = self.inner.fetch(partition, Budget::records(TURN_RECORDS_MAX), now_ms, &mut |message| {
                let flow = each(partition, message);
                stopped = flow.is_break();
                flow
            })?;
            read += fetched.records;
            if let Some(position) = self.inner.position(partition) {
                self.read.insert(partition.clone(), OffsetAndMetadata::new(position));
            }
            if stopped {
                break;
            }
        }
        Ok(read)
    }

    fn handle_events(&mut self) -> Result<()> {
        while let Some(event) = self.inner.poll_event(self.patience.now_ms())? {
            match event {
                GroupEvent::Assigned(partitions) => {
                    let starts: Vec<_> =
                        partitions.into_iter().map(|partition| (partition, Start::Committed)).collect();
                    self.inner.assign(&starts)?;
                    self.owned.extend(starts.into_iter().map(|(partition, _)| partition));
                }
                GroupEvent::Revoked(partitions) => {
                    if self.commits {
                        self.commit()?;
                    }
                    self.inner.unassign(&partitions)?;
                    self.forget(&partitions);
                }
                GroupEvent::Lost(partitions) => self.forget(&partitions),
            }
        }
        Ok(())
    }

    fn forget(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.owned.remove(partition);
            self.read.remove(partition);
        }
    }

    /// Commits what was read, and from now on also before partitions go to another member.
    ///
    /// # Errors
    /// `Fenced` if the group has removed this member, `Timeout`.
    pub fn commit(&mut self) -> Result<()> {
        self.commits = true;
        let mut call = self.inner.commit(&self.read);
        self.patience.wait(|now_ms| call.poll(now_ms))
    }

    /// The positions of everything that is read, to be committed in a producer's transaction.
    pub fn positions(&self) -> &Offsets {
        &self.read
    }

    /// Who commits those positions.
    pub fn group_metadata(&self) -> Option<GroupMetadata> {
        self.inner.group_metadata()
    }

    /// The partitions that are read, in order.
    pub fn assignment(&self) -> Vec<TopicPartition> {
        self.owned.iter().cloned().collect()
    }

    /// Leaves the group.
    ///
    /// # Errors
    /// `Timeout`.
    pub fn leave(mut self) -> Result<()> {
        let patience = self.patience.clone();
        patience.wait(|now_ms| self.inner.poll_leave(now_ms))
    }
}

/// All committed messages that a topic holds now, partition after partition.
///
/// # Errors
/// `NotFound` if there is no such topic, `Timeout` if the log does not answer.
pub fn read_all(log: &dyn Log, topic: &Topic, timeout: Duration) -> Result<Vec<ReceivedMessage>> {
    let partitions = partitions_of(log, topic, timeout)?;
    let ends = wait(log, log.admin()?.offsets(&partitions, OffsetAt::LastStable), timeout)?;
    let config = ConsumerConfig { isolation: Isolation::ReadCommitted, ..ConsumerConfig::default() };
    let mut consumer = log.consumer(&config)?;
    let mut messages = Vec::new();
    for (partition, end) in ends {
        consumer.assign(&[(partition.clone(), Start::Beginning)])?;
        let patience = Patience::new(log, timeout);
        patience.wait(|now_ms| {
            let fetched = consumer.fetch(&partition, Budget::records(usize::MAX), now_ms, &mut |message| {
                messages.push(ReceivedMessage::of(&partition, message));
                ControlFlow::Continue(())
            });
            match fetched {
                Err(error) => std::task::Poll::Ready(Err(error)),
                Ok(_) if consumer.position(&partition).is_some_and(|position| position >= end) => {
                    std::task::Poll::Ready(Ok(()))
                }
                Ok(_) => std::task::Poll::Pending,
            }
        })?;
        consumer.unassign(std::slice::from_ref(&partition))?;
    }
    Ok(messages)
}

fn partitions_of(log: &dyn Log, topic: &Topic, timeout: Duration) -> Result<Vec<TopicPartition>> {
    let topics = wait(log, log.admin()?.topics(), timeout)?;
    let info = topics.into_iter().find(|info| info.topic == *topic);
    let info = info.ok_or_else(|| {
        crate::error::Error::new(crate::error::ErrorKind::NotFound, format!("topic `{topic}` does not exist"))
    })?;
    Ok((0..info.partitions).map(|partition| TopicPartition { topic: topic.clone(), partition }).collect())
}
