//! What is known of the cluster's topics: how many partitions each has, shared by all clients of one log.

use super::cluster::Cluster;
use super::errors;
use crate::error::Result;
use crate::log::Call;
use crate::record::Topic;
use rustc_hash::FxHashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

/// A number of partitions that is older is asked for again when it does not fit, in milliseconds.
const FRESH_MS: i64 = 1_000;

/// The partitions of topics, as far as they are known.
#[derive(Debug, Default)]
pub(super) struct Topics {
    known: Mutex<FxHashMap<Topic, i32>>,
    /// How often one was forgotten.
    forgotten: AtomicU64,
}

impl Topics {
    fn lock(&self) -> MutexGuard<'_, FxHashMap<Topic, i32>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of partitions, if the topic is known.
    pub(super) fn known(&self, topic: &Topic) -> Option<i32> {
        self.lock().get(topic).copied()
    }

    /// What a broker has told.
    pub(super) fn learn(&self, topic: &Topic, partitions: i32) {
        self.lock().insert(topic.clone(), partitions);
    }

    /// The topic may be gone.
    pub(super) fn forget(&self, topic: &Topic) {
        self.lock().remove(topic);
        self.forgotten.fetch_add(1, Ordering::Release);
    }

    /// How often a topic was forgotten: whoever keeps a number of partitions looks at it before using that.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Acquire)
    }
}

/// What one client asks about topics: each question once.
pub(super) struct Questions {
    cluster: Arc<Cluster>,
    open: FxHashMap<Topic, Call<i32>>,
    /// What was answered last for topics that have too few partitions, by the time of the answer.
    answered_ms: FxHashMap<Topic, i64>,
}

impl Questions {
    pub(super) fn new(cluster: Arc<Cluster>) -> Self {
        Questions { cluster, open: FxHashMap::default(), answered_ms: FxHashMap::default() }
    }

    /// The number of partitions of a topic. Answers `NotFound` if there is no such topic.
    pub(super) fn poll(&mut self, topic: &Topic, now_ms: i64) -> Poll<Result<i32>> {
        match self.cluster.topics().known(topic) {
            Some(partitions) => Poll::Ready(Ok(partitions)),
            None => self.ask(topic, now_ms),
        }
    }

    /// As [`poll`](Self::poll); asks again if the answer that is known has no such partition. Answers `NotFound` if it does not
    /// exist.
    pub(super) fn poll_with(&mut self, topic: &Topic, partition: i32, now_ms: i64) -> Poll<Result<i32>> {
        match self.cluster.topics().known(topic) {
            Some(partitions) if (0..partitions).contains(&partition) => Poll::Ready(Ok(partitions)),
            Some(_) if self.is_fresh(topic, now_ms) => self.missing(topic, partition),
            _ => match self.ask(topic, now_ms) {
                Poll::Ready(Ok(partitions)) if !(0..partitions).contains(&partition) => self.missing(topic, partition),
                answer => answer,
            },
        }
    }

    /// The topic may be gone.
    pub(super) fn forget(&self, topic: &Topic) {
        self.cluster.topics().forget(topic);
    }

    /// See [`Topics::forgotten`].
    pub(super) fn forgotten(&self) -> u64 {
        self.cluster.topics().forgotten()
    }

    fn is_fresh(&self, topic: &Topic, now_ms: i64) -> bool {
        self.answered_ms.get(topic).is_some_and(|at_ms| now_ms.saturating_sub(*at_ms) < FRESH_MS)
    }

    fn missing(&self, topic: &Topic, partition: i32) -> Poll<Result<i32>> {
        Poll::Ready(Err(errors::no_partition(&crate::record::TopicPartition::new(topic.as_str(), partition))))
    }

    fn ask(&mut self, topic: &Topic, now_ms: i64) -> Poll<Result<i32>> {
        let call = self.open.entry(topic.clone()).or_insert_with(|| self.cluster.partitions(topic));
        let Poll::Ready(answer) = call.poll(now_ms) else { return Poll::Pending };
        self.open.remove(topic);
        self.answered_ms.insert(topic.clone(), now_ms);
        Poll::Ready(answer)
    }
}
