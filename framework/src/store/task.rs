//! The stores of one task: opened, flushed, committed, rolled back and restored together.

use super::cache::CacheBudget;
use super::read_only::{self, QuerySource};
use super::table::Table;
use super::typed::TypedRows;
use super::{StoreBlueprint, StoreBuilder, StoreHandle, StoreSpec, Stored, other_type};
use crate::engine::{Batch, Durability, SharedEngine};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Message, RecordContext, Topic, TopicPartition};
use crate::serde::{Registry, Serde};
use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// What a task's stores need to open.
pub struct TaskStoresConfig {
    /// The application, for the names of changelog topics.
    pub application_id: Arc<str>,
    /// What the stores' names in the engine begin with: the task's id, or `global`.
    pub owner: String,
    /// The partition of the changelogs.
    pub partition: i32,
    /// Where persistent stores live.
    pub engine: SharedEngine,
    /// Where in-memory stores live. What it holds is taken over: hand in an empty one to restore them in full, and the
    /// same one again where the process goes on (a task that is closed and opened again).
    pub memory: SharedEngine,
    /// For serdes with schemas.
    pub registry: Arc<dyn Registry>,
    /// The record context of the task.
    pub context: Rc<RecordContext>,
    /// The cache budget of the thread.
    pub budget: Rc<CacheBudget>,
    /// The wall clock, in milliseconds since the epoch.
    pub now_ms: i64,
    /// By changelog, in milliseconds: a store whose last commit is older than this is wiped and restored, because
    /// deletions may be gone from its changelog by now (Kafka: `delete.retention.ms`). Others are believed at any age.
    pub tombstone_retention_ms: Rc<BTreeMap<Topic, i64>>,
}

/// The stores of one task. They are numbered from 0, in the order in which they were opened.
///
/// Between two commits everything that was written is in the stores' overlays: [`prepare_batch`](Self::prepare_batch)
/// turns them into one batch, [`rollback`](Self::rollback) drops them. Dropping this forgets the flush listeners.
pub struct TaskStores {
    config: TaskStoresConfig,
    stores: RefCell<Vec<Rc<dyn OpenStore>>>,
    /// Typed handles by store name.
    handles: RefCell<BTreeMap<Arc<str>, Handle>>,
    /// By store number.
    key_checks: RefCell<BTreeMap<u32, KeyCheck>>,
    /// What the last prepared commit writes to the stores in memory.
    memory_batch: RefCell<Batch>,
}

/// A typed handle without its types.
struct Handle {
    type_name: String,
    handle: Box<dyn Any>,
}

/// Fails for bytes that are no key of a store.
type KeyCheck = Box<dyn Fn(&[u8]) -> Result<()>>;

/// An open store without its types.
trait OpenStore {
    fn table(&self) -> &Table;
    fn check_value(&self, value: &[u8]) -> Result<()>;
    fn is_dirty(&self) -> bool;
    fn flush(&self) -> Result<()>;
    fn drop_cache(&self);
    fn drop_listener(&self);
    fn cache_hits_and_misses(&self) -> (u64, u64);
}

impl<S: Stored> OpenStore for TypedRows<S> {
    fn table(&self) -> &Table {
        TypedRows::table(self)
    }

    fn check_value(&self, value: &[u8]) -> Result<()> {
        TypedRows::check_value(self, value)
    }

    fn is_dirty(&self) -> bool {
        TypedRows::is_dirty(self)
    }

    fn flush(&self) -> Result<()> {
        TypedRows::flush(self)
    }

    fn drop_cache(&self) {
        TypedRows::drop_cache(self);
    }

    fn drop_listener(&self) {
        TypedRows::drop_listener(self);
    }

    fn cache_hits_and_misses(&self) -> (u64, u64) {
        TypedRows::cache_hits_and_misses(self)
    }
}

impl TaskStores {
    /// No stores yet.
    pub fn new(config: TaskStoresConfig) -> Self {
        TaskStores {
            config,
            stores: RefCell::default(),
            handles: RefCell::default(),
            key_checks: RefCell::default(),
            memory_batch: RefCell::default(),
        }
    }

    /// Opens a store, which gets the next number. Rows on disk that do not fit the blueprint or its changelog are
    /// wiped, with a line in the log.
    ///
    /// # Errors
    /// `Topology` if a store of that name is open already; `Config` if its rows have an unknown format; what the
    /// formats or the engine refuse.
    pub fn open(&self, blueprint: &dyn StoreBlueprint) -> Result<()> {
        let name = &blueprint.spec().name;
        if self.handles.borrow().contains_key(name) {
            return Err(Error::new(ErrorKind::Topology, format!("store `{name}` is open already")));
        }
        blueprint.open(self).map_err(|error| error.context(format!("opening store `{name}`")))
    }

