//! Whole transactions, and small topics read back.

use kstreams::error::ErrorKind;
use kstreams::log::client::read_all;
use kstreams::log::{Log, NewTopic, TopicConfig, connect};
use kstreams::record::{SystemClock, Topic};
use std::sync::Arc;
use std::time::Duration;
use transit_part::log::{Outbound, Writer, create_topics, latest_by_key, partitions, read_to_end, topic_names};

fn log(name: &str) -> Arc<dyn Log> {
    connect(&format!("embedded-memory:{name}"), Arc::new(SystemClock)).unwrap()
}

fn message(topic: &str, key: &str, value: Option<&str>) -> Outbound {
    let value = value.map(|value| value.as_bytes().to_vec());
    Outbound { topic: Topic::from(topic), partition: None, key: Some(key.into()), value }
}

fn table(log: &dyn Log, topic: &str) -> Vec<(String, String)> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    latest_by_key(log, &Topic::from(topic)).unwrap().into_iter().map(|(key, value)| (text(key), text(value))).collect()
}

#[test]
fn last_value_of_a_key_counts_and_null_removes_it() {
    let log = log("latest");
    create_topics(&*log, &[NewTopic::new("states", 1).with_config(TopicConfig::compacted())]).unwrap();
    let mut writer = Writer::open(&*log, "w").unwrap();
    writer.write(&[message("states", "a", Some("1")), message("states", "b", Some("1"))]).unwrap();
    writer.write(&[message("states", "a", Some("2")), message("states", "b", None)]).unwrap();
    assert_eq!(table(&*log, "states"), [("a".into(), "2".into())]);
}

#[test]
fn empty_topic_is_an_empty_table() {
    let log = log("empty");
    create_topics(&*log, &[NewTopic::new("states", 1)]).unwrap();
    assert_eq!(table(&*log, "states"), []);
    let missing = latest_by_key(&*log, &Topic::from("nothing")).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

#[test]
fn transaction_over_two_topics_tells_where_everything_is() {
    let log = log("places");
    create_topics(&*log, &[NewTopic::new("events", 3), NewTopic::new("states", 1)]).unwrap();
    let mut writer = Writer::open(&*log, "w").unwrap();
    let in_two = Outbound { partition: Some(2), ..message("events", "e", Some("1")) };
    let placed = writer.write(&[in_two.clone(), in_two, message("states", "s", Some("1"))]).unwrap();
    let places: Vec<(i32, i64)> = placed.iter().map(|placed| (placed.partition, placed.offset)).collect();
    assert_eq!(places, [(2, 0), (2, 1), (0, 0)]);
    assert_eq!(read_all(&*log, &Topic::from("events"), Duration::from_secs(10)).unwrap().len(), 2);
}

#[test]
fn refused_message_takes_the_whole_transaction_with_it() {
    let log = log("refused");
    create_topics(&*log, &[NewTopic::new("events", 1)]).unwrap();
    let mut writer = Writer::open(&*log, "w").unwrap();
    let refused = writer.write(&[message("events", "a", Some("1")), message("nothing", "b", Some("1"))]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    writer.write(&[message("events", "c", Some("2"))]).unwrap();
    assert_eq!(table(&*log, "events"), [("c".into(), "2".into())]);
}

#[test]
fn newer_writer_with_the_same_id_ends_the_older_one() {
    let log = log("fenced");
    create_topics(&*log, &[NewTopic::new("events", 1)]).unwrap();
    let mut older = Writer::open(&*log, "w").unwrap();
    older.write(&[message("events", "a", Some("1"))]).unwrap();
    let mut newer = Writer::open(&*log, "w").unwrap();
    assert_eq!(older.write(&[message("events", "a", Some("2"))]).unwrap_err().kind(), ErrorKind::Fenced);
    newer.write(&[message("events", "b", Some("3"))]).unwrap();
    assert_eq!(table(&*log, "events"), [("a".into(), "1".into()), ("b".into(), "3".into())]);
}

#[test]
fn topics_are_created_once_and_found() {
    let log = log("topics");
    create_topics(&*log, &[NewTopic::new("b", 3), NewTopic::new("a", 1)]).unwrap();
    create_topics(&*log, &[NewTopic::new("b", 5)]).unwrap();
    assert_eq!(topic_names(&*log).unwrap(), ["a", "b"]);
    assert_eq!(partitions(&*log, &["b", "a"]).unwrap(), [3, 1]);
    assert_eq!(partitions(&*log, &["c"]).unwrap_err().to_string(), "topic `c` does not exist");
}

#[test]
fn reading_to_the_end_sees_messages_in_order() {
    let log = log("order");
    create_topics(&*log, &[NewTopic::new("events", 1)]).unwrap();
    let mut writer = Writer::open(&*log, "w").unwrap();
    for step in 0..20 {
        writer.write(&[message("events", "k", Some(&step.to_string()))]).unwrap();
    }
    let mut seen = Vec::new();
    read_to_end(&*log, &Topic::from("events"), |message| seen.push(message.value.unwrap().to_vec())).unwrap();
    assert_eq!(seen, (0..20).map(|step| step.to_string().into_bytes()).collect::<Vec<_>>());
}
