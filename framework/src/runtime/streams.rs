//! The handle on a running application.

use super::counters::Counts;
use super::driver;
use super::instance::Instance;
use super::options::StartOptions;
use super::query::{self, StoreView};
use super::state::{State, ThreadState};
use crate::config::{Config, Setting};
use crate::error::{Error, ErrorKind, Result};
use crate::metrics::Metrics;
#[cfg(feature = "http")]
use crate::metrics::{HttpServer, Pages};
use crate::store::StoreHandle;
use crate::topology::{Topology, TopologyDescription};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long dropping a handle waits for its threads to end in order.
const DROP_TIMEOUT: Duration = Duration::from_secs(10);

/// What examples begin with: an instance that runs on one thread.
macro_rules! running {
    () => {
        "# use kstreams::{config::{Config, EngineKind}, dsl::StreamsBuilder, log::{NewTopic, client, embedded::*}};
# use kstreams::runtime::{StartOptions, State, Streams};
# use std::time::Duration;
# let (log, timeout) = (EmbeddedLog::in_memory(EmbeddedOptions::default()), Duration::from_secs(30));
# client::create_topics(&*log, &[NewTopic::new(\"in\", 2), NewTopic::new(\"out\", 1)], timeout)?;
# let builder = StreamsBuilder::new();
# builder.stream::<String, String>(\"in\").to(\"out\");
# let config = Config::new(\"copy\", \"embedded:\").engine(EngineKind::Memory);
# let options = StartOptions::new().log(log.clone()).process_id(\"me\");
# let streams = Streams::start_with(&builder.build()?, config, options)?;
# assert!(streams.wait_for(State::Running, timeout));"
    };
}

pub(super) use running;

/// A running application instance. Kafka Streams: `org.apache.kafka.streams.KafkaStreams`.
///
/// Its threads run until [`close`](Self::close), until it is dropped (which closes it), or until one of them fails.
///
/// ```
/// use kstreams::config::{Config, EngineKind};
/// use kstreams::dsl::StreamsBuilder;
/// use kstreams::log::client::{NewMessage, Producer, create_topics};
/// use kstreams::log::{NewTopic, connect};
/// use kstreams::record::SystemClock;
/// use kstreams::runtime::{State, Streams};
/// use kstreams::store::TimestampedKeyValueStore;
/// use std::sync::Arc;
/// use std::time::{Duration, Instant};
///
/// let (log, timeout) = (connect("embedded-memory:streams-example", Arc::new(SystemClock))?, Duration::from_secs(10));
/// create_topics(&*log, &[NewTopic::new("words", 1)], timeout)?;
/// let mut producer = Producer::new(&*log, &Default::default(), timeout)?;
/// for word in ["so", "it", "so"] {
///     producer.send(&NewMessage::new(&"words".into(), Some(word.as_bytes()), Some(word.as_bytes())))?;
/// }
/// producer.flush()?;
///
/// let builder = StreamsBuilder::new();
/// builder.stream::<String, String>("words").group_by_key().count("counts");
/// let config = Config::new("word-count", "embedded-memory:streams-example").engine(EngineKind::Memory).exactly_once();
/// let streams = Streams::start(&builder.build()?, config)?;
/// assert!(streams.wait_for(State::Running, timeout));
/// let begun = Instant::now();
/// while begun.elapsed() < timeout {
///     let counts = streams.store::<TimestampedKeyValueStore<String, i64>>("counts")?;
///     if counts.get(&"so".to_owned())?.is_some_and(|so| so.value == 2) {
///         return streams.close(timeout);
///     }
///     std::thread::sleep(Duration::from_millis(5));
/// }
/// panic!("nothing was counted");
/// # #[allow(unreachable_code)]
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub struct Streams {
    pub(super) instance: Arc<Instance>,
    description: TopologyDescription,
    #[cfg(feature = "http")]
    http: Option<HttpServer>,
}

