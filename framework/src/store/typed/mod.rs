//! Rows with decoded values: the cache over a table, flush, and the order in which things happen at an update.
//!
//! No borrow is held while a listener runs: forwarding may come back to the same store.

mod scan;

pub(super) use scan::{Layer, RowScan};

use super::cache::{Below, Cache, CacheBudget, Encoded, Evicted, Origin, Update};
use super::short::KeyBytes;
use super::stored::{TIMESTAMP_BYTES, split_timestamp};
use super::table::{Table, WindowTable};
use super::{Backing, Stored};
use crate::engine::{Direction, KeyRange};
use crate::error::Result;
use crate::record::{Change, Record};
use crate::serde::Serde;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

/// The rows of one store, decoded.
pub(super) struct TypedRows<S: Stored> {
    table: Rc<Table>,
    serde: Arc<dyn Serde<S::Value>>,
    cache: RefCell<Cache<S>>,
    policy: Policy,
    listener: RefCell<Option<Rc<dyn RowListener<S::Value>>>>,
    send_old_values: Cell<bool>,
    buffer: RefCell<Vec<u8>>,
}

/// What an update does at once.
#[derive(Clone, Copy, PartialEq)]
enum Policy {
    /// It waits in the cache.
    HoldBack,
    /// It is written; whoever put it forwards it. Caching is off, or the thread has no bytes for it.
    Write,
}

/// Receives flushed updates under the keys of rows.
pub(super) trait RowListener<V> {
    /// Forwards one update.
    fn flushed(&self, row: &[u8], record: Record<(), Change<V>>) -> Result<()>;
}

impl<S: Stored> TypedRows<S> {
    /// Rows of `table` with values of `serde`.
    pub(super) fn new(table: Rc<Table>, serde: Arc<dyn Serde<S::Value>>, budget: &CacheBudget) -> Self {
        let policy = match table.spec().is_cached() && budget.holds_back() {
            true => Policy::HoldBack,
            false => Policy::Write,
        };
        let allowance = if policy == Policy::HoldBack { budget.records() } else { budget.reads() };
        TypedRows {
            table,
            serde,
            cache: RefCell::new(Cache::new(allowance)),
            policy,
            listener: RefCell::new(None),
            send_old_values: Cell::new(false),
            buffer: RefCell::default(),
        }
    }

    /// Whether a value of a changelog can be decoded.
    pub(super) fn check_value(&self, value: &[u8]) -> Result<()> {
        self.serde.deserialize(value).map(drop)
    }

    /// The bytes below.
    pub(super) fn table(&self) -> &Rc<Table> {
        &self.table
    }

    /// Sets who is told of flushed updates; false if updates are not cached and nobody will be told.
    pub(super) fn set_listener(&self, listener: Rc<dyn RowListener<S::Value>>, send_old_values: bool) -> bool {
        self.send_old_values.set(send_old_values);
        self.listener.replace(Some(listener));
        self.policy != Policy::Write
    }

    /// The value of a row.
    pub(super) fn get(&self, row: &[u8]) -> Result<Option<S>> {
        if self.reads_cache(row)?
            && let Some(cached) = self.cache.borrow_mut().get(row)
        {
            return Ok(cached.clone());
        }
        let Some(bytes) = self.table.get(row)? else {
            self.cache.borrow_mut().note_absent(row);
            return Ok(None);
        };
        let value = self.decode(&bytes)?;
        if self.caches_reads() {
            self.cache_read(row, &value, &bytes)?;
        }
        Ok(Some(value))
    }

    /// Held-back rows are seen even past retention, as in Kafka Streams; others are not.
    fn reads_cache(&self, row: &[u8]) -> Result<bool> {
        match self.policy {
            Policy::HoldBack => Ok(true),
            _ => Ok(self.has_read_cache() && self.table.is_visible(row)?),
        }
    }

    /// A record cache of windows keeps only what was put, as in Kafka Streams.
    fn caches_reads(&self) -> bool {
        match self.policy {
            Policy::HoldBack => self.table.window().is_none(),
            _ => self.has_read_cache(),
        }
    }

    /// Not for LRU maps, which must see every read, nor for rows that are never read by key.
    fn has_read_cache(&self) -> bool {
        !self.is_lru() && !self.table.window().is_some_and(WindowTable::retains_duplicates)
    }

