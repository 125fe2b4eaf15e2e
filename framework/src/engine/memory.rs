//! The engine in memory: persistent ordered maps, so that a snapshot is a clone of a few pointers.
//!
//! It never touches a disk and never forgets by itself: what is "durable" is for its user to say. Whoever
//! needs to cut it at a write (a simulated crash) keeps a [`fork`](MemoryEngine::fork) of the moment to come back to.

use super::{Batch, Cursor, Direction, Durability, Engine, KeyRange, Operation, Read, Space};
use crate::error::Result;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Keys and values are shared between the versions of a map.
type Bytes = Arc<[u8]>;
type Pairs = imbl::OrdMap<Bytes, Bytes>;

/// Pairs that a cursor takes out of its map at a time.
const CURSOR_CHUNK_PAIRS: usize = 64;

/// An engine whose spaces live in memory and end with it.
///
/// ```
/// use kstreams::engine::{Batch, Durability, Engine, Read, memory::MemoryEngine};
///
/// let engine = MemoryEngine::default();
/// let counts = engine.space("counts")?;
/// let mut batch = Batch::default();
/// batch.put(counts, "a", "1");
/// engine.write(&batch, Durability::Process)?;
/// assert_eq!(engine.get(counts, b"a")?, Some(b"1".to_vec()));
/// # Ok::<(), kstreams::error::Error>(())
/// ```
#[derive(Default)]
pub struct MemoryEngine {
    state: RwLock<State>,
}

/// One version of everything; a clone shares all its nodes.
#[derive(Clone, Default)]
struct State {
    names: imbl::OrdMap<String, Space>,
    spaces: imbl::OrdMap<Space, Pairs>,
    next_space: u32,
}

impl MemoryEngine {
    /// An engine that holds what this one holds now; what either writes from here on is its own.
    pub fn fork(&self) -> MemoryEngine {
        MemoryEngine { state: RwLock::new(self.version()) }
    }

    fn version(&self) -> State {
        self.read().clone()
    }

    // A panic under the lock can only come from the allocator; the maps themselves stay whole.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read for MemoryEngine {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.read().get(space, key)
    }

    fn scan(&self, space: Space, range: KeyRange, direction: Direction) -> Result<Box<dyn Cursor>> {
        self.read().scan(space, range, direction)
    }
}

impl Engine for MemoryEngine {
    fn space(&self, name: &str) -> Result<Space> {
        let mut state = self.lock();
        if let Some(space) = state.names.get(name) {
            return Ok(*space);
        }
        let space = Space(state.next_space);
        state.next_space += 1;
        state.names.insert(name.to_owned(), space);
        state.spaces.insert(space, Pairs::new());
        Ok(space)
    }

    fn space_names(&self) -> Result<Vec<String>> {
        Ok(self.read().names.keys().cloned().collect())
    }

    fn drop_space(&self, name: &str) -> Result<bool> {
        let mut state = self.lock();
        let Some(space) = state.names.remove(name) else { return Ok(false) };
        state.spaces.remove(&space);
        Ok(true)
    }

    fn write(&self, batch: &Batch, _durability: Durability) -> Result<()> {
        let mut state = self.lock();
        // Looked at before the first operation is applied: a batch is all or nothing.
        for operation in &batch.operations {
            state.pairs(operation.space())?;
        }
        for operation in &batch.operations {
            state.apply(operation);
        }
        Ok(())
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }

    fn snapshot(&self) -> Box<dyn Read> {
        Box::new(self.version())
    }

    fn approximate_len(&self, space: Space) -> u64 {
        self.read().spaces.get(&space).map_or(0, |pairs| pairs.len() as u64)
    }
}

impl State {
    fn pairs(&self, space: Space) -> Result<&Pairs> {
        self.spaces.get(&space).ok_or_else(|| super::dropped(space))
    }

    fn apply(&mut self, operation: &Operation) {
        let pairs = self.spaces.get_mut(&operation.space()).expect("the batch's spaces were checked");
        match operation {
            Operation::Put { key, value, .. } => {
                pairs.insert(key.as_slice().into(), value.as_slice().into());
            }
            Operation::Delete { key, .. } => {
                pairs.remove(key.as_slice());
            }
            Operation::DeleteRange { from, to, .. } => delete_range(pairs, from, to.as_deref()),
        }
    }
}

