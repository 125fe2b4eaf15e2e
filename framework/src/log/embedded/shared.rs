//! Embedded logs by name: equal URLs mean one log within the process.

use super::{EmbeddedLog, EmbeddedOptions};
use crate::engine::{self, EngineKind, EngineOptions, SharedEngine};
use crate::error::{Error, ErrorKind, Result};
use crate::record::Clock;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The logs that somebody holds. Entries of logs that are gone are replaced or swept with the next opening.
static OPEN: Mutex<BTreeMap<String, Weak<EmbeddedLog>>> = Mutex::new(BTreeMap::new());

impl EmbeddedLog {
    /// The log in memory of that name, for as long as anybody in this process holds it.
    pub fn shared_in_memory(name: &str, clock: Arc<dyn Clock>) -> Arc<Self> {
        let mut logs = logs();
        let name = format!("memory:{name}");
        if let Some(log) = logs.get(&name).and_then(Weak::upgrade) {
            return log;
        }
        let log = EmbeddedLog::in_memory(EmbeddedOptions::with_clock(clock));
        logs.insert(name, Arc::downgrade(&log));
        log
    }

    /// The log in that directory (below it, in `log`), which is created if it does not exist.
    ///
    /// # Errors
    /// `InUse` if another process has it, `Io` if it cannot be opened, `Config` if it is of another format.
    pub fn shared_on_disk(directory: &Path, clock: Arc<dyn Clock>) -> Result<Arc<Self>> {
        let mut logs = logs();
        let name = name_of(directory)?;
        if let Some(log) = logs.get(&name).and_then(Weak::upgrade) {
            return Ok(log);
        }
        let engine = open_engine(directory).map_err(|error| error.context(format!("opening the log in {name}")))?;
        let log = EmbeddedLog::on_engine(engine, EmbeddedOptions::with_clock(clock))?;
        logs.insert(name, Arc::downgrade(&log));
        Ok(log)
    }
}

// The map is whole whatever happened to whoever held it.
fn logs() -> MutexGuard<'static, BTreeMap<String, Weak<EmbeddedLog>>> {
    let mut logs = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    logs.retain(|_, log| log.strong_count() > 0);
    logs
}

fn name_of(directory: &Path) -> Result<String> {
    let created = std::fs::create_dir_all(directory).and_then(|()| directory.canonicalize());
    let path = created.map_err(|error| {
        Error::new(ErrorKind::Io, format!("cannot use the directory `{}` for the log", directory.display()))
            .with_detail(error.to_string())
            .with_source(error)
    })?;
    Ok(path.display().to_string())
}

/// The engine beneath a directory's log; the pure-Rust one where it is built in.
fn open_engine(directory: &Path) -> Result<SharedEngine> {
    let kind = [EngineKind::Fjall, EngineKind::Rocksdb].into_iter().find(|kind| kind.is_built());
    engine::open(kind.unwrap_or(EngineKind::Fjall), &directory.join("log"), &EngineOptions::default())
}
