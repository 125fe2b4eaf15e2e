//! The bytes of one open store: overlay over engine, changelog, expiry and metadata. It knows no types.

mod restore;
mod window;

pub(super) use window::WindowTable;

use window::Admission;

use super::metadata::{self, Metadata};
use super::overlay::{Found, MergedScan, Overlay};
use super::recency::Recency;
use super::short::ValueBytes;
use super::window::keys::{RowKey, WindowKeys};
use super::{Backing, StoreSpec, TaskStoresConfig};
use crate::engine::{Batch, Direction, Durability, KeyRange, SharedEngine, Space};
use crate::error::Result;
use crate::record::{Headers, Outgoing, RecordContext, Topic, TopicPartition};
use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::rc::Rc;

/// One open store without its types.
pub(super) struct Table {
    number: u32,
    spec: StoreSpec,
    engine: SharedEngine,
    space: Cell<Space>,
    metadata_space: Space,
    /// The space's name, and the key of the metadata.
    name: String,
    overlay: Overlay,
    context: Rc<RecordContext>,
    partition: i32,
    /// What the store is restored from.
    changelog: Option<Topic>,
    /// Where updates are logged, which is not so for every store that is restored.
    logged_to: Option<Topic>,
    rows: Rows,
    /// As of the last commit.
    committed: RefCell<Metadata>,
    /// What the batch that was prepared last says.
    prepared: RefCell<Option<Metadata>>,
    position: Cell<Option<i64>>,
    /// Bytes restored since they were last made durable.
    unflushed_bytes: Cell<usize>,
    /// Bytes restored since the store was opened.
    restored_bytes: Cell<usize>,
    changelog_key: RefCell<Vec<u8>>,
}

/// What is particular about the rows.
pub(super) enum Rows {
    KeyValue,
    Lru(RefCell<Recency>),
    Window(WindowTable),
}

/// A row's bytes, from wherever they were found.
pub(super) enum Bytes {
    Kept(ValueBytes),
    Owned(Vec<u8>),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Kept(bytes) => bytes,
            Bytes::Owned(bytes) => bytes,
        }
    }
}

impl Table {
    /// Opens store number `number`. Rows that do not fit the blueprint are wiped first.
    pub(super) fn open(spec: &StoreSpec, number: u32, config: &TaskStoresConfig) -> Result<Table> {
        let engine = if spec.is_persistent() { config.engine.clone() } else { config.memory.clone() };
        let name = format!("{}/{}", config.owner, spec.name);
        let changelog = spec.changelog_topic(&config.application_id);
        let fresh = Metadata::new(spec, changelog.as_ref().map(Topic::as_str), config.now_ms);
        let table = Table {
            number,
            space: Cell::new(engine.space(&name)?),
            metadata_space: engine.space(metadata::SPACE)?,
            engine,
            name,
            overlay: Overlay::default(),
            context: config.context.clone(),
            partition: config.partition,
            logged_to: changelog.clone().filter(|_| spec.is_logged()),
            changelog,
            rows: Rows::of(spec),
            committed: RefCell::new(fresh),
            prepared: RefCell::new(None),
            position: Cell::new(None),
            unflushed_bytes: Cell::new(0),
            restored_bytes: Cell::new(0),
            changelog_key: RefCell::default(),
            spec: spec.clone(),
        };
        let retention_ms = table.changelog.as_ref().and_then(|topic| config.tombstone_retention_ms.get(topic));
        table.take_over(retention_ms.copied())?;
        Ok(table)
    }

    /// Goes on from the rows that are there, unless they do not fit.
    fn take_over(&self, tombstone_retention_ms: Option<i64>) -> Result<()> {
        let found = Metadata::read(&*self.engine, self.metadata_space, &self.name)?;
        let is_placed = found.as_ref().is_some_and(|found| found.position.is_some() || self.changelog.is_none());
        let misfit = match &found {
            _ if !is_placed && self.has_rows()? => Some("its rows were being restored when the process ended".into()),
            Some(found) => found.misfit(&self.committed.borrow(), tombstone_retention_ms),
            None => None,
        };
        match (found, misfit) {
            (_, Some(reason)) => {
                tracing::warn!(store = self.name, "wiping the store, to be restored from its changelog: {reason}");
                self.wipe()?;
            }
            (Some(found), None) => drop(self.committed.replace(found)),
            (None, None) => {}
        }
        self.reload()
    }

