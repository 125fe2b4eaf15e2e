//! Stores that no task has open, as tools read them from an engine: rows without their types.
//!
//! Never writes, and never creates what is not there.

use super::metadata::{self, Metadata};
use super::stored::split_timestamp;
use super::window::keys::RowKey;
use crate::engine::{Cursor, Direction, KeyRange, SharedEngine, Space};
use crate::error::{Error, ErrorKind, Result};

/// What persistent windowed rows begin with: the segment's number.
const SEGMENT_BYTES: usize = 8;

/// A store of one task on an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OfflineStore {
    /// The task that owns it, as `0_1`, or `global`.
    pub task: String,
    /// Its name.
    pub name: String,
    /// The kind's name, see [`StoreKind::as_str`](super::StoreKind::as_str); `None` if nothing was committed yet, or a restore
    /// was cut short before its first commit.
    pub kind: Option<String>,
    /// The topic it is restored from.
    pub changelog: Option<String>,
    /// The first offset of that topic which is not in the rows; `None` if it has to be read from its beginning.
    pub position: Option<i64>,
    /// The wall clock of the last commit, in milliseconds since the epoch.
    pub committed_at_ms: Option<i64>,
}

/// A row without its types.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OfflineRow {
    /// The key's bytes, without window.
    pub key: Vec<u8>,
    /// The value's bytes, without timestamp.
    pub value: Vec<u8>,
    /// When the value was updated last, in event time, in milliseconds since the epoch; of timestamped kinds.
    pub timestamp: Option<i64>,
    /// Where the window begins, in milliseconds since the epoch; of windowed kinds.
    pub window_start_ms: Option<i64>,
}

/// How much a store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct OfflineSize {
    /// Rows.
    pub rows: u64,
    /// Bytes of their keys and values, as they are before the engine compresses them.
    pub bytes: u64,
}

/// The stores of an engine that no instance has open.
///
/// ```
/// use kstreams::engine::{EngineKind, EngineOptions, open};
/// use kstreams::store::OfflineStores;
///
/// let engine = open(EngineKind::Memory, "unused".as_ref(), &EngineOptions::default())?;
/// assert!(OfflineStores::new(engine).list()?.is_empty());
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub struct OfflineStores {
    engine: SharedEngine,
}

impl OfflineStores {
    /// The stores of that engine.
    pub fn new(engine: SharedEngine) -> Self {
        OfflineStores { engine }
    }

    /// All stores, by task and name.
    ///
    /// # Errors
    /// `Config` if a store has a format that this version does not know; `Io` or `Corrupt` from the disk.
    pub fn list(&self) -> Result<Vec<OfflineStore>> {
        let names = self.engine.space_names()?;
        let metadata_space = match names.iter().any(|name| name == metadata::SPACE) {
            true => Some(self.engine.space(metadata::SPACE)?),
            false => None,
        };
        let owned = names.iter().filter_map(|space| Some((space, space.split_once('/')?)));
        owned.map(|(space, (task, name))| self.describe(space, task, name, metadata_space)).collect()
    }

    fn describe(&self, space: &str, task: &str, name: &str, metadata_space: Option<Space>) -> Result<OfflineStore> {
        let metadata = match metadata_space {
            Some(metadata_space) => Metadata::read(&*self.engine, metadata_space, space)?,
            None => None,
        };
        Ok(OfflineStore {
            task: task.to_owned(),
            name: name.to_owned(),
            kind: metadata.as_ref().map(|metadata| metadata.kind().to_owned()),
            changelog: metadata.as_ref().and_then(|metadata| metadata.changelog().map(str::to_owned)),
            position: metadata.as_ref().and_then(|metadata| metadata.position),
            committed_at_ms: metadata.as_ref().map(|metadata| metadata.committed_at_ms),
        })
    }

    /// Counts a store's rows, which reads all of them.
    ///
    /// # Errors
    /// `NotFound` if there is no such store; `Io` or `Corrupt` from the disk.
    pub fn size(&self, store: &OfflineStore) -> Result<OfflineSize> {
        let mut size = OfflineSize::default();
        let mut cursor = self.scan(store)?;
        while cursor.advance()? {
            size.rows += 1;
            size.bytes += (cursor.key().len() + cursor.value().len()) as u64;
        }
        Ok(size)
    }

    /// A store's rows in their order on disk: by key, of windowed kinds by segment, key and window. Windows that are past
    /// retention are among them until their segment is deleted. Ends after an error.
    ///
    /// # Errors
    /// As [`size`](Self::size); `Config` if the store is of a kind that this version does not know.
    pub fn rows(&self, store: &OfflineStore) -> Result<impl Iterator<Item = Result<OfflineRow>> + use<>> {
        let layout = Layout::of(store)?;
        let mut cursor = Some(self.scan(store)?);
        Ok(std::iter::from_fn(move || {
            let row = match cursor.as_mut()?.advance() {
                Ok(true) => cursor.as_ref().map(|cursor| layout.row(cursor.key(), cursor.value())),
                Ok(false) => None,
                Err(error) => Some(Err(error)),
            };
            if !matches!(row, Some(Ok(_))) {
                cursor = None;
            }
            row
        }))
    }

    fn scan(&self, store: &OfflineStore) -> Result<Box<dyn Cursor>> {
        let space = format!("{}/{}", store.task, store.name);
        if !self.engine.space_names()?.contains(&space) {
            return Err(Error::new(ErrorKind::NotFound, format!("no store `{}` of task {}", store.name, store.task)));
        }
        self.engine.scan(self.engine.space(&space)?, KeyRange::all(), Direction::Forward)
    }
}

