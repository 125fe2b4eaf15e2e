//! Ordered bytes on disk or in memory: the floor that stores and the embedded log stand on.
//!
//! An [`Engine`] keeps named *spaces* of ordered key-value pairs, applies [`Batch`]es atomically across spaces,
//! gives snapshots and deletes ranges. It knows nothing of records, stores, topics or transactions of the log.
//! One engine serves one application instance (all its tasks) or one embedded log.

#[cfg(any(feature = "fjall", feature = "rocksdb"))]
mod catalogue;
#[cfg(any(feature = "fjall", feature = "rocksdb"))]
mod directory;
#[cfg(feature = "fjall")]
mod fjall;
#[cfg(any(feature = "fjall", feature = "rocksdb"))]
mod flat;
mod lock;
pub mod memory;
mod open;
#[cfg(feature = "rocksdb")]
mod rocksdb;
#[cfg(any(feature = "fjall", feature = "rocksdb"))]
mod spaces;

pub(crate) use lock::LockFile;
pub use open::{EngineKind, EngineOptions, open, written_by};

use crate::error::{Error, ErrorKind, Result};
use std::ops::Bound;
use std::sync::Arc;

/// A space of an open engine; valid only for the engine that handed it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Space(pub(crate) u32);

/// A range of keys, in unsigned byte order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// Where the range begins.
    pub from: Bound<Vec<u8>>,
    /// Where the range ends.
    pub to: Bound<Vec<u8>>,
}

impl KeyRange {
    /// Every key.
    pub fn all() -> Self {
        KeyRange { from: Bound::Unbounded, to: Bound::Unbounded }
    }

    /// Every key that starts with `prefix`.
    ///
    /// ```
    /// use kstreams::engine::KeyRange;
    /// use std::ops::Bound;
    ///
    /// let range = KeyRange::prefix(b"a\xff");
    /// assert_eq!((range.from, range.to), (Bound::Included(b"a\xff".to_vec()), Bound::Excluded(b"b".to_vec())));
    /// ```
    pub fn prefix(prefix: &[u8]) -> Self {
        KeyRange {
            from: Bound::Included(prefix.to_vec()),
            to: after_prefix(prefix).map_or(Bound::Unbounded, Bound::Excluded),
        }
    }

    /// Whether no key can lie in it: it ends before it begins.
    pub fn is_empty(&self) -> bool {
        use Bound::{Excluded, Included, Unbounded};
        match (&self.from, &self.to) {
            (Unbounded, _) | (_, Unbounded) => false,
            (Included(from), Included(to)) => from > to,
            (Included(from) | Excluded(from), Included(to) | Excluded(to)) => from >= to,
        }
    }

    pub(crate) fn as_bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (self.from.as_ref().map(Vec::as_slice), self.to.as_ref().map(Vec::as_slice))
    }
}

/// The smallest key behind all keys that start with `prefix`; `None` if there is no such key.
pub fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut after = prefix[..=kept].to_vec();
    after[kept] += 1;
    Some(after)
}

/// The order in which a scan yields keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest key first.
    Forward,
    /// Largest key first.
    Backward,
}

/// How much of the machine a written batch must survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The process: `kill -9` loses nothing; a power cut comes back at an earlier consistent point.
    Process,
    /// The power: synced to disk before the call returns.
    Power,
    /// Nothing until the next [`Engine::flush`]: bulk restore.
    None,
}

/// Operations that are applied together or not at all, in the order they were added.
#[derive(Debug, Default, Clone)]
pub struct Batch {
    pub(crate) operations: Vec<Operation>,
    bytes: usize,
}

#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Put {
        space: Space,
        key: Vec<u8>,
        value: Vec<u8>,
    },
    Delete {
        space: Space,
        key: Vec<u8>,
    },
    /// Deletes `from` inclusive to `to` exclusive; `None` is the end of the space.
    DeleteRange {
        space: Space,
        from: Vec<u8>,
        to: Option<Vec<u8>>,
    },
}

