//! A real process that is killed while it writes, and what its successor finds in the directory.

use crate::world::*;
use kstreams::log::client::{NewMessage, Producer, read_all};
use kstreams::log::*;
use kstreams::record::{SystemClock, Topic};
use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Names the directory to the process that writes.
const DIRECTORY: &str = "KSTREAMS_LOG_KILL_DIRECTORY";
const ROUNDS: usize = 4;
const TRANSACTION: u32 = 5;

fn open(directory: &Path) -> Arc<dyn Log> {
    connect(&format!("embedded:{}", directory.display()), Arc::new(SystemClock)).unwrap()
}

/// What the process does that is killed. It says which transactions are committed, one a line.
fn write_forever(directory: &Path) {
    let log = open(directory);
    client::create_topics(&*log, &[NewTopic::new("a", 2)], PATIENCE).unwrap();
    let topic = Topic::from("a");
    let config = ProducerConfig { transactional_id: Some(String::from("t")), ..ProducerConfig::default() };
    let mut producer = Producer::new(&*log, &config, PATIENCE).unwrap();
    let first = u32::try_from(read_all(&*log, &topic, PATIENCE).unwrap().len()).unwrap();
    for transaction in first / TRANSACTION.. {
        producer.begin().unwrap();
        for number in 0..TRANSACTION {
            let value = (transaction * TRANSACTION + number).to_be_bytes();
            producer.send(&NewMessage::new(&topic, Some(&value), Some(&value))).unwrap();
        }
        producer.flush().unwrap();
        producer.commit().unwrap();
        println!("committed {transaction}");
    }
}

/// Lets a writer commit for a while and kills it; returns the last transaction it has told of.
fn write_and_kill(directory: &Path, transactions: usize) -> u32 {
    let mut writer = Command::new(env::current_exe().unwrap())
        .args(["--exact", "kill::killed_process_loses_nothing_it_has_acknowledged", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(writer.stdout.take().unwrap()).lines().map(Result::unwrap);
    let told = lines.filter_map(|line| Some(line.split_once("committed ")?.1.parse().unwrap()));
    let last = told.take(transactions).last().expect("the writer commits");
    writer.kill().unwrap();
    writer.wait().unwrap();
    last
}

#[test]
fn killed_process_loses_nothing_it_has_acknowledged() {
    // The test starts itself as the process to be killed.
    if let Some(directory) = env::var_os(DIRECTORY) {
        return write_forever(directory.as_ref());
    }
    let directory = tempfile::tempdir().unwrap();
    let topic = Topic::from("a");
    for round in 1..=ROUNDS {
        let told = write_and_kill(directory.path(), 40 * round);
        let log = open(directory.path());
        // A successor of the writer ends what was left open: what is read then is decided.
        let config = ProducerConfig { transactional_id: Some(String::from("t")), ..ProducerConfig::default() };
        drop(Producer::new(&*log, &config, PATIENCE).unwrap());
        let read = read_all(&*log, &topic, PATIENCE).unwrap();
        let number = |value: &[u8]| u32::from_be_bytes(value.try_into().unwrap());
        let values: BTreeSet<u32> = read.iter().map(|message| number(message.value.as_ref().unwrap())).collect();
        assert_eq!(values.len(), read.len(), "nothing is there twice");
        let count = u32::try_from(read.len()).unwrap();
        assert!(count >= (told + 1) * TRANSACTION, "{count} messages, but transaction {told} was acknowledged");
        assert_eq!(count % TRANSACTION, 0, "transactions are whole");
        assert_eq!(values.into_iter().next_back(), Some(count - 1), "nothing is missing in between");
    }
}