impl Read for State {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.pairs(space)?.get(key).map(|value| value.to_vec()))
    }

    fn scan(&self, space: Space, range: KeyRange, direction: Direction) -> Result<Box<dyn Cursor>> {
        let pairs = self.pairs(space)?.clone();
        Ok(Box::new(MemoryCursor { pairs, rest: range, direction, chunk: Vec::new(), at: 0 }))
    }
}

fn delete_range(pairs: &mut Pairs, from: &[u8], to: Option<&[u8]>) {
    if from.is_empty() && to.is_none() {
        *pairs = Pairs::new();
        return;
    }
    if to.is_some_and(|to| to <= from) {
        return;
    }
    let bounds = (Bound::Included(from), to.map_or(Bound::Unbounded, Bound::Excluded));
    let doomed: Vec<Bytes> = pairs.range::<_, [u8]>(bounds).map(|(key, _)| key.clone()).collect();
    for key in doomed {
        pairs.remove(&*key);
    }
}

/// Walks a version of a map, a chunk at a time: an iterator could not live beside the map it borrows.
struct MemoryCursor {
    pairs: Pairs,
    /// What lies behind the chunk.
    rest: KeyRange,
    direction: Direction,
    chunk: Vec<(Bytes, Bytes)>,
    /// The current pair of the chunk, counted from one; zero is before the first.
    at: usize,
}

impl MemoryCursor {
    fn refill(&mut self) {
        self.chunk.clear();
        self.at = 0;
        if self.rest.is_empty() {
            return;
        }
        let range = self.pairs.range::<_, [u8]>(self.rest.as_bounds());
        let owned = |(key, value): (&Bytes, &Bytes)| (key.clone(), value.clone());
        match self.direction {
            Direction::Forward => self.chunk.extend(range.take(CURSOR_CHUNK_PAIRS).map(owned)),
            Direction::Backward => self.chunk.extend(range.rev().take(CURSOR_CHUNK_PAIRS).map(owned)),
        }
        if let Some((last, _)) = self.chunk.last() {
            let seen = Bound::Excluded(last.to_vec());
            match self.direction {
                Direction::Forward => self.rest.from = seen,
                Direction::Backward => self.rest.to = seen,
            }
        }
    }

    fn current(&self) -> &(Bytes, Bytes) {
        let at = self.at.checked_sub(1).expect("a cursor is read only after `advance` answered true");
        &self.chunk[at]
    }
}

impl Cursor for MemoryCursor {
    fn advance(&mut self) -> Result<bool> {
        if self.at == self.chunk.len() {
            self.refill();
        }
        let more = self.at < self.chunk.len();
        self.at += usize::from(more);
        Ok(more)
    }

    fn key(&self) -> &[u8] {
        &self.current().0
    }

    fn value(&self) -> &[u8] {
        &self.current().1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(engine: &MemoryEngine, space: Space, key: &str, value: &str) {
        let mut batch = Batch::default();
        batch.put(space, key, value);
        engine.write(&batch, Durability::Process).unwrap();
    }

    #[test]
    fn fork_and_original_go_their_own_ways() {
        let engine = MemoryEngine::default();
        let space = engine.space("s").unwrap();
        put(&engine, space, "a", "before");
        let fork = engine.fork();
        put(&engine, space, "a", "after");
        put(&fork, space, "b", "fork");
        assert_eq!(fork.get(space, b"a").unwrap(), Some(b"before".to_vec()));
        assert_eq!(engine.get(space, b"b").unwrap(), None);
        assert_eq!((engine.approximate_len(space), fork.approximate_len(space)), (1, 2));
    }

    #[test]
    fn cursor_crosses_chunks_in_both_directions() {
        let engine = MemoryEngine::default();
        let space = engine.space("s").unwrap();
        let keys: Vec<String> = (0..3 * CURSOR_CHUNK_PAIRS).map(|n| format!("{n:04}")).collect();
        keys.iter().for_each(|key| put(&engine, space, key, "v"));
        let walk = |direction| {
            let mut cursor = engine.scan(space, KeyRange::all(), direction).unwrap();
            let mut seen = Vec::new();
            while cursor.advance().unwrap() {
                seen.push(String::from_utf8(cursor.key().to_vec()).unwrap());
            }
            assert!(!cursor.advance().unwrap(), "a cursor at its end stays there");
            seen
        };
        assert_eq!(walk(Direction::Forward), keys);
        assert_eq!(walk(Direction::Backward), keys.into_iter().rev().collect::<Vec<_>>());
    }
}
