//! The seam to an engine on disk: one flat ordered map, in which [`spaces`](super::spaces) lays out the spaces.
//!
//! It knows keys with their space's prefix and nothing of names or which spaces are alive.

use super::{Batch, Cursor, Direction, Durability, Space};
use crate::error::Result;

/// Keys from `from` (inclusive) to `to` (exclusive); never upside down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FlatRange {
    pub(super) from: Vec<u8>,
    pub(super) to: Vec<u8>,
}

impl FlatRange {
    pub(super) fn is_empty(&self) -> bool {
        self.from >= self.to
    }
}

/// Reads of one flat map, at one moment or at the newest.
pub(super) trait FlatRead: Send {
    type Cursor: Cursor + 'static;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Walks a range that is not empty.
    fn scan(&self, range: FlatRange, direction: Direction) -> Result<Self::Cursor>;
}

/// One flat ordered map on disk.
pub(super) trait Flat: FlatRead + Sync + 'static {
    type View: FlatRead + 'static;

    /// Applies the operations in their order, all or none, each key behind its space's [`prefix`].
    fn write(&self, batch: &Batch, durability: Durability) -> Result<()>;

    fn flush(&self) -> Result<()>;

    fn snapshot(&self) -> Self::View;

    /// Deletes a range nobody reads any more, in as many steps as it takes.
    fn discard(&self, range: FlatRange) -> Result<()>;

    /// A guess at the keys in a range that has more than `counted` of them.
    fn approximate_len(&self, range: &FlatRange, counted: u64) -> u64;
}

/// Bytes of a space's number in front of each of its keys.
pub(super) const PREFIX_BYTES: usize = size_of::<u32>();

/// What stands in front of all keys of a space; big-endian, so that a space is one range.
pub(super) fn prefix(space: Space) -> [u8; PREFIX_BYTES] {
    space.0.to_be_bytes()
}

/// The key of a pair in the flat map.
pub(super) fn prefixed(space: Space, key: &[u8]) -> Vec<u8> {
    let mut flat = Vec::with_capacity(PREFIX_BYTES + key.len());
    write_prefixed(space, key, &mut flat);
    flat
}

/// The same in place of what `flat` holds: for many keys, one after another.
pub(super) fn write_prefixed(space: Space, key: &[u8], flat: &mut Vec<u8>) {
    flat.clear();
    flat.extend_from_slice(&prefix(space));
    flat.extend_from_slice(key);
}

/// The range of a space from `from` to `to`; `None` is the end of the space.
pub(super) fn range(space: Space, from: &[u8], to: Option<&[u8]>) -> FlatRange {
    let to = match to {
        Some(to) => prefixed(space, to),
        None => prefix(Space(space.0 + 1)).to_vec(),
    };
    FlatRange { from: prefixed(space, from), to }
}
