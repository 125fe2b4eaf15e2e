//! Runs the peers side by side on a fresh broker, checks every result, and prints a table.
//!
//! Each run has an application id, a state directory and output topics of its own; peers take turns, and the first turn moves on
//! from run to run. A run whose results or committed offsets are wrong is shown as WRONG and left out of the medians. CPU seconds
//! are those of the peer's whole process, as it says itself. With `--growth` it varies one thing at a time instead, with `--embedded` the log.

mod broker;
mod check;
mod embedded;
mod growth;
mod peers;
mod picture;
mod table;
mod topics;

use clap::Parser;
use peers::Peer;
use side_by_side::arguments::Workload;
use side_by_side::data;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

/// That of `bench`: some of its workloads run in this process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Runs peers side by side on a fresh broker, checks every result, and prints a table.
#[derive(Debug, Clone, Parser)]
pub(crate) struct Options {
    /// What is run.
    #[arg(long, value_delimiter = ',', default_value = "map,count,count-nocache,window,join,count-eos,restore")]
    workloads: Vec<Workload>,
    /// Who runs it.
    #[arg(long, value_delimiter = ',', default_value = "kafka-streams,limit,kstreams")]
    peers: Vec<Peer>,
    /// Events.
    #[arg(long, default_value_t = 2_000_000)]
    records: u64,
    /// Keys of events, and so many profiles.
    #[arg(long, default_value_t = 100_000)]
    keys: u64,
    /// The length of an event's value.
    #[arg(long, default_value_t = data::VALUE_BYTES)]
    value_bytes: usize,
    /// Rows to restore.
    #[arg(long, default_value_t = 1_000_000)]
    restore_keys: u64,
    /// Partitions of every topic.
    #[arg(long, default_value_t = 4)]
    partitions: i32,
    /// Stream threads of a peer.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Runs of each peer and workload.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// The broker's heap.
    #[arg(long, default_value = "1g")]
    heap: String,
    /// Seconds that one run may take.
    #[arg(long, default_value_t = 900)]
    patience_s: u64,
    /// Where the directory with the broker's data and the state is made, which goes in the end; the system's for such otherwise.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Measures instead how kstreams grows with partitions, tasks, keys and values, and draws it into this file (SVG).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["workloads", "peers", "runs", "threads"])]
    growth: Option<PathBuf>,
    /// Measures instead kstreams on the embedded log, in memory and in a directory, beside Kafka.
    #[arg(long, conflicts_with_all = ["growth", "workloads", "peers", "runs", "threads"])]
    embedded: bool,
}

fn main() -> ExitCode {
    match compare(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Options) -> Result<()> {
    let beneath = options.dir.clone().unwrap_or_else(std::env::temp_dir);
    let directory = tempfile::Builder::new().prefix("kstreams-bench-").tempdir_in(beneath)?;
    let directory = directory.path();
    if let Some(picture) = &options.growth {
        return growth::grow(options, directory, picture);
    }
    if options.embedded {
        return embedded::compare(options, directory);
    }
    for peer in &options.peers {
        peer.prepare()?;
    }
    let broker = broker::Broker::start(directory, &options.heap)?;
    let log = topics::connect(broker.servers())?;
    topics::load(&*log, options)?;
    let mut results = Vec::new();
    for run in 0..options.runs {
        for workload in &options.workloads {
            for turn in 0..options.peers.len() {
                let peer = options.peers[(turn + run) % options.peers.len()];
                let result = peers::measure(&*log, options, broker.servers(), directory, peer, *workload, run)?;
                eprintln!("{result}");
                results.push(result);
            }
        }
    }
    drop(log);
    drop(broker);
    println!("{}", table::table(options, &results));
    peers::all_right(results.iter().map(|result| (format!("run {}", result.number), result)))
}
