//! What a store keeps for a key: a bare value, or a value with the timestamp of its last update.
//!
//! The kind decides the row's bytes in the store, what goes into the changelog and with which timestamp.

use crate::error::{Error, ErrorKind, Result};
use crate::serde::Datum;

/// A value with the event time of its last update, in milliseconds since the epoch.
/// Kafka Streams: `org.apache.kafka.streams.state.ValueAndTimestamp`.
///
/// ```
/// use kstreams::store::ValueAndTimestamp;
///
/// let count = ValueAndTimestamp::new(3_i64, 1_000);
/// assert_eq!((count.value, count.timestamp), (3, 1_000));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueAndTimestamp<V> {
    /// The value.
    pub value: V,
    /// Event time in milliseconds since the epoch.
    pub timestamp: i64,
}

impl<V> ValueAndTimestamp<V> {
    /// `value` as of `timestamp`.
    pub fn new(value: V, timestamp: i64) -> Self {
        ValueAndTimestamp { value, timestamp }
    }
}

/// What a store keeps for a key: any [`Datum`], or a [`ValueAndTimestamp`] of one.
///
/// A row is `prefix || value`. The changelog gets the value alone; the prefix travels as the message's timestamp.
pub trait Stored: Clone + 'static {
    /// The value without what the store adds.
    type Value: Datum;

    /// Whether the row begins with the timestamp, 8 bytes, big-endian.
    const IS_TIMESTAMPED: bool;

    /// The value alone.
    fn value(&self) -> &Self::Value;

    /// The value alone, owned.
    fn into_value(self) -> Self::Value;

    /// The stored timestamp, where the kind has one.
    fn timestamp(&self) -> Option<i64>;

    /// A row from its parts; kinds without a timestamp ignore it.
    fn from_parts(value: Self::Value, timestamp: i64) -> Self;
}

impl<V: Datum> Stored for V {
    type Value = V;
    const IS_TIMESTAMPED: bool = false;

    fn value(&self) -> &V {
        self
    }

    fn into_value(self) -> V {
        self
    }

    fn timestamp(&self) -> Option<i64> {
        None
    }

    fn from_parts(value: V, _timestamp: i64) -> V {
        value
    }
}

impl<V: Datum> Stored for ValueAndTimestamp<V> {
    type Value = V;
    const IS_TIMESTAMPED: bool = true;

    fn value(&self) -> &V {
        &self.value
    }

    fn into_value(self) -> V {
        self.value
    }

    fn timestamp(&self) -> Option<i64> {
        Some(self.timestamp)
    }

    fn from_parts(value: V, timestamp: i64) -> Self {
        ValueAndTimestamp { value, timestamp }
    }
}

/// Bytes that a timestamped row has before its value.
pub(super) const TIMESTAMP_BYTES: usize = 8;

/// Splits a timestamped row into its timestamp and its value.
pub(super) fn split_timestamp(row: &[u8]) -> Result<(i64, &[u8])> {
    match row.split_first_chunk::<TIMESTAMP_BYTES>() {
        Some((timestamp, value)) => Ok((i64::from_be_bytes(*timestamp), value)),
        None => Err(Error::new(ErrorKind::Corrupt, "a timestamped row is shorter than its timestamp")
            .with_detail(format!("{} bytes", row.len()))),
    }
}
