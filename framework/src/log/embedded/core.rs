//! What the clients of one embedded log share: the locked state, the engine behind it, and a bell for those who wait.

use super::cache::Cache;
use super::chunk::Chunk;
use super::faults::{Decision, Fault, Operation, forgotten};
use super::journal::{Journal, Place, Spaces, chunk_key, chunk_last};
use super::mail::{Letter, Postbox};
use super::partition::Filter;
use super::state::State;
use crate::engine::{Direction, Durability, KeyRange, SharedEngine};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Clock, Topic};
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::{Poll, ready};
use std::time::Duration;

/// The shared part of an embedded log.
pub(super) struct Core {
    state: Mutex<State>,
    bell: Condvar,
    disk: Option<Disk>,
    topics_version: Arc<AtomicU64>,
    /// The clock of clients that have none of their own.
    pub(super) clock: Arc<dyn Clock>,
    /// Whether what is due runs only in explicit steps.
    pub(super) stepped: bool,
    /// Whether something may go wrong.
    pub(super) faulty: bool,
    /// How often retention and compaction are looked at.
    pub(super) housekeeping_interval_ms: i64,
    /// Held by whoever compacts.
    pub(super) compacting: Mutex<()>,
}

/// The engine of a durable log.
pub(super) struct Disk {
    pub(super) engine: SharedEngine,
    pub(super) spaces: Spaces,
    written: Mutex<u64>,
}

impl Disk {
    /// An engine with its spaces.
    pub(super) fn new(engine: SharedEngine, spaces: Spaces) -> Self {
        Disk { engine, spaces, written: Mutex::new(0) }
    }
}

impl Core {
    /// A log in `state`; with `disk` whatever changes is written there.
    pub(super) fn new(state: State, disk: Option<Disk>, topics_version: Arc<AtomicU64>, clock: Arc<dyn Clock>) -> Self {
        Core {
            state: Mutex::new(state),
            bell: Condvar::new(),
            disk,
            topics_version,
            clock,
            stepped: false,
            faulty: false,
            housekeeping_interval_ms: super::options::HOUSEKEEPING_INTERVAL_MS,
            compacting: Mutex::new(()),
        }
    }

    /// An empty state for that disk.
    pub(super) fn empty_state(disk: Option<&Disk>, cache_bytes_max: usize, topics_version: Arc<AtomicU64>) -> State {
        let cache = Cache::new(disk.map(|_| cache_bytes_max));
        State::new(disk.map(|disk| Journal::new(disk.spaces)), cache, topics_version)
    }

    /// Whether nothing is on disk.
    pub(super) fn in_memory(&self) -> bool {
        self.disk.is_none()
    }

    /// Changes whenever a topic is created or deleted.
    pub(super) fn topics_version(&self) -> u64 {
        self.topics_version.load(Ordering::Acquire)
    }

    /// The state, for a short while: nobody waits or writes to disk under this lock.
    ///
    /// # Errors
    /// `Io` if the engine has failed before, `Bug` if somebody panicked under the lock.
    pub(super) fn lock(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.state.lock().map_err(|_| poisoned())?;
        match &state.broken {
            None => Ok(state),
            Some(why) => Err(Error::new(ErrorKind::Io, "the embedded log could not be written and has stopped")
                .with_detail(why.clone())
                .with_hint("free the disk or repair it, then start again: nothing that was acknowledged is lost")),
        }
    }

