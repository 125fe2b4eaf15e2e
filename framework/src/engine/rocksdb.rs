//! The engine on disk in RocksDB. The only module that names it.
//!
//! Batches go through the write-ahead log unless asked not to ([`Durability::None`]); range deletes are RocksDB's own.

use super::directory::Directory;
use super::flat::{self, Flat, FlatRange, FlatRead};
use super::spaces::Spaces;
use super::{Batch, Cursor, Direction, Durability, EngineOptions, Operation, SharedEngine};
use crate::error::{Error, ErrorKind, Result};
use ::rocksdb::{
    BlockBasedOptions, Cache, DB, DBCompressionType, DBRawIterator, LogLevel, Options, Range, ReadOptions, Snapshot,
    WriteBatch, WriteBufferManager, WriteOptions,
};
use self_cell::self_cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Bytes of write-ahead log before the oldest data is written to tables: bounds the disk and the replay at open.
const LOG_BYTES_MAX: u64 = 64 << 20;

/// Parts of the write buffer: one is filled while others are on their way to disk.
const WRITE_BUFFER_PARTS: usize = 4;

/// Threads that write tables and compact them.
const BACKGROUND_JOBS_MAX: i32 = 2;

/// Files of the first level that are merged together. A read may look into each of them, and their filters are in memory; the more
/// there are, the fewer times a row is written again.
const FIRST_LEVEL_FILES: i32 = 8;

/// Bits of filter for each key: one read in a hundred looks into a table in vain.
const FILTER_BITS: f64 = 10.0;

/// RocksDB's own text log, of which two files are kept.
const TEXT_LOG_BYTES_MAX: usize = 1 << 20;

pub(super) fn open(directory: Directory, options: &EngineOptions) -> Result<SharedEngine> {
    let database = DB::open(&settings(options), directory.data()).map_err(failed)?;
    let opened = Opened { database, _directory: directory };
    Ok(Arc::new(Spaces::open(RocksEngine { opened: Arc::new(opened), unlogged: AtomicBool::new(false) })?))
}

fn settings(options: &EngineOptions) -> Options {
    let mut settings = Options::default();
    settings.create_if_missing(true);
    settings.set_max_open_files(i32::try_from(options.open_files_max).unwrap_or(i32::MAX));
    settings.set_max_background_jobs(BACKGROUND_JOBS_MAX);
    settings.set_max_total_wal_size(LOG_BYTES_MAX);
    // What is written first is soon read and written again: it is not worth compressing.
    settings.set_compression_per_level(&[DBCompressionType::None, DBCompressionType::Lz4]);
    settings.set_level_zero_file_num_compaction_trigger(FIRST_LEVEL_FILES);
    settings.set_level_compaction_dynamic_level_bytes(true);
    settings.set_write_buffer_size((options.write_buffer_bytes_max / WRITE_BUFFER_PARTS).max(1 << 20));
    settings.set_log_level(LogLevel::Warn);
    settings.set_max_log_file_size(TEXT_LOG_BYTES_MAX);
    settings.set_keep_log_file_num(2);
    budget(&mut settings, options);
    settings
}

/// Write buffers are charged to the block cache, so that one number bounds both.
fn budget(settings: &mut Options, options: &EngineOptions) {
    let cache = Cache::new_lru_cache(options.cache_bytes_max + options.write_buffer_bytes_max);
    let buffers =
        WriteBufferManager::new_write_buffer_manager_with_cache(options.write_buffer_bytes_max, false, cache.clone());
    settings.set_write_buffer_manager(&buffers);
    let mut tables = BlockBasedOptions::default();
    tables.set_block_cache(&cache);
    tables.set_cache_index_and_filter_blocks(true);
    tables.set_pin_l0_filter_and_index_blocks_in_cache(true);
    tables.set_bloom_filter(FILTER_BITS, false);
    settings.set_block_based_table_factory(&tables);
}

/// What is open, in the order in which it must close: the directory is free only after the database is.
struct Opened {
    database: DB,
    _directory: Directory,
}

struct RocksEngine {
    opened: Arc<Opened>,
    /// Whether something lies in memory only, past the write-ahead log.
    unlogged: AtomicBool,
}

impl FlatRead for RocksEngine {
    type Cursor = RocksCursor;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.opened.database.get(key).map_err(failed)
    }

    fn scan(&self, range: FlatRange, direction: Direction) -> Result<RocksCursor> {
        self.snapshot().scan(range, direction)
    }
}

impl Flat for RocksEngine {
    type View = RocksView;

    fn write(&self, batch: &Batch, durability: Durability) -> Result<()> {
        let mut options = WriteOptions::default();
        match durability {
            Durability::Process => {}
            Durability::Power => options.set_sync(true),
            Durability::None => {
                options.disable_wal(true);
                // Before the write: a flush that runs in between then does too much, not too little.
                self.unlogged.store(true, Ordering::SeqCst);
            }
        }
        self.opened.database.write_opt(translated(batch), &options).map_err(failed)
    }

