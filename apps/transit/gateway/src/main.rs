//! The gateway as a program of its own.

use clap::Parser;
use std::process::ExitCode;
use transit_gateway::{Gateway, GatewaySettings};
use transit_part::{ConnectionSettings, LevelFilter, VitalsSettings, run_program};

/// Takes records over HTTP in the format of Kafka's REST Proxy v2 and writes them to a log.
///
/// POST /topics/{topic} writes a request as a whole or refuses it as a whole; GET /topics lists the topics.
#[derive(Parser)]
#[command(name = "transit-gateway", version)]
struct Program {
    #[command(flatten)]
    connection: ConnectionSettings,

    #[command(flatten)]
    gateway: GatewaySettings,

    #[command(flatten)]
    vitals: VitalsSettings,
}

fn main() -> ExitCode {
    run_program(LevelFilter::INFO, |program: Program, stop| {
        let _served = program.vitals.serve()?;
        let connection = program.connection.open()?;
        let gateway = Gateway::bind(connection.log, connection.registry, &program.gateway)?;
        println!("gateway: http://{}", gateway.address());
        gateway.run(stop)
    })
}
