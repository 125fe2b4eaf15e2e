//! The keys of a window store's rows, here and in its changelog.
//!
//! The changelog has Kafka Streams' own: `key || start || sequence`, big-endian. Locally rows are ordered as a reader
//! lists them: persistent stores by segment, then as in the changelog; stores in memory by start, then key.

use super::super::StoreSpec;
use crate::error::{Error, ErrorKind, Result};
use crate::window::Segments;

const START_BYTES: usize = 8;
const SEQUENCE_BYTES: usize = 4;
const PREFIX_BYTES: usize = 8;

/// The order of a window store's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum WindowKeys {
    /// `segment || key || start || sequence`.
    BySegment(Segments),
    /// `start || key || sequence`.
    ByTime,
}

/// A row's key, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct RowKey<'a> {
    pub(in crate::store) key: &'a [u8],
    pub(in crate::store) start_ms: i64,
    pub(in crate::store) sequence: i32,
}

impl WindowKeys {
    /// The order that a store of this spec has.
    pub(in crate::store) fn of(spec: &StoreSpec, segments: Segments) -> Self {
        if spec.is_persistent() { WindowKeys::BySegment(segments) } else { WindowKeys::ByTime }
    }

    /// What local keys begin with for that start; also the lower bound of all rows of that segment or start.
    pub(in crate::store) fn prefix(&self, start_ms: i64) -> [u8; PREFIX_BYTES] {
        match self {
            WindowKeys::BySegment(segments) => ordered(segments.id(start_ms)),
            WindowKeys::ByTime => ordered(start_ms),
        }
    }

    /// Appends the local key of a row.
    pub(in crate::store) fn write_row(&self, row: RowKey<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.prefix(row.start_ms));
        out.extend_from_slice(row.key);
        if let WindowKeys::BySegment(_) = self {
            out.extend_from_slice(&row.start_ms.to_be_bytes());
        }
        out.extend_from_slice(&row.sequence.to_be_bytes());
    }

    /// Takes a local key apart.
    ///
    /// # Errors
    /// `Corrupt` if it is too short to be one.
    pub(in crate::store) fn split<'a>(&self, row: &'a [u8]) -> Result<RowKey<'a>> {
        let (prefix, rest) = row.split_first_chunk::<PREFIX_BYTES>().ok_or_else(|| too_short(row))?;
        match self {
            WindowKeys::BySegment(_) => RowKey::from_changelog(rest),
            WindowKeys::ByTime => {
                let (key, sequence) = rest.split_last_chunk::<SEQUENCE_BYTES>().ok_or_else(|| too_short(row))?;
                Ok(RowKey { key, start_ms: unordered(*prefix), sequence: i32::from_be_bytes(*sequence) })
            }
        }
    }
}

impl<'a> RowKey<'a> {
    /// Takes a changelog key apart.
    ///
    /// # Errors
    /// `Corrupt` if it is too short to be one.
    pub(in crate::store) fn from_changelog(bytes: &'a [u8]) -> Result<Self> {
        let (rest, sequence) = bytes.split_last_chunk::<SEQUENCE_BYTES>().ok_or_else(|| too_short(bytes))?;
        let (key, start) = rest.split_last_chunk::<START_BYTES>().ok_or_else(|| too_short(bytes))?;
        Ok(RowKey { key, start_ms: i64::from_be_bytes(*start), sequence: i32::from_be_bytes(*sequence) })
    }

    /// Appends the changelog key.
    pub(in crate::store) fn write_changelog(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.key);
        out.extend_from_slice(&self.start_ms.to_be_bytes());
        out.extend_from_slice(&self.sequence.to_be_bytes());
    }
}

/// A number as bytes that sort as the number does.
pub(super) fn ordered(number: i64) -> [u8; PREFIX_BYTES] {
    (number ^ i64::MIN).to_be_bytes()
}

fn unordered(bytes: [u8; PREFIX_BYTES]) -> i64 {
    i64::from_be_bytes(bytes) ^ i64::MIN
}

fn too_short(bytes: &[u8]) -> Error {
    Error::new(ErrorKind::Corrupt, "a window store's key is too short").with_detail(format!("{} bytes", bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEGMENTS: Segments = Segments { interval_ms: 60_000, retention_ms: 90_000 };

    #[test]
    fn changelog_key_is_that_of_kafka_streams() {
        let mut bytes = Vec::new();
        RowKey { key: b"c", start_ms: 39, sequence: 0 }.write_changelog(&mut bytes);
        assert_eq!(bytes, [0x63, 0, 0, 0, 0, 0, 0, 0, 0x27, 0, 0, 0, 0]);
    }

    #[test]
    fn short_keys_are_corrupt() {
        assert_eq!(RowKey::from_changelog(&[0; 11]).unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(WindowKeys::ByTime.split(&[0; 11]).unwrap_err().kind(), ErrorKind::Corrupt);
    }

    proptest! {
        #[test]
        fn key_is_what_was_put_together(
            key in prop::collection::vec(any::<u8>(), 0..6), start_ms in any::<i64>(), sequence in 0..i32::MAX,
        ) {
            let row = RowKey { key: &key, start_ms, sequence };
            for keys in [WindowKeys::BySegment(SEGMENTS), WindowKeys::ByTime] {
                let mut bytes = Vec::new();
                keys.write_row(row, &mut bytes);
                prop_assert_eq!(keys.split(&bytes).unwrap(), row);
            }
            let mut bytes = Vec::new();
            row.write_changelog(&mut bytes);
            prop_assert_eq!(RowKey::from_changelog(&bytes).unwrap(), row);
        }

        #[test]
        fn numbers_sort_as_their_bytes(a in any::<i64>(), b in any::<i64>()) {
            prop_assert_eq!(a.cmp(&b), ordered(a).cmp(&ordered(b)));
        }
    }
}
