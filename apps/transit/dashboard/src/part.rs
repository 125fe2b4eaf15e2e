//! The dashboard as a part of transit: settings, and topology and server together from start to stop.

use crate::topology::{TOPICS, topology};
use crate::{Health, Hub, Options, Server};
use clap::Args;
use kstreams::config::Config;
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::log::Log;
use kstreams::runtime::{StartOptions, State};
use prometheus::Registry;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;
use transit_part::log::topic_names;
use transit_part::{CLOSE_PATIENCE, Connection, Stop, block_on, start_streams};

/// Time between two looks for topics that do not exist yet.
const TOPICS_POLL: Duration = Duration::from_millis(250);

/// Flags of the dashboard.
#[derive(Debug, Clone, Args)]
pub struct DashboardSettings {
    /// Where the page is served; port 0 takes a free one
    #[arg(long, env = "TRANSIT_DASHBOARD_LISTEN", value_name = "HOST:PORT", default_value = "127.0.0.1:8888")]
    pub listen: String,

    /// As many open pages as are kept up to date at a time
    #[arg(long, env = "TRANSIT_DASHBOARD_PAGES_MAX", value_name = "N", default_value_t = 256)]
    pub pages_max: usize,
}

/// A dashboard that listens and does not yet answer.
pub struct Dashboard {
    runtime: Runtime,
    server: Server,
    hub: Hub,
}

impl Dashboard {
    /// Takes the port.
    ///
    /// # Errors
    /// `Config` if the address is none; `InUse` if the port is taken; `Io` if it cannot be used otherwise.
    pub fn bind(settings: &DashboardSettings) -> Result<Dashboard> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let hub = Hub::new();
        let options = Options {
            listen: address(&settings.listen)?,
            watchers_max: settings.pages_max,
            connections_max: settings.pages_max.saturating_mul(2).max(64),
            ..Options::default()
        };
        let server = runtime.block_on(Server::bind(hub.clone(), options))?;
        Ok(Dashboard { runtime, server, hub })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Serves the page and runs the topology until a stop is requested. The topology begins when every topic exists
    /// that is not subscribed by pattern: those who write them may be starting, too.
    ///
    /// # Errors
    /// What the topology failed with: then the page stops, too.
    pub fn run(self, connection: &Connection, config: Config, stop: &Stop) -> Result<()> {
        let Dashboard { runtime, server, hub } = self;
        let told = Told::default();
        let (health, metrics) = (told.clone(), told.clone());
        let server = server.with_probe(move || health.health()).with_registries(move || metrics.registries());
        let ended = Stop::default();
        std::thread::scope(|scope| {
            let page = scope.spawn(|| runtime.block_on(server.run(ended.requested())));
            let fed = feed(&hub, connection, config, &told, stop);
            ended.request();
            page.join().map_err(|_| Error::new(ErrorKind::Bug, "the page's server panicked")).and(fed)
        })
    }
}

/// What the server is told of the topology, which starts later and in other threads.
#[derive(Clone)]
struct Told {
    health: Arc<Mutex<Health>>,
    metrics: Arc<OnceLock<Registry>>,
}

impl Default for Told {
    fn default() -> Self {
        Told { health: Arc::new(Mutex::new(Health::Starting("starting".into()))), metrics: Arc::default() }
    }
}

impl Told {
    fn health(&self) -> Health {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_health(&self, health: Health) {
        *self.health.lock().unwrap_or_else(PoisonError::into_inner) = health;
    }

    /// The topology's own registry, from its start on.
    fn registries(&self) -> Vec<Registry> {
        self.metrics.get().cloned().into_iter().collect()
    }
}

/// Runs the topology from the time its topics exist until a stop is requested or it fails.
fn feed(hub: &Hub, connection: &Connection, config: Config, told: &Told, stop: &Stop) -> Result<()> {
    if !wait_for_topics(&*connection.log, told, stop)? {
        return Ok(());
    }
    let (listener, failed) = (told.clone(), Stop::default());
    let end = failed.clone();
    let options = StartOptions::new().state_listener(move |state, _| {
        listener.set_health(health_in(state));
        if state.has_ended() {
            end.request();
        }
    });
    let streams = start_streams(&topology(hub)?, config, connection, options)?;
    told.metrics.get_or_init(|| streams.metrics().registry().clone());
    block_on(async {
        tokio::select! {
            () = stop.requested() => {}
            () = failed.requested() => {}
        }
    })?;
    streams.close(CLOSE_PATIENCE)
}

/// Waits until every topic exists; false if a stop was requested before.
fn wait_for_topics(log: &dyn Log, told: &Told, stop: &Stop) -> Result<bool> {
    loop {
        let known = topic_names(log)?;
        let missing = TOPICS.iter().find(|topic| !known.iter().any(|name| name == *topic));
        let Some(topic) = missing else { return Ok(true) };
        told.set_health(Health::Starting(format!("waiting for the topic {topic}")));
        if stop.wait(TOPICS_POLL) {
            return Ok(false);
        }
    }
}

fn health_in(state: State) -> Health {
    match state {
        State::Running => Health::Working,
        State::Created | State::Rebalancing => Health::Starting("reading what was kept".into()),
        State::PendingShutdown | State::NotRunning => Health::Starting("stopping".into()),
        State::PendingError | State::Error => Health::Failed("the topology has failed; its log says why".into()),
    }
}

fn address(text: &str) -> Result<SocketAddr> {
    let no_address = |detail: String| {
        Error::new(ErrorKind::Config, format!("`{text}` is no address to listen on"))
            .with_detail(detail)
            .with_hint("write host:port, such as 127.0.0.1:8888")
    };
    let mut addresses = text.to_socket_addrs().map_err(|error| no_address(error.to_string()))?;
    addresses.next().ok_or_else(|| no_address("the name has no address".into()))
}
