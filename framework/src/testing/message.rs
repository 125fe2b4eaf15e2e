//! Messages as a test sees them: bytes of its own.

use crate::record::{Headers, Message, Outgoing, Topic};
use crate::runtime::Task;

/// A message that the topology sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputMessage {
    /// The key's bytes; `None` is null.
    pub key: Option<Vec<u8>>,
    /// The value's bytes; `None` is null.
    pub value: Option<Vec<u8>>,
    /// Milliseconds since the epoch; `None` if it was sent without a timestamp.
    pub timestamp: Option<i64>,
    /// The headers.
    pub headers: Headers,
    /// The partition, where a partitioner chose one.
    pub partition: Option<i32>,
}

impl OutputMessage {
    /// A message of a test's own.
    ///
    /// ```
    /// # use kstreams::{record::Headers, testing::OutputMessage};
    /// let message = OutputMessage::new(Some(b"key"), None, 1_000, Headers::default());
    /// assert_eq!((message.value, message.timestamp), (None, Some(1_000)));
    /// ```
    pub fn new(key: Option<&[u8]>, value: Option<&[u8]>, timestamp: i64, headers: Headers) -> Self {
        let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        OutputMessage { key: owned(key), value: owned(value), timestamp: Some(timestamp), headers, partition: None }
    }

    pub(super) fn as_message(&self, offset: i64) -> Message<'_> {
        Message {
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            timestamp: self.timestamp.unwrap_or(crate::record::NO_TIMESTAMP),
            headers: self.headers.clone(),
            offset,
        }
    }

    fn copy_of(outgoing: &Outgoing<'_>) -> Self {
        OutputMessage {
            key: outgoing.key.map(<[u8]>::to_vec),
            value: outgoing.value.map(<[u8]>::to_vec),
            timestamp: outgoing.timestamp,
            headers: outgoing.headers.clone(),
            partition: outgoing.partition,
        }
    }
}

/// Takes everything out of a task's outbox.
pub(super) fn drain(task: &Task) -> Vec<(Topic, OutputMessage)> {
    let mut outbox = task.outbox().borrow_mut();
    let mut sent = Vec::with_capacity(outbox.len());
    while let Some(outgoing) = outbox.front() {
        sent.push((outgoing.topic.clone(), OutputMessage::copy_of(&outgoing)));
        outbox.pop();
    }
    sent
}