    /// The typed handle of an open store.
    ///
    /// # Errors
    /// `NotFound` if no store has that name; `Topology` if it has other types.
    pub fn store<S: StoreHandle>(&self, name: &str) -> Result<S> {
        let handles = self.handles.borrow();
        let Handle { type_name, handle } = handles.get(name).ok_or_else(|| {
            let names = handles.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>();
            Error::new(ErrorKind::NotFound, format!("no store `{name}`"))
                .with_hint(format!("this task has {}", if names.is_empty() { "none".into() } else { names.join(", ") }))
        })?;
        handle.downcast_ref::<S>().cloned().ok_or_else(|| other_type::<S>(name, type_name))
    }

    pub(super) fn keep(&self, name: &Arc<str>, type_name: String, handle: Box<dyn Any>) {
        self.handles.borrow_mut().insert(name.clone(), Handle { type_name, handle });
    }

    /// Keys of the store that was opened last are those that this serde decodes.
    pub(super) fn check_keys<K: 'static>(&self, key: Arc<dyn Serde<K>>) {
        let check = move |bytes: &[u8]| key.deserialize(bytes).map(drop);
        self.key_checks.borrow_mut().insert(self.len().saturating_sub(1), Box::new(check));
    }

    pub(super) fn serdes<H: StoreHandle>(&self, blueprint: &StoreBuilder<H>) -> Result<read_only::Serdes<H>> {
        read_only::serdes(blueprint, &self.config.application_id, &self.config.registry)
    }

    pub(super) fn open_rows<S: Stored>(
        &self,
        spec: &StoreSpec,
        value: Arc<dyn Serde<S::Value>>,
    ) -> Result<Rc<TypedRows<S>>> {
        let table = Rc::new(Table::open(spec, self.len(), &self.config)?);
        let rows = Rc::new(TypedRows::new(table, value, &self.config.budget));
        self.stores.borrow_mut().push(rows.clone());
        Ok(rows)
    }

    /// The number of open stores.
    pub fn len(&self) -> u32 {
        u32::try_from(self.stores.borrow().len()).expect("a task has few stores")
    }

    /// Whether no store is open.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of the store of that name.
    pub fn number(&self, name: &str) -> Option<u32> {
        (0..self.len()).find(|store| &*self.at(*store).table().spec().name == name)
    }

    /// A store's blueprint without its types.
    ///
    /// # Panics
    /// Here and below: if there is no store of that number.
    pub fn spec(&self, store: u32) -> StoreSpec {
        self.at(store).table().spec().clone()
    }

    /// The partition that a store is restored from.
    pub fn changelog(&self, store: u32) -> Option<TopicPartition> {
        self.at(store).table().changelog()
    }

    /// The first offset of the changelog that is not in the store; `None` if it must be read from its beginning.
    pub fn position(&self, store: u32) -> Option<i64> {
        self.at(store).table().position()
    }

    /// When the store was last committed or restored, in milliseconds since the epoch; now if it has no rows yet.
    pub fn committed_at_ms(&self, store: u32) -> i64 {
        self.at(store).table().committed_at_ms()
    }

    fn at(&self, store: u32) -> Rc<dyn OpenStore> {
        self.stores.borrow()[store as usize].clone()
    }

    fn each(&self) -> Vec<Rc<dyn OpenStore>> {
        self.stores.borrow().clone()
    }

    /// Pushes everything that caches hold back, store after store in the order of their numbers. What a flush puts into
    /// a store that was flushed before it is flushed in another round.
    ///
    /// # Errors
    /// What writing or forwarding failed with: the task must be rolled back then. `Topology` if stores keep feeding
    /// each other.
    pub fn flush(&self) -> Result<()> {
        let stores = self.each();
        // A round settles at least one store, unless what it forwards comes back to where it came from.
        for _ in 0..=stores.len() {
            if !self.is_dirty() {
                return Ok(());
            }
            stores.iter().try_for_each(|store| store.flush())?;
        }
        match stores.iter().find(|store| store.is_dirty()) {
            None => Ok(()),
            Some(store) => Err(Error::new(
                ErrorKind::Topology,
                format!("flushing store `{}` puts into it again, without end", store.table().spec().name),
            )
            .with_hint("disable its caching")),
        }
    }

    /// Pushes what one store's cache holds back.
    ///
    /// # Errors
    /// What writing or forwarding failed with: the task must be rolled back then.
    pub fn flush_store(&self, store: u32) -> Result<()> {
        self.at(store).flush()
    }

    /// Whether caches hold updates back.
    pub fn is_dirty(&self) -> bool {
        self.stores.borrow().iter().any(|store| store.is_dirty())
    }

    /// Bytes of keys and values written since the last commit, exactly as the batch will have them.
    pub fn uncommitted_bytes(&self) -> usize {
        self.stores.borrow().iter().map(|store| store.table().uncommitted_bytes()).sum()
    }

    /// What a commit writes to the disk engine: the rows written since the last one, and what is kept beside them.
    /// `positions` are, by store, the first offsets of changelogs that the rows do not stand for; stores that are not
    /// named keep theirs.
    ///
    /// # Errors
    /// `Bug` if caches still hold updates back: they would not be in the commit.
    pub fn prepare_batch(&self, positions: &[(u32, i64)], now_ms: i64) -> Result<Batch> {
        if self.is_dirty() && !broken!(CommitBeforeFlush) {
            return Err(Error::new(ErrorKind::Bug, "a commit was prepared before caches were flushed"));
        }
        let (mut disk, mut memory) = (Batch::default(), Batch::default());
        for (number, store) in (0..).zip(self.each()) {
            let position = positions.iter().find(|(store, _)| *store == number).map(|(_, position)| *position);
            let batch = if store.table().spec().is_persistent() { &mut disk } else { &mut memory };
            store.table().prepare(batch, position, now_ms);
        }
        self.memory_batch.replace(memory);
        Ok(disk)
    }

    /// The batch that was prepared last is written: from here on overlays are empty and its rows are committed.
    ///
    /// # Errors
    /// What the engine in memory refuses.
    pub fn committed(&self) -> Result<()> {
        self.config.memory.write(&self.memory_batch.take(), Durability::Process)?;
        self.each().iter().for_each(|store| store.table().committed());
        Ok(())
    }

    /// Prepares, writes and concludes a commit.
    ///
    /// # Errors
    /// As in [`prepare_batch`](Self::prepare_batch); what the engines refuse.
    pub fn commit(&self, positions: &[(u32, i64)], now_ms: i64) -> Result<()> {
        let batch = self.prepare_batch(positions, now_ms)?;
        self.config.engine.write(&batch, Durability::Process)?;
        self.committed()
    }

    /// Drops everything since the last commit: overlays, caches, stream times, sequences; and the flush listeners,
    /// which belong to operators that are dropped, too. Handles stay valid.
    pub fn rollback(&self) {
        self.memory_batch.take();
        for store in self.each() {
            store.drop_listener();
            store.drop_cache();
            store.table().rollback();
        }
    }

    /// Whether a message of an input would be a row of the store: its formats can decode it. Of windowed keys that is not known
    /// before they are applied.
    ///
    /// # Errors
    /// What the formats refuse; `Pending` if a schema is being asked for.
    pub fn check(&self, store: u32, message: &Message<'_>) -> Result<()> {
        if let (Some(key), Some(check)) = (message.key, self.key_checks.borrow().get(&store)) {
            check(key).map_err(|error| error.context("decoding the key"))?;
        }
        let value = message.value.map(|value| self.at(store).check_value(value));
        value.unwrap_or(Ok(())).map_err(|error| error.context("decoding the value"))
    }

    /// Applies messages of a store's changelog, in order, and returns how many there were. Messages without a key are
    /// passed over, rows past retention are not kept.
    ///
    /// # Errors
    /// `Corrupt` if a key is none of this store; what the engine refuses.
    pub fn restore(&self, store: u32, messages: &[Message<'_>]) -> Result<u64> {
        let store = self.at(store);
        store.drop_cache();
        store.table().restore(messages)
    }

    /// A store's changelog was read up to `position`, exclusive: makes the restored rows durable and keeps the
    /// position with them.
    ///
    /// # Errors
    /// What the engine refuses.
    pub fn restored(&self, store: u32, position: i64, now_ms: i64) -> Result<()> {
        self.at(store).table().restored(position, now_ms)
    }

    /// Deletes a store's rows; its changelog must be read from the beginning.
    ///
    /// # Errors
    /// What the engine refuses.
    pub fn wipe(&self, store: u32) -> Result<()> {
        let store = self.at(store);
        store.drop_cache();
        store.table().wipe()
    }

    /// A guess at the number of rows of a store.
    pub fn approximate_entries(&self, store: u32) -> u64 {
        self.at(store).table().approximate_entries()
    }

    /// Lookups that a store's cache answered, and lookups that it did not.
    pub fn cache_hits_and_misses(&self, store: u32) -> (u64, u64) {
        self.at(store).cache_hits_and_misses()
    }

    /// Where other threads read the committed rows.
    pub fn query_source(&self) -> QuerySource {
        QuerySource {
            application_id: self.config.application_id.clone(),
            owner: self.config.owner.as_str().into(),
            engine: self.config.engine.clone(),
            memory: self.config.memory.clone(),
            registry: self.config.registry.clone(),
            is_live: false,
        }
    }
}

impl Drop for TaskStores {
    /// Operators hold stores, and stores hold operators as listeners.
    fn drop(&mut self) {
        self.stores.borrow().iter().for_each(|store| store.drop_listener());
    }
}
