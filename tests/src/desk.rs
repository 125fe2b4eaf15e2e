//! A desk at which tests look at a broker, and fill it, through Kafka's own clients in Java: what judges our client must
//! not trust it.
//!
//! Bytes are texts in Rust's escapes (`a\x00`): exact, and readable where a test fails.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// A record to be put into a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The topic.
    pub topic: String,
    /// The partition; `None` is the one its key belongs to.
    pub partition: Option<i32>,
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    /// The key.
    pub key: Vec<u8>,
    /// The value; `None` is null.
    pub value: Option<Vec<u8>>,
    /// The headers.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// A record as it lies in a topic, its bytes as text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stored {
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    /// The key.
    pub key: Option<String>,
    /// The value.
    pub value: Option<String>,
    /// The headers.
    pub headers: Vec<(String, Option<String>)>,
}

/// What is known of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicFacts {
    /// The number of partitions.
    pub partitions: i32,
    /// The configuration that was set for it.
    pub config: BTreeMap<String, String>,
}

/// An offset that a group has committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The next offset to be read.
    pub offset: i64,
    /// What was committed with it.
    pub metadata: String,
}

/// Bytes as text: ASCII as it is, everything else escaped.
pub fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// The bytes of such a text.
///
/// ```
/// use system_tests::desk::{bytes, text};
///
/// let all: Vec<u8> = (0..=255).collect();
/// assert_eq!(bytes(&text(&all)), all);
/// ```
///
/// # Panics
/// If an escape is none of Rust's.
pub fn bytes(text: &str) -> Vec<u8> {
    let (mut letters, mut bytes) = (text.bytes(), Vec::with_capacity(text.len()));
    while let Some(letter) = letters.next() {
        bytes.push(match letter {
            b'\\' => escaped(&mut letters),
            letter => letter,
        });
    }
    bytes
}

fn escaped(letters: &mut impl Iterator<Item = u8>) -> u8 {
    let mut digit = || char::from(letters.next().expect("an escape has an end"));
    match digit() {
        'x' => {
            let mut value = || digit().to_digit(16).expect("a hexadecimal digit") as u8;
            16 * value() + value()
        }
        't' => b'\t',
        'n' => b'\n',
        'r' => b'\r',
        letter => letter as u8,
    }
}

/// A Java process that talks to the brokers. Calls are answered one after another.
pub struct Desk {
    process: Mutex<Process>,
}

struct Process {
    child: Child,
    /// `None` only while it is dropped.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Desk {
    /// A desk at these brokers.
    ///
    /// # Panics
    /// If Java's side does not compile or start; where [`Broker`](crate::kafka::Broker) has found Java it does.
    pub fn open(servers: &str) -> Desk {
        let mut command = Command::new(path_of_peer());
        command.args(["desk", servers]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("tests/kafka/peer/peer can be run");
        let commands = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("it is piped"));
        Desk { process: Mutex::new(Process { child, commands, answers }) }
    }

    /// Creates a topic.
    ///
    /// # Panics
    /// As every method here, if the broker refuses.
    pub fn create(&self, topic: &str, partitions: i32, config: &[(&str, &str)]) {
        let config: BTreeMap<_, _> = config.iter().copied().collect();
        let topic = json!({ "topic": topic, "partitions": partitions, "config": config });
        self.ask(&json!({ "do": "create", "topics": [topic] }));
    }

    /// Writes records in this order.
    pub fn load(&self, records: &[Input]) {
        let records: Vec<Value> = records.iter().map(described).collect();
        self.ask(&json!({ "do": "load", "records": records }));
    }

    /// All committed records of a topic, partition by partition.
    pub fn dump(&self, topic: &str) -> Vec<Stored> {
        let answer = self.ask(&json!({ "do": "dump", "topic": topic }));
        list(&answer["records"]).iter().map(stored).collect()
    }

    /// The topics whose name begins so.
    pub fn topics(&self, prefix: &str) -> BTreeMap<String, TopicFacts> {
        let answer = self.ask(&json!({ "do": "topics", "prefix": prefix }));
        let facts = |topic: &Value| TopicFacts {
            partitions: number(&topic["partitions"]),
            config: serde_json::from_value(topic["config"].clone()).expect("texts by name"),
        };
        list(&answer["topics"]).iter().map(|topic| (word(&topic["topic"]), facts(topic))).collect()
    }

