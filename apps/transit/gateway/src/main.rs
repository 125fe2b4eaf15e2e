//! The gateway as a program of its own.

use clap::Parser;
use kstreams::error::Result;
use std::process::ExitCode;
use transit_gateway::{Gateway, GatewaySettings};
use transit_part::{ConnectionSettings, Stop, exit_code, start_logging, stop_on_signals};

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
}

fn main() -> ExitCode {
    start_logging();
    exit_code(run(&Program::parse()))
}

fn run(program: &Program) -> Result<()> {
    let stop = Stop::default();
    stop_on_signals(&stop)?;
    let connection = program.connection.open()?;
    let gateway = Gateway::bind(connection.log, connection.registry, &program.gateway)?;
    println!("gateway: http://{}", gateway.address());
    gateway.run(&stop)
}
