//! What the threads of one instance share.

use super::board::Board;
use super::counters::Counters;
use super::crew::Crew;
use super::directory::StateDirectory;
use super::listeners::StateRestoreListener;
use super::options::StartOptions;
use super::shutdown_requests::ShutdownRequests;
use super::task_table::TaskTable;
use super::uncaught::{Respite, UncaughtErrorHandler};
use crate::config::{Config, EngineKind, LogUrl};
use crate::engine::{self, EngineOptions, SharedEngine};
use crate::error::{Error, ErrorKind, Result};
use crate::log::{Log, connect_with};
use crate::metrics::Metrics;
use crate::record::{Clock, SystemClock};
use crate::serde::Registry;
use crate::serde::registry::EmbeddedRegistry;
use crate::store::QuerySource;
use crate::topology::{Blueprint, Topology};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where the committed rows of global tables are read. Whoever reads keeps `readers`: nothing is deleted before the last one
/// has dropped it.
#[derive(Clone)]
pub(crate) struct Globals {
    pub(crate) source: QuerySource,
    pub(crate) readers: Arc<()>,
}

/// One application instance: everything that its threads share and that outlives them.
pub(crate) struct Instance {
    pub(crate) config: Config,
    pub(crate) blueprint: Arc<Blueprint>,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) client_id: String,
    pub(crate) process_id: String,
    pub(crate) board: Board,
    pub(crate) counters: Counters,
    pub(crate) metrics: Metrics,
    pub(crate) tasks: TaskTable,
    /// The threads of the operating system that its threads run on, if they do.
    pub(crate) crew: Crew,
    pub(crate) uncaught_error_handler: Option<UncaughtErrorHandler>,
    pub(crate) respite: Mutex<Respite>,
    pub(crate) shutdown_requests: ShutdownRequests,
    pub(crate) restore_listener: Option<Arc<dyn StateRestoreListener>>,
    /// Where global tables are read, once they have been read to their end.
    globals: Mutex<Option<Globals>>,
    /// `None` once the instance has ended.
    disk: Mutex<Option<Disk>>,
}

/// The engine of the stores, in a directory that nobody else has meanwhile: the engine is closed first.
struct Disk {
    engine: SharedEngine,
    _directory: Option<StateDirectory>,
}

impl Instance {
    /// Opens what the configuration names and the options do not give.
    ///
    /// # Errors
    /// `Config` for a configuration that cannot be used; `InUse` and `Io` from the state directory, engine and log.
    pub(crate) fn open(topology: &Topology, mut config: Config, options: StartOptions) -> Result<Arc<Self>> {
        let url = config.validate()?;
        let seed = config.seed.unwrap_or_else(draw_seed);
        let directory = state_directory(&config, &options, &url, seed)?;
        let engine = match options.engine {
            Some(engine) => engine,
            None => open_engine(&config, directory.as_ref())?,
        };
        let registry = match options.registry {
            Some(registry) => registry,
            None => default_registry(&config, &url)?,
        };
        let log = match options.log {
            Some(log) => log,
            None => {
                let clock = options.clock.clone().unwrap_or_else(|| Arc::new(SystemClock));
                connect_with(&config.url, &config.clients, clock)?
            }
        };
        let kept_id = directory.as_ref().map(|directory| directory.process_id().to_owned());
        let process_id = options.process_id.or(kept_id).unwrap_or_else(|| uuid(seed));
        let client_id = config.client_id.clone().unwrap_or_else(|| format!("{}-{process_id}", config.application_id));
        let blueprint = topology.configured(&config);
        if has_only_globals(&blueprint) {
            // As Kafka Streams: no group is joined for tasks that do not exist.
            config.num_stream_threads = 0;
        }
        let metrics = Metrics::new(client_id.as_str())?;
        let (stream_threads, has_globals) = (config.num_stream_threads, !blueprint.globals.is_empty());
        let board = Board::new(&client_id, stream_threads, has_globals, options.listener, metrics.clone());
        board.set_paused(options.is_paused);
        Ok(Arc::new(Instance {
            clock: options.clock.unwrap_or_else(|| log.clock()),
            config,
            blueprint,
            log,
            registry,
            client_id,
            process_id,
            board,
            counters: Counters::default(),
            metrics,
            tasks: TaskTable::default(),
            crew: Crew::default(),
            uncaught_error_handler: options.uncaught_error_handler,
            respite: Mutex::default(),
            shutdown_requests: ShutdownRequests::default(),
            restore_listener: options.restore_listener,
            globals: Mutex::new(None),
            disk: Mutex::new(Some(Disk { engine, _directory: directory })),
        }))
    }

