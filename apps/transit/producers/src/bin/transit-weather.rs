//! The weather over Chicago, hour by simulated hour.

use clap::Parser;
use std::process::ExitCode;
use transit_part::{LevelFilter, run_program};
use transit_producers::{ProducerArgs, WeatherSettings, run_weather};

/// Simulates the weather and posts a report a simulated hour to the gateway.
///
/// A restart goes on behind the last report that was written.
#[derive(Parser)]
#[command(name = "transit-weather", version)]
struct Program {
    #[command(flatten)]
    common: ProducerArgs,

    #[command(flatten, next_help_heading = "Weather")]
    weather: WeatherSettings,
}

fn main() -> ExitCode {
    run_program(LevelFilter::INFO, |Program { common, weather }, stop| {
        common.run(stop, |production| run_weather(production, &weather))
    })
}
