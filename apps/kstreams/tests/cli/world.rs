//! A directory with an embedded log and local state, an application that counts words there, and the tool.

use kstreams::config::Config;
use kstreams::dsl::{Materialized, StreamsBuilder};
use kstreams::log::client::{NewMessage, Producer, create_topics, read_all};
use kstreams::log::{Log, NewTopic, connect};
use kstreams::record::{Clock, SystemClock, Topic};
use kstreams::runtime::{State, Streams};
use kstreams::topology::Topology;
use kstreams::window::TimeWindows;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

pub const TIMEOUT: Duration = Duration::from_secs(60);
pub const MINUTE_MS: i64 = 60_000;

/// A full hour not long ago: topics delete what is older than a week.
pub fn hour_ms() -> i64 {
    static HOUR_MS: LazyLock<i64> = LazyLock::new(|| (SystemClock.now_ms() / 3_600_000 - 1) * 3_600_000);
    *HOUR_MS
}

/// Words and their times in that hour: what is sent to `lines`.
pub const WORDS: [(&str, i64); 6] =
    [("fox", 1_000), ("dog", 2_000), ("fox", 61_000), ("fox", 62_000), ("owl", 63_000), ("dog", 121_000)];

pub struct World {
    directory: tempfile::TempDir,
}

/// What a run of the tool left.
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the tool writes text");
        Ran { status: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// What it printed; it must have succeeded.
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!((self.status, self.stderr.as_str()), (0, ""), "{}", self.stdout);
        self.stdout
    }

    /// The document it printed.
    #[track_caller]
    pub fn json(self) -> Value {
        serde_json::from_str(&self.done()).unwrap()
    }

    /// The sentence with which it ended.
    #[track_caller]
    pub fn failed(self, status: i32) -> String {
        assert_eq!(self.status, status, "{}{}", self.stdout, self.stderr);
        self.stderr
    }
}

/// The tool, without what the environment of the tests says.
pub fn tool(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kstreams"));
    command.args(arguments).env_remove("RUST_LOG");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("KSTREAMS_")) {
        command.env_remove(name);
    }
    command
}

pub fn run(arguments: &[&str]) -> Ran {
    Ran::of(tool(arguments).output().unwrap())
}

/// Counts words, in all and per minute, without a cache: each update is seen.
fn topology() -> Topology {
    let builder = StreamsBuilder::new();
    let lines = builder.stream::<String, String>("lines");
    let words = lines.clone().group_by(|_, word| word.clone());
    words.count("counts").to_stream().to("totals");
    let minutes = Materialized::named("minutes").with_retention(Duration::from_secs(3_600));
    lines.group_by_key().windowed_by(TimeWindows::of(Duration::from_secs(60))).count(minutes);
    builder.build().unwrap()
}

impl World {
    /// Topics, and nothing else.
    pub fn new() -> Self {
        let world = World { directory: tempfile::tempdir().unwrap() };
        create_topics(&*world.log(), &[NewTopic::new("lines", 2), NewTopic::new("totals", 1)], TIMEOUT).unwrap();
        world
    }

    /// The application `app` has counted all words, and has stopped.
    pub fn counted() -> Self {
        let world = World::new();
        world.send(&WORDS);
        world.count(WORDS.len());
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn url(&self) -> String {
        format!("embedded:{}", self.path("data").display())
    }

    pub fn log(&self) -> Arc<dyn Log> {
        connect(&self.url(), Arc::new(SystemClock)).unwrap()
    }

    pub fn send(&self, words: &[(&str, i64)]) {
        let (log, lines) = (self.log(), Topic::from("lines"));
        let mut producer = Producer::new(&*log, &Default::default(), TIMEOUT).unwrap();
        for (word, time_ms) in words {
            let bytes = Some(word.as_bytes());
            producer.send(&NewMessage::new(&lines, bytes, bytes).at(hour_ms() + time_ms)).unwrap();
        }
        producer.flush().unwrap();
    }

    /// What `app` is started with, at least once.
    pub fn config(&self) -> Config {
        Config::new("app", self.url()).state_dir(self.path("state")).cache_max_bytes(0)
    }

    /// Starts the application `app`, exactly once.
    pub fn start(&self) -> Streams {
        self.start_with(self.config().exactly_once())
    }

    fn start_with(&self, config: Config) -> Streams {
        let streams = Streams::start(&topology(), config).unwrap();
        assert!(streams.wait_for(State::Running, TIMEOUT));
        streams
    }

    /// Runs the application until it has counted so many words.
    pub fn count(&self, words: usize) {
        self.count_with(self.config().exactly_once(), words);
    }

    /// The same, with another configuration.
    pub fn count_with(&self, config: Config, words: usize) {
        let streams = self.start_with(config);
        // Each word is processed once where it comes in, and once behind the repartition topic.
        let begun = Instant::now();
        while streams.counts().processed < 2 * words as u64 {
            assert!(!streams.state().has_ended(), "{:?}", streams.wait());
            assert!(begun.elapsed() < TIMEOUT, "{:?}", streams.counts());
            std::thread::sleep(Duration::from_millis(5));
        }
        streams.close(TIMEOUT).unwrap();
    }

    /// Every count that was sent to `totals`, by word.
    pub fn totals(&self) -> BTreeMap<String, Vec<i64>> {
        let mut totals: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for message in read_all(&*self.log(), &Topic::from("totals"), TIMEOUT).unwrap() {
            let word = String::from_utf8(message.key.unwrap()).unwrap();
            let count = i64::from_be_bytes(message.value.unwrap().try_into().unwrap());
            totals.entry(word).or_default().push(count);
        }
        totals
    }

    /// Runs a command on the log and the state of this world.
    pub fn tool(&self, command: &str, arguments: &[&str]) -> Ran {
        let (url, state) = (self.url(), self.path("state").display().to_string());
        let mut all = vec![command, "--application-id", "app"];
        if command != "state" {
            all.extend(["--url", &url]);
        }
        if ["state", "reset"].contains(&command) {
            all.extend(["--state-dir", &state]);
        }
        all.extend(arguments);
        run(&all)
    }
}
