//! The local state of an application that does not run here, for tools: whose it is, what is in it, deleting it.
//!
//! It never creates a directory, and holds the lock of the one it has: no instance starts on it meanwhile.

use super::directory;
use crate::engine::{self, EngineOptions, LockFile};
use crate::error::{Error, ErrorKind, Result};
use crate::store::OfflineStores;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The state that an instance left in its directory, ours until this value is dropped.
///
/// ```
/// use kstreams::config::Config;
/// use kstreams::dsl::StreamsBuilder;
/// use kstreams::log::client::{NewMessage, Producer, create_topics};
/// use kstreams::log::embedded::{EmbeddedLog, EmbeddedOptions};
/// use kstreams::log::NewTopic;
/// use kstreams::runtime::{LocalState, StartOptions, State, Streams};
/// use std::time::Duration;
///
/// # let directory = tempfile::tempdir()?;
/// # let (directory, timeout) = (directory.path(), Duration::from_secs(30));
/// let log = EmbeddedLog::in_memory(EmbeddedOptions::default());
/// create_topics(&*log, &[NewTopic::new("stations", 1)], timeout)?;
/// let builder = StreamsBuilder::new();
/// builder.table_with::<i64, String>("stations", "stations");
/// let config = Config::new("view", "embedded:").state_dir(directory);
/// let streams = Streams::start_with(&builder.build()?, config, StartOptions::new().log(log.clone()))?;
/// assert!(streams.wait_for(State::Running, timeout));
/// assert!(LocalState::take(directory, "view").is_err(), "it is in use");
/// # let mut producer = Producer::new(&*log, &Default::default(), timeout)?;
/// # let (key, value) = (Some(&40_380_i64.to_be_bytes()[..]), Some(&b"Clark/Lake"[..]));
/// # producer.send(&NewMessage::new(&"stations".into(), key, value))?;
/// # producer.flush()?;
/// # while streams.counts().processed == 0 {
/// #     std::thread::sleep(Duration::from_millis(1));
/// # }
/// // Station 40380 has come.
/// streams.close(timeout)?;
///
/// let state = LocalState::take(directory, "view")?.expect("what the instance left");
/// let stores = state.stores()?.expect("an engine");
/// let store = &stores.list()?[0];
/// assert_eq!((store.name.as_str(), stores.size(store)?.rows), ("stations", 1));
/// let row = stores.rows(store)?.next().expect("a row")?;
/// assert_eq!((row.key, row.value), (40_380_i64.to_be_bytes().to_vec(), b"Clark/Lake".to_vec()));
/// drop(stores);
/// state.delete()?;
/// assert!(state.stores()?.is_none());
/// # Ok::<(), kstreams::error::Error>(())
/// ```
#[derive(Debug)]
pub struct LocalState {
    root: PathBuf,
    _lock: LockFile,
}

impl LocalState {
    /// Takes the state of an application below `state_dir`; `None` if there is none.
    ///
    /// # Errors
    /// `InUse` while an instance has it, `Config` if its format is not known, `Io` if it cannot be read.
    pub fn take(state_dir: &Path, application_id: &str) -> Result<Option<Self>> {
        let root = state_dir.join(application_id);
        let is_there = root.join("format").try_exists().map_err(|error| directory::unusable(&root, error))?;
        if !is_there {
            return Ok(None);
        }
        let lock = directory::lock(&root)?;
        directory::check_format(&root)?;
        Ok(Some(LocalState { root, _lock: lock }))
    }

    /// The application's directory.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The stores on disk; `None` if none is. The engine is open for as long as the answer lives.
    ///
    /// # Errors
    /// `Config` if the program was built without the engine that wrote them; `Io` or `Corrupt` from the disk.
    pub fn stores(&self) -> Result<Option<OfflineStores>> {
        let path = self.engine();
        let Some(kind) = engine::written_by(&path)? else { return Ok(None) };
        engine::open(kind, &path, &EngineOptions::default()).map(|engine| Some(OfflineStores::new(engine)))
    }

    /// Bytes of the files of the stores; 0 if there are none.
    ///
    /// # Errors
    /// `Io` if the directory cannot be read.
    pub fn disk_bytes(&self) -> Result<u64> {
        bytes_below(&self.engine()).map_err(|error| directory::unusable(&self.root, error))
    }

    /// Deletes the stores. The instance keeps its process id: by that it fences what an earlier run of it left open.
    ///
    /// # Errors
    /// `Io` if something cannot be deleted.
    pub fn delete(&self) -> Result<()> {
        match fs::remove_dir_all(self.engine()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::new(ErrorKind::Io, format!("the state in `{}` cannot be deleted", self.root.display()))
                    .with_detail(error.to_string())
                    .with_source(error))
            }
            _ => Ok(()),
        }
    }

    fn engine(&self) -> PathBuf {
        directory::engine_in(&self.root)
    }
}

fn bytes_below(directory: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() { bytes_below(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::directory::StateDirectory;

    #[test]
    fn state_of_a_running_instance_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let running = StateDirectory::acquire(dir.path(), "app", "id").unwrap();
        assert_eq!(LocalState::take(dir.path(), "app").unwrap_err().kind(), ErrorKind::InUse);
        drop(running);
        assert!(LocalState::take(dir.path(), "app").unwrap().is_some());
    }

    #[test]
    fn what_is_not_there_is_not_created() {
        let dir = tempfile::tempdir().unwrap();
        assert!(LocalState::take(dir.path(), "app").unwrap().is_none());
        assert!(!dir.path().join("app").exists());
    }

    #[test]
    fn deleted_state_keeps_the_process_id_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let engine = StateDirectory::acquire(dir.path(), "app", "first").unwrap().engine();
        fs::create_dir_all(&engine).unwrap();
        fs::write(engine.join("rows"), "rows").unwrap();
        let state = LocalState::take(dir.path(), "app").unwrap().unwrap();
        assert_eq!(state.disk_bytes().unwrap(), 4);
        state.delete().unwrap();
        assert_eq!((engine.exists(), state.disk_bytes().unwrap()), (false, 0));
        drop(state);
        assert_eq!(StateDirectory::acquire(dir.path(), "app", "second").unwrap().process_id(), "first");
    }
}
