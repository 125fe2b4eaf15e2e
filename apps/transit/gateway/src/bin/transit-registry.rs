//! A schema registry as a program of its own.

use clap::Parser;
use std::process::ExitCode;
use transit_gateway::registry::{RegistryServer, RegistrySettings};
use transit_part::{LevelFilter, VitalsSettings, run_program};

/// Keeps schemas in a directory and speaks the HTTP of Confluent's schema registry.
///
/// For machines without Karapace or Confluent's own. Schemas are registered and asked for, never deleted; new versions
/// must be able to read the data of the version before.
#[derive(Parser)]
#[command(name = "transit-registry", version)]
struct Program {
    #[command(flatten)]
    registry: RegistrySettings,

    #[command(flatten)]
    vitals: VitalsSettings,
}

fn main() -> ExitCode {
    run_program(LevelFilter::INFO, |program: Program, stop| {
        let _served = program.vitals.serve()?;
        let server = RegistryServer::bind(&program.registry)?;
        println!("registry: http://{}", server.address());
        server.run(stop);
        Ok(())
    })
}
