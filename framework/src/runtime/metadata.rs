//! The metadata that is committed with each offset: the partition's time, and what operators remember.
//!
//! ```text
//! Base64( 0x02 || partition time: i64 || count: i32 || (name length: i32 || name || number: i64)* )
//! ```
//!
//! Kafka Streams' format, so that either can take over from the other. Version 1, which holds the time alone,
//! is read, too; what cannot be read means that nothing is known.

use crate::record::NO_TIMESTAMP;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;

const VERSION: u8 = 2;
const VERSION_TIME_ALONE: u8 = 1;

/// What is committed with an offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommitMetadata {
    /// The largest event time taken from the partition, in milliseconds since the epoch.
    pub(crate) partition_time: i64,
    /// What operators of the task remember, by name.
    pub(crate) remembered: BTreeMap<String, i64>,
}

impl Default for CommitMetadata {
    fn default() -> Self {
        CommitMetadata { partition_time: NO_TIMESTAMP, remembered: BTreeMap::new() }
    }
}

impl CommitMetadata {
    pub(crate) fn encode(&self) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(self.partition_time.to_be_bytes());
        bytes.extend(length(self.remembered.len()));
        for (name, number) in &self.remembered {
            bytes.extend(length(name.len()));
            bytes.extend(name.as_bytes());
            bytes.extend(number.to_be_bytes());
        }
        STANDARD.encode(bytes)
    }

    /// Reads metadata; `None` with a warning if it is not ours.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let decoded = STANDARD.decode(text).ok().and_then(|bytes| Reader(&bytes).metadata());
        if decoded.is_none() {
            tracing::warn!(metadata = text, "commit metadata cannot be read; partition time is unknown");
        }
        decoded
    }
}

fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("names and their number are far below 2^32").to_be_bytes()
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn metadata(&mut self) -> Option<CommitMetadata> {
        let [version] = self.take()?;
        let partition_time = i64::from_be_bytes(self.take()?);
        let mut remembered = BTreeMap::new();
        if version == VERSION {
            for _ in 0..u32::from_be_bytes(self.take()?) {
                let (name, number) = self.entry()?;
                remembered.insert(name, number);
            }
        }
        matches!(version, VERSION | VERSION_TIME_ALONE).then_some(CommitMetadata { partition_time, remembered })
    }

    fn entry(&mut self) -> Option<(String, i64)> {
        let length = u32::from_be_bytes(self.take()?) as usize;
        let (name, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some((String::from_utf8(name.to_vec()).ok()?, i64::from_be_bytes(self.take()?)))
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_survives_the_way_there_and_back() {
        let remembered = BTreeMap::from([("count.stream-time".to_owned(), 17), ("x".to_owned(), -1)]);
        let metadata = CommitMetadata { partition_time: 1_234, remembered };
        assert_eq!(CommitMetadata::decode(&metadata.encode()), Some(metadata));
    }

    #[test]
    fn version_one_holds_the_time_alone() {
        let mut bytes = vec![1];
        bytes.extend(99_i64.to_be_bytes());
        let decoded = CommitMetadata::decode(&STANDARD.encode(bytes)).unwrap();
        assert_eq!(decoded, CommitMetadata { partition_time: 99, remembered: BTreeMap::new() });
    }

    #[test]
    fn foreign_metadata_is_not_known() {
        for text in ["", "???", "AA==", "AgAA"] {
            assert_eq!(CommitMetadata::decode(text), None, "{text:?}");
        }
    }
}