    /// The engine of the stores.
    ///
    /// # Errors
    /// `Bug` after the instance has ended.
    pub(crate) fn engine(&self) -> Result<SharedEngine> {
        let ended = || Error::new(ErrorKind::Bug, "a thread begins after its instance has ended");
        self.lock_disk().as_ref().map(|disk| disk.engine.clone()).ok_or_else(ended)
    }

    /// All threads have ended: the directory is the next one's who wants it.
    pub(crate) fn let_go(&self) {
        self.shutdown_requests.stop();
        drop(self.lock_globals().take());
        drop(self.lock_disk().take());
    }

    fn lock_disk(&self) -> MutexGuard<'_, Option<Disk>> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there are global tables, and so a thread for them: it comes after the stream threads.
    pub(crate) fn has_globals(&self) -> bool {
        !self.blueprint.globals.is_empty()
    }

    /// The cache's share of one stream thread, in bytes: those that leave have none any more.
    pub(crate) fn cache_bytes_per_thread(&self) -> usize {
        let sharers = self.board.stream_threads().max(1) + usize::from(self.has_globals());
        usize::try_from(self.config.statestore_cache_max_bytes / sharers as u64).unwrap_or(usize::MAX)
    }

    /// Where global tables are read; `None` while they are being restored, or if there are none.
    pub(crate) fn globals(&self) -> Option<Globals> {
        self.lock_globals().clone()
    }

    /// Whether global tables can be read.
    pub(crate) fn are_globals_there(&self) -> bool {
        self.lock_globals().is_some()
    }

    /// Whether tasks must not process: there are global tables that cannot be read.
    pub(crate) fn lacks_globals(&self) -> bool {
        self.has_globals() && !self.are_globals_there()
    }

    /// Global tables have been read to their end. Who has read there before still counts as a reader.
    pub(crate) fn set_globals(&self, source: QuerySource) {
        let mut globals = self.lock_globals();
        let readers = globals.take().map(|globals| globals.readers).unwrap_or_default();
        *globals = Some(Globals { source, readers });
    }

    /// Nobody is to begin reading global tables. Whoever still reads holds a copy of what is returned.
    pub(crate) fn withdraw_globals(&self) -> Arc<()> {
        self.lock_globals().take().map(|globals| globals.readers).unwrap_or_default()
    }

    fn lock_globals(&self) -> MutexGuard<'_, Option<Globals>> {
        self.globals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn has_only_globals(blueprint: &Blueprint) -> bool {
    !blueprint.globals.is_empty() && blueprint.subtopologies.iter().all(|subtopology| subtopology.is_global)
}

/// The directory, unless nothing of this instance outlives the process: neither its stores nor its log.
fn state_directory(config: &Config, options: &StartOptions, url: &LogUrl, seed: u64) -> Result<Option<StateDirectory>> {
    let is_volatile_log = options.log.is_some() || matches!(url, LogUrl::EmbeddedMemory { .. });
    if options.engine.is_some() || (config.engine == EngineKind::Memory && is_volatile_log) {
        return Ok(None);
    }
    StateDirectory::acquire(&config.state_dir, &config.application_id, &uuid(seed)).map(Some)
}

fn open_engine(config: &Config, directory: Option<&StateDirectory>) -> Result<SharedEngine> {
    let kind = match config.engine {
        EngineKind::Memory => engine::EngineKind::Memory,
        EngineKind::Fjall => engine::EngineKind::Fjall,
        EngineKind::RocksDb => engine::EngineKind::Rocksdb,
    };
    let path = directory.map(StateDirectory::engine).unwrap_or_default();
    engine::open(kind, &path, &EngineOptions::default())
}

fn default_registry(config: &Config, url: &LogUrl) -> Result<Arc<dyn Registry>> {
    match &config.registry {
        None => Ok(EmbeddedRegistry::of_log(url)?),
        #[cfg(feature = "avro")]
        Some(registry) => Ok(Arc::new(crate::serde::registry::HttpRegistry::new(registry)?)),
        #[cfg(not(feature = "avro"))]
        Some(registry) => Err(Error::new(
            ErrorKind::Config,
            format!("this build does not contain the client for the schema registry at {}", registry.url),
        )
        .with_hint("build it with the cargo feature `avro`")),
    }
}

/// A seed from the operating system, by way of the standard library's own hash keys.
fn draw_seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A random UUID (version 4) from a seed.
fn uuid(seed: u64) -> String {
    use rand::RngCore;
    use rand::SeedableRng;
    let mut bytes = [0; 16];
    rand_chacha::ChaCha8Rng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |range: std::ops::Range<usize>| hex[range].concat();
    [part(0..4), part(4..6), part(6..8), part(8..10), part(10..16)].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_id_is_a_uuid_that_the_seed_decides() {
        let id = uuid(7);
        assert_eq!(id, uuid(7));
        assert_ne!(id, uuid(8));
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(&id[14..15], "4");
    }
}
