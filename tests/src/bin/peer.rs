//! Runs one of the named topologies until standard input closes, then commits, leaves its group and ends. Its twin for Kafka
//! Streams is `tests/kafka/peer/peer run`, with the same command line.
//!
//! It says on standard output, as JSON lines: `describe`, every `state`, an `error`, and at the end `closed`.

use clap::Parser;
use kstreams::config::Config;
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::runtime::{State, Streams};
use serde_json::json;
use std::io::{Read, stdin};
use std::process::ExitCode;
use std::time::Duration;
use system_tests::topologies::{self, Topics};

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
    let filter = std::env::var("PEER_LOG").unwrap_or_else(|_| "warn".to_owned());
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
    let topology = topologies::named(&arguments.topology, &arguments.topics()).ok_or_else(|| {
        let known: Vec<_> = topologies::names().collect();
        Error::new(ErrorKind::Config, format!("no such topology: `{}`", arguments.topology))
            .with_hint(format!("there are {}", known.join(", ")))
    })??;
    println!("{}", json!({ "describe": topology.describe().to_string() }));
    if arguments.describe {
        return Ok(());
    }
    let streams = Streams::start(&topology, arguments.config()?)?;
    std::thread::scope(|scope| {
        scope.spawn(|| say_states(&streams));
        // An error ends the program, whether or not somebody still holds its standard input.
        let ended = scope.spawn(|| streams.wait().inspect_err(fail));
        let closed = stdin().read_to_end(&mut Vec::new());
        closed.map_err(|error| Error::new(ErrorKind::Io, "standard input cannot be read").with_source(error))?;
        streams.close(PATIENCE)?;
        ended.join().expect("waiting does not panic")
    })?;
    println!("{}", json!({ "closed": true }));
    Ok(())
}

fn fail(error: &Error) {
    println!("{}", json!({ "error": error.to_string() }));
    std::process::exit(1);
}

fn say_states(streams: &Streams) {
    let mut said = State::Created;
    while !said.has_ended() {
        let state = streams.state();
        if state != said {
            println!("{}", json!({ "state": state.to_string() }));
            said = state;
        }
        std::thread::sleep(LOOK);
    }
}