    /// The same, after the clock was told that it is `now_ms`.
    pub(super) fn lock_at(&self, now_ms: i64) -> Result<MutexGuard<'_, State>> {
        let mut state = self.lock()?;
        state.now_ms = state.now_ms.max(now_ms);
        Ok(state)
    }

    /// Whether a producer's queue is to be full now.
    pub(super) fn refuses_sending(&self, topic: &Topic, now_ms: i64) -> Result<bool> {
        if !self.faulty {
            return Ok(false);
        }
        let operation = Operation::Send { topic: topic.as_str() };
        Ok(self.lock()?.faults.decide(&operation, now_ms) == Fault::QueueFull)
    }

    /// Wakes those who wait for something new.
    pub(super) fn ring(&self) {
        self.bell.notify_all();
    }

    /// Waits until something is newer than `seen`, or the timeout.
    pub(super) fn wait(&self, seen: u64, timeout: Duration) {
        if let Ok(state) = self.state.lock() {
            // A poisoned lock is reported by the next call that takes it.
            drop(self.bell.wait_timeout_while(state, timeout, |state| state.version == seen));
        }
    }

    /// Does something to the log, as far as the fault plan lets it; beside what came of it stands what the client is told: a
    /// failure if the plan has the log forget that it answered. A delayed request is under way from then on.
    pub(super) fn request<T: Send + 'static>(
        &self,
        postbox: &mut Postbox<T>,
        operation: &Operation<'_>,
        now_ms: i64,
        act: impl FnOnce(&mut State) -> Poll<Result<T>> + Send + 'static,
    ) -> Poll<Result<(T, Result<()>)>> {
        self.drive(now_ms)?;
        if let Some(answer) = postbox.take() {
            let answered = ready!(answer);
            // Acknowledged is only what is on disk.
            self.persist()?;
            return Poll::Ready(answered.map(|done| (done, Ok(()))));
        }
        let mut state = self.lock_at(now_ms)?;
        let decision = Decision::by(state.faults.as_mut(), operation, now_ms);
        match decision {
            Decision::Wait { until_ms } => {
                postbox.expect(Letter::send(&mut state, until_ms, act));
                return Poll::Pending;
            }
            Decision::Refuse(error) => return Poll::Ready(Err(error)),
            Decision::Proceed | Decision::LoseAnswer | Decision::Forget => {}
        }
        let done = act(&mut state);
        drop(state);
        self.persist()?;
        let done = ready!(done)?;
        match decision {
            Decision::LoseAnswer => Poll::Pending,
            Decision::Forget => Poll::Ready(Ok((done, Err(forgotten(operation))))),
            _ => Poll::Ready(Ok((done, Ok(())))),
        }
    }

    /// Writes everything journaled so far to the engine. Whoever comes first writes for all: the others find it done.
    ///
    /// # Errors
    /// `Io`; the log stops then, since it no longer knows what is on disk.
    pub(super) fn persist(&self) -> Result<()> {
        let Some(disk) = &self.disk else { return Ok(()) };
        let wanted = self.lock()?.journal.as_ref().map_or(0, Journal::newest);
        let mut written = disk.written.lock().map_err(|_| poisoned())?;
        if *written >= wanted {
            return Ok(());
        }
        let (batch, number, chunks) = {
            let mut state = self.lock()?;
            let chunks = state.cache.len();
            let Some((batch, number)) = state.take_journal() else { return Ok(()) };
            (batch, number, chunks)
        };
        if let Err(error) = disk.engine.write(&batch, Durability::Process) {
            self.lock()?.broken = Some(error.to_string());
            return Err(error.context("writing the embedded log"));
        }
        *written = number;
        self.lock()?.evict(chunks);
        Ok(())
    }

    /// Chunks on disk that end at or behind `from` and begin before `until`, about `bytes_max` of them that `filter` shows; and
    /// where to read on.
    pub(super) fn read_disk(
        &self,
        place: Place,
        from: i64,
        until: i64,
        bytes_max: usize,
        filter: &Filter,
    ) -> Result<(Vec<Arc<Chunk>>, i64)> {
        let (mut chunks, mut bytes) = (Vec::new(), 0);
        let mut next = until;
        self.scan_disk(place, from, &mut |chunk| {
            if chunk.base >= until {
                return false;
            }
            if bytes >= bytes_max {
                next = chunk.base.max(from);
                return false;
            }
            next = until.max(chunk.last + 1);
            if filter.shows(&chunk) {
                bytes += chunk.bytes();
                chunks.push(Arc::new(chunk));
            }
            true
        })?;
        Ok((chunks, next))
    }

    /// Walks over the chunks of a partition on disk, from the one that holds `from`, until `visit` says false.
    pub(super) fn scan_disk(&self, place: Place, from: i64, visit: &mut dyn FnMut(Chunk) -> bool) -> Result<()> {
        let Some(disk) = &self.disk else { return Ok(()) };
        let range =
            KeyRange { from: Bound::Included(chunk_key(place, from)), to: Bound::Included(chunk_key(place, i64::MAX)) };
        let mut cursor = disk.engine.scan(disk.spaces.messages, range, Direction::Forward)?;
        while cursor.advance()? {
            let last =
                chunk_last(cursor.key()).ok_or_else(|| Error::new(ErrorKind::Io, "a chunk has a damaged key"))?;
            if !visit(Chunk::decode(last, cursor.value())?) {
                break;
            }
        }
        Ok(())
    }
}

fn poisoned() -> Error {
    Error::new(ErrorKind::Bug, "the embedded log was left half changed by a panic")
        .with_hint("start the process again: what was acknowledged is on disk if the log is durable")
}

impl State {
    /// Drops the oldest chunks from memory that are on the engine, until the cache is within its limit.
    fn evict(&mut self, written: usize) {
        self.cache.written(written);
        while let Some((partition, last)) = self.cache.pop() {
            let topic = self.topics.get_mut(&partition.topic);
            if let Some(state) = topic.and_then(|topic| topic.partitions.get_mut(partition.partition as usize)) {
                state.evict_to(last);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::memory::MemoryEngine;
    use crate::log::NewTopic;
    use crate::record::SystemClock;
    use crate::testing::{EngineCall, EngineFault, FaultyEngine};
    use std::sync::atomic::AtomicBool;
    use std::sync::mpsc::channel;

    #[test]
    fn changes_that_another_thread_is_writing_are_waited_for() {
        let ((begun, has_begun), (release, go_on)) = (channel(), channel::<()>());
        let (is_gated, is_written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (gated, written, go_on) = (is_gated.clone(), is_written.clone(), Mutex::new(go_on));
        // It says when it begins to write, and goes on when told to.
        let engine = Arc::new(FaultyEngine::new(MemoryEngine::default(), move |call| {
            if matches!(call, EngineCall::Write { .. }) && gated.load(Ordering::SeqCst) {
                begun.send(()).unwrap();
                go_on.lock().unwrap().recv().unwrap();
                written.store(true, Ordering::SeqCst);
            }
            EngineFault::None
        }));
        let disk = super::super::open::disk(engine).unwrap();
        let version = Arc::new(AtomicU64::new(0));
        let state = Core::empty_state(Some(&disk), 0, version.clone());
        let core = Core::new(state, Some(disk), version, Arc::new(SystemClock));
        is_gated.store(true, Ordering::SeqCst);

        core.lock().unwrap().create_topic(&NewTopic::new("mine", 1)).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| core.persist().unwrap());
            has_begun.recv().unwrap();
            // The other thread has taken my change with it and is still writing.
            let (asks, asked) = channel();
            let (core, is_written) = (&core, &is_written);
            let mine = scope.spawn(move || {
                asks.send(()).unwrap();
                core.persist().unwrap();
                assert!(is_written.load(Ordering::SeqCst), "acknowledged before it was written");
            });
            asked.recv().unwrap();
            (0..10_000).for_each(|_| std::thread::yield_now());
            release.send(()).unwrap();
            mine.join().unwrap();
        });
    }
}