impl Streams {
    /// Starts an instance and returns at once; its threads look at topics, join the group and restore by themselves.
    ///
    /// # Errors
    /// `Config` for a configuration that cannot be used; `InUse` if another process has the state directory; `Io` if
    /// it cannot be written or the log cannot be opened.
    pub fn start(topology: &Topology, config: Config) -> Result<Streams> {
        Streams::start_with(topology, config, StartOptions::new())
    }

    /// Starts an instance with parts that are given: for several instances on one embedded log, and for tests.
    ///
    /// # Errors
    /// As in [`start`](Self::start).
    pub fn start_with(topology: &Topology, config: Config, options: StartOptions) -> Result<Streams> {
        let instance = Instance::open(topology, config, options)?;
        tracing::info!(
            application = instance.config.application_id,
            client = instance.client_id,
            url = instance.config.url,
            guarantee = ?instance.config.processing_guarantee,
            threads = instance.config.num_stream_threads,
            "starting"
        );
        for Setting { key, value, origin, .. } in instance.config.settings() {
            tracing::info!(key, value, %origin, "configuration");
        }
        let description = topology.describe();
        // An address that cannot be had is to be known before anything is processed.
        let http = serve(&instance, &description)?;
        #[cfg(not(feature = "http"))]
        let () = http;
        instance.board.begin();
        driver::spawn(&instance)?;
        Ok(Streams {
            instance,
            description,
            #[cfg(feature = "http")]
            http,
        })
    }

    /// Waits until the instance has ended: after [`close`](Self::close) from another thread, or because of an error.
    ///
    /// # Errors
    /// The first fatal error: a program that ends with it should end with a non-zero status. `Bug` on a thread of the
    /// instance itself, which cannot wait for its own end.
    ///
    /// ```
    #[doc = running!()]
    /// streams.request_close(); // as a handler of signals does
    /// streams.wait()?; // it ended, and not because of an error
    /// assert_eq!(streams.state(), State::NotRunning);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn wait(&self) -> Result<()> {
        if self.instance.board.is_own_thread() {
            return Err(Error::new(ErrorKind::Bug, "a thread of the application cannot wait until it has ended"));
        }
        let outcome = self.instance.board.wait();
        self.let_go();
        outcome
    }

    /// After the end: nothing of the instance runs, or is held, any more.
    pub(super) fn let_go(&self) {
        self.instance.crew.join();
        self.instance.let_go();
    }

    /// Waits until the instance is in `state`; false if it was not within `timeout`, or has ended otherwise.
    ///
    /// ```
    #[doc = running!()]
    /// assert!(streams.wait_for(State::Running, timeout));
    /// streams.close(timeout)?;
    /// assert!(!streams.wait_for(State::Running, timeout)); // at once: it never will be again
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn wait_for(&self, state: State, timeout: Duration) -> bool {
        self.instance.board.wait_for(|now| now == state || now.has_ended(), timeout) == Some(state)
    }

    /// What the instance is doing.
    pub fn state(&self) -> State {
        self.instance.board.state()
    }

    /// The threads by name, with what they are doing.
    ///
    /// ```
    #[doc = running!()]
    /// use kstreams::runtime::ThreadState;
    ///
    /// assert_eq!(streams.threads(), [("copy-me-StreamThread-1".to_owned(), ThreadState::Running)]);
    /// # streams.close(timeout)?;
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn threads(&self) -> Vec<(String, ThreadState)> {
        self.instance.board.threads()
    }

    /// Whether the instance is alive: it has not failed. For a liveness probe.
    ///
    /// ```
    #[doc = running!()]
    /// assert!(streams.is_healthy());
    /// streams.close(timeout)?;
    /// assert!(streams.is_healthy() && !streams.is_ready()); // it has ended, but not failed
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn is_healthy(&self) -> bool {
        !self.state().has_failed()
    }

    /// Whether every task of the instance is processing. For a readiness probe.
    pub fn is_ready(&self) -> bool {
        self.state() == State::Running
    }

    /// The committed rows of a store at this moment, over all partitions that this instance has.
    /// Kafka Streams: `KafkaStreams.store`.
    ///
    /// # Errors
    /// `NotFound` if no store has that name; `Topology` if it has other types; `Pending` while it is being restored.
    pub fn store<S: StoreHandle>(&self, name: &str) -> Result<StoreView<S>> {
        query::view(&self.instance, name)
    }

    /// The instance's metrics, under the names that the Kafka Streams JMX exporter gives.
    ///
    /// ```
    #[doc = running!()]
    /// assert!(streams.metrics().text().contains("alive_stream_threads"));
    /// # streams.close(timeout)?;
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn metrics(&self) -> &Metrics {
        &self.instance.metrics
    }

    /// Where metrics and health are served, if the configuration asks for it (`http_listen`).
    #[cfg(feature = "http")]
    pub fn http_address(&self) -> Option<std::net::SocketAddr> {
        self.http.as_ref().map(HttpServer::address)
    }

    /// What was counted since the start.
    ///
    /// ```
    #[doc = running!()]
    /// assert_eq!(streams.counts().processed, 0); // nothing came so far
    /// # streams.close(timeout)?;
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn counts(&self) -> Counts {
        self.instance.counters.counts()
    }

    /// The topology that is running.
    ///
    /// ```
    #[doc = running!()]
    /// assert!(streams.topology().to_string().contains("Source: KSTREAM-SOURCE-0000000000 (topics: [in])"));
    /// # streams.close(timeout)?;
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn topology(&self) -> &TopologyDescription {
        &self.description
    }

    /// The name by which the instance's clients begin: `<application id>-<process id>` unless configured.
    ///
    /// ```
    #[doc = running!()]
    /// assert_eq!(streams.client_id(), "copy-me");
    /// # streams.close(timeout)?;
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn client_id(&self) -> &str {
        &self.instance.client_id
    }
}

