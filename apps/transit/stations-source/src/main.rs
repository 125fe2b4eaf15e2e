//! The stations source as a program of its own.

use clap::Parser;
use std::process::ExitCode;
use transit_part::{ConnectionSettings, LevelFilter, VitalsSettings, run_program};
use transit_stations_source::{SourceSettings, run_stations_source, table_script};

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

    /// Print the SQL that creates and fills the table, and end
    #[arg(long)]
    print_sql: bool,
}

fn main() -> ExitCode {
    run_program(LevelFilter::INFO, |program: Program, stop| {
        if program.print_sql {
            print!("{}", table_script());
            return Ok(());
        }
        let _served = program.vitals.serve()?;
        let connection = program.connection.open()?;
        let published = run_stations_source(&*connection.log, &program.source, stop)?;
        println!("stations source: published {published} rows");
        Ok(())
    })
}
