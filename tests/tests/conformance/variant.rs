//! The ways in which the same golden files are run. None of them may change a result.

use crate::golden::Golden;
use kstreams::config::{Config, DslStore};
use kstreams::engine::memory::MemoryEngine;
use kstreams::engine::{EngineKind, EngineOptions, SharedEngine, open};
use kstreams::error::Result;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use tempfile::TempDir;

/// One way to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// Persistent stores in the engine in memory.
    Straight,
    /// Persistent stores on disk in fjall.
    Fjall,
    /// Persistent stores on disk in RocksDB.
    Rocksdb,
    /// The DSL's own stores in memory (`default.dsl.store`).
    InMemory,
    /// A crash after every step: only what was committed survives.
    Crash,
    /// The same with the DSL's stores in memory: everything is restored from changelogs.
    CrashInMemory,
}

/// Files whose result rests on what Kafka Streams itself keeps only in memory, so that a crash changes it.
const LOST_IN_A_CRASH: &[(&str, &str)] = &[
    ("papi-punctuate-cancel", "the schedules, and fields of the processor"),
    ("papi-punctuate-store", "the schedules"),
    ("papi-punctuate-stream-time", "the schedule, and a field of the processor"),
    ("papi-punctuate-wall-clock", "the schedule, and a field of the processor"),
    ("errors-punctuator-continue", "the schedule, and a field of the processor"),
    ("stream-count-no-changelog", "a store without a changelog"),
    ("papi-lru-store", "in which order an LRU map was read"),
];

impl Variant {
    /// Every way that this binary was built for.
    pub fn all() -> Vec<Variant> {
        let all = [
            Variant::Straight,
            Variant::Fjall,
            Variant::Rocksdb,
            Variant::InMemory,
            Variant::Crash,
            Variant::CrashInMemory,
        ];
        all.into_iter().filter(|variant| *variant != Variant::Rocksdb || EngineKind::Rocksdb.is_built()).collect()
    }

    /// Whether the driver crashes after every step.
    pub fn crashes(self) -> bool {
        matches!(self, Variant::Crash | Variant::CrashInMemory)
    }

    /// Why the file is not run this way, if it is not.
    pub fn exemption(self, golden: &Golden) -> Option<&'static str> {
        let lost = LOST_IN_A_CRASH.iter().find(|(name, _)| *name == golden.name);
        lost.filter(|_| self.crashes()).map(|(_, reason)| *reason)
    }

    /// The engine of a fresh run, and the directory that must outlive it.
    pub fn engine(self) -> Result<(SharedEngine, Option<TempDir>)> {
        let kind = match self {
            Variant::Fjall => EngineKind::Fjall,
            Variant::Rocksdb => EngineKind::Rocksdb,
            _ => return Ok((Arc::new(MemoryEngine::default()), None)),
        };
        let directory = tempfile::tempdir()?;
        Ok((open(kind, directory.path(), &EngineOptions::default())?, Some(directory)))
    }

    /// Sets what this way differs in.
    pub fn configure(self, config: &mut Config) {
        if self.keeps_in_memory() {
            config.dsl_store = DslStore::InMemory;
        }
    }

    fn keeps_in_memory(self) -> bool {
        matches!(self, Variant::InMemory | Variant::CrashInMemory)
    }

    /// The rows of a store as it lists them when run this way: the DSL's window stores in memory go by time, then key,
    /// where persistent ones go by segment, key and time.
    pub fn listed(self, kind: &str, mut rows: Vec<Value>) -> Vec<Value> {
        if self.keeps_in_memory() && kind == "timestamped-window" {
            rows.sort_by_key(|row| (row[0]["start"].as_i64(), row[0]["key"].to_string()));
        }
        rows
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Variant::Straight => "straight",
            Variant::Fjall => "fjall on disk",
            Variant::Rocksdb => "RocksDB on disk",
            Variant::InMemory => "in memory",
            Variant::Crash => "crash after every step",
            Variant::CrashInMemory => "crash, in memory",
        })
    }
}
