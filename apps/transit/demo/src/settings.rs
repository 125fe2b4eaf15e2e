//! Flags and environment variables of the demo.

use clap::{Args, ValueEnum};
use kstreams::config::EngineKind;
use kstreams::error::{Error, ErrorKind, Result};
use std::net::IpAddr;
use std::path::PathBuf;
use transit_producers::{ArrivalsSettings, PaceSettings, SimulationSettings, TopicSettings};

/// Which engine keeps the topologies' state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    /// In pure Rust
    Fjall,
    /// RocksDB; the program must be built with it
    Rocksdb,
}

/// Flags of the demo.
#[derive(Debug, Clone, Args)]
pub struct DemoSettings {
    /// Where everything is kept: the log, the schemas, the state, the stations' database
    #[arg(long, env = "TRANSIT_DIR", value_name = "DIRECTORY", default_value = "transit-data")]
    pub dir: PathBuf,

    /// Port of the page; 0 takes a free one
    #[arg(long, env = "TRANSIT_PORT", default_value_t = 8888)]
    pub port: u16,

    /// Address on which the page is served
    #[arg(long, env = "TRANSIT_HOST", value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub host: IpAddr,

    /// Port of the gateway; 0 takes a free one
    #[arg(long, env = "TRANSIT_GATEWAY_PORT", value_name = "PORT", default_value_t = 0)]
    pub gateway_port: u16,

    /// Which engine keeps the topologies' state
    #[arg(long, env = "TRANSIT_ENGINE", value_enum, default_value_t = Engine::Fjall)]
    engine: Engine,

    /// Partitions of the topics of events, if they are created now
    #[arg(long, env = "TRANSIT_PARTITIONS", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=64))]
    pub partitions: i32,

    /// Milliseconds between two looks for new rows in the stations' database
    #[arg(long, env = "TRANSIT_POLL_MS", value_name = "MS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub poll_ms: u64,

    /// Say at the end what was used: processor, memory, lag
    #[arg(long, env = "TRANSIT_REPORT")]
    pub report: bool,

    #[command(flatten, next_help_heading = "Simulation")]
    #[allow(missing_docs, reason = "the type says it")]
    pub simulation: SimulationSettings,

    #[command(flatten, next_help_heading = "Pace")]
    #[allow(missing_docs, reason = "the type says it")]
    pub pace: PaceSettings,

    #[command(flatten, next_help_heading = "Arrivals")]
    #[allow(missing_docs, reason = "the type says it")]
    pub arrivals: ArrivalsSettings,
}

impl DemoSettings {
    /// How topics are created.
    pub(crate) fn topics(&self) -> TopicSettings {
        TopicSettings { partitions: self.partitions, replication: None }
    }

    /// The engine of the topologies' state.
    ///
    /// # Errors
    /// `Config` if the program was built without it.
    pub fn engine(&self) -> Result<EngineKind> {
        match self.engine {
            Engine::Fjall => Ok(EngineKind::Fjall),
            Engine::Rocksdb if kstreams::engine::EngineKind::Rocksdb.is_built() => Ok(EngineKind::RocksDb),
            Engine::Rocksdb => Err(Error::new(ErrorKind::Config, "this program was built without RocksDB")
                .with_hint("build it with `--features transit-demo/rocksdb`")),
        }
    }
}
