//! Every rider who enters one of the 92 stations.

use clap::Parser;
use std::process::ExitCode;
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
    Program::parse().common.run(run_turnstiles)
}
