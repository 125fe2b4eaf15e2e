//! The engine on disk in pure Rust, on fjall. The only module that names it.
//!
//! Fjall writes each batch to a journal and then into memory. Three things it leaves to this module:
//!
//! * It has no range deletes: the keys are listed and deleted in the same batch.
//! * It gives all operations of a batch one sequence number: their order is settled before fjall sees them.
//! * A compaction that ends while a batch is being applied makes the first part of it visible (3.1.13): its number is
//!   higher, and publishing it publishes all below. So readers never ask fjall for its newest moment, but share the
//!   snapshot that was taken after the last batch, before the next.

use super::directory::Directory;
use super::flat::{self, Flat, FlatRange, FlatRead};
use super::spaces::Spaces;
use super::{Batch, Cursor, Direction, Durability, EngineOptions, Operation, SharedEngine};
use crate::error::{Error, ErrorKind, Result};
use ::fjall::{Database, Iter, Keyspace, KeyspaceCreateOptions, LsmError, PersistMode, Readable, Snapshot, UserKey};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Fjall writes a key's length in two bytes.
const FLAT_KEY_BYTES_MAX: usize = u16::MAX as usize;

/// Bytes of journals before the oldest one's data is written to tables: bounds the disk and the replay at open.
const JOURNAL_BYTES_MAX: u64 = 64 << 20;

/// Parts of the write buffer: one is filled, up to four wait for their way to disk. Measured, an entry takes about
/// twice its bytes in memory.
const WRITE_BUFFER_PARTS: u64 = 4;

/// Threads that write tables and compact them.
const WORKER_THREADS: usize = 2;

/// Pairs of a dropped space that are deleted in one batch.
const DISCARD_CHUNK_PAIRS: usize = 10_000;

pub(super) fn open(directory: Directory, options: &EngineOptions) -> Result<SharedEngine> {
    if !directory.data().try_exists()? {
        create(directory.data(), options)?;
    }
    let (database, keyspace) = open_database(directory.data(), options)?;
    let newest = RwLock::new(Arc::new(database.snapshot()));
    let opened = Arc::new(Opened { keyspace, database, _directory: directory });
    Ok(Arc::new(Spaces::open(FjallEngine { newest, opened, writer: Mutex::new(()) })?))
}

/// Makes a new database whole or not at all: fjall cannot open one whose creation a crash cut short, so it is made
/// beside its place and moved there once it is closed. Nothing was ever written to what a crash left behind.
fn create(data: &Path, options: &EngineOptions) -> Result<()> {
    let draft = data.with_extension("new");
    if draft.try_exists()? {
        fs::remove_dir_all(&draft)?;
    }
    let (database, keyspace) = open_database(&draft, options)?;
    database.persist(PersistMode::SyncAll).map_err(failed)?;
    drop((keyspace, database));
    Ok(fs::rename(draft, data)?)
}

fn open_database(path: &Path, options: &EngineOptions) -> Result<(Database, Keyspace)> {
    let database = Database::builder(path)
        .cache_size(options.cache_bytes_max as u64)
        .max_journaling_size(JOURNAL_BYTES_MAX)
        .max_cached_files(Some(options.open_files_max.max(1)))
        .worker_threads(WORKER_THREADS)
        .open()
        .map_err(failed)?;
    let memtable_bytes = (options.write_buffer_bytes_max as u64 / WRITE_BUFFER_PARTS).max(1 << 20);
    let settings = || KeyspaceCreateOptions::default().max_memtable_size(memtable_bytes);
    let keyspace = database.keyspace("spaces", settings).map_err(failed)?;
    Ok((database, keyspace))
}

/// What is open, in the order in which it must close: the directory is free only after the database is.
struct Opened {
    keyspace: Keyspace,
    database: Database,
    _directory: Directory,
}

struct FjallEngine {
    /// What readers see: everything up to the last whole batch.
    newest: RwLock<Arc<Snapshot>>,
    opened: Arc<Opened>,
    /// One batch at a time: nobody may put a key into a range between listing and deleting it, nor have a batch
    /// half applied while `newest` is taken.
    writer: Mutex<()>,
}

