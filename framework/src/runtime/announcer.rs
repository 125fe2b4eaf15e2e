//! Tells the program's listener how restoring goes on: whatever begins there ends, or is suspended.

use super::instance::Instance;
use super::listeners::{self, StateRestoreListener};
use crate::error::Result;
use crate::record::TopicPartition;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What has begun and not ended. Dropping it suspends that.
pub(super) struct Announcer {
    instance: Arc<Instance>,
    /// By changelog and store: the records restored so far.
    begun: BTreeMap<(TopicPartition, Arc<str>), u64>,
}

impl Announcer {
    /// Nothing has begun.
    pub(super) fn new(instance: &Arc<Instance>) -> Self {
        Announcer { instance: instance.clone(), begun: BTreeMap::new() }
    }

    /// A store is restored from an offset up to another, exclusive. If it had begun before, that does not go on.
    ///
    /// # Errors
    /// `Bug` if the listener panics; the same goes for every method here.
    pub(super) fn begin(&mut self, changelog: &TopicPartition, store: &Arc<str>, from: i64, end: i64) -> Result<()> {
        if let Some(total) = self.begun.insert((changelog.clone(), store.clone()), 0) {
            self.tell(|listener| listener.on_restore_suspended(changelog, store, total))?;
        }
        self.tell(|listener| listener.on_restore_start(changelog, store, from, end))
    }

    /// So many records were restored, the last at that offset.
    pub(super) fn batch(
        &mut self,
        changelog: &TopicPartition,
        store: &Arc<str>,
        last_offset: i64,
        records: u64,
    ) -> Result<()> {
        if let Some(total) = self.begun.get_mut(&(changelog.clone(), store.clone())) {
            *total += records;
        }
        self.tell(|listener| listener.on_batch_restored(changelog, store, last_offset, records))
    }

    /// A store is restored. Said again, it does nothing.
    pub(super) fn end(&mut self, changelog: &TopicPartition, store: &Arc<str>) -> Result<()> {
        let Some(total) = self.begun.remove(&(changelog.clone(), store.clone())) else { return Ok(()) };
        self.tell(|listener| listener.on_restore_end(changelog, store, total))
    }

    /// What has begun does not go on.
    pub(super) fn suspend(&mut self) -> Result<()> {
        let begun = std::mem::take(&mut self.begun);
        begun.iter().try_for_each(|((changelog, store), total)| {
            self.tell(|listener| listener.on_restore_suspended(changelog, store, *total))
        })
    }

    fn tell(&self, what: impl FnOnce(&dyn StateRestoreListener)) -> Result<()> {
        match &self.instance.restore_listener {
            Some(listener) => listeners::call("the restore listener", || what(&**listener)),
            None => Ok(()),
        }
    }
}

impl Drop for Announcer {
    /// There is no step any more that could fail, so the instance does.
    fn drop(&mut self) {
        if let Err(error) = self.suspend() {
            tracing::error!(%error, "the instance ends");
            self.instance.board.fail(error);
        }
    }
}
