//! Every rider who enters one of the 92 stations.

use clap::Parser;
use std::process::ExitCode;
use transit_part::{LevelFilter, run_program};
use transit_producers::{ProducerArgs, run_turnstiles};

/// Simulates riders and writes an event for each, a transaction a step.
///
/// A restart goes on exactly where the last run ended, however it ended.
#[derive(Parser)]
#[command(name = "transit-turnstiles-producer", version)]
struct Program {
    #[command(flatten)]
    common: ProducerArgs,
}

fn main() -> ExitCode {
    run_program(LevelFilter::INFO, |program: Program, stop| program.common.run(stop, run_turnstiles))
}