impl FjallEngine {
    fn view(&self) -> FjallView {
        let newest = self.newest.read().unwrap_or_else(PoisonError::into_inner);
        FjallView { snapshot: Arc::clone(&newest), opened: Arc::clone(&self.opened) }
    }

    /// What the batch comes to, each key once: a later operation on a key replaces an earlier one.
    fn settle<'a>(&self, batch: &'a Batch) -> Result<Vec<Outcome<'a>>> {
        let ranges = batch.operations.iter().any(|operation| matches!(operation, Operation::DeleteRange { .. }));
        if ranges { self.settle_ranges(batch) } else { Ok(settle_points(batch)) }
    }

    /// A range deletes what the engine holds in it, and what came earlier in the batch.
    fn settle_ranges<'a>(&self, batch: &'a Batch) -> Result<Vec<Outcome<'a>>> {
        let mut outcomes = BTreeMap::new();
        for operation in &batch.operations {
            let Operation::DeleteRange { space, from, to } = operation else {
                outcomes.extend(point(operation));
                continue;
            };
            let range = flat::range(*space, from, to.as_deref());
            if range.is_empty() {
                continue;
            }
            outcomes.range_mut(range.from.clone()..range.to.clone()).for_each(|(_, value)| *value = None);
            let mut doomed = self.view().scan(range, Direction::Forward)?;
            while doomed.advance()? {
                outcomes.insert(doomed.key().to_vec(), None);
            }
        }
        Ok(outcomes.into_iter().collect())
    }

    /// Applies a batch and shows it to readers. Only under the writer's lock.
    fn commit<'a>(&self, outcomes: impl IntoIterator<Item = Outcome<'a>>, mode: Option<PersistMode>) -> Result<()> {
        let mut batch = self.opened.database.batch().durability(mode);
        for (key, value) in outcomes {
            match value {
                Some(value) => batch.insert(&self.opened.keyspace, key, value),
                None => batch.remove(&self.opened.keyspace, key),
            }
        }
        batch.commit().map_err(failed)?;
        let newest = Arc::new(self.opened.database.snapshot());
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) = newest;
        Ok(())
    }
}

/// A key of the flat map and its new value; `None` deletes it.
type Outcome<'a> = (Vec<u8>, Option<&'a [u8]>);

fn point(operation: &Operation) -> Option<Outcome<'_>> {
    match operation {
        Operation::Put { space, key, value } => Some((flat::prefixed(*space, key), Some(value))),
        Operation::Delete { space, key } => Some((flat::prefixed(*space, key), None)),
        Operation::DeleteRange { .. } => None,
    }
}

/// A stable sort keeps the operations on one key in their order. It costs little: stores write their keys sorted.
fn settle_points(batch: &Batch) -> Vec<Outcome<'_>> {
    let mut outcomes: Vec<Outcome<'_>> = batch.operations.iter().filter_map(point).collect();
    outcomes.sort_by(|one, other| one.0.cmp(&other.0));
    outcomes.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            kept.1 = later.1;
        }
        same
    });
    outcomes
}

fn check_key_lengths(batch: &Batch) -> Result<()> {
    let longest = batch.operations.iter().filter_map(|operation| match operation {
        Operation::Put { key, .. } | Operation::Delete { key, .. } => Some(key.len()),
        Operation::DeleteRange { .. } => None,
    });
    let key_bytes_max = FLAT_KEY_BYTES_MAX - flat::PREFIX_BYTES;
    match longest.max() {
        Some(bytes) if bytes > key_bytes_max => {
            Err(Error::new(ErrorKind::Io, format!("a key of {bytes} bytes is too long for engine `fjall`"))
                .with_detail(format!("the longest it can hold has {key_bytes_max} bytes"))
                .with_hint("use engine `rocksdb`"))
        }
        _ => Ok(()),
    }
}

