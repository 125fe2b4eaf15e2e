//! The web server: the page and its assets, `/events`, the JSON API, health and metrics.
//!
//! It knows the [`Hub`] and nothing of where events come from. Every connection, watcher and wait has a limit; nothing is
//! written to disk and nothing is loaded from elsewhere: assets are part of the program.

mod api;
mod assets;
mod events;
mod metrics;
mod respond;
mod router;
mod stall;

use crate::Hub;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use kstreams::error::{Error, ErrorKind, Result};
use prometheus::Registry;
use router::Router;
use stall::StallLimit;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::MissedTickBehavior;

/// How long a client may take to send a request's head, and how long a connection may idle.
const REQUEST_HEAD_MAX: Duration = Duration::from_secs(30);
/// How long a client may refuse to take what is sent to it.
const WRITE_STALL_MAX: Duration = Duration::from_secs(30);
/// How long connections may take to finish after the signal to stop.
const SHUTDOWN_MAX: Duration = Duration::from_secs(3);

/// Where the server listens and what it allows.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// As many watchers of `/events` as are served at a time; the next is answered 503.
    pub watchers_max: usize,
    /// As many connections as are open at a time; the next waits.
    pub connections_max: usize,
    /// How often changes are sent, in milliseconds.
    pub publish_every_ms: u64,
    /// How often a sign of life is sent when nothing changes, in milliseconds.
    pub heartbeat_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            listen: SocketAddr::from(([127, 0, 0, 1], 8888)),
            watchers_max: 256,
            connections_max: 512,
            publish_every_ms: 100,
            heartbeat_ms: 5_000,
        }
    }
}

/// How those who feed the hub are, for `/healthz` and `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// They work.
    Working,
    /// They are about to work: what they wait for.
    Starting(String),
    /// They will not work any more: why.
    Failed(String),
}

/// Tells how those who feed the hub are; called for each probe.
type Probe = Box<dyn Fn() -> Health + Send + Sync>;

/// Names the registries of those who feed the hub; called for each request of `/metrics`.
type Registries = Box<dyn Fn() -> Vec<Registry> + Send + Sync>;

/// A server that holds its port but does not answer yet.
pub struct Server {
    hub: Hub,
    options: Options,
    listener: TcpListener,
    probe: Probe,
    registries: Registries,
}

impl Server {
    /// Takes the port.
    ///
    /// # Errors
    /// [`ErrorKind::InUse`] if another program listens there, [`ErrorKind::Io`] if the address cannot be used otherwise.
    pub async fn bind(hub: Hub, options: Options) -> Result<Server> {
        let listener = TcpListener::bind(options.listen).await.map_err(|error| cannot_listen(options.listen, error))?;
        let (probe, registries): (Probe, Registries) = (Box::new(|| Health::Working), Box::new(Vec::new));
        Ok(Server { hub, options, listener, probe, registries })
    }

    /// Answers `/healthz` and `/readyz` by what `probe` tells. Without one the hub is taken to be fed.
    pub fn with_probe(self, probe: impl Fn() -> Health + Send + Sync + 'static) -> Server {
        Server { probe: Box::new(probe), ..self }
    }

    /// Serves the metrics of these registries beside the server's own.
    pub fn with_registries(self, registries: impl Fn() -> Vec<Registry> + Send + Sync + 'static) -> Server {
        Server { registries: Box::new(registries), ..self }
    }

    /// The address in use, with the port that was taken.
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap_or(self.options.listen)
    }

    /// Answers requests until `stop` is done; then ends the streams of `/events`, lets other requests finish, and returns.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let (stopping, stopped) = watch::channel(false);
        let router = Arc::new(Router::new(self.hub.clone(), &self.options, (self.probe, self.registries), stopped));
        let publisher = tokio::spawn(publish(self.hub, Duration::from_millis(self.options.publish_every_ms)));
        let open = GracefulShutdown::new();
        let permits = Arc::new(Semaphore::new(self.options.connections_max));
        tokio::select! {
            () = accept(self.listener, router, permits, &open) => {}
            () = stop => {}
        }
        publisher.abort();
        stopping.send_replace(true);
        if tokio::time::timeout(SHUTDOWN_MAX, open.shutdown()).await.is_err() {
            tracing::warn!("some connections did not finish within {SHUTDOWN_MAX:?} and were closed");
        }
    }
}

fn cannot_listen(address: SocketAddr, error: std::io::Error) -> Error {
    let (kind, what) = match error.kind() {
        std::io::ErrorKind::AddrInUse => (ErrorKind::InUse, "is used by another program"),
        std::io::ErrorKind::PermissionDenied => (ErrorKind::Unauthorized, "is not allowed to this user"),
        std::io::ErrorKind::AddrNotAvailable => (ErrorKind::Io, "is no address of this machine"),
        _ => (ErrorKind::Io, "cannot be used"),
    };
    Error::new(kind, format!("the page cannot be served: {address} {what}"))
        .with_hint("choose another address with --listen")
        .with_source(error)
}

/// Sends watchers what changed, forever.
async fn publish(hub: Hub, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        hub.publish();
    }
}

/// Accepts connections, forever. A failure concerns one connection, or passes: no file descriptor may be left.
async fn accept(listener: TcpListener, router: Arc<Router>, permits: Arc<Semaphore>, open: &GracefulShutdown) {
    loop {
        let permit = permits.clone().acquire_owned().await.expect("the semaphore is never closed");
        match listener.accept().await {
            Ok((stream, _)) => serve(stream, router.clone(), permit, open),
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Serves one connection in a task of its own.
fn serve(stream: TcpStream, router: Arc<Router>, permit: OwnedSemaphorePermit, open: &GracefulShutdown) {
    let service = service_fn(move |request| {
        let router = router.clone();
        async move { Ok::<_, Infallible>(router.answer(&request)) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_HEAD_MAX)
        .serve_connection(TokioIo::new(StallLimit::new(stream, WRITE_STALL_MAX)), service);
    let connection = open.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!("connection ended: {error}");
        }
        drop(permit);
    });
}