    fn flush(&self) -> Result<()> {
        if self.unlogged.swap(false, Ordering::SeqCst) {
            let flushed = self.opened.database.flush();
            // What failed to reach the disk must be tried again by the next flush.
            flushed.inspect_err(|_| self.unlogged.store(true, Ordering::SeqCst)).map_err(failed)?;
        }
        self.opened.database.flush_wal(true).map_err(failed)
    }

    fn snapshot(&self) -> RocksView {
        RocksView(Arc::new(SnapshotCell::new(Arc::clone(&self.opened), |opened| opened.database.snapshot())))
    }

    fn discard(&self, range: FlatRange) -> Result<()> {
        // Whole files go at once; the tombstone hides the pairs that share a file with other spaces.
        self.opened.database.delete_file_in_range(&range.from, &range.to).map_err(failed)?;
        let mut batch = WriteBatch::default();
        batch.delete_range(range.from, range.to);
        self.opened.database.write(batch).map_err(failed)
    }

    /// The range's share of all keys is taken to be its share of the bytes in files.
    fn approximate_len(&self, range: &FlatRange, counted: u64) -> u64 {
        let database = &self.opened.database;
        let sizes = database.get_approximate_sizes(&[
            Range::new(&range.from, &range.to),
            Range::new(&[], &[u8::MAX; flat::PREFIX_BYTES]),
        ]);
        let keys = database.property_int_value("rocksdb.estimate-num-keys").ok().flatten().unwrap_or(counted);
        let share = u128::from(keys) * u128::from(sizes[0]) / u128::from(sizes[1].max(1));
        u64::try_from(share).unwrap_or(keys).clamp(counted, keys.max(counted))
    }
}

fn translated(batch: &Batch) -> WriteBatch {
    let (mut translated, mut flat_key) = (WriteBatch::default(), Vec::new());
    for operation in &batch.operations {
        match operation {
            Operation::Put { space, key, value } => {
                flat::write_prefixed(*space, key, &mut flat_key);
                translated.put(&flat_key, value);
            }
            Operation::Delete { space, key } => {
                flat::write_prefixed(*space, key, &mut flat_key);
                translated.delete(&flat_key);
            }
            Operation::DeleteRange { space, from, to } => {
                let range = flat::range(*space, from, to.as_deref());
                // RocksDB refuses the whole batch for a range that ends before it begins.
                if !range.is_empty() {
                    translated.delete_range(range.from, range.to);
                }
            }
        }
    }
    translated
}

self_cell!(
    /// A snapshot beside the database that it borrows.
    struct SnapshotCell {
        owner: Arc<Opened>,
        #[covariant]
        dependent: Snapshot,
    }
);

self_cell!(
    /// A walk beside the snapshot that it borrows.
    struct IteratorCell {
        owner: Arc<SnapshotCell>,
        #[covariant]
        dependent: DBRawIterator,
    }
);

/// One moment of the map; it keeps the engine open.
struct RocksView(Arc<SnapshotCell>);

impl FlatRead for RocksView {
    type Cursor = RocksCursor;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.0.borrow_dependent().get(key).map_err(failed)
    }

    fn scan(&self, range: FlatRange, direction: Direction) -> Result<RocksCursor> {
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(range.from);
        options.set_iterate_upper_bound(range.to);
        let walk = IteratorCell::new(Arc::clone(&self.0), |view| view.borrow_dependent().raw_iterator_opt(options));
        Ok(RocksCursor { walk, direction, state: Walk::Before })
    }
}

/// Where a cursor stands.
enum Walk {
    Before,
    On,
    Behind,
}

/// A walk that keeps its snapshot, and with it the engine.
struct RocksCursor {
    walk: IteratorCell,
    direction: Direction,
    state: Walk,
}

impl Cursor for RocksCursor {
    fn advance(&mut self) -> Result<bool> {
        let (direction, state) = (self.direction, &self.state);
        let on = self.walk.with_dependent_mut(|_, walk| {
            match (state, direction) {
                // Moving an iterator that has left its range is not allowed.
                (Walk::Behind, _) => return Ok(false),
                (Walk::Before, Direction::Forward) => walk.seek_to_first(),
                (Walk::Before, Direction::Backward) => walk.seek_to_last(),
                (Walk::On, Direction::Forward) => walk.next(),
                (Walk::On, Direction::Backward) => walk.prev(),
            }
            walk.status().map(|()| walk.valid()).map_err(failed)
        })?;
        self.state = if on { Walk::On } else { Walk::Behind };
        Ok(on)
    }

    fn key(&self) -> &[u8] {
        self.walk.borrow_dependent().key().expect("a cursor is read only after `advance` answered true")
    }

    fn value(&self) -> &[u8] {
        self.walk.borrow_dependent().value().expect("a cursor is read only after `advance` answered true")
    }
}

fn failed(error: ::rocksdb::Error) -> Error {
    use ::rocksdb::ErrorKind::{Corruption, IOError};
    let (kind, message) = match error.kind() {
        Corruption => (ErrorKind::Corrupt, "the data of engine `rocksdb` is damaged"),
        IOError => (ErrorKind::Io, "engine `rocksdb` could not use its files"),
        _ => (ErrorKind::Io, "engine `rocksdb` refused the operation"),
    };
    Error::new(kind, message).with_detail(error.to_string()).with_source(error)
}