/// Serves metrics, health and the topology where the configuration says.
#[cfg(feature = "http")]
fn serve(instance: &Arc<Instance>, description: &TopologyDescription) -> Result<Option<HttpServer>> {
    let Some(address) = &instance.config.http_listen else { return Ok(None) };
    let (metrics, healthy, ready) = (instance.metrics.clone(), instance.clone(), instance.clone());
    let description = description.to_string();
    let pages = Pages {
        metrics: Arc::new(move || metrics.text()),
        health: Arc::new(move || told(healthy.board.state(), |state| !state.has_failed())),
        ready: Arc::new(move || told(ready.board.state(), |state| state == State::Running)),
        topology: Arc::new(move || description.clone()),
    };
    let server = HttpServer::start(address, pages)?;
    tracing::info!(address = %server.address(), "serving metrics and health");
    Ok(Some(server))
}

#[cfg(feature = "http")]
fn told(state: State, is_well: impl Fn(State) -> bool) -> Result<(), String> {
    if is_well(state) { Ok(()) } else { Err(format!("the state is {state}")) }
}

#[cfg(not(feature = "http"))]
fn serve(instance: &Arc<Instance>, _description: &TopologyDescription) -> Result<()> {
    match &instance.config.http_listen {
        None => Ok(()),
        Some(address) => Err(Error::new(ErrorKind::Config, format!("this build cannot listen on `{address}`"))
            .with_hint("build it with the cargo feature `http`")),
    }
}

impl Drop for Streams {
    /// Closes the instance.
    fn drop(&mut self) {
        if self.state().has_ended() {
            return;
        }
        if let Err(error) = self.close(DROP_TIMEOUT) {
            tracing::error!(client = self.instance.client_id, %error, "closing a dropped instance");
        }
    }
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams")
            .field("client_id", &self.instance.client_id)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