    fn has_rows(&self) -> Result<bool> {
        self.engine.scan(self.space.get(), KeyRange::all(), Direction::Forward)?.advance()
    }

    /// Sets everything that is remembered beside the rows to what the last commit left.
    fn reload(&self) -> Result<()> {
        let committed = self.committed.borrow();
        self.position.set(committed.position);
        match &self.rows {
            Rows::KeyValue => {}
            Rows::Window(window) => window.reset(committed.observed_ms, committed.sequence),
            Rows::Lru(recency) => {
                let mut recency = recency.borrow_mut();
                recency.clear();
                let mut keys = self.engine.scan(self.space.get(), KeyRange::all(), Direction::Forward)?;
                while keys.advance()? {
                    recency.insert(keys.key());
                }
                recency.commit();
            }
        }
        Ok(())
    }

    /// The store's blueprint.
    pub(super) fn spec(&self) -> &StoreSpec {
        &self.spec
    }

    /// The record context of the task.
    pub(super) fn context(&self) -> &RecordContext {
        &self.context
    }

    /// What the store is restored from.
    pub(super) fn changelog(&self) -> Option<TopicPartition> {
        self.changelog.clone().map(|topic| TopicPartition::new(topic, self.partition))
    }

    /// The first offset of the changelog that is not in the store.
    pub(super) fn position(&self) -> Option<i64> {
        self.position.get()
    }

    /// When the rows were last committed.
    pub(super) fn committed_at_ms(&self) -> i64 {
        self.committed.borrow().committed_at_ms
    }

    /// The window part of a window store.
    pub(super) fn window(&self) -> Option<&WindowTable> {
        match &self.rows {
            Rows::Window(window) => Some(window),
            Rows::KeyValue | Rows::Lru(_) => None,
        }
    }

    /// The window part of what is known to be a window store.
    pub(super) fn expect_window(&self) -> &WindowTable {
        self.window().expect("window handles are opened from window blueprints only")
    }

    /// Whether a row is not past retention; always so without windows.
    pub(super) fn is_visible(&self, row: &[u8]) -> Result<bool> {
        match &self.rows {
            Rows::Window(window) => window.is_visible(row),
            Rows::KeyValue | Rows::Lru(_) => Ok(true),
        }
    }

    /// The row's bytes. Reading counts as use of an LRU map's entry.
    pub(super) fn get(&self, row: &[u8]) -> Result<Option<Bytes>> {
        if !self.is_visible(row)? {
            return Ok(None);
        }
        if let Rows::Lru(recency) = &self.rows {
            recency.borrow_mut().touch(row);
        }
        match self.overlay.get(row) {
            Found::Row(bytes) => Ok(Some(Bytes::Kept(bytes))),
            Found::Deleted => Ok(None),
            Found::Unknown => Ok(self.engine.get(self.space.get(), row)?.map(Bytes::Owned)),
        }
    }

    /// The rows of a range, as they are now. Rows past retention are among them.
    pub(super) fn scan(&self, range: KeyRange, direction: Direction) -> Result<MergedScan> {
        let lower = self.engine.scan(self.space.get(), range.clone(), direction)?;
        Ok(MergedScan::new(self.overlay.version(), lower, range, direction))
    }

    /// Sets or deletes a row. A window store drops and counts rows that are past retention; a full LRU map deletes
    /// its least recently used entry, in the changelog, too, if it is a plain one.
    pub(super) fn write(&self, row: &[u8], bytes: Option<&[u8]>) -> Result<()> {
        match &self.rows {
            Rows::KeyValue => self.overlay.put(row, bytes),
            Rows::Lru(recency) => self.write_lru(recency, row, bytes),
            Rows::Window(window) => match window.admit(row, bytes, &self.overlay)? {
                Admission::Taken => self.overlay.put(row, bytes),
                Admission::Ignored => {}
                Admission::Expired => self.context.count_dropped(),
            },
        }
        Ok(())
    }

    fn write_lru(&self, recency: &RefCell<Recency>, row: &[u8], bytes: Option<&[u8]>) {
        self.overlay.put(row, bytes);
        let evicted = match bytes {
            Some(_) => recency.borrow_mut().insert(row),
            None => {
                recency.borrow_mut().remove(row);
                None
            }
        };
        if let Some(evicted) = evicted {
            self.overlay.put(&evicted, None);
            // Kafka Streams wraps timestamped maps in an adapter that its logging of evictions does not see through.
            if !self.spec.kind.is_timestamped() {
                self.send(&evicted, None, self.context.timestamp());
            }
        }
    }

