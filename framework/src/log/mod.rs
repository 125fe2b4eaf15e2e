//! The port to the log: topics, partitions, groups and transactions as the runtime needs them.
//!
//! A [`Log`] is one connection and makes [`Consumer`]s, [`Producer`]s and [`Admin`]s. Two logs exist: Apache Kafka
//! and the [`embedded`] log inside the process; the same contract tests run against both. Messages are borrowed
//! bytes: nothing here encodes or decodes values, knows of topologies or stores, or decides what an error means.
//!
//! **No call of this port waits.** A call that needs an answer is resumable: a `poll_*` method, or a [`Call`] that is
//! polled; each makes at most one short attempt and says [`Poll::Pending`](std::task::Poll::Pending) until the
//! answer is there. Wakers are not used: the caller asks again in its next step. The blocking conveniences for
//! applications are in [`client`].

mod admin;
mod call;
pub mod client;
mod connect;
mod consumer;
pub mod embedded;
#[cfg(feature = "kafka")]
pub mod kafka;
mod partitioning;
mod pattern;
mod producer;
mod topic_config;

pub use admin::{Admin, Created, GroupDescription, GroupMember, NewTopic, OffsetAt, TopicInfo};
pub use call::Call;
pub use connect::{connect, connect_with};
pub use consumer::{
    Budget, Consumer, ConsumerConfig, ConsumerRole, Fetched, GroupEvent, GroupMetadata, Isolation, OffsetAndMetadata,
    OffsetReset, Offsets, Start, Visit,
};
pub use partitioning::{murmur2, partition_for_key};
pub use pattern::TopicPattern;
pub use producer::{Delivery, Placed, Producer, ProducerConfig, Sent};
pub use topic_config::{CleanupPolicy, TimestampType, TopicConfig};

use crate::error::Result;
use crate::record::Clock;
use std::sync::Arc;

/// A connection to a log, shared by the threads of a process.
pub trait Log: Send + Sync {
    /// A new consumer. Dropping it says nothing to its group: the member stays until its session times out. (Kafka's client
    /// does say goodbye, unless it is a static member.)
    ///
    /// # Errors
    /// `Config` if the configuration contradicts itself.
    fn consumer(&self, config: &ConsumerConfig) -> Result<Box<dyn Consumer>>;

    /// A new producer. Dropping it leaves its transaction open, until it times out or a producer with the same
    /// transactional id is initialised.
    ///
    /// # Errors
    /// `Config` if the configuration contradicts itself.
    fn producer(&self, config: &ProducerConfig) -> Result<Box<dyn Producer>>;

    /// Topics, offsets and groups as tools and the runtime's start see them.
    ///
    /// # Errors
    /// `Config` if the connection cannot be administered.
    fn admin(&self) -> Result<Arc<dyn Admin>>;

    /// The clock whose time the `now_ms` of this log's calls are in.
    fn clock(&self) -> Arc<dyn Clock>;
}
