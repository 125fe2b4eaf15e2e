//! Reading a small topic to its end.

use super::wait;
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::log::{Budget, Consumer, ConsumerConfig, Log, OffsetAt, Start};
use kstreams::record::{Message, Topic, TopicPartition};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::task::Poll;

/// Messages handed out at a time.
const BATCH_RECORDS: usize = 1_000;

/// Hands out every committed message of partition 0, oldest first, until the end that the topic has now.
///
/// # Errors
/// `NotFound` if there is no such topic; what reading it answers.
pub fn read_to_end(log: &dyn Log, topic: &Topic, mut visit: impl FnMut(&Message<'_>)) -> Result<()> {
    let clock = log.clock();
    let partition = TopicPartition::new(topic.as_str(), 0);
    let doing = format!("reading {topic}");
    // Up to the high watermark, as a transaction may just have been decided whose marker is not yet written.
    let ends = wait::call(&*clock, &doing, log.admin()?.offsets(std::slice::from_ref(&partition), OffsetAt::End))?;
    let end =
        *ends.get(&partition).ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no {partition}")))?;
    let mut consumer = log.consumer(&ConsumerConfig::default())?;
    consumer.assign(&[(partition.clone(), Start::Beginning)])?;
    wait::answer(&*clock, &doing, |now_ms| match read_batch(&mut *consumer, &partition, now_ms, &mut visit) {
        Err(error) => Poll::Ready(Err(error)),
        Ok(()) if consumer.position(&partition).is_some_and(|position| position >= end) => Poll::Ready(Ok(())),
        Ok(()) => Poll::Pending,
    })
}

fn read_batch(
    consumer: &mut dyn Consumer,
    partition: &TopicPartition,
    now_ms: i64,
    visit: &mut impl FnMut(&Message<'_>),
) -> Result<()> {
    let fetched = consumer.fetch(partition, Budget::records(BATCH_RECORDS), now_ms, &mut |message| {
        visit(message);
        ControlFlow::Continue(())
    });
    fetched.map(drop)
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
