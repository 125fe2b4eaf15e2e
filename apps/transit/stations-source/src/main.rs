//! The stations source as a program of its own.

use clap::Parser;
use std::process::ExitCode;
use transit_part::{ConnectionSettings, LevelFilter, VitalsSettings, run_program};
use transit_stations_source::{SourceSettings, run_stations_source};

/// Publishes each new row of the database table `stations`, once.
#[derive(Parser)]
#[command(name = "transit-stations-source", version)]
struct Program {
    #[command(flatten)]
    connection: ConnectionSettings,

    #[command(flatten)]
    source: SourceSettings,

    #[command(flatten)]
    vitals: VitalsSettings,
}

fn main() -> ExitCode {
    run_program(LevelFilter::INFO, |program: Program, stop| {
        let _served = program.vitals.serve()?;
        let connection = program.connection.open()?;
        let published = run_stations_source(&*connection.log, &program.source, stop)?;
        println!("stations source: published {published} rows");
        Ok(())
    })
}
