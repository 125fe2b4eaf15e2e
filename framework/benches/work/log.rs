//! The log inside the process, in memory.

use super::{RECORDS, Work, key, value};
use kstreams::log::client::{NewMessage, create_topics};
use kstreams::log::embedded::{EmbeddedLog, EmbeddedOptions};
use kstreams::log::{Budget, Consumer, ConsumerConfig, Log, NewTopic, Producer, ProducerConfig, Sent, Start, client};
use kstreams::record::{Headers, Outgoing, Topic, TopicPartition};
use std::hint::black_box;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(60);

fn log_with_topic(topic: &Topic) -> Arc<EmbeddedLog> {
    let log = EmbeddedLog::in_memory(EmbeddedOptions::default());
    let created = create_topics(&*log, &[NewTopic::new(topic.as_str(), 1)], TIMEOUT);
    created.expect("a log in memory takes topics");
    log
}

/// Messages sent and acknowledged.
pub struct Append {
    log: Arc<EmbeddedLog>,
    producer: Box<dyn Producer>,
    topic: Topic,
    messages: Vec<(String, String)>,
}

impl Append {
    pub fn new() -> Self {
        let topic = Topic::from("events");
        let log = log_with_topic(&topic);
        let producer = log.producer(&ProducerConfig::default()).expect("the configuration is the default");
        let messages = (0..RECORDS).map(|number| (key(number), value(number))).collect();
        Append { log, producer, topic, messages }
    }
}

impl Work for Append {
    /// So that the log does not grow.
    fn prepare(&mut self) {
        *self = Append::new();
    }

    fn run(&mut self) {
        let headers = Headers::default();
        let now_ms = self.log.clock().now_ms();
        for (token, (key, value)) in (0..).zip(&self.messages) {
            let message = Outgoing {
                topic: &self.topic,
                partition: Some(0),
                key: Some(key.as_bytes()),
                value: Some(value.as_bytes()),
                timestamp: Some(now_ms),
                headers: &headers,
                changelog: None,
            };
            let sent = self.producer.send(&message, token, now_ms).expect("the log takes it");
            assert_eq!(sent, Sent::Queued, "the queue holds more than this");
        }
        assert!(self.producer.poll_flush(now_ms).is_ready(), "a log in memory answers at once");
        self.producer.deliveries(now_ms, &mut |delivery| drop(black_box(delivery))).expect("the log is whole");
    }
}

/// Messages read again from the beginning.
pub struct Poll {
    log: Arc<EmbeddedLog>,
    consumer: Box<dyn Consumer>,
    partition: TopicPartition,
}

impl Poll {
    pub fn new() -> Self {
        let topic = Topic::from("events");
        let log = log_with_topic(&topic);
        let mut producer = client::Producer::new(&*log, &ProducerConfig::default(), TIMEOUT).expect("the log is here");
        for number in 0..RECORDS {
            let (key, value) = (key(number), value(number));
            let message = NewMessage::new(&topic, Some(key.as_bytes()), Some(value.as_bytes()));
            producer.send(&message).expect("the log takes it");
        }
        producer.flush().expect("the log takes it");
        let mut consumer = log.consumer(&ConsumerConfig::default()).expect("the configuration is the default");
        let partition = TopicPartition { topic, partition: 0 };
        consumer.assign(&[(partition.clone(), Start::Beginning)]).expect("the topic is there");
        Poll { log, consumer, partition }
    }
}

impl Work for Poll {
    fn prepare(&mut self) {
        self.consumer.seek(&self.partition, Start::Beginning).expect("the partition is read");
    }

    fn run(&mut self) {
        let now_ms = self.log.clock().now_ms();
        let mut left = RECORDS;
        while left > 0 {
            let budget = Budget::records(left);
            let fetched = self.consumer.fetch(&self.partition, budget, now_ms, &mut |message| {
                black_box(message);
                ControlFlow::Continue(())
            });
            left -= fetched.expect("the log is whole").records;
        }
    }
}
