//! Messages as applications hold them: one to be sent, borrowed; one received, owned.

use crate::record::{Headers, Message, Topic, TopicPartition};

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage<'a> {
    /// The topic.
    pub topic: &'a Topic,
    /// The partition; `None` computes it from the key as Java does.
    pub partition: Option<i32>,
    /// The key's bytes; `None` is null.
    pub key: Option<&'a [u8]>,
    /// The value's bytes; `None` is null.
    pub value: Option<&'a [u8]>,
    /// Milliseconds since the epoch; `None` is now.
    pub timestamp: Option<i64>,
    /// The headers.
    pub headers: Headers,
}

impl<'a> NewMessage<'a> {
    /// A message without headers, sent now, to the key's partition.
    pub fn new(topic: &'a Topic, key: Option<&'a [u8]>, value: Option<&'a [u8]>) -> Self {
        NewMessage { topic, partition: None, key, value, timestamp: None, headers: Headers::default() }
    }

    /// The same message with a timestamp in milliseconds since the epoch.
    pub fn at(self, timestamp: i64) -> Self {
        NewMessage { timestamp: Some(timestamp), ..self }
    }

    /// The same message for that partition.
    pub fn to_partition(self, partition: i32) -> Self {
        NewMessage { partition: Some(partition), ..self }
    }
}

/// A message that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// Where it was read.
    pub partition: TopicPartition,
    /// Its offset there.
    pub offset: i64,
    /// The key's bytes; `None` is null.
    pub key: Option<Vec<u8>>,
    /// The value's bytes; `None` is null.
    pub value: Option<Vec<u8>>,
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    /// The headers.
    pub headers: Headers,
}

impl ReceivedMessage {
    /// A copy of a message of that partition.
    pub fn of(partition: &TopicPartition, message: &Message<'_>) -> Self {
        ReceivedMessage {
            partition: partition.clone(),
            offset: message.offset,
            key: message.key.map(<[u8]>::to_vec),
            value: message.value.map(<[u8]>::to_vec),
            timestamp: message.timestamp,
            headers: message.headers.clone(),
        }
    }
}