/// How a kind's rows are taken apart.
#[derive(Clone, Copy)]
struct Layout {
    is_windowed: bool,
    is_timestamped: bool,
}

impl Layout {
    fn of(store: &OfflineStore) -> Result<Self> {
        let (is_windowed, is_timestamped) = match store.kind.as_deref() {
            Some("key-value") | None => (false, false),
            Some("timestamped-key-value") => (false, true),
            Some("window") => (true, false),
            Some("timestamped-window") => (true, true),
            Some(kind) => {
                let sentence = format!("store `{}` is of the unknown kind `{kind}`", store.name);
                return Err(Error::new(ErrorKind::Config, sentence).with_hint("it was written by a newer version"));
            }
        };
        Ok(Layout { is_windowed, is_timestamped })
    }

    fn row(self, key: &[u8], value: &[u8]) -> Result<OfflineRow> {
        let (key, window_start_ms) = if self.is_windowed {
            let row = RowKey::from_changelog(key.get(SEGMENT_BYTES..).unwrap_or_default())?;
            (row.key, Some(row.start_ms))
        } else {
            (key, None)
        };
        let (timestamp, value) = if self.is_timestamped {
            let (timestamp, value) = split_timestamp(value)?;
            (Some(timestamp), value)
        } else {
            (None, value)
        };
        Ok(OfflineRow { key: key.to_vec(), value: value.to_vec(), timestamp, window_start_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::memory::MemoryEngine;
    use crate::engine::{Batch, Durability, Engine};
    use crate::store::window::keys::WindowKeys;
    use crate::store::{Backing, StoreKind, StoreSpec, WindowSpec};
    use crate::window::Segments;
    use std::sync::Arc;

    const WINDOW: WindowSpec =
        WindowSpec { retention_ms: 100, size_ms: 50, segment_interval_ms: 60_000, retain_duplicates: false };

    fn written(kind: StoreKind, key: &[u8], value: &[u8]) -> OfflineStores {
        let engine = MemoryEngine::default();
        let mut batch = Batch::default();
        batch.put(engine.space("0_1/s").unwrap(), key, value);
        let mut metadata = Metadata::new(&StoreSpec::new("s", kind, Backing::Persistent), Some("app-s-changelog"), 7);
        metadata.position = Some(3);
        metadata.add_to(&mut batch, engine.space(metadata::SPACE).unwrap(), "0_1/s");
        engine.write(&batch, Durability::Process).unwrap();
        OfflineStores::new(Arc::new(engine))
    }

    fn only_row(stores: &OfflineStores) -> OfflineRow {
        let store = stores.list().unwrap().remove(0);
        let rows: Vec<_> = stores.rows(&store).unwrap().collect::<Result<_>>().unwrap();
        rows.into_iter().next().unwrap()
    }

    #[test]
    fn store_is_listed_with_what_its_last_commit_says() {
        let stores = written(StoreKind::KeyValue, b"k", b"value");
        let expected = OfflineStore {
            task: "0_1".into(),
            name: "s".into(),
            kind: Some("key-value".into()),
            changelog: Some("app-s-changelog".into()),
            position: Some(3),
            committed_at_ms: Some(7),
        };
        assert_eq!(stores.list().unwrap(), std::slice::from_ref(&expected));
        assert_eq!(stores.size(&expected).unwrap(), OfflineSize { rows: 1, bytes: 6 });
    }

    #[test]
    fn rows_of_every_kind_are_taken_apart() {
        let row = |key: &[u8], timestamp, window_start_ms| OfflineRow {
            key: key.to_vec(),
            value: b"v".to_vec(),
            timestamp,
            window_start_ms,
        };
        let timestamped = [&9_i64.to_be_bytes()[..], b"v"].concat();
        let mut windowed = Vec::new();
        let keys = WindowKeys::BySegment(Segments { interval_ms: 60_000, retention_ms: 100 });
        keys.write_row(RowKey { key: b"k", start_ms: 70_000, sequence: 0 }, &mut windowed);

        assert_eq!(only_row(&written(StoreKind::KeyValue, b"k", b"v")), row(b"k", None, None));
        assert_eq!(only_row(&written(StoreKind::TimestampedKeyValue, b"k", &timestamped)), row(b"k", Some(9), None));
        assert_eq!(only_row(&written(StoreKind::Window(WINDOW), &windowed, b"v")), row(b"k", None, Some(70_000)));
        let both = written(StoreKind::TimestampedWindow(WINDOW), &windowed, &timestamped);
        assert_eq!(only_row(&both), row(b"k", Some(9), Some(70_000)));
    }

    #[test]
    fn reading_creates_nothing() {
        let engine = Arc::new(MemoryEngine::default());
        let stores = OfflineStores::new(engine.clone());
        assert!(stores.list().unwrap().is_empty());
        let gone = OfflineStore {
            task: "0_0".into(),
            name: "s".into(),
            kind: None,
            changelog: None,
            position: None,
            committed_at_ms: None,
        };
        assert_eq!(stores.size(&gone).unwrap_err().kind(), ErrorKind::NotFound);
        assert!(engine.space_names().unwrap().is_empty());
    }

    #[test]
    fn damaged_row_is_an_error_and_the_last_one() {
        let stores = written(StoreKind::TimestampedKeyValue, b"k", b"short");
        let store = stores.list().unwrap().remove(0);
        let rows: Vec<_> = stores.rows(&store).unwrap().collect();
        assert!(matches!(&rows[..], [Err(error)] if error.kind() == ErrorKind::Corrupt));
    }
}
