//! State: the cache, the overlay, the changelog, the commit.

use super::{RECORDS, Work, key};
use kstreams::engine::memory::MemoryEngine;
use kstreams::engine::{EngineKind, EngineOptions, SharedEngine, open};
use kstreams::record::{RecordContext, RecordMetadata};
use kstreams::serde::Format;
use kstreams::serde::registry::EmbeddedRegistry;
use kstreams::store::{
    CacheBudget, StoreBuilder, StoreHandle, Stores, TaskStores, TaskStoresConfig, TimestampedKeyValueStore,
    TimestampedWindowStore, ValueAndTimestamp,
};
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;
use tempfile::TempDir;

/// As much as a thread has by default: `statestore.cache.max.bytes`.
const CACHE_BYTES: usize = 10 << 20;
const NOW_MS: i64 = 1_000_000;

type Counts = TimestampedKeyValueStore<String, i64>;

/// The stores of one task.
struct Task {
    stores: TaskStores,
    context: Rc<RecordContext>,
}

impl Task {
    fn on(engine: SharedEngine, cache_bytes: usize) -> Self {
        let context = RecordContext::new();
        context.set_timestamp(NOW_MS);
        context.set_source(Some(RecordMetadata { topic: "in".into(), partition: 0, offset: 0 }));
        let stores = TaskStores::new(TaskStoresConfig {
            application_id: "app".into(),
            owner: "0_0".into(),
            partition: 0,
            engine,
            memory: Arc::new(MemoryEngine::default()),
            registry: Arc::new(EmbeddedRegistry::default()),
            context: context.clone(),
            budget: CacheBudget::new(cache_bytes, cache_bytes),
            now_ms: NOW_MS,
            tombstone_retention_ms: Rc::default(),
        });
        Task { stores, context }
    }

    fn in_memory(cache_bytes: usize) -> Self {
        Task::on(Arc::new(MemoryEngine::default()), cache_bytes)
    }

    fn open<S: StoreHandle>(&self, builder: &StoreBuilder<S>) -> S {
        self.stores.open(builder).expect("the store opens");
        self.stores.store(builder.name()).expect("it was opened just now")
    }

    /// Takes what the stores logged out of the way, as a thread does after each record.
    fn drain(&self) {
        let mut outbox = self.context.outbox().borrow_mut();
        while let Some(message) = outbox.front() {
            black_box(message);
            outbox.pop();
        }
    }

    /// Makes everything durable.
    fn commit(&self) {
        self.stores.flush().expect("nothing fails");
        self.drain();
        self.stores.commit(&[], NOW_MS).expect("the engine takes it");
    }
}

fn counts() -> StoreBuilder<Counts> {
    let supplier = Stores::persistent_key_value_store("counts");
    Stores::timestamped_key_value_store_builder(supplier, Format::string(), Format::i64())
}

fn keys(number: usize) -> Vec<String> {
    (0..number).map(key).collect()
}

/// What `count` does to a store for a record.
fn count_up(store: &Counts, key: &String) {
    let count = store.get(key).expect("nothing fails").map_or(0, |count| count.value);
    store.put(key, ValueAndTimestamp { value: count + 1, timestamp: NOW_MS }).expect("nothing fails");
}

/// Counting up, key after key.
pub struct Updates {
    task: Task,
    store: Counts,
    keys: Vec<String>,
}

impl Updates {
    fn on(task: Task, builder: &StoreBuilder<Counts>) -> Self {
        let store = task.open(builder);
        let mut updates = Updates { task, store, keys: keys(RECORDS) };
        updates.run();
        updates
    }

    /// Every key is in the cache.
    pub fn of_cached_keys() -> Self {
        Updates::on(Task::in_memory(CACHE_BYTES), &counts().with_caching_enabled())
    }

    /// Every row is in the overlay, and nothing is logged.
    pub fn without_cache_and_changelog() -> Self {
        Updates::on(Task::in_memory(0), &counts().with_logging_disabled())
    }

    /// The same with a changelog.
    pub fn with_changelog() -> Self {
        Updates::on(Task::in_memory(0), &counts())
    }
}

