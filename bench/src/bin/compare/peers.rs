//! The peers, and one run of one of them.

use crate::broker::root;
use crate::{Options, Result, check, topics};
use clap::ValueEnum;
use kstreams::log::Log;
use serde_json::Value;
use side_by_side::arguments::Workload;
use std::fmt;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Who runs a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// Kafka Streams, in Java.
    KafkaStreams,
    /// The bare loop over librdkafka.
    Limit,
    /// This project.
    Kstreams,
}

/// One run.
pub(crate) struct Run {
    /// Which of the runs of its peer and workload, from 0.
    pub(crate) number: usize,
    pub(crate) peer: Peer,
    pub(crate) workload: Workload,
    /// The numbers that the peer has told, or what is wrong.
    pub(crate) numbers: std::result::Result<Value, String>,
}

impl Peer {
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn command(self) -> Result<Command> {
        let beside = |name: &str| Ok(Command::new(std::env::current_exe()?.with_file_name(name)));
        match self {
            Peer::KafkaStreams => {
                let mut script = Command::new(root().join("bench/peer/peer"));
                script.arg("run");
                Ok(script)
            }
            Peer::Limit => beside("limit"),
            Peer::Kstreams => beside("bench"),
        }
    }

    /// Compiles what is not part of the workspace, so that no run does.
    pub(crate) fn prepare(self) -> Result<()> {
        if self != Peer::KafkaStreams {
            return Ok(());
        }
        let status = Command::new(root().join("bench/peer/peer")).arg("fetch").status()?;
        if status.success() { Ok(()) } else { Err(format!("the peer in Java cannot be had: {status}").into()) }
    }

    /// Whether there is a changelog to restore from; the bare loop reads the input again.
    fn fills_first(self) -> bool {
        self != Peer::Limit
    }
}

/// Runs a peer once, on topics and state of its own, and checks it.
pub(crate) fn measure(
    log: &dyn Log,
    options: &Options,
    servers: &str,
    directory: &Path,
    peer: Peer,
    workload: Workload,
    number: usize,
) -> Result<Run> {
    let (app_id, state) = (format!("{}-{}-{number}", peer.name(), workload.name()), directory.join("state"));
    topics::renew(log, options)?;
    let start = |workload: Workload| -> Result<Value> {
        if state.exists() {
            std::fs::remove_dir_all(&state)?;
        }
        std::fs::create_dir_all(&state)?;
        execute(arguments(peer.command()?, options, servers, &state, workload, &app_id), options.patience_s)
    };
    let measured = || -> Result<Value> {
        if workload == Workload::Restore && peer.fills_first() {
            start(Workload::RestoreFill)?;
        }
        let mut numbers = start(workload)?;
        if numbers["records"] != records(options, workload) {
            return Err(format!("{} records instead of {}", numbers["records"], records(options, workload)).into());
        }
        numbers["out_records"] = check::check(log, options, &app_id, workload)?.into();
        Ok(numbers)
    };
    let numbers = measured().map_err(|error| error.to_string());
    std::fs::remove_dir_all(&state)?;
    Ok(Run { number, peer, workload, numbers })
}

/// Fails if a run was wrong, with each that was; runs come with a name that tells them apart.
pub(crate) fn all_right<'a>(runs: impl Iterator<Item = (String, &'a Run)>) -> Result<()> {
    let wrong = runs.filter_map(|(name, run)| {
        let why = run.numbers.as_ref().err()?;
        Some(format!("{} by {}, {name}: {why}", run.workload.name(), run.peer.name()))
    });
    let wrong: Vec<String> = wrong.collect();
    if wrong.is_empty() { Ok(()) } else { Err(format!("these were wrong: {}", wrong.join("; ")).into()) }
}

fn records(options: &Options, workload: Workload) -> u64 {
    match workload {
        Workload::Restore | Workload::RestoreFill => options.restore_keys,
        _ => options.records,
    }
}

fn arguments(
    mut command: Command,
    options: &Options,
    servers: &str,
    state: &Path,
    workload: Workload,
    app_id: &str,
) -> Command {
    command.args(["--workload", &workload.name(), "--brokers", servers, "--app-id", app_id]);
    command.args(["--records", &records(options, workload).to_string(), "--threads", &options.threads.to_string()]);
    command.arg("--state-dir").arg(state);
    command
}

/// Runs a process to its end; the last line that it prints is the result.
fn execute(mut command: Command, patience_s: u64) -> Result<Value> {
    let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (output, errors) = (pipe(process.stdout.take()), pipe(process.stderr.take()));
    let begun = Instant::now();
    while process.try_wait()?.is_none() {
        if begun.elapsed() > Duration::from_secs(patience_s) {
            process.kill()?;
        }
        thread::sleep(Duration::from_millis(20));
    }
    let status = process.wait()?;
    let said = |pipe: thread::JoinHandle<String>| pipe.join().unwrap_or_default();
    let (output, errors) = (said(output), said(errors));
    if !status.success() {
        return Err(format!("{status}: {}", errors.trim()).into());
    }
    Ok(serde_json::from_str(output.lines().last().unwrap_or_default())?)
}

/// Reads on a thread of its own: a full pipe would hold the process up.
fn pipe(from: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut from) = from
            && let Err(error) = from.read_to_string(&mut text)
        {
            text.push_str(&error.to_string());
        }
        text
    })
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:14} {:14} ", self.workload.name(), self.peer.name())?;
        match &self.numbers {
            Ok(numbers) => write!(
                f,
                "{:8.2} CPU s/M {:10.0} records/s {:6.0} MB",
                numbers["cpu_seconds_per_million"].as_f64().unwrap_or(f64::NAN),
                numbers["records_per_second"].as_f64().unwrap_or(f64::NAN),
                numbers["max_rss_mb"].as_f64().unwrap_or(f64::NAN),
            ),
            Err(why) => write!(f, "WRONG: {why}"),
        }
    }
}
