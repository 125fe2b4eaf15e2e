//! The turnstiles topology as a program of its own.

use clap::Parser;
use kstreams::error::Result;
use std::process::ExitCode;
use transit_part::log::create_topics;
use transit_part::{
    ConnectionSettings, Stop, StreamsSettings, exit_code, run_streams, start_logging, start_streams, stop_on_signals,
};
use transit_turnstiles::{APPLICATION_ID, topics, topology};

/// Counts riders per station, in all and per simulated hour.
#[derive(Parser)]
#[command(name = "transit-turnstiles", version)]
struct Program {
    #[command(flatten)]
    connection: ConnectionSettings,

    #[command(flatten)]
    streams: StreamsSettings,

    /// Partitions of the topics, if they are created now
    #[arg(long, env = "TRANSIT_PARTITIONS", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..))]
    partitions: i32,
}

fn main() -> ExitCode {
    start_logging();
    exit_code(run(&Program::parse()))
}

fn run(program: &Program) -> Result<()> {
    let stop = Stop::default();
    stop_on_signals(&stop)?;
    let connection = program.connection.open()?;
    create_topics(&*connection.log, &topics(program.partitions))?;
    let config = program.streams.config(APPLICATION_ID, &program.connection.log);
    let streams = start_streams(&topology()?, config, &connection)?;
    run_streams(&streams, &stop)?;
    println!("turnstiles: processed {} records", streams.counts().processed);
    Ok(())
}
