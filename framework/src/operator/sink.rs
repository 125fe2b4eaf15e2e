//! ```text
//! (k, v) ─> topic, partition, bytes ─> outbox
//! ```

use super::{Forward, NodeContext, SinkTopic};
use crate::error::{Error, ErrorKind, Result};
use crate::log::partition_for_key;
use crate::record::{Outgoing, Record, RecordContext, Topic};
use crate::serde::{Nullable, Serde};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where a partitioner sends a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Partitions {
    /// By the key, as Kafka's default partitioner does.
    ByKey,
    /// To this partition.
    One(i32),
    /// To each of these partitions; to none drops the record, which is counted.
    Several(Vec<i32>),
}

/// Chooses the partitions of a record from topic, key, value and the number of partitions.
/// Kafka Streams: `org.apache.kafka.streams.processor.StreamPartitioner`.
pub type StreamPartitioner<K, V> = Arc<dyn Fn(&Topic, &K, &V, i32) -> Partitions + Send + Sync>;

/// Chooses the topic of a record. Kafka Streams: `TopicNameExtractor`.
pub(crate) type TopicNameExtractor<K, V> = Arc<dyn Fn(&K, &V, &RecordContext) -> String + Send + Sync>;

/// How the partition is found.
pub(crate) struct Partitioning<K, V> {
    /// Has the first word.
    pub(crate) partitioner: Option<StreamPartitioner<K, V>>,
    /// Decides what the partitioner leaves to the key.
    pub(crate) key: KeyPart,
}

/// Which part of a windowed key decides the partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyPart {
    /// All of it: repartition topics, and sinks put in by hand.
    Whole,
    /// The inner key: sinks of the DSL, so that all windows of a key stay together.
    Inner,
}

/// The serdes of one topic.
pub(crate) struct Serdes<K: Nullable, V: Nullable> {
    pub(crate) key: Arc<dyn Serde<K::Inner>>,
    pub(crate) value: Arc<dyn Serde<V::Inner>>,
}

impl<K: Nullable, V: Nullable> Clone for Serdes<K, V> {
    fn clone(&self) -> Self {
        Serdes { key: self.key.clone(), value: self.value.clone() }
    }
}

type MakeSerdes<K, V> = Box<dyn Fn(&Topic) -> Result<Serdes<K, V>>>;

/// Where records go.
pub(crate) enum Target<K: Nullable, V: Nullable> {
    /// To one topic.
    Fixed { topic: Topic, serdes: Serdes<K, V> },
    /// To the topic that a function names, with serdes made once per topic.
    Extracted {
        extractor: TopicNameExtractor<K, V>,
        make: MakeSerdes<K, V>,
        made: RefCell<BTreeMap<Topic, Serdes<K, V>>>,
    },
}

/// Encodes records and puts them into the outbox.
pub(crate) struct Sink<K: Nullable, V: Nullable> {
    target: Target<K, V>,
    partitioning: Partitioning<K, V>,
    node: NodeContext,
    buffer: RefCell<Vec<u8>>,
}

impl<K: Nullable, V: Nullable> Sink<K, V> {
    pub(crate) fn new(target: Target<K, V>, partitioning: Partitioning<K, V>, node: NodeContext) -> Self {
        Sink { target, partitioning, node, buffer: RefCell::default() }
    }

    fn send(&self, buffer: &mut Vec<u8>, record: &Record<K, V>) -> Result<()> {
        match &self.target {
            Target::Fixed { topic, serdes } => self.send_to(topic, serdes, buffer, record),
            Target::Extracted { extractor, make, made } => {
                let topic = Topic::from(extractor(&record.key, &record.value, self.node.record()));
                let known = made.borrow().get(&topic).cloned();
                let serdes = match known {
                    Some(serdes) => serdes,
                    None => {
                        let serdes = make(&topic)?;
                        made.borrow_mut().insert(topic.clone(), serdes.clone());
                        serdes
                    }
                };
                self.send_to(&topic, &serdes, buffer, record)
            }
        }
    }