impl FlatRead for FjallEngine {
    type Cursor = FjallCursor;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.view().get(key)
    }

    fn scan(&self, range: FlatRange, direction: Direction) -> Result<FjallCursor> {
        self.view().scan(range, direction)
    }
}

impl Flat for FjallEngine {
    type View = FjallView;

    fn write(&self, batch: &Batch, durability: Durability) -> Result<()> {
        check_key_lengths(batch)?;
        let mode = match durability {
            Durability::Process => Some(PersistMode::Buffer),
            Durability::Power => Some(PersistMode::SyncAll),
            Durability::None => None,
        };
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        self.commit(self.settle(batch)?, mode)
    }

    fn flush(&self) -> Result<()> {
        self.opened.database.persist(PersistMode::SyncAll).map_err(failed)
    }

    fn snapshot(&self) -> FjallView {
        self.view()
    }

    fn discard(&self, range: FlatRange) -> Result<()> {
        let mut doomed = self.view().scan(range, Direction::Forward)?;
        loop {
            let mut chunk = Vec::new();
            while chunk.len() < DISCARD_CHUNK_PAIRS && doomed.advance()? {
                chunk.push((doomed.key().to_vec(), None));
            }
            if chunk.is_empty() {
                return Ok(());
            }
            let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            self.commit(chunk, Some(PersistMode::Buffer))?;
        }
    }

    /// Fjall counts the whole map only.
    fn approximate_len(&self, _range: &FlatRange, counted: u64) -> u64 {
        (self.opened.keyspace.approximate_len() as u64).max(counted)
    }
}

/// One moment of the map; it keeps the engine open.
struct FjallView {
    snapshot: Arc<Snapshot>,
    opened: Arc<Opened>,
}

impl FlatRead for FjallView {
    type Cursor = FjallCursor;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let value = self.snapshot.get(&self.opened.keyspace, key).map_err(failed)?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn scan(&self, range: FlatRange, direction: Direction) -> Result<FjallCursor> {
        let pairs = self.snapshot.range(&self.opened.keyspace, range.from..range.to);
        Ok(FjallCursor { pairs, direction, current: None, _opened: Arc::clone(&self.opened) })
    }
}

/// A walk that keeps its snapshot, and with it the engine.
struct FjallCursor {
    pairs: Iter,
    direction: Direction,
    current: Option<(UserKey, ::fjall::UserValue)>,
    _opened: Arc<Opened>,
}

impl FjallCursor {
    fn current(&self) -> &(UserKey, ::fjall::UserValue) {
        self.current.as_ref().expect("a cursor is read only after `advance` answered true")
    }
}

impl Cursor for FjallCursor {
    fn advance(&mut self) -> Result<bool> {
        let next = match self.direction {
            Direction::Forward => self.pairs.next(),
            Direction::Backward => self.pairs.next_back(),
        };
        self.current = next.map(|pair| pair.into_inner().map_err(failed)).transpose()?;
        Ok(self.current.is_some())
    }

    fn key(&self) -> &[u8] {
        &self.current().0
    }

    fn value(&self) -> &[u8] {
        &self.current().1
    }
}

fn failed(error: ::fjall::Error) -> Error {
    use ::fjall::Error::{Io, Locked, Poisoned, Storage};
    let (kind, message, detail) = match &error {
        Io(io) | Storage(LsmError::Io(io)) => (io_kind(io), "engine `fjall` could not use its files", io.to_string()),
        Locked => (ErrorKind::InUse, "engine `fjall` is in use by another instance", String::new()),
        Poisoned => (ErrorKind::Io, "engine `fjall` takes no more writes after a failed one", String::new()),
        other => (ErrorKind::Corrupt, "the data of engine `fjall` is damaged", format!("{other:?}")),
    };
    let failed = Error::new(kind, message).with_source(error);
    if detail.is_empty() { failed } else { failed.with_detail(detail) }
}

/// A file that is missing or too short is damage, not a refusal of the operating system.
fn io_kind(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::NotFound => ErrorKind::Corrupt,
        _ => ErrorKind::Io,
    }
}
