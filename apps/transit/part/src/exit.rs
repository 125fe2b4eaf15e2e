//! The edges of a program: its log lines, its last sentence and its exit status.

use kstreams::error::Result;
use std::io::IsTerminal;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Log lines go to standard error; `RUST_LOG` chooses them, `info` is the default.
pub fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_target(false).with_ansi(colours);
    lines.with_writer(std::io::stderr).init();
}

/// The exit status of a program that ended so; an error is printed as one sentence.
pub fn exit_code(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            tracing::debug!(?error, "with its causes");
            ExitCode::FAILURE
        }
    }
}

/// Runs a future to its end on a runtime of this thread.
///
/// # Errors
/// `Io` if the runtime cannot be made.
pub fn block_on<F: Future>(future: F) -> Result<F::Output> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future))
}