    fn is_lru(&self) -> bool {
        matches!(self.table.spec().backing, Backing::Lru(_))
    }

    fn cache_read(&self, row: &[u8], value: &S, bytes: &[u8]) -> Result<()> {
        let value = Encoded { value: Some(value.clone()), encoded: None, row_bytes: bytes.len() };
        self.cache.borrow_mut().insert_clean(row, value);
        self.evict()
    }

    /// Sets or deletes a row.
    pub(super) fn put(&self, row: &[u8], value: Option<S>) -> Result<()> {
        let mut bytes = self.buffer.take();
        let result = self.encode(value.as_ref(), &mut bytes).and_then(|()| match self.policy {
            Policy::HoldBack => self.hold_back(row, value, &bytes),
            Policy::Write => self.write_through(row, value, &bytes),
        });
        self.buffer.replace(bytes);
        result
    }

    fn hold_back(&self, row: &[u8], value: Option<S>, bytes: &[u8]) -> Result<()> {
        let keeps_bytes = value.is_some() && !self.serde.is_infallible();
        let encoded = keeps_bytes.then(|| bytes.into());
        let value = Encoded { value, encoded, row_bytes: bytes.len() };
        self.cache.borrow_mut().hold_back(row, value, Origin::of(self.table.context()));
        self.evict()
    }

    fn write_through(&self, row: &[u8], value: Option<S>, bytes: &[u8]) -> Result<()> {
        self.write(row, value.as_ref(), bytes)?;
        self.cache_written(row, value, bytes);
        self.evict()
    }

    fn cache_written(&self, row: &[u8], value: Option<S>, bytes: &[u8]) {
        if self.has_read_cache() {
            let value = Encoded { value, encoded: None, row_bytes: bytes.len() };
            self.cache.borrow_mut().write_through(row, value);
        }
    }

    /// Writes a row and logs it, in this order.
    fn write(&self, row: &[u8], value: Option<&S>, bytes: &[u8]) -> Result<()> {
        let Some(value) = value else {
            self.table.write(row, None)?;
            return self.table.log(row, None, self.table.context().timestamp());
        };
        self.table.write(row, Some(bytes))?;
        let timestamp = value.timestamp().unwrap_or_else(|| self.table.context().timestamp());
        let prefix = if S::IS_TIMESTAMPED { TIMESTAMP_BYTES } else { 0 };
        self.table.log(row, Some(&bytes[prefix..]), timestamp)
    }

    /// Evicts until the thread's caches fit their budget. An update among the evicted flushes all others with it.
    fn evict(&self) -> Result<()> {
        loop {
            let evicted = self.cache.borrow_mut().evict();
            match evicted {
                None => return Ok(()),
                Some(Evicted::Clean) => {}
                Some(Evicted::Dirty(update)) => self.push(Some(update))?,
            }
        }
    }

    /// Whether updates are held back.
    pub(super) fn is_dirty(&self) -> bool {
        self.cache.borrow().is_dirty()
    }

    /// Writes and forwards everything that is held back. After an error the task must be rolled back.
    pub(super) fn flush(&self) -> Result<()> {
        if self.is_dirty() { self.push(None) } else { Ok(()) }
    }

    fn push(&self, evicted: Option<Update<S>>) -> Result<()> {
        let updates = self.cache.borrow_mut().take_updates(evicted);
        let mut deleted = Vec::new();
        let result = updates.into_iter().try_for_each(|update| {
            if update.value.is_none() {
                deleted.push(update.key.clone());
            }
            self.push_update(update)
        });
        self.cache.borrow_mut().flushed(&deleted);
        result
    }

    fn push_update(&self, update: Update<S>) -> Result<()> {
        let Update { key, value, encoded, origin, below } = update;
        let listener = self.listener.borrow().clone();
        let mut old = None;
        if listener.is_some() {
            let existed;
            (existed, old) = self.below(&key, below, value.is_none())?;
            // Created and deleted since the last flush: nobody has heard of it.
            if value.is_none() && !existed {
                return Ok(());
            }
        }
        let (timestamp, headers) = (origin.timestamp, origin.headers.clone());
        let before = origin.install(self.table.context());
        let result = self.write_update(&key, value.as_ref(), encoded).and_then(|()| match listener {
            Some(listener) => self.forward(&*listener, &key, value, old, timestamp, headers),
            None => Ok(()),
        });
        before.install(self.table.context());
        result
    }

