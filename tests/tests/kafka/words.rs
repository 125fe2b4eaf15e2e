//! An application that counts words on a real broker.

use clap::Parser;
use kstreams::config::{Config, EngineKind};
use kstreams::dsl::{KGroupedStream, KStream, StreamsBuilder};
use kstreams::error::Error;
use kstreams::log::client::{NewMessage, Producer, create_topics};
use kstreams::log::{Log, NewTopic, connect};
use kstreams::record::{SystemClock, Topic};
use kstreams::runtime::Streams;
use kstreams::topology::Topology;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use system_tests::kafka::Broker;
use system_tests::until;

pub const TIMEOUT: Duration = Duration::from_secs(120);
const WORDS: [&str; 3] = ["fox", "dog", "fox"];

/// The application's name, which no other test has, and the log in which its input and output are.
pub struct Words {
    pub app: String,
    pub log: Arc<dyn Log>,
}

impl Words {
    /// With some words in its input.
    pub fn on(broker: &Broker) -> Self {
        let words = Words::without_topics(broker);
        words.fill(2, &WORDS);
        words
    }

    /// By way of the listener that asks nobody anything.
    pub fn without_topics(broker: &Broker) -> Self {
        static NUMBERS: AtomicU32 = AtomicU32::new(0);
        let log = connect(&broker.url(), Arc::new(SystemClock)).unwrap();
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let app = format!("words-{}-{number}-{}", std::process::id(), log.clock().now_ms());
        Words { app, log }
    }

    pub fn topic(&self, name: &str) -> Topic {
        Topic::from(format!("{name}-of-{}", self.app))
    }

    /// Creates input and output, and sends words.
    pub fn fill(&self, partitions: i32, words: &[&str]) {
        let (input, output) = (self.topic("in"), self.topic("out"));
        let topics = [&input, &output].map(|topic| NewTopic::new(topic.clone(), partitions));
        create_topics(&*self.log, &topics, TIMEOUT).unwrap();
        let mut producer = Producer::new(&*self.log, &Default::default(), TIMEOUT).unwrap();
        for word in words {
            let word = Some(word.as_bytes());
            producer.send(&NewMessage::new(&input, word, word)).unwrap();
        }
        producer.flush().unwrap();
    }

    /// Counts what is grouped so.
    pub fn topology(&self, group: fn(KStream<String, String>) -> KGroupedStream<String, String>) -> Topology {
        let builder = StreamsBuilder::new();
        let words = builder.stream::<String, String>(self.topic("in").as_str());
        group(words).count("counts").to_stream().to(self.topic("out").as_str());
        builder.build().unwrap()
    }

    /// Counts by another key than the input's, so that there is a topic in between.
    fn start(&self, properties: &str) -> Result<Streams, Error> {
        let text = format!("application.id={}\nprocessing.guarantee=exactly_once_v2\n{properties}", self.app);
        let topology = self.topology(|words| words.group_by(|_, word| word.clone()));
        Streams::start(&topology, Config::from_properties(&text)?.engine(EngineKind::Memory))
    }

    /// Runs until every word is counted.
    pub fn counted(&self, properties: &str) {
        let directory = tempfile::tempdir().unwrap();
        let streams = self.start(&format!("state.dir={}\n{properties}", directory.path().display())).unwrap();
        // Each is read twice: from the input, and from the topic in between.
        until_processed(&streams, 2 * WORDS.len());
        streams.close(TIMEOUT).unwrap();
    }

    /// Runs until it fails.
    pub fn ended(&self, properties: &str) -> Error {
        let directory = tempfile::tempdir().unwrap();
        let streams = self.start(&format!("state.dir={}\n{properties}", directory.path().display())).unwrap();
        until("it has failed", TIMEOUT, || streams.state().has_ended());
        streams.wait().unwrap_err()
    }

    /// What the tool prints about it, or whether the command was wrong, and the sentence.
    pub fn tool(&self, command: &str, options: &[&str], properties: &str) -> Result<String, (bool, String)> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        write!(file, "application.id={}\n{properties}", self.app).unwrap();
        let path = file.path().display().to_string();
        tool(&[&[command, "--config", &path, "--timeout", "15"], options].concat())
    }
}

/// Waits until so many records are processed.
pub fn until_processed(streams: &Streams, records: usize) {
    until("every word is processed", TIMEOUT, || {
        assert!(!streams.state().has_ended(), "{:?}", streams.wait());
        streams.counts().processed >= records as u64
    });
}

/// What the tool prints, or whether the command was wrong, and the sentence.
pub fn tool(words: &[&str]) -> Result<String, (bool, String)> {
    let program = kstreams_cli::Program::try_parse_from([&["kstreams"], words].concat()).unwrap();
    let mut out = Vec::new();
    kstreams_cli::run(&program, &mut out).map_err(|failure| (failure.is_usage(), failure.to_string()))?;
    Ok(String::from_utf8(out).unwrap())
}
