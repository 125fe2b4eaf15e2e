//! Apache Kafka as a log, over librdkafka.
//!
//! | file | what it is |
//! |---|---|
//! | `consumer`, `queue` | reading: a client, and a queue for each partition |
//! | `connection` | clients that are opened, and closed without waiting |
//! | `group`, `held_name`, `unheard` | membership: what the group wants, answered between two polls; waiting for a static member's name; partitions that the client never heard of |
//! | `producer`, `spread` | writing: partitions computed here, deliveries, transactions |
//! | `cluster`, `admin`, `groups`, `insist`, `topics` | topics, offsets and groups, asking again, and what is known of them |
//! | `worker` | a thread for the calls of librdkafka that can only wait |
//! | `settings`, `reference` | the settings of librdkafka's clients, with their reasons; the page about them |
//! | `context`, `codes`, `errors`, `signal` | what librdkafka tells: rebalances, deliveries, troubles; what codes mean; sentences; a bell |
//! | `native`, `native_groups`, `native_producer` | the few calls that the crate `rdkafka` does not offer |
//!
//! **No call of the port waits for a broker**: it polls with a timeout of zero, and what it tells librdkafka to do (to move a partition,
//! to begin a transaction) is answered by that one's own thread. Three kinds of questions can only wait in librdkafka: about
//! topics and offsets (one thread for a log), about committed offsets and leaders (one for a consumer that asks), and the steps of
//! transactions (one for a transactional producer). They are asked by a thread of their own, with a limited queue and timeouts,
//! and polled for. Nothing here knows of tasks, decides what an error means, or commits by itself.
//!
//! What differs from the embedded log, because Kafka does: a consumer that is dropped says goodbye to its group, unless it is
//! a static member; a partition that does not exist may be found out by the first fetch; generations of groups are not told.

mod admin;
mod cluster;
mod codes;
mod connection;
mod consumer;
mod context;
mod errors;
mod group;
mod groups;
mod held_name;
mod insist;
mod native;
mod native_groups;
mod native_producer;
mod producer;
mod queue;
mod reference;
mod settings;
mod signal;
mod spread;
mod topics;
mod unheard;
mod worker;

pub use reference::reference;

use self::admin::KafkaAdmin;
use self::cluster::Cluster;
use self::consumer::KafkaConsumer;
use self::producer::KafkaProducer;
use self::settings::Settings;
use super::{Admin, Consumer, ConsumerConfig, Log, Producer, ProducerConfig};
use crate::config::ClientKeys;
use crate::error::Result;
use crate::record::Clock;
use std::fmt;
use std::sync::Arc;

/// A Kafka cluster.
pub struct KafkaLog {
    cluster: Arc<Cluster>,
    clock: Arc<dyn Clock>,
}

impl KafkaLog {
    /// The cluster that these brokers belong to (`host:port`, separated by commas). They are asked when something is wanted of
    /// them: that they are not there is the answer to the first question.
    ///
    /// # Errors
    /// `Config` for settings that librdkafka does not take.
    pub fn connect(bootstrap_servers: &str, keys: &ClientKeys, clock: Arc<dyn Clock>) -> Result<Arc<Self>> {
        let settings = Settings::new(bootstrap_servers, keys);
        settings.check()?;
        Ok(Arc::new(KafkaLog { cluster: Cluster::new(settings), clock }))
    }
}

impl Log for KafkaLog {
    fn consumer(&self, config: &ConsumerConfig) -> Result<Box<dyn Consumer>> {
        Ok(Box::new(KafkaConsumer::open(self.cluster.clone(), config)?))
    }

    fn producer(&self, config: &ProducerConfig) -> Result<Box<dyn Producer>> {
        Ok(Box::new(KafkaProducer::open(self.cluster.clone(), config)?))
    }

    fn admin(&self) -> Result<Arc<dyn Admin>> {
        Ok(Arc::new(KafkaAdmin(self.cluster.clone())))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }
}

impl fmt::Debug for KafkaLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaLog").field("brokers", &self.cluster.settings().bootstrap_servers).finish_non_exhaustive()
    }
}
