//! The disk of a simulated instance: an engine in memory that can be cut at any write.
//!
//! It keeps apart what a killed process leaves behind and what it does not, and the earlier points that a power cut may come
//! back to. It stands for an engine with a write-ahead log that is not synced, as RocksDB is used.

use super::adversary::Adversary;
use super::schedule::DiskFate;
use crate::engine::memory::MemoryEngine;
use crate::engine::{Batch, Cursor, Direction, Durability, Engine, KeyRange, Read, Space};
use crate::error::Result;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Earlier points that are kept.
const EARLIER_MAX: usize = 8;

pub(super) struct Disk {
    /// What the process sees.
    live: MemoryEngine,
    safe: Mutex<Safe>,
    adversary: Adversary,
}

/// What outlives the process.
struct Safe {
    state: MemoryEngine,
    /// What may be there after a power cut; the newest last.
    earlier: VecDeque<MemoryEngine>,
}

impl Disk {
    pub(super) fn empty(adversary: &Adversary) -> Self {
        Disk::holding(MemoryEngine::default(), adversary)
    }

    fn holding(state: MemoryEngine, adversary: &Adversary) -> Self {
        let live = state.fork();
        Disk { live, safe: Mutex::new(Safe { state, earlier: VecDeque::new() }), adversary: adversary.clone() }
    }

    /// What the next process finds.
    pub(super) fn after(&self, fate: DiskFate) -> Disk {
        let safe = self.safe();
        let left = match fate {
            DiskFate::Lost => MemoryEngine::default(),
            DiskFate::Kept => safe.state.fork(),
            DiskFate::RolledBack(writes) => {
                let back = safe.earlier.len().min(usize::from(writes));
                safe.earlier.get(safe.earlier.len() - back).unwrap_or(&safe.state).fork()
            }
        };
        Disk::holding(left, &self.adversary)
    }

    fn safe(&self) -> MutexGuard<'_, Safe> {
        self.safe.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read for Disk {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.live.get(space, key)
    }

    fn scan(&self, space: Space, range: KeyRange, direction: Direction) -> Result<Box<dyn Cursor>> {
        self.live.scan(space, range, direction)
    }
}

impl Engine for Disk {
    fn space(&self, name: &str) -> Result<Space> {
        self.safe().state.space(name)?;
        self.live.space(name)
    }

    fn space_names(&self) -> Result<Vec<String>> {
        self.live.space_names()
    }

    fn drop_space(&self, name: &str) -> Result<bool> {
        self.adversary.write()?;
        self.safe().state.drop_space(name)?;
        self.live.drop_space(name)
    }

    fn write(&self, batch: &Batch, durability: Durability) -> Result<()> {
        self.adversary.write()?;
        self.live.write(batch, durability)?;
        if durability == Durability::None {
            return Ok(());
        }
        let mut safe = self.safe();
        let before = safe.state.fork();
        safe.state.write(batch, durability)?;
        match durability {
            Durability::Power => safe.earlier.clear(),
            _ => safe.earlier.push_back(before),
        }
        if safe.earlier.len() > EARLIER_MAX {
            safe.earlier.pop_front();
        }
        Ok(())
    }

    fn flush(&self) -> Result<()> {
        self.adversary.write()?;
        *self.safe() = Safe { state: self.live.fork(), earlier: VecDeque::new() };
        Ok(())
    }

    fn snapshot(&self) -> Box<dyn Read> {
        self.live.snapshot()
    }

    fn approximate_len(&self, space: Space) -> u64 {
        self.live.approximate_len(space)
    }
}

#[cfg(test)]
mod tests {
    use super::super::schedule::Cut;
    use super::*;

    fn put(disk: &Disk, key: &str, durability: Durability) {
        let mut batch = Batch::default();
        batch.put(disk.space("s").unwrap(), key, "v");
        disk.write(&batch, durability).unwrap();
    }

    fn keys(disk: &Disk) -> Vec<String> {
        let mut cursor = disk.scan(disk.space("s").unwrap(), KeyRange::all(), Direction::Forward).unwrap();
        let mut keys = Vec::new();
        while cursor.advance().unwrap() {
            keys.push(String::from_utf8(cursor.key().to_vec()).unwrap());
        }
        keys
    }

    #[test]
    fn each_fate_leaves_what_it_should() {
        let disk = Disk::empty(&Adversary::idle());
        put(&disk, "a", Durability::None);
        disk.flush().unwrap();
        put(&disk, "b", Durability::Process);
        put(&disk, "c", Durability::Process);
        put(&disk, "d", Durability::None);
        assert_eq!(keys(&disk), ["a", "b", "c", "d"]);
        assert_eq!(keys(&disk.after(DiskFate::Kept)), ["a", "b", "c"], "what was not flushed is gone");
        assert_eq!(keys(&disk.after(DiskFate::RolledBack(1))), ["a", "b"]);
        assert_eq!(keys(&disk.after(DiskFate::RolledBack(9))), ["a"], "never before what was flushed");
        assert!(keys(&disk.after(DiskFate::Lost)).is_empty());
    }

    #[test]
    fn nothing_is_written_once_the_instance_is_cut() {
        let adversary = Adversary::idle();
        let disk = Disk::empty(&adversary);
        adversary.cut(Cut { calls: 1, late_ms: None });
        put(&disk, "a", Durability::Process);
        let mut batch = Batch::default();
        batch.put(disk.space("s").unwrap(), "b", "v");
        assert!(disk.write(&batch, Durability::Process).is_err());
        assert_eq!(keys(&disk.after(DiskFate::Kept)), ["a"]);
    }
}
