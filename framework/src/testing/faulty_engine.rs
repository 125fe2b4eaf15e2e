//! An engine with a disk that fails when a test wants it to.
//!
//! It asks before each read and write, and does what it is told; by itself it never fails. A batch stays whole: it is on
//! the engine beneath or it is not, as every engine promises, and it is only the answer that may be wrong.

use crate::engine::memory::MemoryEngine;
use crate::engine::{Batch, Cursor, Direction, Durability, Engine, KeyRange, Read, Space};
use crate::error::{Error, Result};
use std::sync::Arc;

/// What is about to be read or written. It is asked for where the engine itself is read, and its snapshots too.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum EngineCall<'a> {
    /// One value is read.
    Get {
        /// The space.
        space: Space,
        /// The key.
        key: &'a [u8],
    },
    /// A walk begins.
    Scan {
        /// The space.
        space: Space,
        /// Its range.
        range: &'a KeyRange,
        /// Its order.
        direction: Direction,
    },
    /// A walk goes on to its next pair.
    Advance {
        /// The space.
        space: Space,
    },
    /// A batch is written.
    Write {
        /// The batch.
        batch: &'a Batch,
        /// What it must survive.
        durability: Durability,
    },
    /// Everything written so far is to survive.
    Flush,
}

/// What happens to a call.
#[derive(Debug)]
pub enum EngineFault {
    /// Nothing.
    None,
    /// It fails, and nothing of it is done.
    Fail(Error),
    /// It is done, and fails nevertheless: a disk that was pulled out behind the write and before its answer.
    LostAnswer(Error),
}

impl EngineFault {
    fn around<T>(self, call: impl FnOnce() -> Result<T>) -> Result<T> {
        match self {
            EngineFault::None => call(),
            EngineFault::Fail(error) => Err(error),
            EngineFault::LostAnswer(error) => call().and(Err(error)),
        }
    }
}

