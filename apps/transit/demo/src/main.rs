//! Transit, live in a browser, by one command.

use clap::Parser;
use kstreams::error::Result;
use std::process::ExitCode;
use transit_demo::{DemoSettings, Report, run};
use transit_part::{Stop, exit_code, start_logging, stop_on_signals};

/// Runs all of transit in this process, on a log in a directory, and serves the page.
///
/// Trains, riders, weather and stations are simulated; the topologies count them exactly once, also over restarts and
/// kill -9. Ctrl-C or SIGTERM ends it in order.
#[derive(Parser)]
#[command(name = "transit-demo", version)]
struct Program {
    #[command(flatten)]
    demo: DemoSettings,
}

fn main() -> ExitCode {
    start_logging();
    exit_code(start(&Program::parse().demo))
}

fn start(settings: &DemoSettings) -> Result<()> {
    let stop = Stop::default();
    stop_on_signals(&stop)?;
    let report = run(settings, &stop, |page, gateway| {
        println!("page:    http://{page}");
        println!("gateway: http://{gateway}");
    })?;
    print(&report, settings.report);
    Ok(())
}

fn print(report: &Report, with_usage: bool) {
    report.produced.iter().for_each(|produced| println!("{produced}"));
    println!("stations: published {} rows", report.stations_published);
    if with_usage {
        println!("{}", report.usage);
    }
}
