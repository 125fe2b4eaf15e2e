//! Runs one of the named topologies until standard input closes, then commits, leaves its group and ends. Its twin for Kafka
//! Streams is `tests/kafka/peer/peer run`, with the same command line. SIGTERM ends it in the same way; at SIGINT it ends
//! without a word to its group, as before a quick restart.
//!
//! It says on standard output, as JSON lines: `describe`, every `state`, an `error`, and at the end `closed`; besides, what its
//! twin does not say: what was `restored` of each changelog, and its `rollbacks` and `wiped` stores so far.

use clap::Parser;
use kstreams::config::Config;
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::record::TopicPartition;
use kstreams::runtime::{CloseOptions, StartOptions, State, StateRestoreListener, Streams};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{Read, stdin};
use std::process::ExitCode;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use system_tests::topologies::{self, Topics};
use tokio::signal::unix::{SignalKind, signal};

/// How long the end may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often the state is looked at.
const LOOK: Duration = Duration::from_millis(10);

#[derive(Parser)]
#[command(about = "Runs one of the named topologies until standard input closes")]
struct Arguments {
    /// The topology's name
    #[arg(long)]
    topology: String,
    /// The log: `host:port,…` or `kafka://…` of brokers, `embedded:<directory>`
    #[arg(long, required_unless_present = "describe")]
    bootstrap: Option<String>,
    /// The application's id
    #[arg(long, required_unless_present = "describe")]
    application_id: Option<String>,
    /// Where stores are kept
    #[arg(long, required_unless_present = "describe")]
    state_dir: Option<String>,
    /// `at_least_once` or `exactly_once_v2`
    #[arg(long)]
    guarantee: Option<String>,
    /// What the names of input topics begin with
    #[arg(long, default_value = "")]
    prefix: String,
    /// The topic of the results [default: `out` behind the prefix]
    #[arg(long)]
    output: Option<String>,
    /// Sets a key of the configuration
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    sets: Vec<(String, String)>,
    /// Only describes the topology
    #[arg(long)]
    describe: bool,
}

fn pair(text: &str) -> std::result::Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("KEY=VALUE is expected")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl Arguments {
    fn topics(&self) -> Topics {
        let output = self.output.clone().unwrap_or_else(|| format!("{}out", self.prefix));
        Topics { prefix: self.prefix.clone(), output }
    }

    fn config(&self) -> Result<Config> {
        let url = self.bootstrap.clone().unwrap_or_default();
        let is_address = !url.starts_with("kafka:") && !url.starts_with("embedded");
        let url = if is_address { format!("kafka://{url}") } else { url };
        let mut config = Config::new(self.application_id.clone().unwrap_or_default(), url);
        config.state_dir = self.state_dir.clone().unwrap_or_default().into();
        if let Some(guarantee) = &self.guarantee {
            config.set("processing.guarantee", guarantee)?;
        }
        for (key, value) in &self.sets {
            config.set(key, value)?;
        }
        Ok(config)
    }
}

fn main() -> ExitCode {
    let filter = std::env::var("PEER_LOG").unwrap_or_else(|_| "info".to_owned());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{}", json!({ "error": error.to_string() }));
            eprintln!("peer: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    // Before anything is said: who hears it may end this program at once.
    let (end, ends) = channel();
    watch_signals(end.clone())?;
    let topology = topologies::named(&arguments.topology, &arguments.topics()).ok_or_else(|| {
        let known: Vec<_> = topologies::names().collect();
        Error::new(ErrorKind::Config, format!("no such topology: `{}`", arguments.topology))
            .with_hint(format!("there are {}", known.join(", ")))
    })??;
    println!("{}", json!({ "describe": topology.describe().to_string() }));
    if arguments.describe {
        return Ok(());
    }
    let options = StartOptions::new().state_restore_listener(Restores::default());
    let streams = Streams::start_with(&topology, arguments.config()?, options)?;
    watch_input(end);
    std::thread::scope(|scope| {
        scope.spawn(|| say_states(&streams));
        // An error ends the program, whether or not somebody still holds its standard input.
        let ended = scope.spawn(|| streams.wait().inspect_err(fail));
        let options = ends.recv().expect("standard input is watched until it closes");
        streams.close_with(options.timeout(PATIENCE))?;
        ended.join().expect("waiting does not panic")
    })?;
    println!("{}", json!({ "closed": true }));
    Ok(())
}

/// Ends in order when standard input closes.
fn watch_input(end: Sender<CloseOptions>) {
    std::thread::spawn(move || {
        if let Err(error) = stdin().read_to_end(&mut Vec::new()) {
            eprintln!("peer: standard input cannot be read: {error}");
        }
        // Whoever listened may have ended already.
        let _ = end.send(CloseOptions::new());
    });
}

/// Ends in order at SIGTERM, and without leaving the group at SIGINT.
fn watch_signals(end: Sender<CloseOptions>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut terminate, mut interrupt) = {
        let _context = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    std::thread::spawn(move || {
        let options = runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => CloseOptions::new(),
                _ = interrupt.recv() => CloseOptions::new().remain_in_group(),
            }
        });
        let _ = end.send(options);
    });
    Ok(())
}

fn fail(error: &Error) {
    println!("{}", json!({ "error": error.to_string() }));
    std::process::exit(1);
}

fn say_states(streams: &Streams) {
    let (mut said, mut counted) = (State::Created, (0, 0));
    while !said.has_ended() {
        let (state, counts) = (streams.state(), streams.counts());
        if (counts.rollbacks, counts.stores_wiped) != counted {
            counted = (counts.rollbacks, counts.stores_wiped);
            println!("{}", json!({ "rollbacks": counted.0, "wiped": counted.1 }));
        }
        if state != said {
            println!("{}", json!({ "state": state.to_string() }));
            said = state;
        }
        std::thread::sleep(LOOK);
    }
}

/// Says what was restored of each changelog: from which offset, to which, how many records, when it ended.
#[derive(Default)]
struct Restores {
    begun: Mutex<BTreeMap<TopicPartition, (i64, i64)>>,
}

impl StateRestoreListener for Restores {
    fn on_restore_start(&self, changelog: &TopicPartition, _: &str, starting_offset: i64, ending_offset: i64) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.insert(changelog.clone(), (starting_offset, ending_offset));
    }

    fn on_restore_end(&self, changelog: &TopicPartition, _: &str, total_restored: u64) {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner).remove(changelog);
        let (from, end) = begun.expect("what ends has begun");
        let at = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
        let restored = json!({
            "topic": changelog.topic.as_str(), "partition": changelog.partition, "from": from, "end": end,
            "records": total_restored, "at_ms": at.as_millis() as u64,
        });
        println!("{}", json!({ "restored": restored }));
    }
}
