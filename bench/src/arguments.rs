//! The command line that every peer has.

use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// One workload of the benchmark, run to its end.
#[derive(Debug, Parser)]
pub struct Arguments {
    /// What is to be done.
    #[arg(long)]
    pub workload: Workload,
    /// Kafka's bootstrap servers.
    #[arg(long)]
    pub brokers: String,
    /// The records of the input.
    #[arg(long)]
    pub records: u64,
    /// Where state is kept.
    #[arg(long)]
    pub state_dir: PathBuf,
    /// Stream threads.
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// The application's id, which is also its group's.
    #[arg(long)]
    pub app_id: String,
}

/// What can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// Drops a third of the events and changes the others.
    Map,
    /// Counts events by key.
    Count,
    /// The same; each event updates the store, the changelog and the output.
    CountNocache,
    /// Counts events by key and ten seconds.
    Window,
    /// Adds to each event what a table knows of its key.
    Join,
    /// Counts exactly once.
    CountEos,
    /// Reads a topic into a table.
    RestoreFill,
    /// Restores that table.
    Restore,
}

impl Workload {
    /// The name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The topics that are read to their ends.
    pub fn inputs(self) -> &'static [&'static str] {
        match self {
            Workload::Join => &["events", "profiles"],
            Workload::Restore | Workload::RestoreFill => &["restore-input"],
            _ => &["events"],
        }
    }
}
