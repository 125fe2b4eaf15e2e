//! The stores of one task.
use super::*;
use crate::engine::{Batch, SharedEngine};
use crate::error::Result;
use crate::record::{Message, RecordContext, TopicPartition};
use crate::serde::Registry;
use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;

/// What a task's stores need to open.
pub struct TaskStoresConfig {
    /// The application, for the names of changelog topics.
    pub application_id: Arc<str>,
    /// The prefix of the engine's spaces: the task's id, or `global`.
    pub owner: String,
    /// The partition of the changelogs.
    pub partition: i32,
    /// The disk engine.
    pub engine: SharedEngine,
    /// Where in-memory stores live; what it holds is taken over, so hand in an empty one to restore in full.
    pub memory: SharedEngine,
    /// For serdes with schemas.
    pub registry: Arc<dyn Registry>,
    /// The task's record context.
    pub context: Rc<RecordContext>,
    /// The thread's cache budget.
    pub budget: Rc<CacheBudget>,
    /// The wall clock, milliseconds since the epoch.
    pub now_ms: i64,
    /// A store whose last commit is older than this is wiped and restored: tombstones may be gone from its changelog.
    pub tombstone_retention_ms: Option<i64>,
}

/// The stores of one task.
pub struct TaskStores {}

impl TaskStores {
    /// No stores yet.
    pub fn new(_config: TaskStoresConfig) -> Self {
        todo!()
    }
    /// Opens a store; stores are numbered in the order of these calls, from 0.
    pub fn open(&self, blueprint: &dyn StoreBlueprint) -> Result<()> {
        blueprint.open(self)
    }
    pub(super) fn keep(&self, _name: &str, _handle: Box<dyn Any>) -> Result<()> {
        todo!()
    }
    /// The typed handle of an open store.
    pub fn store<S: StoreHandle>(&self, _name: &str) -> Result<S> {
        todo!()
    }
    /// The number of open stores.
    pub fn len(&self) -> u32 {
        todo!()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The number of the store of that name.
    pub fn number(&self, _name: &str) -> Option<u32> {
        todo!()
    }
    /// A store's blueprint without types.
    pub fn spec(&self, _store: u32) -> StoreSpec {
        todo!()
    }
    /// What a store is restored from.
    pub fn changelog(&self, _store: u32) -> Option<TopicPartition> {
        todo!()
    }
    /// The first offset of the changelog that is not in the store yet; `None` if it must be read from its beginning.
    pub fn position(&self, _store: u32) -> Option<i64> {
        todo!()
    }
    /// Pushes everything that caches hold back, store after store in registration order, until nothing is held back.
    pub fn flush(&self) -> Result<()> {
        todo!()
    }
    /// Pushes what one store's cache holds back.
    pub fn flush_store(&self, _store: u32) -> Result<()> {
        todo!()
    }
    /// Whether a cache holds updates back.
    pub fn is_dirty(&self) -> bool {
        todo!()
    }
    /// Bytes of keys and values written since the last commit.
    pub fn uncommitted_bytes(&self) -> usize {
        todo!()
    }
    /// What to write to the disk engine at commit: uncommitted rows and metadata. `positions` are the changelogs'
    /// first offsets not yet in the store; stores that are not named keep theirs. Flush first.
    pub fn prepare_batch(&self, _positions: &[(u32, i64)], _now_ms: i64) -> Result<Batch> {
        todo!()
    }
    /// The prepared batch is written: the overlay is empty from here on.
    pub fn committed(&self) -> Result<()> {
        todo!()
    }
    /// Prepares, writes and concludes a commit.
    pub fn commit(&self, _positions: &[(u32, i64)], _now_ms: i64) -> Result<()> {
        todo!()
    }
    /// Drops everything since the last commit: overlay, caches, stream times; and the flush listeners.
    pub fn rollback(&self) {
        todo!()
    }
    /// Applies messages of a store's changelog, in order; returns how many rows they changed.
    pub fn restore(&self, _store: u32, _messages: &[Message<'_>]) -> Result<u64> {
        todo!()
    }
    /// The changelog was read up to `position`: makes the restored rows durable and notes the position.
    pub fn restored(&self, _store: u32, _position: i64, _now_ms: i64) -> Result<()> {
        todo!()
    }
    /// Deletes a store's rows and metadata; it must be restored from the beginning.
    pub fn wipe(&self, _store: u32) -> Result<()> {
        todo!()
    }
    /// A guess at the number of rows of a store.
    pub fn approximate_entries(&self, _store: u32) -> u64 {
        todo!()
    }
    /// Where other threads read the committed rows.
    pub fn query_source(&self) -> QuerySource {
        todo!()
    }
}
