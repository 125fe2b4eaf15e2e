//! What an instance can be given instead of what its configuration names.

use super::listeners::{StateListener, StateRestoreListener};
use super::state::State;
use super::uncaught::{UncaughtErrorHandler, UncaughtErrorResponse};
use crate::engine::SharedEngine;
use crate::error::Error;
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
    pub(crate) restore_listener: Option<Arc<dyn StateRestoreListener>>,
    pub(crate) uncaught_error_handler: Option<UncaughtErrorHandler>,
    pub(crate) is_paused: bool,
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

    /// Calls `listener` with the new state and the old one, one change at a time and in order.
    /// Kafka Streams: `KafkaStreams.setStateListener`.
    ///
    /// It runs on the thread that caused a change, or on one that was calling it already, and must not wait: whatever it holds
    /// up is not processed. It may ask for an end ([`Streams::request_close`](super::Streams::request_close)). A panic in it
    /// ends the instance, with an error that names it.
    ///
    /// ```
    /// use kstreams::runtime::{StartOptions, State};
    ///
    /// let options = StartOptions::new().state_listener(|new, old| {
    ///     if new == State::Running {
    ///         println!("ready, after {old}");
    ///     }
    /// });
    /// # let _ = options;
    /// ```
    pub fn state_listener(mut self, listener: impl Fn(State, State) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// Tells `listener` how restoring goes on, of every store. Kafka Streams: `KafkaStreams.setGlobalStateRestoreListener`.
    pub fn state_restore_listener(mut self, listener: impl StateRestoreListener + 'static) -> Self {
        self.restore_listener = Some(Arc::new(listener));
        self
    }

    /// Lets `handler` decide about errors that end a thread, panics of the program's own steps among them; it is given the
    /// error and the thread's name. Without one the instance ends. Kafka Streams: `KafkaStreams.setUncaughtExceptionHandler`.
    ///
    /// It is called on the thread that failed, after what that thread had not committed is given up, and must not wait. If it
    /// panics, the instance ends. What can be done again without anybody's help never comes here: it is rolled back.
    ///
    /// ```
    /// use kstreams::error::ErrorKind;
    /// use kstreams::runtime::{StartOptions, UncaughtErrorResponse};
    ///
    /// let options = StartOptions::new().uncaught_error_handler(|error, thread| {
    ///     eprintln!("{thread}: {error}");
    ///     match error.kind() {
    ///         ErrorKind::Bug | ErrorKind::Processing => UncaughtErrorResponse::ShutdownApplication,
    ///         ErrorKind::Timeout => UncaughtErrorResponse::ReplaceThread,
    ///         _ => UncaughtErrorResponse::ShutdownClient,
    ///     }
    /// });
    /// # let _ = options;
    /// ```
    pub fn uncaught_error_handler(
        mut self,
        handler: impl Fn(&Error, &str) -> UncaughtErrorResponse + Send + Sync + 'static,
    ) -> Self {
        self.uncaught_error_handler = Some(Arc::new(handler));
        self
    }

    /// Processes nothing until [`Streams::resume`](super::Streams::resume). Kafka Streams: `pause` before `start`.
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
    /// let (log, timeout) = (EmbeddedLog::in_memory(EmbeddedOptions::default()), Duration::from_secs(5));
    /// create_topics(&*log, &[NewTopic::new("in", 1), NewTopic::new("out", 1)], timeout)?;
    /// let builder = StreamsBuilder::new();
    /// builder.stream::<String, String>("in").to("out");
    /// let config = Config::new("copy", "embedded:").engine(EngineKind::Memory);
    /// let streams = Streams::start_with(&builder.build()?, config, StartOptions::new().log(log).paused())?;
    /// assert!(streams.is_paused());
    /// streams.resume();
    /// streams.close(timeout)?;
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn paused(mut self) -> Self {
        self.is_paused = true;
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
