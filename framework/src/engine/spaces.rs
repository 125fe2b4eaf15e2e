//! Spaces as key prefixes in one flat map on disk.
//!
//! A column family or keyspace for each space was measured and costs open time, memory and files in proportion to
//! their number (docs/decisions/0001-disk-engine.md). What an engine on disk does itself is in [`Flat`].

use super::catalogue::{CATALOGUE, Catalogue};
use super::flat::{self, Flat, FlatRange, FlatRead, PREFIX_BYTES};
use super::{Batch, Cursor, Direction, Durability, Engine, KeyRange, Read, Space};
use crate::error::Result;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// Keys that are counted one by one before their number is guessed.
const COUNTED_KEYS_MAX: u64 = 10_000;

/// An engine whose spaces share one flat map.
pub(super) struct Spaces<F> {
    flat: F,
    /// Held for reading while a batch is written, so that no space is dropped under it.
    catalogue: RwLock<Arc<Catalogue>>,
}

impl<F: Flat> Spaces<F> {
    /// Reads the catalogue, and empties what a crash left of dropped spaces.
    pub(super) fn open(flat: F) -> Result<Self> {
        let cursor = flat.scan(flat::range(CATALOGUE, b"", None), Direction::Forward)?;
        let catalogue = Catalogue::read(cursor, PREFIX_BYTES)?;
        let left_over: Vec<Space> = catalogue.dropped().collect();
        let spaces = Spaces { flat, catalogue: RwLock::new(Arc::new(catalogue)) };
        left_over.into_iter().try_for_each(|space| spaces.empty(space))?;
        Ok(spaces)
    }

    /// Reclaims a dropped space. Nobody can name it any more, so this need not be atomic.
    fn empty(&self, space: Space) -> Result<()> {
        self.flat.discard(flat::range(space, b"", None))?;
        self.change(|catalogue| {
            let mut next = catalogue.clone();
            let batch = next.forget(space);
            Ok(Some((next, batch, ())))
        })?;
        Ok(())
    }

    /// Changes the catalogue on disk, then in memory; `None` changes nothing.
    fn change<T>(&self, step: impl FnOnce(&Catalogue) -> Result<Option<(Catalogue, Batch, T)>>) -> Result<Option<T>> {
        let mut catalogue = self.catalogue.write().unwrap_or_else(PoisonError::into_inner);
        let Some((next, batch, answer)) = step(&catalogue)? else { return Ok(None) };
        self.flat.write(&batch, Durability::Process)?;
        *catalogue = Arc::new(next);
        Ok(Some(answer))
    }

    // The catalogue is replaced as a whole, so a panic elsewhere cannot leave half of one.
    fn catalogue(&self) -> RwLockReadGuard<'_, Arc<Catalogue>> {
        self.catalogue.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Flat> Read for Spaces<F> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.catalogue().check(space)?;
        self.flat.get(&flat::prefixed(space, key))
    }

    fn scan(&self, space: Space, range: KeyRange, direction: Direction) -> Result<Box<dyn Cursor>> {
        self.catalogue().check(space)?;
        scan(&self.flat, space, range, direction)
    }
}

impl<F: Flat> Engine for Spaces<F> {
    fn space(&self, name: &str) -> Result<Space> {
        if let Some(space) = self.catalogue().find(name) {
            return Ok(space);
        }
        // Asked again under the lock: another thread may have created it in between.
        let mut found = None;
        let created = self.change(|catalogue| {
            found = catalogue.find(name);
            if found.is_some() { Ok(None) } else { catalogue.with(name).map(Some) }
        })?;
        Ok(found.or(created).expect("a space that was not found was created"))
    }

    fn space_names(&self) -> Result<Vec<String>> {
        Ok(self.catalogue().names())
    }

    fn drop_space(&self, name: &str) -> Result<bool> {
        // First the name, in one step; then the pairs, which a crash leaves for the next open.
        match self.change(|catalogue| Ok(catalogue.without(name)))? {
            Some(space) => self.empty(space).map(|()| true),
            None => Ok(false),
        }
    }

    fn write(&self, batch: &Batch, durability: Durability) -> Result<()> {
        let catalogue = self.catalogue();
        let mut checked = None;
        for operation in &batch.operations {
            let space = Some(operation.space());
            if checked != space {
                catalogue.check(operation.space())?;
                checked = space;
            }
        }
        self.flat.write(batch, durability)
    }

    fn flush(&self) -> Result<()> {
        self.flat.flush()
    }

    fn snapshot(&self) -> Box<dyn Read> {
        let catalogue = self.catalogue();
        Box::new(SpacesView { view: self.flat.snapshot(), catalogue: Arc::clone(&catalogue) })
    }

    fn approximate_len(&self, space: Space) -> u64 {
        let range = flat::range(space, b"", None);
        let Ok(cursor) = self.flat.scan(range.clone(), Direction::Forward) else { return 0 };
        match count(cursor) {
            COUNTED_KEYS_MAX => self.flat.approximate_len(&range, COUNTED_KEYS_MAX),
            counted => counted,
        }
    }
}

/// The keys of a walk, at most [`COUNTED_KEYS_MAX`]. An unreadable block ends the count: it is a guess anyway.
fn count(mut cursor: impl Cursor) -> u64 {
    let mut counted = 0;
    while counted < COUNTED_KEYS_MAX && cursor.advance().unwrap_or(false) {
        counted += 1;
    }
    counted
}

/// A moment of the flat map, with the spaces of that moment.
struct SpacesView<V> {
    view: V,
    catalogue: Arc<Catalogue>,
}

impl<V: FlatRead> Read for SpacesView<V> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.catalogue.check(space)?;
        self.view.get(&flat::prefixed(space, key))
    }

    fn scan(&self, space: Space, range: KeyRange, direction: Direction) -> Result<Box<dyn Cursor>> {
        self.catalogue.check(space)?;
        scan(&self.view, space, range, direction)
    }
}

fn scan<R: FlatRead>(flat: &R, space: Space, range: KeyRange, direction: Direction) -> Result<Box<dyn Cursor>> {
    let range = half_open(space, range);
    if range.is_empty() {
        return Ok(Box::new(Nothing));
    }
    Ok(Box::new(SpaceCursor(flat.scan(range, direction)?)))
}

/// A range of a space in the flat map. The key right behind `k` is `k` and a zero byte.
fn half_open(space: Space, range: KeyRange) -> FlatRange {
    let behind = |mut key: Vec<u8>| {
        key.push(0);
        key
    };
    let from = match range.from {
        Bound::Included(key) => key,
        Bound::Excluded(key) => behind(key),
        Bound::Unbounded => Vec::new(),
    };
    let to = match range.to {
        Bound::Included(key) => Some(behind(key)),
        Bound::Excluded(key) => Some(key),
        Bound::Unbounded => None,
    };
    flat::range(space, &from, to.as_deref())
}

/// Takes the prefix off again.
struct SpaceCursor<C>(C);

impl<C: Cursor> Cursor for SpaceCursor<C> {
    fn advance(&mut self) -> Result<bool> {
        self.0.advance()
    }

    fn key(&self) -> &[u8] {
        &self.0.key()[PREFIX_BYTES..]
    }

    fn value(&self) -> &[u8] {
        self.0.value()
    }
}

/// The walk over an empty range.
struct Nothing;

impl Cursor for Nothing {
    fn advance(&mut self) -> Result<bool> {
        Ok(false)
    }

    fn key(&self) -> &[u8] {
        unreachable!("a cursor is read only after `advance` answered true")
    }

    fn value(&self) -> &[u8] {
        unreachable!("a cursor is read only after `advance` answered true")
    }
}
