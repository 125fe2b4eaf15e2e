//! Which time a record has.

use crate::config::TimestampPolicy;
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Message, NO_TIMESTAMP};
use std::sync::Arc;

type Custom<K, V> = dyn Fn(&K, &V, &Message<'_>, i64) -> Result<i64> + Send + Sync;

/// How the event time of a record is found. Kafka Streams: `TimestampExtractor`.
///
/// A negative result drops the record; it is counted as dropped.
pub enum TimestampExtractor<K, V> {
    /// The message's timestamp; a negative one is an error (`FailOnInvalidTimestamp`).
    FailOnInvalid,
    /// The message's timestamp; a negative one drops the record (`LogAndSkipOnInvalidTimestamp`).
    SkipOnInvalid,
    /// The message's timestamp, or the largest one of the partition so far (`UsePartitionTimeOnInvalidTimestamp`).
    UsePartitionTime,
    /// The wall clock (`WallclockTimestampExtractor`).
    WallClock,
    /// A function of key, value, message and partition time in milliseconds since the epoch.
    Custom(Arc<Custom<K, V>>),
}

impl<K, V> Clone for TimestampExtractor<K, V> {
    fn clone(&self) -> Self {
        match self {
            Self::FailOnInvalid => Self::FailOnInvalid,
            Self::SkipOnInvalid => Self::SkipOnInvalid,
            Self::UsePartitionTime => Self::UsePartitionTime,
            Self::WallClock => Self::WallClock,
            Self::Custom(custom) => Self::Custom(custom.clone()),
        }
    }
}

impl<K, V> From<TimestampPolicy> for TimestampExtractor<K, V> {
    fn from(policy: TimestampPolicy) -> Self {
        match policy {
            TimestampPolicy::FailOnInvalid => Self::FailOnInvalid,
            TimestampPolicy::LogAndSkipOnInvalid => Self::SkipOnInvalid,
            TimestampPolicy::UsePartitionTimeOnInvalid => Self::UsePartitionTime,
            TimestampPolicy::WallClock => Self::WallClock,
        }
    }
}

impl<K, V> TimestampExtractor<K, V> {
    /// An extractor of your own: gets key, value, the message and the partition's time so far
    /// ([`NO_TIMESTAMP`] if there is none), gives milliseconds since the epoch.
    ///
    /// ```
    /// # use kstreams::{dsl::*, operator::TimestampExtractor, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let never_back = TimestampExtractor::custom(|_, _, message, partition_time| Ok(message.timestamp.max(partition_time)));
    /// builder.stream::<i32, i32>(Consumed::from("in").with_timestamp_extractor(never_back)).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_at(1, 5, 7_000)?;
    /// driver.input("in").pipe_at(1, 5, 3_000)?;
    /// let records = driver.output("out").read_records::<i32, i32>()?;
    /// assert_eq!(records.iter().map(|record| record.timestamp).collect::<Vec<_>>(), [7_000, 7_000]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn custom(extract: impl Fn(&K, &V, &Message<'_>, i64) -> Result<i64> + Send + Sync + 'static) -> Self {
        Self::Custom(Arc::new(extract))
    }

    /// The record's time; negative if the record is to be dropped.
    pub(crate) fn extract(
        &self,
        key: &K,
        value: &V,
        message: &Message<'_>,
        partition_time: i64,
        now_ms: i64,
    ) -> Result<i64> {
        match self {
            Self::Custom(custom) => custom(key, value, message, partition_time),
            Self::WallClock => Ok(now_ms),
            _ if message.timestamp >= 0 => Ok(message.timestamp),
            Self::SkipOnInvalid => Ok(message.timestamp),
            Self::UsePartitionTime if partition_time > NO_TIMESTAMP => Ok(partition_time),
            Self::UsePartitionTime => Err(invalid("and its partition has no time yet", message)),
            Self::FailOnInvalid => {
                Err(invalid("(set `default.timestamp.extractor` to another extractor to go on)", message))
            }
        }
    }
}

fn invalid(why: &str, message: &Message<'_>) -> Error {
    let sentence =
        format!("the record at offset {} has the negative timestamp {} {why}", message.offset, message.timestamp);
    // Java does not ask the deserialization handler here: the application stops.
    Error::new(ErrorKind::InvalidTimestamp, sentence)
}
