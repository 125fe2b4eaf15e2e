//! Which log a program runs on, and the schema registry that belongs to it.

use clap::Args;
use kstreams::config::{Config, LogUrl, RegistryConfig};
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::log::{Log, connect_with};
use kstreams::record::SystemClock;
use kstreams::serde::Registry;
use kstreams::serde::registry::{EmbeddedRegistry, HttpRegistry};
use std::sync::Arc;

/// Flags for the log and its registry.
#[derive(Debug, Clone, Args)]
pub struct ConnectionSettings {
    /// The log: kafka://host:port,… or embedded:DIRECTORY, which one process uses at a time
    #[arg(long, env = "TRANSIT_LOG", value_name = "URL", default_value = "embedded:transit-data")]
    pub log: String,

    /// The schema registry, http://host:port [default: the embedded log's own]
    #[arg(long, env = "TRANSIT_REGISTRY", value_name = "URL")]
    pub registry: Option<String>,
}

/// An open log with its registry.
#[derive(Clone)]
pub struct Connection {
    /// The log.
    pub log: Arc<dyn Log>,
    /// The registry.
    pub registry: Arc<dyn Registry>,
}

impl ConnectionSettings {
    /// Connects. What Kafka's clients need besides (`security.protocol`, `sasl.password`, …) comes from the variables
    /// `KSTREAMS_…` that the framework knows.
    ///
    /// # Errors
    /// `Config` if an address or a variable is none, or Kafka is used without a registry; `InUse` if another process has the
    /// directory; `Io` if it cannot be opened.
    pub fn open(&self) -> Result<Connection> {
        let mut config = Config::new("", &self.log);
        config.apply_environment()?;
        let log = connect_with(&self.log, &config.clients, Arc::new(SystemClock))?;
        let registry: Arc<dyn Registry> = match (&self.registry, self.log.parse::<LogUrl>()?) {
            (Some(url), _) => Arc::new(HttpRegistry::new(&RegistryConfig { url: url.clone(), basic_auth: None })?),
            (None, LogUrl::Embedded { directory }) => Arc::new(EmbeddedRegistry::open(directory.join("schemas"))?),
            (None, LogUrl::EmbeddedMemory { .. }) => Arc::new(EmbeddedRegistry::default()),
            (None, LogUrl::Kafka { .. }) => {
                let message = "Kafka has no schema registry of its own";
                return Err(Error::new(ErrorKind::Config, message).with_hint("name one with --registry"));
            }
        };
        Ok(Connection { log, registry })
    }
}