    fn write_update(&self, row: &[u8], value: Option<&S>, encoded: Option<Box<[u8]>>) -> Result<()> {
        if let Some(bytes) = encoded {
            return self.write(row, value, &bytes);
        }
        let mut bytes = self.buffer.take();
        let result = self.encode(value, &mut bytes).and_then(|()| self.write(row, value, &bytes));
        self.buffer.replace(bytes);
        result
    }

    fn forward(
        &self,
        listener: &dyn RowListener<S::Value>,
        row: &[u8],
        value: Option<S>,
        old: Option<S>,
        timestamp: i64,
        headers: crate::record::Headers,
    ) -> Result<()> {
        let timestamp = value.as_ref().and_then(Stored::timestamp).unwrap_or(timestamp);
        let change = Change::new(value.map(Stored::into_value), old.map(Stored::into_value));
        listener.flushed(row, Record::new((), change, timestamp).with_headers(headers))
    }

    /// Whether the store below has the row, and its value if old values are sent; looks only if one of both is asked.
    fn below(&self, row: &[u8], below: Below<S>, asks_existence: bool) -> Result<(bool, Option<S>)> {
        let sends_old = self.send_old_values.get();
        if !sends_old && !asks_existence {
            return Ok((false, None));
        }
        match below {
            Below::Absent => Ok((false, None)),
            Below::Row(_) if !self.table.is_visible(row)? => Ok((false, None)),
            Below::Row(value) if !self.is_lru() => Ok((true, sends_old.then_some(value))),
            Below::Row(_) | Below::Unknown if sends_old => {
                let old = self.look_below(row)?;
                Ok((old.is_some(), old))
            }
            Below::Row(_) | Below::Unknown => Ok((self.table.get(row)?.is_some(), None)),
        }
    }

    fn look_below(&self, row: &[u8]) -> Result<Option<S>> {
        self.table.get(row)?.map(|bytes| self.decode(&bytes)).transpose()
    }

    /// The rows of a range: those held back before those below. `held` says which cached rows take part; it gets the
    /// key and whether the rows below may lag behind.
    pub(super) fn scan(
        &self,
        range: KeyRange,
        direction: Direction,
        held: impl Fn(&[u8], bool) -> bool,
    ) -> Result<RowScan<S>> {
        let rows = match self.policy {
            Policy::HoldBack => self.cache.borrow_mut().rows(&range, direction, held),
            Policy::Write => Vec::new(),
        };
        Ok(RowScan::new(rows, self.table.scan(range, direction)?, self.serde.clone(), direction))
    }

    /// The first key in a range that the record cache holds.
    pub(super) fn first_held(&self, range: &KeyRange) -> Option<KeyBytes> {
        (self.policy == Policy::HoldBack).then(|| self.cache.borrow_mut().first_key(range)).flatten()
    }

    /// Lookups that the cache answered, and lookups that it did not.
    pub(super) fn cache_hits_and_misses(&self) -> (u64, u64) {
        self.cache.borrow().hits_and_misses()
    }

    /// Forgets everything that is cached, updates held back, too.
    pub(super) fn drop_cache(&self) {
        self.cache.borrow_mut().clear();
    }

    /// Forgets whom to tell. Operators hold their stores, so the task does this when it ends.
    pub(super) fn drop_listener(&self) {
        drop(self.listener.take());
    }

    fn encode(&self, value: Option<&S>, out: &mut Vec<u8>) -> Result<()> {
        out.clear();
        let Some(value) = value else { return Ok(()) };
        if let Some(timestamp) = value.timestamp() {
            out.extend_from_slice(&timestamp.to_be_bytes());
        }
        self.serde.serialize(value.value(), out)
    }

    fn decode(&self, bytes: &[u8]) -> Result<S> {
        decode(&*self.serde, bytes)
    }
}

/// Decodes a row.
pub(super) fn decode<S: Stored>(serde: &dyn Serde<S::Value>, bytes: &[u8]) -> Result<S> {
    let (timestamp, value) = if S::IS_TIMESTAMPED { split_timestamp(bytes)? } else { (0, bytes) };
    Ok(S::from_parts(serde.deserialize(value)?, timestamp))
}
