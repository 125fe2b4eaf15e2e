//! An engine of each kind in a directory of its own, and short ways to write and read it.

use kstreams::engine::{
    Batch, Direction, Durability, Engine, EngineKind, EngineOptions, KeyRange, Read, SharedEngine, Space, open,
};
use std::ops::Bound;
use std::path::Path;
use tempfile::TempDir;

pub type Pairs = Vec<(String, String)>;

/// Small budgets, so that tests reach tables, compactions and evictions with little data.
pub fn small() -> EngineOptions {
    EngineOptions { cache_bytes_max: 1 << 20, write_buffer_bytes_max: 4 << 20, open_files_max: 64 }
}

pub struct Fixture {
    kind: EngineKind,
    dir: TempDir,
    engine: Option<SharedEngine>,
}

impl Fixture {
    pub fn new(kind: EngineKind) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let engine = Some(open(kind, dir.path(), &small()).unwrap());
        Fixture { kind, dir, engine }
    }

    pub fn engine(&self) -> &dyn Engine {
        &**self.engine.as_ref().unwrap()
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Whether anything is left after closing.
    pub fn is_durable(&self) -> bool {
        self.kind != EngineKind::Memory
    }

    /// Closes the engine; its directory stays as long as the answer.
    pub fn close(self) -> TempDir {
        self.dir
    }

    /// Closes the engine and opens it again.
    pub fn reopen(&mut self) {
        self.engine = None;
        self.engine = Some(open(self.kind, self.dir.path(), &small()).unwrap());
    }

    pub fn write(&self, fill: impl FnOnce(&mut Batch)) {
        let mut batch = Batch::default();
        fill(&mut batch);
        self.engine().write(&batch, Durability::Process).unwrap();
    }

    pub fn all(&self, space: Space) -> Pairs {
        pairs(self.engine(), space, KeyRange::all(), Direction::Forward)
    }
}

pub fn pairs<R: Read + ?Sized>(reader: &R, space: Space, range: KeyRange, direction: Direction) -> Pairs {
    let mut cursor = reader.scan(space, range, direction).unwrap();
    let mut pairs = Vec::new();
    while cursor.advance().unwrap() {
        pairs.push((text(cursor.key()), text(cursor.value())));
    }
    assert!(!cursor.advance().unwrap(), "a cursor at its end stays there");
    pairs
}

pub fn keys<R: Read + ?Sized>(reader: &R, space: Space, range: KeyRange, direction: Direction) -> Vec<String> {
    pairs(reader, space, range, direction).into_iter().map(|(key, _)| key).collect()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub fn owned(pairs: &[(&str, &str)]) -> Pairs {
    pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

pub fn range(from: Bound<&str>, to: Bound<&str>) -> KeyRange {
    KeyRange { from: from.map(|key| key.into()), to: to.map(|key| key.into()) }
}
