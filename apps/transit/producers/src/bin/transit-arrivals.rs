//! Thirty trains of the blue, green and red lines, one station a step.

use clap::Parser;
use std::process::ExitCode;
use transit_part::{LevelFilter, run_program};
use transit_producers::{ArrivalsSettings, ProducerArgs, run_arrivals};

/// Simulates thirty trains and writes their arrivals, a transaction a step.
///
/// A restart goes on exactly where the last run ended, however it ended.
#[derive(Parser)]
#[command(name = "transit-arrivals", version)]
struct Program {
    #[command(flatten)]
    common: ProducerArgs,

    #[command(flatten, next_help_heading = "Arrivals")]
    arrivals: ArrivalsSettings,
}

fn main() -> ExitCode {
    run_program(LevelFilter::INFO, |Program { common, arrivals }, stop| {
        common.run(stop, |production| run_arrivals(production, &arrivals))
    })
}
