//! [`SteppedStreams`]: an application instance whose threads are stepped by the test, under a clock of its own.
//!
//! It runs the same threads as [`Streams`](crate::runtime::Streams), without threads of the operating system: nothing happens between two steps.
//! Dropping it is a crash: nothing is committed, aborted or given back.

use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::CommitStage;
use crate::runtime::{Counts, GlobalThread, Instance, StartOptions, State, Stepped, StoreView, StreamThread, view};
use crate::store::StoreHandle;
use crate::topology::Topology;
use std::sync::Arc;

/// An application instance that is stepped by hand.
///
/// ```
/// use kstreams::config::{Config, EngineKind};
/// use kstreams::dsl::StreamsBuilder;
/// use kstreams::log::client::create_topics;
/// use kstreams::log::embedded::{EmbeddedLog, EmbeddedOptions};
/// use kstreams::log::NewTopic;
/// use kstreams::record::ManualClock;
/// use kstreams::runtime::{StartOptions, State};
/// use kstreams::testing::SteppedStreams;
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// let log = EmbeddedLog::in_memory(EmbeddedOptions::with_clock(Arc::new(ManualClock::new(0))));
/// create_topics(&*log, &[NewTopic::new("in", 1), NewTopic::new("out", 1)], Duration::from_secs(5))?;
/// let builder = StreamsBuilder::new();
/// builder.stream::<String, String>("in").to("out");
/// let config = Config::new("copy", "embedded:").engine(EngineKind::Memory);
/// let mut streams = SteppedStreams::start(&builder.build()?, config, StartOptions::new().log(log))?;
/// let mut now_ms = 0;
/// while streams.state() != State::Running {
///     streams.step(now_ms)?;
///     now_ms += 1;
/// }
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub struct SteppedStreams {
    instance: Arc<Instance>,
    threads: Vec<StreamThread>,
    global: Option<GlobalThread>,
}

impl SteppedStreams {
    /// An instance that begins with its first step.
    ///
    /// # Errors
    /// As [`Streams::start_with`](crate::runtime::Streams::start_with).
    pub fn start(topology: &Topology, config: Config, options: StartOptions) -> Result<Self> {
        let instance = Instance::open(topology, config, options)?;
        let count = instance.config.num_stream_threads;
        let threads = (0..count).map(|thread| StreamThread::new(&instance, thread)).collect::<Result<_>>()?;
        let global = instance.has_globals().then(|| GlobalThread::new(&instance, count)).transpose()?;
        instance.board.begin();
        Ok(SteppedStreams { instance, threads, global })
    }

    /// Steps every thread once, at `now_ms` (milliseconds since the epoch). True if any of them did something.
    ///
    /// # Errors
    /// What ends the instance; it is of no further use then.
    pub fn step(&mut self, now_ms: i64) -> Result<bool> {
        let mut did = false;
        if let Some(global) = &mut self.global {
            did |= global.step(now_ms)? == Stepped::Busy;
        }
        for thread in &mut self.threads {
            did |= thread.step(now_ms)? == Stepped::Busy;
        }
        Ok(did)
    }

    /// Where the commit of each stream thread stands; `None` where there is none under way.
    pub fn commit_stages(&self) -> Vec<Option<CommitStage>> {
        self.threads.iter().map(|thread| thread.phase().commit_stage()).collect()
    }

    /// Ends the instance in order: steps it from `now_ms` on, a millisecond at a time, until every thread has left.
    /// Returns the time at the end.
    ///
    /// # Errors
    /// What a step fails with; `Timeout` if it has not ended after a minute.
    pub fn close(mut self, mut now_ms: i64) -> Result<i64> {
        self.instance.board.end();
        let until_ms = now_ms + 60_000;
        while self.threads.iter().any(|thread| !thread.has_ended()) {
            self.step(now_ms)?;
            now_ms += 1;
            if now_ms > until_ms {
                return Err(Error::new(ErrorKind::Timeout, "the instance has not ended within a minute"));
            }
        }
        Ok(now_ms)
    }

    /// What the instance is doing.
    pub fn state(&self) -> State {
        self.instance.board.state()
    }

    /// What was counted since the start.
    pub fn counts(&self) -> Counts {
        self.instance.counters.counts()
    }

    /// The committed rows of a store; see [`Streams::store`](crate::runtime::Streams::store).
    ///
    /// # Errors
    /// `NotFound` if no store has that name; `Topology` if it has other types; `Pending` while it is being restored.
    pub fn store<S: StoreHandle>(&self, name: &str) -> Result<StoreView<S>> {
        view(&self.instance, name)
    }
}
