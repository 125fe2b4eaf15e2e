//! Reading a small topic to its end.

use super::PATIENCE;
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::log::client::{Consumer, wait};
use kstreams::log::{ConsumerConfig, Log, OffsetAt, Start};
use kstreams::record::{Message, Topic, TopicPartition};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// The longest that one look for messages takes.
const LOOK: Duration = Duration::from_millis(50);

/// Hands out every committed message of partition 0, oldest first, until the end that the topic has now. Transactions
/// that are open there are waited for: they may have been decided without readers knowing it yet.
///
/// # Errors
/// `NotFound` if there is no such topic; what reading it answers.
pub fn read_to_end(log: &dyn Log, topic: &Topic, mut visit: impl FnMut(&Message<'_>)) -> Result<()> {
    let partition = TopicPartition::new(topic.as_str(), 0);
    let ends = wait(log, log.admin()?.offsets(std::slice::from_ref(&partition), OffsetAt::End), PATIENCE)?;
    let end = ends.get(&partition).copied().unwrap_or_default();
    let start = [(partition.clone(), Start::Beginning)];
    let mut consumer = Consumer::of_partitions(log, &ConsumerConfig::default(), &start, PATIENCE)?;
    let begun = Instant::now();
    while consumer.positions().get(&partition).is_none_or(|position| position.offset < end) {
        if begun.elapsed() > PATIENCE {
            return Err(Error::new(ErrorKind::Timeout, format!("{topic} could not be read to its end in time")));
        }
        consumer.poll(LOOK, &mut |_, message| {
            visit(message);
            ControlFlow::Continue(())
        })?;
    }
    Ok(())
}

/// The last committed value of every key in partition 0. A null value removes its key; messages without a key are
/// passed over.
///
/// # Errors
/// As [`read_to_end`].
pub fn latest_by_key(log: &dyn Log, topic: &Topic) -> Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut latest = BTreeMap::new();
    read_to_end(log, topic, |message| match (message.key, message.value) {
        (Some(key), Some(value)) => drop(latest.insert(key.to_vec(), value.to_vec())),
        (Some(key), None) => drop(latest.remove(key)),
        (None, _) => {}
    })?;
    Ok(latest)
}
