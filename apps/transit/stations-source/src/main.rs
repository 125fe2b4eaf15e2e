//! The stations source as a program of its own.

use clap::Parser;
use kstreams::error::Result;
use std::process::ExitCode;
use transit_part::{ConnectionSettings, Stop, exit_code, start_logging, stop_on_signals};
use transit_stations_source::{SourceSettings, run_stations_source};

/// Publishes each new row of the database table `stations`, once.
#[derive(Parser)]
#[command(name = "transit-stations-source", version)]
struct Program {
    #[command(flatten)]
    connection: ConnectionSettings,

    #[command(flatten)]
    source: SourceSettings,
}

fn main() -> ExitCode {
    start_logging();
    exit_code(run(&Program::parse()))
}

fn run(program: &Program) -> Result<()> {
    let stop = Stop::default();
    stop_on_signals(&stop)?;
    let connection = program.connection.open()?;
    let published = run_stations_source(&*connection.log, &program.source, &stop)?;
    println!("stations source: published {published} rows");
    Ok(())
}