/// Decides about each call. It is asked on the thread that calls, which it may also hold up.
type Plan = Arc<dyn Fn(&EngineCall<'_>) -> EngineFault + Send + Sync>;

/// An engine whose reads and writes fail when a closure says so.
///
/// ```
/// use kstreams::engine::memory::MemoryEngine;
/// use kstreams::engine::{Batch, Durability, Engine, Read};
/// use kstreams::error::{Error, ErrorKind};
/// use kstreams::testing::{EngineCall, EngineFault, FaultyEngine};
///
/// let engine = FaultyEngine::new(MemoryEngine::default(), |call| match call {
///     EngineCall::Write { batch, .. } if batch.bytes() > 10 => {
///         EngineFault::Fail(Error::new(ErrorKind::Io, "no space left on device"))
///     }
///     _ => EngineFault::None,
/// });
/// let rows = engine.space("rows")?;
/// let mut batch = Batch::default();
/// batch.put(rows, "a", "short");
/// engine.write(&batch, Durability::Process)?;
/// batch.put(rows, "b", "too long");
///
/// assert_eq!(engine.write(&batch, Durability::Process).unwrap_err().kind(), ErrorKind::Io);
/// assert_eq!(engine.get(rows, b"b")?, None);
/// # Ok::<(), kstreams::error::Error>(())
/// ```
///
/// In front of a topology it shows what a full disk does to an application:
///
/// ```
/// # use kstreams::{config::Config, dsl::StreamsBuilder, error::{Error, ErrorKind}};
/// # use kstreams::{engine::memory::MemoryEngine, testing::*};
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// let is_full = Arc::new(AtomicBool::new(false));
/// let asked = is_full.clone();
/// let engine = FaultyEngine::new(MemoryEngine::default(), move |call| match call {
///     EngineCall::Write { .. } if asked.load(Ordering::Relaxed) => {
///         EngineFault::Fail(Error::new(ErrorKind::Io, "no space left on device"))
///     }
///     _ => EngineFault::None,
/// });
/// let builder = StreamsBuilder::new();
/// builder.stream::<i32, i32>("in").group_by_key().count("counts");
/// let config = Config::new("app", "embedded:");
/// let mut driver = TopologyTestDriver::with_engine(&builder.build()?, config, Arc::new(engine), 0)?;
/// driver.input("in").pipe(1, 5)?;
/// is_full.store(true, Ordering::Relaxed);
/// assert!(driver.input("in").pipe(1, 7).unwrap_err().to_string().contains("no space left"));
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub struct FaultyEngine<E = MemoryEngine> {
    inner: E,
    plan: Plan,
}

impl<E: Engine> FaultyEngine<E> {
    /// The engine `inner`, with `plan` asked before each of its reads and writes.
    ///
    /// ```
    /// # use kstreams::engine::{Durability, Engine, memory::MemoryEngine};
    /// # use kstreams::error::{Error, ErrorKind};
    /// # use kstreams::testing::{EngineCall, EngineFault, FaultyEngine};
    /// let engine = FaultyEngine::new(MemoryEngine::default(), |call| match call {
    ///     EngineCall::Flush => EngineFault::Fail(Error::new(ErrorKind::Io, "the disk is gone")),
    ///     _ => EngineFault::None,
    /// });
    /// assert_eq!(engine.flush().unwrap_err().to_string(), "the disk is gone");
    /// ```
    pub fn new(inner: E, plan: impl Fn(&EngineCall<'_>) -> EngineFault + Send + Sync + 'static) -> Self {
        FaultyEngine { inner, plan: Arc::new(plan) }
    }

    /// The engine beneath, which never fails: what is on the disk.
    ///
    /// ```
    /// # use kstreams::engine::{Batch, Durability, Engine, Read, memory::MemoryEngine};
    /// # use kstreams::error::{Error, ErrorKind};
    /// # use kstreams::testing::{EngineCall, EngineFault, FaultyEngine};
    /// let engine = FaultyEngine::new(MemoryEngine::default(), |call| match call {
    ///     EngineCall::Write { .. } => EngineFault::LostAnswer(Error::new(ErrorKind::Io, "the cable is out")),
    ///     _ => EngineFault::None,
    /// });
    /// let rows = engine.space("rows")?;
    /// let mut batch = Batch::default();
    /// batch.put(rows, "a", "1");
    /// assert!(engine.write(&batch, Durability::Process).is_err());
    /// assert_eq!(engine.inner().get(rows, b"a")?, Some(b"1".to_vec()));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn inner(&self) -> &E {
        &self.inner
    }
}

/// Reads of an engine or a snapshot.
fn get(plan: &Plan, inner: &dyn Read, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>> {
    plan(&EngineCall::Get { space, key }).around(|| inner.get(space, key))
}

fn scan(plan: &Plan, inner: &dyn Read, space: Space, range: KeyRange, direction: Direction) -> Result<Box<dyn Cursor>> {
    let fault = plan(&EngineCall::Scan { space, range: &range, direction });
    let inner = fault.around(|| inner.scan(space, range, direction))?;
    Ok(Box::new(FaultyCursor { inner, plan: plan.clone(), space }))
}

impl<E: Engine> Read for FaultyEngine<E> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>> {
        get(&self.plan, &self.inner, space, key)
    }

    fn scan(&self, space: Space, range: KeyRange, direction: Direction) -> Result<Box<dyn Cursor>> {
        scan(&self.plan, &self.inner, space, range, direction)
    }
}

impl<E: Engine> Engine for FaultyEngine<E> {
    fn space(&self, name: &str) -> Result<Space> {
        self.inner.space(name)
    }

    fn space_names(&self) -> Result<Vec<String>> {
        self.inner.space_names()
    }

    fn drop_space(&self, name: &str) -> Result<bool> {
        self.inner.drop_space(name)
    }

    fn write(&self, batch: &Batch, durability: Durability) -> Result<()> {
        (self.plan)(&EngineCall::Write { batch, durability }).around(|| self.inner.write(batch, durability))
    }

    fn flush(&self) -> Result<()> {
        (self.plan)(&EngineCall::Flush).around(|| self.inner.flush())
    }

    fn snapshot(&self) -> Box<dyn Read> {
        Box::new(FaultySnapshot { inner: self.inner.snapshot(), plan: self.plan.clone() })
    }

    fn approximate_len(&self, space: Space) -> u64 {
        self.inner.approximate_len(space)
    }
}

struct FaultySnapshot {
    inner: Box<dyn Read>,
    plan: Plan,
}

impl Read for FaultySnapshot {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>> {
        get(&self.plan, &*self.inner, space, key)
    }

    fn scan(&self, space: Space, range: KeyRange, direction: Direction) -> Result<Box<dyn Cursor>> {
        scan(&self.plan, &*self.inner, space, range, direction)
    }
}

struct FaultyCursor {
    inner: Box<dyn Cursor>,
    plan: Plan,
    space: Space,
}

impl Cursor for FaultyCursor {
    fn advance(&mut self) -> Result<bool> {
        (self.plan)(&EngineCall::Advance { space: self.space }).around(|| self.inner.advance())
    }

    fn key(&self) -> &[u8] {
        self.inner.key()
    }

    fn value(&self) -> &[u8] {
        self.inner.value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// An engine with three pairs whose call number `fails_at` fails.
    fn failing(fails_at: usize) -> (FaultyEngine, Space) {
        let inner = MemoryEngine::default();
        let rows = inner.space("rows").unwrap();
        let mut batch = Batch::default();
        ["a", "b", "c"].iter().for_each(|key| batch.put(rows, *key, *key));
        inner.write(&batch, Durability::Process).unwrap();
        let calls = AtomicUsize::new(0);
        let plan = move |_: &EngineCall<'_>| match calls.fetch_add(1, Ordering::Relaxed) == fails_at {
            true => EngineFault::Fail(Error::new(ErrorKind::Corrupt, "a block is damaged")),
            false => EngineFault::None,
        };
        (FaultyEngine::new(inner, plan), rows)
    }

    fn keys(reader: &dyn Read, rows: Space) -> Result<String> {
        let mut cursor = reader.scan(rows, KeyRange::all(), Direction::Forward)?;
        let mut keys = String::new();
        while cursor.advance()? {
            keys.push_str(std::str::from_utf8(cursor.key()).unwrap());
        }
        Ok(keys)
    }

    #[test]
    fn walk_fails_at_its_beginning_or_at_any_of_its_steps() {
        for fails_at in 0..5 {
            let (engine, rows) = failing(fails_at);
            assert_eq!(keys(&engine, rows).unwrap_err().kind(), ErrorKind::Corrupt, "call {fails_at}");
            assert_eq!(keys(&engine, rows).unwrap(), "abc", "once only");
        }
        let (engine, rows) = failing(5);
        assert_eq!(keys(&engine, rows).unwrap(), "abc");
    }

    #[test]
    fn snapshot_fails_as_its_engine_does() {
        let (engine, rows) = failing(1);
        let snapshot = engine.snapshot();
        assert_eq!(snapshot.get(rows, b"a").unwrap(), Some(b"a".to_vec()));
        assert!(snapshot.get(rows, b"a").is_err());
        assert_eq!(keys(&*snapshot, rows).unwrap(), "abc");
    }

    #[test]
    fn flush_is_asked_for() {
        let (engine, _) = failing(0);
        assert!(engine.flush().is_err());
        engine.flush().unwrap();
    }
}
