//! Where an application runs: brokers, looked at through Java's clients, or the embedded log.

use kstreams::log::client::{NewMessage, Producer, ReceivedMessage, create_topics, read_all, wait};
use kstreams::log::{Log, NewTopic, TopicConfig};
use kstreams::record::{Header, Headers, Topic, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use system_tests::desk::{Desk, Input, Stored, TopicFacts, text};

const TIMEOUT: Duration = Duration::from_secs(30);

/// What the judge does at a place.
pub trait Place {
    fn create(&self, topic: &str, partitions: i32);
    fn load(&self, records: &[Input]);
    fn dump(&self, topic: &str) -> Vec<Stored>;
    fn topics(&self, prefix: &str) -> BTreeMap<String, TopicFacts>;
    fn behind(&self, group: &str, topics: &[String]) -> u64;
    /// Whether [`topics`](Place::topics) gives what was set and nothing else.
    fn knows_what_was_set(&self) -> bool;
}

impl Place for Desk {
    fn create(&self, topic: &str, partitions: i32) {
        Desk::create(self, topic, partitions, &[]);
    }

    fn load(&self, records: &[Input]) {
        Desk::load(self, records);
    }

    fn dump(&self, topic: &str) -> Vec<Stored> {
        Desk::dump(self, topic)
    }

    fn topics(&self, prefix: &str) -> BTreeMap<String, TopicFacts> {
        Desk::topics(self, prefix)
    }

    fn behind(&self, group: &str, topics: &[String]) -> u64 {
        Desk::behind(self, group, topics)
    }

    fn knows_what_was_set(&self) -> bool {
        true
    }
}

/// The embedded log of a URL.
pub struct Embedded {
    pub log: Arc<dyn Log>,
}

impl Place for Embedded {
    fn create(&self, topic: &str, partitions: i32) {
        create_topics(&*self.log, &[NewTopic::new(topic, partitions)], TIMEOUT).unwrap();
    }

    fn load(&self, records: &[Input]) {
        let mut producer = Producer::new(&*self.log, &Default::default(), TIMEOUT).unwrap();
        for record in records {
            let topic = Topic::from(record.topic.as_str());
            let mut message = NewMessage::new(&topic, Some(&record.key), record.value.as_deref()).at(record.timestamp);
            message.partition = record.partition;
            message.headers = Headers::default();
            record.headers.iter().for_each(|(name, value)| message.headers.push(name, Some(value)));
            producer.send(&message).unwrap();
        }
        producer.flush().unwrap();
    }

    fn dump(&self, topic: &str) -> Vec<Stored> {
        read_all(&*self.log, &topic.into(), TIMEOUT).unwrap().iter().map(stored).collect()
    }

    fn topics(&self, prefix: &str) -> BTreeMap<String, TopicFacts> {
        let admin = self.log.admin().unwrap();
        let all = wait(&*self.log, admin.topics(), TIMEOUT).unwrap();
        let ours = all.into_iter().filter(|info| info.topic.as_str().starts_with(prefix));
        let facts = |topic: &Topic, partitions| {
            let config: TopicConfig = wait(&*self.log, admin.describe_topic(topic), TIMEOUT).unwrap();
            TopicFacts { partitions, config: config.entries() }
        };
        ours.map(|info| (info.topic.to_string(), facts(&info.topic, info.partitions))).collect()
    }

    fn behind(&self, group: &str, topics: &[String]) -> u64 {
        let admin = self.log.admin().unwrap();
        let committed = wait(&*self.log, admin.describe_group(group), TIMEOUT).unwrap().offsets;
        let messages = topics.iter().flat_map(|topic| read_all(&*self.log, &topic.as_str().into(), TIMEOUT).unwrap());
        let next = |partition: &TopicPartition| committed.get(partition).map_or(0, |committed| committed.offset);
        messages.filter(|message| message.offset >= next(&message.partition)).count() as u64
    }

    fn knows_what_was_set(&self) -> bool {
        false
    }
}

fn stored(message: &ReceivedMessage) -> Stored {
    let header = |header: &Header| (header.name.to_string(), header.value.as_deref().map(text));
    Stored {
        partition: message.partition.partition,
        offset: message.offset,
        timestamp: message.timestamp,
        key: message.key.as_deref().map(text),
        value: message.value.as_deref().map(text),
        headers: message.headers.as_slice().iter().map(header).collect(),
    }
}