    /// Logs an update to the changelog, under the changelog's key of that row.
    pub(super) fn log(&self, row: &[u8], value: Option<&[u8]>, timestamp: i64) -> Result<()> {
        let Rows::Window(window) = &self.rows else {
            self.send(row, value, timestamp);
            return Ok(());
        };
        if self.logged_to.is_some() {
            let mut key = self.changelog_key.borrow_mut();
            key.clear();
            window.keys().split(row)?.write_changelog(&mut key);
            self.send(&key, value, timestamp);
        }
        Ok(())
    }

    fn send(&self, key: &[u8], value: Option<&[u8]>, timestamp: i64) {
        let Some(topic) = &self.logged_to else { return };
        let headers = if self.spec.log_headers { self.context.headers() } else { Headers::default() };
        self.context.send(&Outgoing {
            topic,
            partition: Some(self.partition),
            key: Some(key),
            value,
            timestamp: Some(timestamp),
            headers: &headers,
            changelog: Some(self.number),
        });
    }

    /// Bytes written since the last commit.
    pub(super) fn uncommitted_bytes(&self) -> usize {
        self.overlay.bytes()
    }

    /// A guess at the number of rows.
    pub(super) fn approximate_entries(&self) -> u64 {
        self.engine.approximate_len(self.space.get()).saturating_add_signed(self.overlay.growth())
    }

    /// Adds uncommitted rows and metadata to a batch. Without a new position the last one stays.
    pub(super) fn prepare(&self, batch: &mut Batch, position: Option<i64>, now_ms: i64) {
        self.overlay.add_to(batch, self.space.get());
        let mut metadata = self.committed.borrow().clone();
        metadata.position = position.or(self.position.get());
        self.stamp(&mut metadata, now_ms);
        metadata.add_to(batch, self.metadata_space, &self.name);
        self.prepared.replace(Some(metadata));
    }

    fn stamp(&self, metadata: &mut Metadata, now_ms: i64) {
        metadata.committed_at_ms = now_ms;
        if let Rows::Window(window) = &self.rows {
            metadata.observed_ms = window.observed_ms();
            metadata.sequence = window.sequence();
        }
    }

    /// The prepared batch is written.
    pub(super) fn committed(&self) {
        self.overlay.clear();
        if let Some(metadata) = self.prepared.take() {
            self.position.set(metadata.position);
            self.committed.replace(metadata);
        }
        if let Rows::Lru(recency) = &self.rows {
            recency.borrow_mut().commit();
        }
    }

    /// Takes back everything since the last commit.
    pub(super) fn rollback(&self) {
        self.overlay.clear();
        self.prepared.take();
        let committed = self.committed.borrow();
        self.position.set(committed.position);
        match &self.rows {
            Rows::KeyValue => {}
            Rows::Lru(recency) => recency.borrow_mut().rollback(),
            Rows::Window(window) => window.reset(committed.observed_ms, committed.sequence),
        }
    }

    /// Deletes all rows. Metadata first: rows without metadata are wiped again, metadata without rows would be
    /// believed.
    pub(super) fn wipe(&self) -> Result<()> {
        let mut batch = Batch::default();
        batch.delete(self.metadata_space, self.name.as_str());
        self.engine.write(&batch, Durability::Power)?;
        self.engine.drop_space(&self.name)?;
        self.space.set(self.engine.space(&self.name)?);
        self.overlay.clear();
        self.prepared.take();
        let committed = self.committed.borrow().clone();
        let changelog = self.changelog.as_ref().map(Topic::as_str);
        self.committed.replace(Metadata::new(&self.spec, changelog, committed.committed_at_ms));
        self.reload()
    }
}

impl Rows {
    fn of(spec: &StoreSpec) -> Rows {
        match (spec.kind.window(), spec.backing) {
            (Some(window), _) => Rows::Window(WindowTable::new(spec, window)),
            (None, Backing::Lru(max_entries)) => Rows::Lru(RefCell::new(Recency::new(max_entries))),
            (None, Backing::Persistent | Backing::InMemory) => Rows::KeyValue,
        }
    }
}