impl Operation {
    pub(crate) fn space(&self) -> Space {
        match self {
            Operation::Put { space, .. } | Operation::Delete { space, .. } | Operation::DeleteRange { space, .. } => {
                *space
            }
        }
    }
}

impl Batch {
    /// Sets `key` to `value`.
    pub fn put(&mut self, space: Space, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        let (key, value) = (key.into(), value.into());
        self.bytes += key.len() + value.len();
        self.operations.push(Operation::Put { space, key, value });
    }

    /// Deletes `key`.
    pub fn delete(&mut self, space: Space, key: impl Into<Vec<u8>>) {
        let key = key.into();
        self.bytes += key.len();
        self.operations.push(Operation::Delete { space, key });
    }

    /// Deletes all keys from `from` (inclusive) to `to` (exclusive; `None` is the end of the space).
    pub fn delete_range(&mut self, space: Space, from: impl Into<Vec<u8>>, to: Option<Vec<u8>>) {
        let from = from.into();
        self.bytes += from.len() + to.as_ref().map_or(0, Vec::len);
        self.operations.push(Operation::DeleteRange { space, from, to });
    }

    /// Bytes of keys and values.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there is nothing to apply.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }
}

/// The answer to a space that was dropped, or that another engine handed out.
fn dropped(space: Space) -> Error {
    Error::new(ErrorKind::NotFound, format!("space {} does not exist in this engine", space.0))
        .with_hint("it was dropped, or comes from another engine")
}

/// Reads that see one moment, whatever is written meanwhile.
pub trait Read: Send {
    /// The value of `key`.
    ///
    /// # Errors
    /// `Io` or `Corrupt` from the disk.
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Walks a range; the cursor owns its own view and may outlive the reader.
    ///
    /// # Errors
    /// `Io` or `Corrupt` from the disk.
    fn scan(&self, space: Space, range: KeyRange, direction: Direction) -> Result<Box<dyn Cursor>>;
}

/// A walk over a range. It starts before the first pair.
pub trait Cursor: Send {
    /// Moves to the next pair; false at the end.
    ///
    /// # Errors
    /// `Io` or `Corrupt` from the disk.
    fn advance(&mut self) -> Result<bool>;

    /// The key of the current pair. Only after `advance` answered true.
    fn key(&self) -> &[u8];

    /// The value of the current pair. Only after `advance` answered true.
    fn value(&self) -> &[u8];
}

/// Ordered bytes with atomic batches, snapshots and range deletes.
///
/// The engine itself reads its newest state; [`Engine::snapshot`] reads one moment.
pub trait Engine: Read + Sync {
    /// The space of that name, created if it does not exist.
    ///
    /// # Errors
    /// `Io` from the disk.
    fn space(&self, name: &str) -> Result<Space>;

    /// The names of all spaces, in byte order.
    ///
    /// # Errors
    /// `Io` from the disk.
    fn space_names(&self) -> Result<Vec<String>>;

    /// Drops a space with all it holds; false if there is none of that name.
    ///
    /// # Errors
    /// `Io` from the disk.
    fn drop_space(&self, name: &str) -> Result<bool>;

    /// Applies the batch: all of it or, after a crash, none of it.
    ///
    /// # Errors
    /// `Io` from the disk; nothing was applied then.
    fn write(&self, batch: &Batch, durability: Durability) -> Result<()>;

    /// Makes everything written so far survive a crash of the process and the machine.
    ///
    /// # Errors
    /// `Io` from the disk.
    fn flush(&self) -> Result<()>;

    /// A reader of this moment.
    fn snapshot(&self) -> Box<dyn Read>;

    /// A guess at the number of keys in the space; exact for the memory engine.
    fn approximate_len(&self, space: Space) -> u64;
}

/// An engine shared by the threads of an instance.
pub type SharedEngine = Arc<dyn Engine>;
