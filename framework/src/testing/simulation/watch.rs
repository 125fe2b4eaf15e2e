//! A log that tells a story of the messages that pass: what is queued, and what is handed out. It changes nothing, and stands
//! before the log only where there is a story.

use super::adversary::Adversary;
use super::shown;
use crate::error::Result;
use crate::log::embedded::EmbeddedLog;
use crate::log::{
    Admin, Budget, Call, Consumer, ConsumerConfig, Delivery, Fetched, GroupEvent, GroupMetadata, Log, Offsets,
    Producer, ProducerConfig, Sent, Start, Visit,
};
use crate::record::{Clock, Outgoing, Topic, TopicPartition};
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

/// Calls that are handed on as they are.
macro_rules! handed_on {
    (&self { $(fn $to:ident($($argument:ident: $of:ty),*) -> $answer:ty;)* }
     &mut self { $(fn $to_mut:ident($($argument_mut:ident: $of_mut:ty),*) -> $answer_mut:ty;)* }) => {
        $(fn $to(&self $(, $argument: $of)*) -> $answer {
            self.inner.$to($($argument),*)
        })*
        $(fn $to_mut(&mut self $(, $argument_mut: $of_mut)*) -> $answer_mut {
            self.inner.$to_mut($($argument_mut),*)
        })*
    };
}

impl Log for Watched<Arc<EmbeddedLog>> {
    fn consumer(&self, config: &ConsumerConfig) -> Result<Box<dyn Consumer>> {
        Ok(self.other(self.inner.consumer(config)?))
    }

    fn producer(&self, config: &ProducerConfig) -> Result<Box<dyn Producer>> {
        Ok(self.other(self.inner.producer(config)?))
    }

    handed_on! {
        &self {
            fn admin() -> Result<Arc<dyn Admin>>;
            fn clock() -> Arc<dyn Clock>;
        }
        &mut self {}
    }
}

impl Producer for Watched<Box<dyn Producer>> {
    fn send(&mut self, message: &Outgoing<'_>, token: u64, now_ms: i64) -> Result<Sent> {
        let sent = self.inner.send(message, token, now_ms)?;
        if sent == Sent::Queued {
            let line = format!("queues {} for {}", shown::outgoing(message), message.topic);
            self.adversary.with_trace(|trace| trace.say(&line));
        }
        Ok(sent)
    }

    handed_on! {
        &self {
            fn in_transaction() -> bool;
        }
        &mut self {
            fn poll_init(now_ms: i64) -> Poll<Result<()>>;
            fn begin() -> Result<()>;
            fn poll_partitions(topic: &Topic, now_ms: i64) -> Poll<Result<i32>>;
            fn deliveries(now_ms: i64, each: &mut dyn FnMut(Delivery)) -> Result<usize>;
            fn poll_flush(now_ms: i64) -> Poll<Result<()>>;
            fn poll_send_offsets(offsets: &Offsets, group: &GroupMetadata, now_ms: i64) -> Poll<Result<()>>;
            fn poll_commit(now_ms: i64) -> Poll<Result<()>>;
            fn poll_abort(now_ms: i64) -> Poll<Result<()>>;
        }
    }
}

impl Consumer for Watched<Box<dyn Consumer>> {
    fn fetch(
        &mut self,
        partition: &TopicPartition,
        budget: Budget,
        now_ms: i64,
        visit: &mut Visit<'_>,
    ) -> Result<Fetched> {
        let adversary = &self.adversary;
        self.inner.fetch(partition, budget, now_ms, &mut |message| {
            let shown = shown::message(message.key, message.value, message.timestamp);
            let line = format!("reads {shown}, offset {} of {partition}", message.offset);
            adversary.with_trace(|trace| trace.say(&line));
            visit(message)
        })
    }

    handed_on! {
        &self {
            fn group_metadata() -> Option<GroupMetadata>;
            fn assignment() -> Vec<TopicPartition>;
            fn position(partition: &TopicPartition) -> Option<i64>;
            fn lag(partition: &TopicPartition) -> Option<i64>;
            fn committed(partitions: &[TopicPartition]) -> Call<Offsets>;
        }
        &mut self {
            fn subscribe(topics: &[Topic]) -> Result<()>;
            fn poll_event(now_ms: i64) -> Result<Option<GroupEvent>>;
            fn poll_leave(now_ms: i64) -> Poll<Result<()>>;
            fn assign(partitions: &[(TopicPartition, Start)]) -> Result<()>;
            fn unassign(partitions: &[TopicPartition]) -> Result<()>;
            fn commit(offsets: &Offsets) -> Call<()>;
            fn wait(timeout: Duration) -> ();
        }
    }
}
