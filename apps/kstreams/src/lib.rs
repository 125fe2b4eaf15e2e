//! The commands of the tool `kstreams`: one module each, over what the crate `kstreams` offers to every program.
//!
//! Each command gathers what it says as plain data first, then prints it, aligned for people or as JSON for programs.
//! Nothing here changes anything, but for `reset --execute`; nothing prints a secret.

mod config;
mod describe;
mod failure;
mod group;
mod internal;
mod lag;
mod output;
mod reset;
mod session;
mod state;
mod time;

pub use failure::Failure;

use session::{ApplicationArgs, ConnectionArgs, Session};

use clap::{Parser, Subcommand};
use std::io::Write;

/// What follows the flags in `--help`.
const AFTER_HELP: &str = "\
Where an application is and what it is called can be said in three ways; a later one wins:
  --config FILE    a properties file with Kafka Streams' keys, such as the application's own
  KSTREAMS_…       variables: KSTREAMS_URL, KSTREAMS_APPLICATION_ID, KSTREAMS_SASL_PASSWORD, …
  --url, --application-id, --state-dir

Examples:
  kstreams lag --url kafka://localhost:9092 --application-id transit --watch 2
  kstreams describe --config transit.properties
  kstreams state --state-dir /var/lib/transit --application-id transit --store counts --limit 10
  kstreams reset --config transit.properties            # says what it would do
  kstreams reset --config transit.properties --execute  # does it

Exit status: 0 done; 1 it failed; 2 the command or the configuration was not understood.";

/// Looks at applications built with kstreams or Kafka Streams: groups, lag, topics, local state. Resets them.
#[derive(Debug, Parser)]
#[command(name = "kstreams", version, after_help = AFTER_HELP, disable_help_subcommand = true, max_term_width = 120)]
pub struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Set an application back, so that it reads its input again: offsets, internal topics, local state
    Reset(reset::Args),
    /// Show an application's group, members, internal topics, committed offsets and lag
    Describe(describe::Args),
    /// Show for each input partition what is committed, where it ends, and how far the application is behind
    Lag(lag::Args),
    /// List the stores in a local state directory, or print the rows of one
    State(state::Args),
    /// Show a configuration as it takes effect, and what became of each key
    Config(config::Args),
}

/// Runs a command, which prints to `out`.
///
/// # Errors
/// What the configuration, the log or the disk refuse, or what `out` does.
pub fn run(program: &Program, out: &mut dyn Write) -> Result<(), Failure> {
    match &program.command {
        Command::Reset(args) => reset::run(args, out),
        Command::Describe(args) => describe::run(args, out),
        Command::Lag(args) => lag::run(args, out),
        Command::State(args) => state::run(args, out),
        Command::Config(args) => config::run(args, out),
    }
}
