//! The turnstiles topology as a program of its own.

use clap::Parser;
use std::process::ExitCode;
use transit_part::{LevelFilter, TopologyArgs, run_program};
use transit_turnstiles::{APPLICATION_ID, topics, topology};

/// Counts riders per station, in all and per simulated hour.
#[derive(Parser)]
#[command(name = "transit-turnstiles", version)]
struct Program {
    #[command(flatten)]
    topology: TopologyArgs,

    /// Partitions of the topics, if they are created now
    #[arg(long, env = "TRANSIT_PARTITIONS", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..))]
    partitions: i32,
}

fn main() -> ExitCode {
    run_program(LevelFilter::INFO, |program: Program, stop| {
        let topics = topics(program.partitions);
        let counts = program.topology.run(APPLICATION_ID, &topology()?, &topics, stop)?;
        println!("turnstiles: processed {} riders, {} of them dead letters", counts.processed, counts.dead_letters);
        Ok(())
    })
}
