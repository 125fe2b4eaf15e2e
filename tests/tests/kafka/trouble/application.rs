//! An application that counts words, started with whatever is wrong.

use clap::Parser;
use kstreams::config::{Config, EngineKind};
use kstreams::dsl::StreamsBuilder;
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

const TIMEOUT: Duration = Duration::from_secs(120);
const WORDS: [&str; 3] = ["fox", "dog", "fox"];

/// The application's input and output, and its name, which no other test has.
pub struct Words {
    pub app: String,
    pub log: Arc<dyn Log>,
}

impl Words {
    /// With the words in its input, by way of the listener that asks nobody anything.
    pub fn on(broker: &Broker) -> Self {
        let words = Words::without_topics(broker);
        let topics = ["in", "out"].map(|name| NewTopic::new(words.topic(name), 2));
        create_topics(&*words.log, &topics, TIMEOUT).unwrap();
        let mut producer = Producer::new(&*words.log, &Default::default(), TIMEOUT).unwrap();
        for word in WORDS {
            let (word, input) = (Some(word.as_bytes()), words.topic("in"));
            producer.send(&NewMessage::new(&input, word, word)).unwrap();
        }
        producer.flush().unwrap();
        words
    }

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

    /// Counts by another key than the input's, so that there is a topic in between.
    fn topology(&self) -> Topology {
        let builder = StreamsBuilder::new();
        let words = builder.stream::<String, String>(self.topic("in").as_str());
        let counts = words.group_by(|_, word| word.clone()).count("counts");
        counts.to_stream().to(self.topic("out").as_str());
        builder.build().unwrap()
    }

    fn start(&self, properties: &str) -> Result<Streams, Error> {
        let text = format!("application.id={}\nprocessing.guarantee=exactly_once_v2\n{properties}", self.app);
        Streams::start(&self.topology(), Config::from_properties(&text)?.engine(EngineKind::Memory))
    }

    /// Runs until every word is counted.
    pub fn counted(&self, properties: &str) {
        let directory = tempfile::tempdir().unwrap();
        let streams = self.start(&format!("state.dir={}\n{properties}", directory.path().display())).unwrap();
        // Each is read twice: from the input, and from the topic in between.
        until("every word is counted", TIMEOUT, || {
            assert!(!streams.state().has_ended(), "{:?}", streams.wait());
            streams.counts().processed >= 2 * WORDS.len() as u64
        });
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
        let line =
            ["kstreams", command, "--config", &path, "--timeout", "15"].into_iter().chain(options.iter().copied());
        let mut out = Vec::new();
        kstreams_cli::run(&kstreams_cli::Program::try_parse_from(line).unwrap(), &mut out)
            .map_err(|failure| (failure.is_usage(), failure.to_string()))?;
        Ok(String::from_utf8(out).unwrap())
    }
}

/// The tool's option for an address.
pub fn url_option(url: &str) -> [&str; 2] {
    ["--url", url]
}