    /// How many committed records of these topics the group has not committed.
    pub fn behind(&self, group: &str, topics: &[String]) -> u64 {
        let answer = self.ask(&json!({ "do": "behind", "group": group, "topics": topics }));
        answer["behind"].as_u64().expect("a number")
    }

    /// How many offsets of these topics lie behind the beginning of an open transaction: nobody reads them yet.
    pub fn undecided(&self, topics: &[String]) -> u64 {
        let answer = self.ask(&json!({ "do": "undecided", "topics": topics }));
        answer["undecided"].as_u64().expect("a number")
    }

    /// What a group has committed, by partition.
    pub fn committed(&self, group: &str) -> Vec<Committed> {
        let answer = self.ask(&json!({ "do": "group", "group": group }));
        let committed = |offset: &Value| Committed {
            topic: word(&offset["topic"]),
            partition: number(&offset["partition"]),
            offset: offset["offset"].as_i64().expect("a number"),
            metadata: word(&offset["metadata"]),
        };
        let mut all: Vec<Committed> = list(&answer["offsets"]).iter().map(committed).collect();
        all.sort_by(|one, other| (&one.topic, one.partition).cmp(&(&other.topic, other.partition)));
        all
    }

    /// How many members a group has.
    pub fn members(&self, group: &str) -> u64 {
        self.ask(&json!({ "do": "group", "group": group }))["members"].as_u64().expect("a number")
    }

    /// Deletes the records of a partition before that offset. Brokers refuse it for a topic that is only compacted.
    pub fn delete_records(&self, topic: &str, partition: i32, before: i64) {
        self.ask(&json!({ "do": "delete-records", "topic": topic, "partition": partition, "before": before }));
    }

    /// Every transaction that the brokers know of, and every one that is open in these topics: to be read by people.
    pub fn transactions(&self, topics: &[String]) -> Vec<String> {
        let answer = self.ask(&json!({ "do": "transactions", "topics": topics }));
        list(&answer["transactions"]).iter().map(word).collect()
    }

    /// Sets a key of a topic's configuration.
    pub fn configure(&self, topic: &str, key: &str, value: &str) {
        self.ask(&json!({ "do": "configure", "topic": topic, "key": key, "value": value }));
    }

    fn ask(&self, command: &Value) -> Value {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let mut answer = String::new();
        let written = process.commands.as_mut().map(|commands| writeln!(commands, "{command}"));
        assert!(matches!(written, Some(Ok(()))), "the desk has ended: {written:?}");
        process.answers.read_line(&mut answer).expect("it answers in text");
        let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{answer}: {error}"));
        assert!(answer.get("error").is_none(), "{}: {}", command["do"], answer["error"]);
        answer
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.commands.take());
        // Its answers are all read; how it ends does not matter.
        drop(self.child.wait());
    }
}

/// The script that starts Java's side.
pub(crate) fn path_of_peer() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("kafka/peer/peer")
}

fn described(record: &Input) -> Value {
    let headers: Vec<_> = record.headers.iter().map(|(name, value)| json!([name, hex(value)])).collect();
    json!({
        "topic": record.topic, "partition": record.partition, "timestamp": record.timestamp, "key": hex(&record.key),
        "value": record.value.as_deref().map(hex), "headers": headers,
    })
}

fn stored(record: &Value) -> Stored {
    let header = |header: &Value| (word(&header[0]), unhex(&header[1]));
    Stored {
        partition: number(&record["partition"]),
        offset: record["offset"].as_i64().expect("a number"),
        timestamp: record["timestamp"].as_i64().expect("a number"),
        key: unhex(&record["key"]),
        value: unhex(&record["value"]),
        headers: list(&record["headers"]).iter().map(header).collect(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(hex: &Value) -> Option<String> {
    let byte = |at: usize| u8::from_str_radix(hex.as_str()?.get(at..at + 2)?, 16).ok();
    let bytes: Vec<u8> = (0..hex.as_str()?.len()).step_by(2).map(|at| byte(at).expect("two digits")).collect();
    Some(text(&bytes))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).expect("a list")
}

fn word(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn number(value: &Value) -> i32 {
    value.as_i64().and_then(|number| number.try_into().ok()).expect("a small number")
}
