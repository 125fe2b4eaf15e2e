//! The command-line tool on an application that runs on real brokers.

use crate::words::{TIMEOUT, Words, tool, until_processed};
use kstreams::config::{Config, EngineKind};
use kstreams::log::client::read_all;
use kstreams::record::Topic;
use kstreams::runtime::{State, Streams};
use serde_json::{Value, json};
use system_tests::kafka::Broker;

const WORDS: [&str; 5] = ["fox", "dog", "fox", "owl", "fox"];

/// An application with one task, whose state stays.
struct Application {
    words: Words,
    url: String,
    directory: tempfile::TempDir,
}

impl Application {
    /// With the words in its input.
    fn on(broker: &Broker) -> Self {
        let words = Words::without_topics(broker);
        words.fill(1, &WORDS);
        Application { words, url: broker.url(), directory: tempfile::tempdir().unwrap() }
    }

    fn topic(&self, name: &str) -> Topic {
        self.words.topic(name)
    }

    /// The application, once it has counted all words.
    fn counted(&self) -> Streams {
        let config = Config::new(&self.words.app, &self.url).engine(EngineKind::Fjall);
        let config = config.state_dir(self.directory.path()).exactly_once().cache_max_bytes(0);
        let streams = Streams::start(&self.words.topology(|words| words.group_by_key()), config).unwrap();
        assert!(streams.wait_for(State::Running, TIMEOUT));
        until_processed(&streams, WORDS.len());
        streams
    }

    /// Words and counts in the order in which they were sent.
    fn output(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let messages = read_all(&*self.words.log, &self.topic("out"), TIMEOUT).unwrap();
        messages.into_iter().map(|message| (message.key.unwrap(), message.value.unwrap())).collect()
    }

    fn tool(&self, command: &str, options: &[&str]) -> Result<Value, String> {
        let state = self.directory.path().display().to_string();
        let mut line = vec![command, "--url", &self.url, "--application-id", &self.words.app, "--json"];
        line.extend(options);
        if command == "reset" {
            line.extend(["--state-dir", &state]);
        }
        let said = tool(&line).map_err(|(_, sentence)| sentence)?;
        Ok(serde_json::from_str(&said).unwrap())
    }
}

#[test]
fn running_application_is_described_and_a_stopped_one_counts_again_after_its_reset() {
    let Some(broker) = Broker::shared() else { return };
    let application = Application::on(broker);
    let app = &application.words.app;
    let streams = application.counted();

    let described = application.tool("describe", &[]).unwrap();
    let input = application.topic("in");
    assert_eq!(described["members"][0]["partitions"], json!([format!("{input}-0")]), "{described}");
    assert_eq!(described["internal_topics"][0]["topic"], json!(format!("{app}-counts-changelog")));
    assert_eq!(described["internal_topics"][0]["config"]["cleanup.policy"], "compact");
    let refused = application.tool("reset", &["--execute"]).unwrap_err();
    assert!(refused.starts_with(&format!("group `{app}` has 1 member: ")), "{refused}");
    streams.close(TIMEOUT).unwrap();

    let lag = application.tool("lag", &[]).unwrap();
    assert_eq!((&lag["lag"], &lag["partitions"][0]["committed"]), (&json!(0), &json!(WORDS.len())), "{lag}");
    let before = application.output();
    let plan = application.tool("reset", &[]).unwrap();
    assert_eq!(plan["offsets"], json!([{"topic": input.as_str(), "partition": 0, "from": WORDS.len(), "to": 0}]));
    assert_eq!(application.tool("lag", &[]).unwrap()["lag"], 0, "a plan changes nothing");
    assert_eq!(application.tool("reset", &["--execute"]).unwrap()["executed"], true);
    assert_eq!(application.tool("lag", &[]).unwrap()["lag"], json!(WORDS.len()));
    assert_eq!(application.tool("describe", &[]).unwrap()["internal_topics"], json!([]));

    application.counted().close(TIMEOUT).unwrap();
    assert_eq!(application.output(), [&before[..], &before].concat());
}
