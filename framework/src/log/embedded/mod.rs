//! The log inside the process: Kafka imitated, in memory or on an engine.
//!
//! It imitates Kafka and does not improve on it: messages are appended at once, with producer id, epoch and sequence; the
//! markers that end a transaction take offsets and are written after commit was answered; readers of committed messages stop
//! at the last stable offset; offsets of a transaction become visible with its markers; groups rebalance, sessions and
//! transactions time out, zombies are fenced, topics are compacted and deleted by age. So what works here works there.
//!
//! Several `Streams` and clients of one process share one [`EmbeddedLog`] through an `Arc`. It has no thread of its own
//! and never sleeps: what is due runs on the way of whoever calls, or in explicit steps ([`EmbeddedOptions::stepped`]).
//! On an engine, an acknowledgement means that `kill -9` loses nothing of it.
//!
//! ```text
//! producer -> batches -> partition (chunks, newest in memory) -> journal -> engine
//!                            |         coordinator: transactions, markers
//! consumer <- queue <--------'         membership: groups, offsets
//! ```

mod admin;
mod assignment;
mod cache;
mod chunk;
mod compaction;
mod consumer;
mod coordinator;
mod core;
mod errors;
mod faults;
mod group;
mod journal;
mod mail;
mod membership;
mod open;
mod options;
mod partition;
mod producer;
mod queue;
mod retention;
mod segment;
mod shared;
mod state;
mod step;
mod topic;
mod transaction;
mod varint;

pub use faults::{Fault, FaultPlan, Operation};
pub use options::EmbeddedOptions;

use self::core::{Core, Disk};
use super::{Admin, Consumer, ConsumerConfig, Log, Producer, ProducerConfig};
use crate::engine::SharedEngine;
use crate::error::{Error, ErrorKind, Result};
use crate::record::Clock;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// A log inside the process. Clones of the `Arc` around it, and all clients made by it, share its content.
pub struct EmbeddedLog {
    core: Arc<Core>,
}

impl EmbeddedLog {
    /// An empty log that ends with the last of its clients.
    pub fn in_memory(options: EmbeddedOptions) -> Arc<Self> {
        let topics_version = Arc::new(AtomicU64::new(1));
        let state = Core::empty_state(None, options.cache_bytes_max, topics_version.clone());
        Self::new(state, None, topics_version, options)
    }

    /// A log on an engine: a new one, or what an earlier process left there, cleanly or not. The engine must have no other user.
    ///
    /// # Errors
    /// `Config` if the engine holds a log of another format, `Io` if it cannot be read.
    pub fn on_engine(engine: SharedEngine, options: EmbeddedOptions) -> Result<Arc<Self>> {
        let disk = open::disk(engine)?;
        let topics_version = Arc::new(AtomicU64::new(1));
        let mut state = Core::empty_state(Some(&disk), options.cache_bytes_max, topics_version.clone());
        open::restore(&mut state, &disk)?;
        Ok(Self::new(state, Some(disk), topics_version, options))
    }

    fn new(
        mut state: state::State,
        disk: Option<Disk>,
        topics_version: Arc<AtomicU64>,
        options: EmbeddedOptions,
    ) -> Arc<Self> {
        let faulty = options.faults.is_some();
        if let Some(faults) = options.faults {
            state.faults = faults;
        }
        let mut core = Core::new(state, disk, topics_version, options.clock);
        core.stepped = options.stepped;
        core.faulty = faulty;
        core.housekeeping_interval_ms = options.housekeeping_interval_ms;
        Arc::new(EmbeddedLog { core: Arc::new(core) })
    }

    /// Does what is due at `now_ms`: writes the markers of decided transactions, aborts late ones, removes silent members, decides
    /// anew who owns what, deletes and compacts. True if anything was done.
    ///
    /// # Errors
    /// `Io` if the engine fails.
    pub fn step(&self, now_ms: i64) -> Result<bool> {
        self.core.step(now_ms)
    }

    /// The transactional ids whose transaction is open or has no markers yet, for a test that looks at what is left behind.
    pub(crate) fn open_transactions(&self) -> Result<Vec<String>> {
        Ok(self.core.lock()?.open_transactions())
    }
}

impl Log for EmbeddedLog {
    fn consumer(&self, config: &ConsumerConfig) -> Result<Box<dyn Consumer>> {
        check_positive("session.timeout.ms", config.session_timeout_ms)?;
        check_positive("max.poll.interval.ms", config.max_poll_interval_ms)?;
        Ok(Box::new(consumer::EmbeddedConsumer::new(self.core.clone(), config.clone())))
    }

    fn producer(&self, config: &ProducerConfig) -> Result<Box<dyn Producer>> {
        check_positive("transaction.timeout.ms", config.transaction_timeout_ms)?;
        check_positive("queue.buffering.max.messages", i64::try_from(config.queue_records_max).unwrap_or(i64::MAX))?;
        check_positive("buffer.memory", i64::try_from(config.queue_bytes_max).unwrap_or(i64::MAX))?;
        Ok(Box::new(producer::EmbeddedProducer::new(self.core.clone(), config.clone())))
    }

    fn admin(&self) -> Result<Arc<dyn Admin>> {
        Ok(Arc::new(admin::EmbeddedAdmin::new(self.core.clone())))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.core.clock.clone()
    }
}

impl fmt::Debug for EmbeddedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedLog").field("in_memory", &self.core.in_memory()).finish_non_exhaustive()
    }
}

fn check_positive(key: &str, value: i64) -> Result<()> {
    if value > 0 {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Config, format!("`{key}` is {value}")).with_hint("it is more than zero"))
}
