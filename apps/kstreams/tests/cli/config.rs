//! `config`.

use crate::world::*;
use serde_json::{Value, json};

const JAVA: &str = "\
# A Java application's file.
application.id=transit
bootstrap.servers=broker:9092
processing.guarantee=exactly_once_v2
cache.max.bytes.buffering=1048576
default.key.serde=org.apache.kafka.common.serialization.Serdes$StringSerde
consumer.fetch.min.bytes=7
topic.segment.bytes=8
security.protocol=SASL_SSL
sasl.password=hunter2
basic.auth.user.info=alice:hunter2
schema.registry.url=http://bob:hunter2@registry:8081
";

struct File(tempfile::TempDir);

impl File {
    fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("app.properties"), text).unwrap();
        File(directory)
    }

    fn path(&self) -> String {
        self.0.path().join("app.properties").display().to_string()
    }

    fn config(&self, options: &[&str]) -> Ran {
        run(&[&["config", "--file", &self.path()], options].concat())
    }
}

fn fate(report: &Value, key: &str) -> (String, String) {
    let rows = report["keys"].as_array().unwrap();
    let row = rows.iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("{key}"));
    (row["fate"].as_str().unwrap().to_owned(), row["remark"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn every_key_is_told_with_what_became_of_it() {
    let report = File::new(JAVA).config(&["--json"]).json();
    assert_eq!(fate(&report, "application.id"), ("taken over".into(), String::new()));
    assert_eq!(fate(&report, "bootstrap.servers"), ("translated".into(), "becomes kstreams.url = kafka://…".into()));
    assert_eq!(
        fate(&report, "default.key.serde"),
        ("ignored".into(), "serdes come from the types of the stream".into())
    );
    assert_eq!(fate(&report, "consumer.fetch.min.bytes"), ("handed on".into(), "to consumers of Kafka".into()));
    assert_eq!(fate(&report, "topic.segment.bytes"), ("handed on".into(), "to internal topics".into()));
    let setting = |key: &str| {
        let settings = report["settings"].as_array().unwrap();
        settings.iter().find(|setting| setting["key"] == key).map(|setting| setting["value"].clone())
    };
    assert_eq!(setting("kstreams.url"), Some(json!("kafka://broker:9092")));
    assert_eq!(setting("commit.interval.ms"), Some(json!("100")));
    assert_eq!(setting("statestore.cache.max.bytes"), Some(json!("1048576")));
    assert_eq!(report["problems"], json!([]));
}

#[test]
fn no_secret_is_printed() {
    let file = File::new(JAVA);
    for options in [&[][..], &["--all"], &["--json"]] {
        let text = file.config(options).done();
        assert!(!text.contains("hunter2") && text.contains("[hidden]"), "{text}");
    }
    let bad = File::new(
        "application.id=a\nkstreams.url=embedded:\nbasic.auth.user.info=hunter2\nssl.truststore.password=hunter2\n",
    );
    let ran = bad.config(&[]);
    assert!(ran.status == 1 && !ran.stdout.contains("hunter2") && !ran.stderr.contains("hunter2"), "{}", ran.stdout);
    let error = run(&["lag", "--config", &bad.path()]).failed(2);
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn defaults_are_shown_on_request() {
    let file = File::new(JAVA);
    let (some, all) = (file.config(&[]).done(), file.config(&["--all"]).done());
    assert!(!some.contains("num.stream.threads") && some.contains("--all shows it"), "{some}");
    let threads = all.lines().find(|line| line.starts_with("num.stream.threads")).unwrap();
    assert_eq!(threads.split_whitespace().collect::<Vec<_>>(), ["num.stream.threads", "1", "default"]);
}

#[test]
fn problems_are_all_told_and_the_status_says_that_there_are_some() {
    let file = File::new("application.id=a\ncomit.interval.ms=1\nupgrade.from=3.4\nnum.stream.threads=two\n");
    let ran = file.config(&[]);
    for problem in [
        "problem: line 2: unknown key `comit.interval.ms` (did you mean `commit.interval.ms`?)",
        "problem: line 3: `upgrade.from` is not supported (stop all instances",
        "problem: line 4: `num.stream.threads` cannot be `two`: a whole number is expected",
    ] {
        assert!(ran.stdout.contains(problem), "{}", ran.stdout);
    }
    assert_eq!(ran.failed(1), "error: a program cannot start with this: 3 problems\n");
    let error = File::new("application.id=a\n").config(&[]).failed(1);
    assert_eq!(error, "error: a program cannot start with this: 1 problem\n");
}

#[test]
fn variables_are_applied_after_the_file() {
    let file = File::new("application.id=a\nkstreams.url=embedded:\nnum.stream.threads=2\n");
    let mut command = tool(&["config", "--file", &file.path(), "--json"]);
    let report = Ran::of(command.env("KSTREAMS_NUM_STREAM_THREADS", "3").output().unwrap()).json();
    let threads = report["settings"].as_array().unwrap().iter().find(|one| one["key"] == "num.stream.threads").unwrap();
    assert_eq!(threads["value"], "3");
    let origins: Vec<&Value> = report["keys"].as_array().unwrap().iter().map(|row| &row["origin"]).collect();
    assert_eq!(origins.last(), Some(&&json!("variable KSTREAMS_NUM_STREAM_THREADS")));
}
