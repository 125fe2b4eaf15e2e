//! The command-line tool on an application that runs on real brokers.

use clap::Parser;
use kstreams::config::{Config, EngineKind};
use kstreams::dsl::StreamsBuilder;
use kstreams::log::client::{NewMessage, Producer, create_topics, read_all};
use kstreams::log::{Log, NewTopic, connect};
use kstreams::record::{SystemClock, Topic};
use kstreams::runtime::{State, Streams};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use system_tests::kafka::Broker;
use system_tests::until;

const TIMEOUT: Duration = Duration::from_secs(60);
const WORDS: [&str; 5] = ["fox", "dog", "fox", "owl", "fox"];

struct Words {
    url: String,
    log: Arc<dyn Log>,
    app: String,
    directory: tempfile::TempDir,
}

impl Words {
    fn on(broker: &Broker) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let (url, app) = (broker.url(), format!("tool-{}-{now}", std::process::id()));
        let log = connect(&url, Arc::new(SystemClock)).unwrap();
        let words = Words { url, log, app, directory: tempfile::tempdir().unwrap() };
        let topics = ["in", "out"].map(|name| NewTopic::new(words.topic(name), 1));
        create_topics(&*words.log, &topics, TIMEOUT).unwrap();
        words
    }

    fn topic(&self, name: &str) -> Topic {
        Topic::from(format!("{name}-of-{}", self.app))
    }

    fn send(&self) {
        let input = self.topic("in");
        let mut producer = Producer::new(&*self.log, &Default::default(), TIMEOUT).unwrap();
        for word in WORDS {
            producer.send(&NewMessage::new(&input, Some(word.as_bytes()), Some(word.as_bytes()))).unwrap();
        }
        producer.flush().unwrap();
    }

    /// The application, once it has counted all words.
    fn counted(&self) -> Streams {
        let builder = StreamsBuilder::new();
        let words = builder.stream::<String, String>(self.topic("in").as_str());
        words.group_by_key().count("counts").to_stream().to(self.topic("out").as_str());
        let config = Config::new(&self.app, &self.url).engine(EngineKind::Fjall).state_dir(self.directory.path());
        let config = config.exactly_once().cache_max_bytes(0);
        let streams = Streams::start(&builder.build().unwrap(), config).unwrap();
        assert!(streams.wait_for(State::Running, TIMEOUT));
        until("every word is processed", TIMEOUT, || {
            assert!(!streams.state().has_ended(), "{:?}", streams.wait());
            streams.counts().processed >= WORDS.len() as u64
        });
        streams
    }

    /// Words and counts in the order in which they were sent.
    fn output(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let messages = read_all(&*self.log, &self.topic("out"), TIMEOUT).unwrap();
        messages.into_iter().map(|message| (message.key.unwrap(), message.value.unwrap())).collect()
    }

    fn tool(&self, command: &str, options: &[&str]) -> Result<Value, String> {
        let state = self.directory.path().display().to_string();
        let mut line = vec!["kstreams", command, "--url", &self.url, "--application-id", &self.app, "--json"];
        line.extend(options);
        if command == "reset" {
            line.extend(["--state-dir", &state]);
        }
        let mut out = Vec::new();
        kstreams_cli::run(&kstreams_cli::Program::try_parse_from(line).unwrap(), &mut out)
            .map_err(|failure| failure.to_string())?;
        Ok(serde_json::from_slice(&out).unwrap())
    }
}

#[test]
fn running_application_is_described_and_a_stopped_one_counts_again_after_its_reset() {
    let Some(broker) = Broker::shared() else { return };
    let words = Words::on(broker);
    words.send();
    let streams = words.counted();

    let described = words.tool("describe", &[]).unwrap();
    let input = words.topic("in");
    assert_eq!(described["members"][0]["partitions"], json!([format!("{input}-0")]), "{described}");
    assert_eq!(described["internal_topics"][0]["topic"], json!(format!("{}-counts-changelog", words.app)));
    assert_eq!(described["internal_topics"][0]["config"]["cleanup.policy"], "compact");
    let refused = words.tool("reset", &["--execute"]).unwrap_err();
    assert!(refused.starts_with(&format!("group `{}` has 1 member: ", words.app)), "{refused}");
    streams.close(TIMEOUT).unwrap();

    let lag = words.tool("lag", &[]).unwrap();
    assert_eq!((&lag["lag"], &lag["partitions"][0]["committed"]), (&json!(0), &json!(WORDS.len())), "{lag}");
    let before = words.output();
    let plan = words.tool("reset", &[]).unwrap();
    assert_eq!(plan["offsets"], json!([{"topic": input.as_str(), "partition": 0, "from": WORDS.len(), "to": 0}]));
    assert_eq!(words.tool("lag", &[]).unwrap()["lag"], 0, "a plan changes nothing");
    assert_eq!(words.tool("reset", &["--execute"]).unwrap()["executed"], true);
    assert_eq!(words.tool("lag", &[]).unwrap()["lag"], json!(WORDS.len()));
    assert_eq!(words.tool("describe", &[]).unwrap()["internal_topics"], json!([]));

    words.counted().close(TIMEOUT).unwrap();
    assert_eq!(words.output(), [&before[..], &before].concat());
}