    fn send_to(&self, topic: &Topic, serdes: &Serdes<K, V>, buffer: &mut Vec<u8>, record: &Record<K, V>) -> Result<()> {
        let key = encode(&serdes.key, record.key.as_option(), buffer, "key")?;
        let key_end = buffer.len();
        let value = encode(&serdes.value, record.value.as_option(), buffer, "value")?;
        let (key, value) = (key.then(|| &buffer[..key_end]), value.then(|| &buffer[key_end..]));
        let sink = self.sink_topic(topic, buffer.len())?;
        let put = |partition: Option<i32>| {
            self.node.record().send(&Outgoing {
                topic,
                partition,
                key,
                value,
                timestamp: Some(record.timestamp),
                headers: &record.headers,
                changelog: None,
            });
        };
        match &self.partitioning.partitioner {
            None => put(self.by_key(serdes, key, sink)),
            Some(partitioner) => match partitioner(topic, &record.key, &record.value, sink.partitions) {
                Partitions::ByKey => put(self.by_key(serdes, key, sink)),
                Partitions::One(partition) => put(Some(in_range(topic, partition, sink.partitions)?)),
                Partitions::Several(several) if several.is_empty() => {
                    self.node.drop_record("the partitioner chose no partition");
                }
                Partitions::Several(several) => {
                    let in_range = |partition| in_range(topic, partition, sink.partitions);
                    let several = several.into_iter().map(in_range).collect::<Result<Vec<_>>>()?;
                    several.into_iter().for_each(|partition| put(Some(partition)));
                }
            },
        }
        Ok(())
    }

    /// Where the key sends a record; `None` leaves it to the producer, as for null keys.
    fn by_key(&self, serdes: &Serdes<K, V>, key: Option<&[u8]>, sink: SinkTopic) -> Option<i32> {
        let deciding = key.map(|key| match self.partitioning.key {
            KeyPart::Whole => key,
            KeyPart::Inner => serdes.key.partition_bytes(key),
        });
        deciding.map(|key| partition_for_key(key, sink.partitions))
    }

    /// What is known of a topic that takes a message of so many bytes.
    fn sink_topic(&self, topic: &Topic, bytes: usize) -> Result<SinkTopic> {
        let Some(sink) = self.node.task().sink_topic(topic) else {
            return Err(Error::new(ErrorKind::NotFound, format!("there is no topic `{topic}` to write to"))
                .with_hint("create it before the application starts"));
        };
        if bytes > sink.message_bytes_max {
            let sentence = format!("a message of {bytes} bytes is too large for topic `{topic}`");
            let hint = format!("its limit `max.message.bytes` is {}", sink.message_bytes_max);
            return Err(Error::new(ErrorKind::Production, sentence).with_hint(hint));
        }
        Ok(sink)
    }
}

fn in_range(topic: &Topic, partition: i32, partitions: i32) -> Result<i32> {
    if (0..partitions).contains(&partition) {
        return Ok(partition);
    }
    let sentence = format!("the partitioner chose partition {partition} of topic `{topic}`, which has {partitions}");
    Err(Error::new(ErrorKind::Production, sentence))
}

/// Appends the value's bytes; false for null.
fn encode<T>(serde: &Arc<dyn Serde<T>>, value: Option<&T>, buffer: &mut Vec<u8>, side: &str) -> Result<bool> {
    let Some(value) = value else { return Ok(false) };
    serde.serialize(value, buffer).map_err(|error| error.context(format!("encoding the {side}")))?;
    Ok(true)
}

impl<K: Nullable, V: Nullable> Forward<K, V> for Sink<K, V> {
    fn record(&self, record: Record<K, V>) -> Result<()> {
        // A sink has no operators below it, so the buffer is free again before anyone can re-enter.
        let mut buffer = self.buffer.borrow_mut();
        buffer.clear();
        self.send(&mut buffer, &record).or_else(|error| self.node.failed(error))
    }
}
