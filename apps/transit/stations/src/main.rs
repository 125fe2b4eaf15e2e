//! The stations topology as a program of its own.

use clap::Parser;
use std::process::ExitCode;
use transit_part::{LevelFilter, TopologyArgs, run_program};
use transit_stations::{APPLICATION_ID, Skipped, topics, topology};

/// Turns the platforms of the table `stations` into stations on their lines.
#[derive(Parser)]
#[command(name = "transit-stations", version)]
struct Program {
    #[command(flatten)]
    topology: TopologyArgs,
}

fn main() -> ExitCode {
    run_program(LevelFilter::INFO, |program: Program, stop| {
        let skipped = Skipped::default();
        let counts = program.topology.run(APPLICATION_ID, &topology(&skipped)?, &topics(), stop)?;
        let (rows, dead_letters, skipped) = (counts.processed, counts.dead_letters, skipped.count());
        println!("stations: processed {rows} rows, {dead_letters} of them dead letters, {skipped} without a colour");
        Ok(())
    })
}
