//! Confluent's schema registry over HTTP, kept in a directory by the framework's [`EmbeddedRegistry`].
//!
//! It takes Avro, which must stay readable (`BACKWARD`), and JSON Schema, which is not checked against the version
//! before. Nothing is deleted, and compatibility is not configured: those requests are answered 405.

mod ask;
mod refuse;
mod routes;

use crate::http;
use clap::Args;
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::serde::registry::EmbeddedRegistry;
use routes::Routes;
use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use transit_part::Stop;

/// The file in the directory that holds the schemas.
const SCHEMAS: &str = "schemas";
/// The file whose lock says that somebody serves the directory.
const LOCK: &str = "lock";

/// Flags of the registry.
#[derive(Debug, Clone, Args)]
pub struct RegistrySettings {
    /// Where HTTP is served; port 0 takes a free one
    #[arg(long, env = "TRANSIT_REGISTRY_LISTEN", value_name = "HOST:PORT", default_value = "127.0.0.1:8081")]
    pub listen: String,

    /// Where schemas are kept
    #[arg(long, env = "TRANSIT_REGISTRY_DIR", value_name = "DIRECTORY", default_value = "transit-data/registry")]
    pub dir: PathBuf,

    /// The largest body of a request, in bytes
    #[arg(long, env = "TRANSIT_REGISTRY_BODY_BYTES_MAX", value_name = "BYTES", default_value_t = 1 << 20)]
    pub body_bytes_max: usize,
}

/// A registry that listens and does not yet answer.
pub struct RegistryServer {
    runtime: Runtime,
    listener: TcpListener,
    address: SocketAddr,
    routes: Arc<Routes>,
    /// Its lock goes with the process, however that ends.
    _lock: File,
}

impl RegistryServer {
    /// Listens, and reads what is in the directory.
    ///
    /// # Errors
    /// `InUse` if the port is taken or another process has the directory; `Corrupt` if that holds something else; `Io`.
    pub fn bind(settings: &RegistrySettings) -> Result<RegistryServer> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build()?;
        let (listener, address) = runtime.block_on(http::bind(&settings.listen))?;
        let lock = lock(&settings.dir)?;
        let registry = EmbeddedRegistry::open(settings.dir.join(SCHEMAS))?;
        let routes = Arc::new(Routes { registry, body_bytes_max: settings.body_bytes_max });
        Ok(RegistryServer { runtime, listener, address, routes, _lock: lock })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until a stop is requested. Requests that were begun are finished.
    pub fn run(self, stop: &Stop) {
        let RegistryServer { runtime, listener, routes, .. } = self;
        let answer = move |request| routes::answer(routes.clone(), request);
        runtime.block_on(http::serve(listener, answer, stop.requested()));
    }
}

/// Takes the directory for this process.
fn lock(directory: &Path) -> Result<File> {
    let unusable = |error: std::io::Error| {
        Error::new(ErrorKind::Io, format!("the registry cannot use {}", directory.display())).with_source(error)
    };
    std::fs::create_dir_all(directory).map_err(unusable)?;
    let file = File::create(directory.join(LOCK)).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(Error::new(ErrorKind::InUse, format!("another process serves the schemas in {}", directory.display())))
        }
        Err(TryLockError::Error(error)) => Err(unusable(error)),
    }
}
