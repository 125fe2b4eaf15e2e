//! Running a topology as a part: exactly once, committing every 200 ms, until told to stop.

use crate::{Connection, Stop};
use clap::{Args, ValueEnum};
use kstreams::config::{Config, EngineKind};
use kstreams::error::Result;
use kstreams::runtime::{StartOptions, Streams};
use kstreams::topology::Topology;
use std::path::PathBuf;
use std::time::Duration;

/// The longest that an application may take to commit and leave.
const CLOSE_PATIENCE: Duration = Duration::from_secs(30);
/// How often an application is asked whether it still runs.
const LOOK: Duration = Duration::from_millis(100);

/// Which engine keeps state on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    /// In pure Rust
    Fjall,
    /// RocksDB; the program must be built with it
    Rocksdb,
}

/// Flags of a program that runs a topology.
#[derive(Debug, Clone, Args)]
pub struct StreamsSettings {
    /// Where state is kept, in a directory for each application
    #[arg(long, env = "TRANSIT_STATE_DIR", value_name = "DIRECTORY", default_value = "transit-data/state")]
    pub state_dir: PathBuf,

    /// Which engine keeps state
    #[arg(long, env = "TRANSIT_ENGINE", value_enum, default_value_t = Engine::Fjall)]
    engine: Engine,

    /// Threads that process
    #[arg(long, env = "TRANSIT_THREADS", value_name = "N", default_value_t = 1)]
    threads: usize,

    /// Milliseconds between two commits
    #[arg(long, env = "TRANSIT_COMMIT_MS", value_name = "MS", default_value_t = 200)]
    commit_ms: u64,

    /// Where metrics and health are served [default: nowhere]
    #[arg(long, env = "TRANSIT_HTTP", value_name = "HOST:PORT")]
    http: Option<String>,
}

impl StreamsSettings {
    /// The configuration of an application on that log.
    pub fn config(&self, application_id: &str, log_url: &str) -> Config {
        let engine = match self.engine {
            Engine::Fjall => EngineKind::Fjall,
            Engine::Rocksdb => EngineKind::RocksDb,
        };
        let config = Config::new(application_id, log_url)
            .exactly_once()
            .commit_interval(Duration::from_millis(self.commit_ms))
            .state_dir(&self.state_dir)
            .engine(engine)
            .threads(self.threads);
        match &self.http {
            Some(address) => config.http_listen(address),
            None => config,
        }
    }
}

/// Starts a topology on an open connection.
///
/// # Errors
/// `Config` if the configuration cannot be used, `InUse` if another process has the state directory, `Io` if it cannot
/// be written.
pub fn start_streams(topology: &Topology, config: Config, connection: &Connection) -> Result<Streams> {
    let options = StartOptions::new().log(connection.log.clone()).registry(connection.registry.clone());
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
