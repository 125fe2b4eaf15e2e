//! The dashboard as a program of its own.

use clap::Parser;
use std::process::ExitCode;
use transit_dashboard::topology::{APPLICATION_ID, adjusted};
use transit_dashboard::{Dashboard, DashboardSettings};
use transit_part::{ConnectionSettings, LevelFilter, StreamsSettings, run_program};

/// Serves the page with the trains, riders and weather of the Chicago "L", live.
///
/// Also: /api/lines, /api/stations/{id} and /api/weather as JSON; /events, /healthz, /readyz and /metrics.
#[derive(Parser)]
#[command(name = "transit-dashboard", version)]
struct Program {
    #[command(flatten)]
    connection: ConnectionSettings,

    #[command(flatten)]
    dashboard: DashboardSettings,

    #[command(flatten)]
    streams: StreamsSettings,

    /// Names the group and the changelogs; each dashboard on a log needs its own
    #[arg(long, env = "TRANSIT_DASHBOARD_ID", value_name = "ID", default_value = APPLICATION_ID)]
    id: String,
}

fn main() -> ExitCode {
    run_program(LevelFilter::INFO, |program: Program, stop| {
        let dashboard = Dashboard::bind(&program.dashboard)?;
        let config = adjusted(program.streams.config(&program.id, &program.connection.log)?);
        let connection = program.connection.open()?;
        println!("dashboard: http://{}", dashboard.address());
        dashboard.run(&connection, config, stop)
    })
}
