//! Counts the words of standard input, on a log inside the process.
//!
//! ```text
//! echo to be or not to be | cargo run --example word_count
//! ```

use kstreams::config::{Config, EngineKind};
use kstreams::dsl::StreamsBuilder;
use kstreams::error::{Error, Result};
use kstreams::log::client::{NewMessage, Producer, create_topics, read_all};
use kstreams::log::{Log, NewTopic, connect};
use kstreams::record::{SystemClock, Topic};
use kstreams::runtime::Streams;
use kstreams::topology::Topology;
use std::collections::BTreeMap;
use std::io::{BufRead, stdin};
use std::sync::Arc;
use std::time::Duration;

const URL: &str = "embedded:";
const TIMEOUT: Duration = Duration::from_secs(60);

fn main() -> Result<()> {
    let log = connect(URL, Arc::new(SystemClock))?;
    create_topics(&*log, &[NewTopic::new("lines", 1), NewTopic::new("totals", 1)], TIMEOUT)?;
    let records = send_lines(&*log)?;

    let streams = Streams::start(&word_count()?, Config::new("word-count", URL).engine(EngineKind::Memory))?;
    while streams.counts().processed < records && !streams.state().has_ended() {
        std::thread::sleep(Duration::from_millis(5));
    }
    streams.close(TIMEOUT)?;

    for (word, count) in totals(&*log)? {
        println!("{count:>6} {word}");
    }
    Ok(())
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_lowercase).collect()
}

fn word_count() -> Result<Topology> {
    let builder = StreamsBuilder::new();
    builder
        .stream::<Option<String>, String>("lines")
        .flat_map_values(|line| words(&line))
        .group_by(|_, word| word.clone())
        .count("counts")
        .to_stream()
        .to("totals");
    builder.build()
}

/// Sends each line; returns how many records the topology will process: every line, and every word behind the
/// repartition topic.
fn send_lines(log: &dyn Log) -> Result<u64> {
    let (topic, mut records) = (Topic::from("lines"), 0);
    let mut producer = Producer::new(log, &Default::default(), TIMEOUT)?;
    for line in stdin().lock().lines() {
        let line = line?;
        records += 1 + words(&line).len() as u64;
        producer.send(&NewMessage::new(&topic, None, Some(line.as_bytes())))?;
    }
    producer.flush()?;
    Ok(records)
}

/// The last count of each word.
fn totals(log: &dyn Log) -> Result<BTreeMap<String, i64>> {
    let mut totals = BTreeMap::new();
    for message in read_all(log, &Topic::from("totals"), TIMEOUT)? {
        let (key, value) = message.key.zip(message.value).ok_or_else(|| Error::processing("a total without a word"))?;
        let count = value.try_into().map(i64::from_be_bytes);
        let count = count.map_err(|_| Error::processing("a count is eight bytes long"))?;
        totals.insert(String::from_utf8_lossy(&key).into_owned(), count);
    }
    Ok(totals)
}
