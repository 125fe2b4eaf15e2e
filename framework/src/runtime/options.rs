//! What an instance can be given instead of what its configuration names.

use super::board::StateListener;
use super::state::State;
use crate::engine::SharedEngine;
use crate::log::Log;
use crate::record::Clock;
use crate::serde::Registry;
use std::fmt;
use std::sync::Arc;

/// Parts that an instance is given: a log that several instances share, a registry, an engine, a clock.
/// What is not given is made from the configuration.
///
/// ```
/// use kstreams::config::{Config, EngineKind};
/// use kstreams::dsl::StreamsBuilder;
/// use kstreams::log::client::create_topics;
/// use kstreams::log::embedded::{EmbeddedLog, EmbeddedOptions};
/// use kstreams::log::NewTopic;
/// use kstreams::runtime::{StartOptions, Streams};
/// use std::time::Duration;
///
/// let log = EmbeddedLog::in_memory(EmbeddedOptions::default());
/// create_topics(&*log, &[NewTopic::new("in", 1), NewTopic::new("out", 1)], Duration::from_secs(5))?;
/// let builder = StreamsBuilder::new();
/// builder.stream::<String, String>("in").to("out");
/// let config = Config::new("copy", "embedded:").engine(EngineKind::Memory);
/// let streams = Streams::start_with(&builder.build()?, config, StartOptions::new().log(log))?;
/// streams.close(Duration::from_secs(5))?;
/// # Ok::<(), kstreams::error::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct StartOptions {
    pub(crate) log: Option<Arc<dyn Log>>,
    pub(crate) engine: Option<SharedEngine>,
    pub(crate) registry: Option<Arc<dyn Registry>>,
    pub(crate) clock: Option<Arc<dyn Clock>>,
    pub(crate) process_id: Option<String>,
    pub(crate) listener: Option<StateListener>,
}

impl StartOptions {
    /// Everything as the configuration says.
    pub fn new() -> Self {
        StartOptions::default()
    }

    /// Runs on this log; the configuration's URL is not opened.
    pub fn log(mut self, log: Arc<dyn Log>) -> Self {
        self.log = Some(log);
        self
    }

    /// Keeps stores in this engine, which no other instance uses; no state directory is opened then.
    pub fn engine(mut self, engine: SharedEngine) -> Self {
        self.engine = Some(engine);
        self
    }

    /// Uses this schema registry.
    pub fn registry(mut self, registry: Arc<dyn Registry>) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Reads the time from this clock instead of the log's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Goes by this process id instead of the state directory's: two instances with the same one fence each other.
    pub fn process_id(mut self, id: impl Into<String>) -> Self {
        self.process_id = Some(id.into());
        self
    }

    /// Calls `listener` with the new state and the old one. It runs on the thread that caused the change and must not
    /// wait. Kafka Streams: `KafkaStreams.setStateListener`.
    pub fn state_listener(mut self, listener: impl Fn(State, State) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }
}

impl fmt::Debug for StartOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartOptions")
            .field("log", &self.log.is_some())
            .field("engine", &self.engine.is_some())
            .field("registry", &self.registry.is_some())
            .field("process_id", &self.process_id)
            .finish_non_exhaustive()
    }
}
