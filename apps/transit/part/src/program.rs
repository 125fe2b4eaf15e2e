//! The skeleton of every program: its flags, log lines and signals, its last sentence and its exit status.

use crate::{ConnectionSettings, Stop, StreamsSettings, run_streams, start_streams, stop_on_signals};
use clap::{Args, Parser};
use kstreams::error::Result;
use kstreams::log::NewTopic;
use kstreams::runtime::{Counts, StartOptions};
use kstreams::topology::Topology;
use std::io::IsTerminal;
use std::process::ExitCode;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// Runs a program from its flags to its exit status. A signal requests the stop; an error is printed as one sentence.
///
/// Log lines from `level` up go to standard error, or those that the variable `RUST_LOG` chooses.
pub fn run_program<P: Parser>(level: LevelFilter, run: impl FnOnce(P, &Stop) -> Result<()>) -> ExitCode {
    let program = P::parse();
    start_logging(level);
    let stop = Stop::default();
    match stop_on_signals(&stop).and_then(|()| run(program, &stop)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            tracing::debug!(?error, "with its causes");
            ExitCode::FAILURE
        }
    }
}

fn start_logging(level: LevelFilter) {
    let filter = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_target(false).with_ansi(colours);
    lines.with_writer(std::io::stderr).init();
}

/// Flags of a program that is a topology and nothing else.
#[derive(Debug, Clone, Args)]
pub struct TopologyArgs {
    #[command(flatten)]
    connection: ConnectionSettings,

    #[command(flatten)]
    streams: StreamsSettings,
}

impl TopologyArgs {
    /// Creates the topics, and runs the topology until the stop; returns what it has counted.
    ///
    /// # Errors
    /// What opening the log or starting the topology answers; the topology's own fatal error.
    pub fn run(&self, application_id: &str, topology: &Topology, topics: &[NewTopic], stop: &Stop) -> Result<Counts> {
        let connection = self.connection.open()?;
        crate::log::create_topics(&*connection.log, topics)?;
        let config = self.streams.config(application_id, &self.connection.log)?;
        let streams = start_streams(topology, config, &connection, StartOptions::new())?;
        run_streams(&streams, stop)?;
        Ok(streams.counts())
    }
}
