//! Choosing and opening an engine. Nothing outside `engine` names a concrete engine on disk.

use super::SharedEngine;
use super::memory::MemoryEngine;
use crate::error::{Error, ErrorKind, Result};
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

/// Which engine holds the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EngineKind {
    /// In memory, gone with the process.
    Memory,
    /// On disk, in pure Rust; needs the cargo feature `fjall`.
    Fjall,
    /// On disk, in RocksDB; needs the cargo feature `rocksdb`.
    Rocksdb,
}

impl EngineKind {
    /// All kinds, built in or not.
    pub const ALL: [EngineKind; 3] = [EngineKind::Memory, EngineKind::Fjall, EngineKind::Rocksdb];

    /// The name in configurations and on disk.
    pub fn name(self) -> &'static str {
        match self {
            EngineKind::Memory => "memory",
            EngineKind::Fjall => "fjall",
            EngineKind::Rocksdb => "rocksdb",
        }
    }

    /// Whether this program was built with it.
    pub fn is_built(self) -> bool {
        match self {
            EngineKind::Memory => true,
            EngineKind::Fjall => cfg!(feature = "fjall"),
            EngineKind::Rocksdb => cfg!(feature = "rocksdb"),
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EngineKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        EngineKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            Error::new(ErrorKind::Config, format!("unknown engine `{name}`")).with_hint("memory, fjall or rocksdb")
        })
    }
}

/// What an engine on disk may take of the machine. One engine serves all tasks of an instance, so these are totals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineOptions {
    /// Blocks read from disk that are kept in memory, in bytes.
    pub cache_bytes_max: usize,
    /// Written pairs that wait in memory for their way to disk, in bytes.
    pub write_buffer_bytes_max: usize,
    /// Files of data that are held open at a time.
    pub open_files_max: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        EngineOptions { cache_bytes_max: 32 << 20, write_buffer_bytes_max: 32 << 20, open_files_max: 256 }
    }
}

/// Opens the engine of that kind in `dir`, creating both if they do not exist. [`EngineKind::Memory`] starts empty
/// and leaves `dir` alone.
///
/// The engine closes when it and all its snapshots and cursors are dropped; until then the directory is locked.
///
/// # Errors
/// `Config` if the program was built without that engine, or `dir` holds another engine or an unknown format;
/// `InUse` if another process, or this one, has it open; `Io` if it cannot be written; `Corrupt` if its data is damaged.
///
/// ```
/// use kstreams::engine::{EngineKind, EngineOptions, open};
///
/// let engine = open(EngineKind::Memory, "unused".as_ref(), &EngineOptions::default())?;
/// assert!(engine.space_names()?.is_empty());
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub fn open(kind: EngineKind, dir: &Path, options: &EngineOptions) -> Result<SharedEngine> {
    match kind {
        EngineKind::Memory => Ok(Arc::new(MemoryEngine::default())),
        #[cfg(feature = "fjall")]
        EngineKind::Fjall => super::fjall::open(super::directory::Directory::acquire(dir, kind)?, options),
        #[cfg(feature = "rocksdb")]
        EngineKind::Rocksdb => super::rocksdb::open(super::directory::Directory::acquire(dir, kind)?, options),
        #[cfg(not(all(feature = "fjall", feature = "rocksdb")))]
        other => {
            let _ = (dir, options);
            Err(Error::new(ErrorKind::Config, format!("engine `{other}` is not part of this program"))
                .with_hint(format!("build it with the cargo feature `{other}`")))
        }
    }
}

/// The engine that has its data in `dir`, whether it is built in or not; `None` if there is none. Creates nothing.
///
/// # Errors
/// `Config` if the directory is of a format that this version does not know, `Io` if it cannot be read.
///
/// ```
/// use kstreams::engine::written_by;
///
/// assert_eq!(written_by("/nonexistent".as_ref())?, None);
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub fn written_by(dir: &Path) -> Result<Option<EngineKind>> {
    #[cfg(any(feature = "fjall", feature = "rocksdb"))]
    return super::directory::written_by(dir);
    #[cfg(not(any(feature = "fjall", feature = "rocksdb")))]
    {
        let _ = dir;
        Ok(None)
    }
}
