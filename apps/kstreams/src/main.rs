//! The command-line tool `kstreams`: see `kstreams --help`.

use clap::Parser;
use kstreams_cli::{Failure, Program};
use std::io::{self, IsTerminal, Write as _};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// What the shell is told about a command that was not understood, as clap does it.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let program = Program::parse();
    start_logging();
    let mut out = io::stdout().lock();
    match kstreams_cli::run(&program, &mut out).and_then(|()| Ok(out.flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output, as `head` does, has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            if failure.is_usage() { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
        }
    }
}

/// Log lines of the library go to standard error: errors, or what the variable `RUST_LOG` chooses.
fn start_logging() {
    let filter = EnvFilter::builder().try_from_env().unwrap_or_else(|_| EnvFilter::new("error"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_target(false).without_time();
    lines.with_ansi(io::stderr().is_terminal()).with_writer(io::stderr).init();
}
