//! Embedded logs by name: equal URLs mean one log within the process.

use super::{EmbeddedLog, EmbeddedOptions};
use crate::config::{Shared, name_of_directory};
use crate::engine::{self, EngineKind, EngineOptions, SharedEngine};
use crate::error::Result;
use crate::record::Clock;
use std::path::Path;
use std::sync::Arc;

static OPEN: Shared<EmbeddedLog> = Shared::new();

impl EmbeddedLog {
    /// The log in memory of that name, for as long as anybody in this process holds it.
    pub fn shared_in_memory(name: &str, clock: Arc<dyn Clock>) -> Arc<Self> {
        let make = || Ok(EmbeddedLog::in_memory(EmbeddedOptions::with_clock(clock)));
        OPEN.named(&format!("memory:{name}"), make).expect("memory is always there")
    }

    /// The log in that directory (below it, in `log`), which is created if it does not exist.
    ///
    /// # Errors
    /// `InUse` if another process has it, `Io` if it cannot be opened, `Config` if it is of another format.
    pub fn shared_on_disk(directory: &Path, clock: Arc<dyn Clock>) -> Result<Arc<Self>> {
        let name = name_of_directory(directory, "the log")?;
        OPEN.named(&name, || {
            let engine = open_engine(directory).map_err(|error| error.context(format!("opening the log in {name}")))?;
            EmbeddedLog::on_engine(engine, EmbeddedOptions::with_clock(clock))
        })
    }
}

/// The engine beneath a directory's log; the pure-Rust one where it is built in.
fn open_engine(directory: &Path) -> Result<SharedEngine> {
    let kind = [EngineKind::Fjall, EngineKind::Rocksdb].into_iter().find(|kind| kind.is_built());
    engine::open(kind.unwrap_or(EngineKind::Fjall), &directory.join("log"), &EngineOptions::default())
}
