//! Running a topology as a part: exactly once, committing every 200 ms, until told to stop.
//!
//! A record that cannot be used ends no application: it goes to the dead letters, where and why in its headers, is
//! counted, and the next one is processed.

use crate::log::{create_topics, delete_old};
use crate::{Connection, Stop};
use clap::{Args, ValueEnum};
use kstreams::config::{Config, EngineKind};
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::log::NewTopic;
use kstreams::runtime::{StartOptions, Streams};
use kstreams::topology::Topology;
use std::path::PathBuf;
use std::time::Duration;
use transit_model::names::DEAD_LETTERS;

/// The longest that an application may take to commit and leave.
pub const CLOSE_PATIENCE: Duration = Duration::from_secs(30);
/// How often an application is asked whether it still runs.
const LOOK: Duration = Duration::from_millis(100);

/// Which engine keeps state on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// In pure Rust
    Fjall,
    /// RocksDB; the program must be built with it
    Rocksdb,
}

impl Engine {
    /// The framework's name for it.
    ///
    /// # Errors
    /// `Config` if the program was built without it.
    pub fn kind(self) -> Result<EngineKind> {
        match self {
            Engine::Fjall => Ok(EngineKind::Fjall),
            Engine::Rocksdb if kstreams::engine::EngineKind::Rocksdb.is_built() => Ok(EngineKind::RocksDb),
            Engine::Rocksdb => Err(Error::new(ErrorKind::Config, "this program was built without RocksDB")
                .with_hint("build it with `--features kstreams/rocksdb`")),
        }
    }
}

/// Flags of a program that runs a topology.
#[derive(Debug, Clone, Args)]
pub struct StreamsSettings {
    /// Where state is kept, in a directory for each application
    #[arg(long, env = "TRANSIT_STATE_DIR", value_name = "DIRECTORY", default_value = "transit-data/state")]
    pub state_dir: PathBuf,

    /// Which engine keeps state
    #[arg(long, env = "TRANSIT_ENGINE", value_enum, default_value_t = Engine::Fjall)]
    pub engine: Engine,

    /// Threads that process
    #[arg(long, env = "TRANSIT_THREADS", value_name = "N", default_value_t = 1)]
    pub threads: usize,

    /// Milliseconds between two commits
    #[arg(long, env = "TRANSIT_COMMIT_MS", value_name = "MS", default_value_t = 200)]
    pub commit_ms: u64,

    /// Where metrics and health are served [default: nowhere]
    #[arg(long, env = "TRANSIT_HTTP", value_name = "HOST:PORT")]
    pub http: Option<String>,
}

impl Default for StreamsSettings {
    fn default() -> Self {
        StreamsSettings {
            state_dir: PathBuf::from("transit-data/state"),
            engine: Engine::Fjall,
            threads: 1,
            commit_ms: 200,
            http: None,
        }
    }
}

impl StreamsSettings {
    /// The configuration of an application on that log.
    ///
    /// # Errors
    /// `Config` if the program was built without the engine.
    pub fn config(&self, application_id: &str, log_url: &str) -> Result<Config> {
        let config = Config::new(application_id, log_url)
            .exactly_once()
            .dead_letters(DEAD_LETTERS)
            .commit_interval(Duration::from_millis(self.commit_ms))
            .state_dir(&self.state_dir)
            .engine(self.engine.kind()?)
            .threads(self.threads);
        Ok(match &self.http {
            Some(address) => config.http_listen(address),
            None => config,
        })
    }
}

/// Starts a topology on an open connection, with the options given besides. Its topic of dead letters is created.
///
/// # Errors
/// `Config` if the configuration cannot be used, `InUse` if another process has the state directory, `Io` if it cannot
/// be written.
pub fn start_streams(
    topology: &Topology,
    config: Config,
    connection: &Connection,
    options: StartOptions,
) -> Result<Streams> {
    let dead_letters = config.dead_letter_topic.iter().map(|topic| NewTopic::new(topic, 1).with_config(delete_old()));
    create_topics(&*connection.log, &dead_letters.collect::<Vec<_>>())?;
    let options = options.log(connection.log.clone()).registry(connection.registry.clone());
    let application_id = config.application_id.clone();
    Streams::start_with(topology, config, options).map_err(|error| error.context(format!("starting {application_id}")))
}

/// Waits until a stop is requested, then closes the application; or until it fails.
///
/// # Errors
/// The application's own fatal error; `Timeout` if it does not end.
pub fn run_streams(streams: &Streams, stop: &Stop) -> Result<()> {
    while !stop.wait(LOOK) {
        if streams.state().has_ended() {
            return streams.wait();
        }
    }
    streams.close(CLOSE_PATIENCE)
}
