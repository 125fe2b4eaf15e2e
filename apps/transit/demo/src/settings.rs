//! Flags and environment variables of the demo.

use clap::Args;
use std::net::IpAddr;
use std::path::PathBuf;
use transit_part::{Engine, StreamsSettings};
use transit_producers::{ArrivalsSettings, PaceSettings, SimulationSettings, TopicSettings};

const MINUTE_MS: i64 = 60_000;

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

    /// How the topologies run.
    pub(crate) fn streams(&self) -> StreamsSettings {
        StreamsSettings { state_dir: self.dir.join("state"), engine: self.engine, ..StreamsSettings::default() }
    }

    /// What runs, where it is kept, and how to stop it: what a user is told beside the addresses.
    ///
    /// ```
    /// # use clap::Parser;
    /// # #[derive(Parser)]
    /// # struct Program { #[command(flatten)] demo: transit_demo::DemoSettings }
    /// let demo = Program::parse_from(["demo", "--dir=here", "--speed=10"]).demo;
    /// assert!(demo.introduction().contains("5 simulated minutes every 500ms"));
    /// assert!(demo.introduction().contains("data:    here"));
    /// ```
    pub fn introduction(&self) -> String {
        let step_minutes = self.simulation.step_minutes.as_ms() / MINUTE_MS;
        format!(
            "runs:    Chicago's blue, green and red lines: 30 trains, every rider, the weather; \
             {step_minutes} simulated minutes every {:?}\n\
             data:    {} (it stays: started again, the demo goes on where it was)\n\
             stop:    Ctrl-C\n\
             more:    --help lists the options (make demo ARGS=\"--help\"); RUST_LOG=info tells what happens inside",
            self.pace.every(1).interval(),
            self.dir.display(),
        )
    }

    /// The URL of the log.
    pub(crate) fn log_url(&self) -> String {
        format!("embedded:{}", self.dir.display())
    }
}
