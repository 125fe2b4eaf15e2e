//! A log that tells a story of the messages that pass: what is queued, and what is handed out. It changes nothing, and stands
//! before the log only where there is a story.

use super::adversary::Adversary;
use super::shown;
use crate::error::Result;
use crate::log::embedded::EmbeddedLog;
use crate::log::{
    Admin, Budget, Call, Consumer, ConsumerConfig, Delivery, Fetched, GroupEvent, GroupMetadata, Log, Offsets,
    Producer, ProducerConfig, Sent, Start,
};
use crate::record::{Clock, Message, Outgoing, Topic, TopicPartition};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// The log as an instance sees it; watched, if a story is told.
pub(super) fn watched(log: &Arc<EmbeddedLog>, adversary: &Adversary) -> Arc<dyn Log> {
    match adversary.with_trace(|trace| trace.tells()) {
        true => Arc::new(Watched { inner: log.clone(), adversary: adversary.clone() }),
        false => log.clone(),
    }
}

/// What is watched, and who hears of it.
struct Watched<T> {
    inner: T,
    adversary: Adversary,
}

impl<T> Watched<T> {
    fn other<U>(&self, inner: U) -> Box<Watched<U>> {
        Box::new(Watched { inner, adversary: self.adversary.clone() })
    }
}

impl Log for Watched<Arc<EmbeddedLog>> {
    fn consumer(&self, config: &ConsumerConfig) -> Result<Box<dyn Consumer>> {
        Ok(self.other(self.inner.consumer(config)?))
    }

    fn producer(&self, config: &ProducerConfig) -> Result<Box<dyn Producer>> {
        Ok(self.other(self.inner.producer(config)?))
    }

    fn admin(&self) -> Result<Arc<dyn Admin>> {
        self.inner.admin()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.inner.clock()
    }
}

impl Producer for Watched<Box<dyn Producer>> {
    fn poll_init(&mut self, now_ms: i64) -> Poll<Result<()>> {
        self.inner.poll_init(now_ms)
    }

    fn begin(&mut self) -> Result<()> {
        self.inner.begin()
    }

    fn in_transaction(&self) -> bool {
        self.inner.in_transaction()
    }

    fn send(&mut self, message: &Outgoing<'_>, token: u64, now_ms: i64) -> Result<Sent> {
        let sent = self.inner.send(message, token, now_ms)?;
        if sent == Sent::Queued {
            let line = format!("queues {} for {}", shown::outgoing(message), message.topic);
            self.adversary.with_trace(|trace| trace.say(&line));
        }
        Ok(sent)
    }

    fn poll_partitions(&mut self, topic: &Topic, now_ms: i64) -> Poll<Result<i32>> {
        self.inner.poll_partitions(topic, now_ms)
    }

    fn deliveries(&mut self, now_ms: i64, each: &mut dyn FnMut(Delivery)) -> Result<usize> {
        self.inner.deliveries(now_ms, each)
    }

    fn poll_flush(&mut self, now_ms: i64) -> Poll<Result<()>> {
        self.inner.poll_flush(now_ms)
    }

    fn poll_send_offsets(&mut self, offsets: &Offsets, group: &GroupMetadata, now_ms: i64) -> Poll<Result<()>> {
        self.inner.poll_send_offsets(offsets, group, now_ms)
    }

    fn poll_commit(&mut self, now_ms: i64) -> Poll<Result<()>> {
        self.inner.poll_commit(now_ms)
    }

    fn poll_abort(&mut self, now_ms: i64) -> Poll<Result<()>> {
        self.inner.poll_abort(now_ms)
    }
}

impl Consumer for Watched<Box<dyn Consumer>> {
    fn subscribe(&mut self, topics: &[Topic]) -> Result<()> {
        self.inner.subscribe(topics)
    }

    fn poll_event(&mut self, now_ms: i64) -> Result<Option<GroupEvent>> {
        self.inner.poll_event(now_ms)
    }

    fn poll_leave(&mut self, now_ms: i64) -> Poll<Result<()>> {
        self.inner.poll_leave(now_ms)
    }

    fn group_metadata(&self) -> Option<GroupMetadata> {
        self.inner.group_metadata()
    }

    fn assign(&mut self, partitions: &[(TopicPartition, Start)]) -> Result<()> {
        self.inner.assign(partitions)
    }

    fn unassign(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        self.inner.unassign(partitions)
    }

    fn assignment(&self) -> Vec<TopicPartition> {
        self.inner.assignment()
    }

    fn seek(&mut self, partition: &TopicPartition, start: Start) -> Result<()> {
        self.inner.seek(partition, start)
    }

    fn fetch(
        &mut self,
        partition: &TopicPartition,
        budget: Budget,
        now_ms: i64,
        visit: &mut dyn FnMut(&Message<'_>) -> ControlFlow<()>,
    ) -> Result<Fetched> {
        let adversary = &self.adversary;
        self.inner.fetch(partition, budget, now_ms, &mut |message| {
            let shown = shown::message(message.key, message.value, message.timestamp);
            let line = format!("reads {shown}, offset {} of {partition}", message.offset);
            adversary.with_trace(|trace| trace.say(&line));
            visit(message)
        })
    }

    fn position(&self, partition: &TopicPartition) -> Option<i64> {
        self.inner.position(partition)
    }

    fn lag(&self, partition: &TopicPartition) -> Option<i64> {
        self.inner.lag(partition)
    }

    fn commit(&mut self, offsets: &Offsets) -> Call<()> {
        self.inner.commit(offsets)
    }

    fn committed(&self, partitions: &[TopicPartition]) -> Call<Offsets> {
        self.inner.committed(partitions)
    }

    fn wait(&mut self, timeout: Duration) {
        self.inner.wait(timeout);
    }
}