impl Work for Updates {
    fn run(&mut self) {
        for key in &self.keys {
            count_up(&self.store, key);
            self.task.drain();
        }
    }
}

/// Reading rows that are on disk and in no cache of ours.
pub struct Lookups {
    store: Counts,
    keys: Vec<String>,
    _task: Task,
    _directory: TempDir,
}

impl Lookups {
    pub fn of_committed_keys() -> Self {
        let (directory, engine) = disk();
        let task = Task::on(engine, 0);
        let store = task.open(&counts());
        let keys = keys(100_000);
        keys.iter().for_each(|key| count_up(&store, key));
        task.commit();
        // Every hundredth: neighbours would be found in one block.
        Lookups { store, keys: keys.into_iter().step_by(100).collect(), _task: task, _directory: directory }
    }
}

impl Work for Lookups {
    fn run(&mut self) {
        for key in &self.keys {
            black_box(self.store.get(key).expect("nothing fails"));
        }
    }
}

/// A walk over all rows, half of them committed, half of them not.
pub struct Scan {
    store: Counts,
    _task: Task,
}

impl Scan {
    pub fn over_uncommitted_rows() -> Self {
        let task = Task::in_memory(0);
        let store = task.open(&counts());
        let (committed, uncommitted): (Vec<_>, Vec<_>) = (0..RECORDS).partition(|number| number % 2 == 0);
        committed.into_iter().for_each(|number| count_up(&store, &key(number)));
        task.commit();
        uncommitted.into_iter().for_each(|number| count_up(&store, &key(number)));
        Scan { store, _task: task }
    }
}

impl Work for Scan {
    fn run(&mut self) {
        let rows = self.store.all().expect("nothing fails").map(|row| drop(black_box(row.expect("nothing fails"))));
        assert_eq!(rows.count(), RECORDS);
    }
}

/// Counting up in windows of ten seconds.
pub struct WindowUpdates {
    task: Task,
    store: TimestampedWindowStore<String, i64>,
    keys: Vec<String>,
}

impl WindowUpdates {
    pub fn new() -> Self {
        let task = Task::in_memory(CACHE_BYTES);
        let supplier = Stores::persistent_window_store("windows", 600_000, 10_000, false);
        let builder = Stores::timestamped_window_store_builder(supplier, Format::string(), Format::i64());
        let store = task.open(&builder.with_caching_enabled());
        WindowUpdates { task, store, keys: keys(RECORDS) }
    }
}

impl Work for WindowUpdates {
    fn run(&mut self) {
        for (number, key) in (0..).zip(&self.keys) {
            let start_ms = NOW_MS + number % 6 * 10_000;
            let count = self.store.fetch(key, start_ms).expect("nothing fails").map_or(0, |count| count.value);
            let count = ValueAndTimestamp { value: count + 1, timestamp: start_ms };
            self.store.put(key, count, start_ms).expect("nothing fails");
            self.task.drain();
        }
    }
}

/// A commit on disk: dirty keys pushed out of the cache, logged, and written as one batch.
pub struct Commit {
    task: Task,
    store: Counts,
    keys: Vec<String>,
    _directory: TempDir,
}

impl Commit {
    pub fn of(dirty_keys: usize) -> Self {
        let (directory, engine) = disk();
        let task = Task::on(engine, 10 * CACHE_BYTES);
        let store = task.open(&counts().with_caching_enabled());
        Commit { task, store, keys: keys(dirty_keys), _directory: directory }
    }
}

impl Work for Commit {
    fn prepare(&mut self) {
        self.keys.iter().for_each(|key| count_up(&self.store, key));
        assert!(self.task.stores.is_dirty(), "the cache holds them all");
    }

    fn run(&mut self) {
        self.task.commit();
    }
}

/// An engine in a directory that goes with it.
fn disk() -> (TempDir, SharedEngine) {
    let directory = tempfile::tempdir().expect("there is room for files");
    let kind = if cfg!(feature = "rocksdb") { EngineKind::Rocksdb } else { EngineKind::Fjall };
    let engine = open(kind, directory.path(), &EngineOptions::default()).expect("the engine opens");
    (directory, engine)
}
