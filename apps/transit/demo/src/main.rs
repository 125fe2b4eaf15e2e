//! Transit, live in a browser, by one command.

use clap::Parser;
use std::process::ExitCode;
use transit_demo::{DemoSettings, Report, run};
use transit_part::{LevelFilter, run_program};

/// Runs all of transit in this process, on a log in a directory, and serves the page.
///
/// Trains, riders, weather and stations are simulated; the topologies count them exactly once, also over restarts and
/// kill -9. Ctrl-C or SIGTERM ends it in order. Warnings are told; RUST_LOG=info tells what happens inside, too.
#[derive(Parser)]
#[command(name = "transit-demo", version)]
struct Program {
    #[command(flatten)]
    demo: DemoSettings,
}

fn main() -> ExitCode {
    run_program(LevelFilter::WARN, |Program { demo }, stop| {
        let report = run(&demo, stop, |page, gateway| {
            println!("page:    http://{page}");
            println!("gateway: http://{gateway}");
            println!("{}", demo.introduction());
        })?;
        print(&report, demo.report);
        Ok(())
    })
}

fn print(report: &Report, with_usage: bool) {
    report.produced.iter().for_each(|produced| println!("{produced}"));
    println!("stations: published {} rows", report.stations_published);
    if with_usage {
        println!("{}", report.usage);
    }
}
