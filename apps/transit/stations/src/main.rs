//! The stations topology as a program of its own.

use clap::Parser;
use kstreams::error::Result;
use std::process::ExitCode;
use transit_part::log::create_topics;
use transit_part::{
    ConnectionSettings, Stop, StreamsSettings, exit_code, run_streams, start_logging, start_streams, stop_on_signals,
};
use transit_stations::{APPLICATION_ID, Skipped, topics, topology};

/// Turns the platforms of the table `stations` into stations on their lines.
#[derive(Parser)]
#[command(name = "transit-stations", version)]
struct Program {
    #[command(flatten)]
    connection: ConnectionSettings,

    #[command(flatten)]
    streams: StreamsSettings,
}

fn main() -> ExitCode {
    start_logging();
    exit_code(run(&Program::parse()))
}

fn run(program: &Program) -> Result<()> {
    let (stop, skipped) = (Stop::default(), Skipped::default());
    stop_on_signals(&stop)?;
    let connection = program.connection.open()?;
    create_topics(&*connection.log, &topics())?;
    let config = program.streams.config(APPLICATION_ID, &program.connection.log);
    let streams = start_streams(&topology(&skipped)?, config, &connection)?;
    run_streams(&streams, &stop)?;
    println!("stations: processed {} rows, {} of them without a colour", streams.counts().processed, skipped.count());
    Ok(())
}
