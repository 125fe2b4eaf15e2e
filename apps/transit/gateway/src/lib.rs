//! What stands beside Kafka and speaks HTTP, for machines without containers: its REST Proxy and its schema registry.
//!
//! The gateway is Kafka's REST Proxy v2, as far as producing goes, on any log. `POST /topics/{topic}` writes records that
//! come as Avro, JSON or base64 inside JSON; `GET /topics` lists topics. A request is written as a whole, in one
//! transaction, or not at all. The gateway keeps nothing of its own.
//!
//! [`registry`] is Confluent's schema registry, as far as registering and asking go, in a directory.

mod encode;
mod http;
mod produce;
mod refusal;
pub mod registry;
mod request;
mod server;

pub use encode::{Encoded, encode};
pub use produce::{Offset, Written};
pub use refusal::Refusal;
pub use request::{Embedded, Produce, Record};

use clap::Args;
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::log::Log;
use kstreams::serde::Registry;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use transit_part::Stop;

/// Flags of the gateway.
#[derive(Debug, Clone, Args)]
pub struct GatewaySettings {
    /// Where HTTP is served; port 0 takes a free one
    #[arg(long, env = "TRANSIT_GATEWAY_LISTEN", value_name = "HOST:PORT", default_value = "127.0.0.1:8082")]
    pub listen: String,

    /// The largest body of a request, in bytes
    #[arg(long, env = "TRANSIT_GATEWAY_BODY_BYTES_MAX", value_name = "BYTES", default_value_t = 1 << 20)]
    pub body_bytes_max: usize,

    /// Transactional id; each gateway on a log needs its own
    #[arg(long, env = "TRANSIT_GATEWAY_ID", value_name = "ID", default_value = "transit-gateway")]
    pub id: String,
}

/// A gateway that listens and does not yet answer.
pub struct Gateway {
    runtime: Runtime,
    listener: TcpListener,
    address: SocketAddr,
    routes: Arc<server::Routes>,
    writer: produce::WriterThread,
}

impl Gateway {
    /// Listens and takes over the transactional id.
    ///
    /// # Errors
    /// `InUse` if the port is taken; what the log answers.
    pub fn bind(log: Arc<dyn Log>, registry: Arc<dyn Registry>, settings: &GatewaySettings) -> Result<Gateway> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build()?;
        let (listener, address) = runtime.block_on(http::bind(&settings.listen))?;
        let (queue, writer) = produce::start(log.clone(), registry, &settings.id)?;
        let routes = Arc::new(server::Routes { queue, log, body_bytes_max: settings.body_bytes_max });
        Ok(Gateway { runtime, listener, address, routes, writer })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until a stop is requested. Requests that were begun are finished.
    ///
    /// # Errors
    /// `Fenced` if another gateway has taken over the transactional id.
    pub fn run(self, stop: &Stop) -> Result<()> {
        let Gateway { runtime, listener, routes, writer, .. } = self;
        let answering = routes.clone();
        runtime.block_on(http::serve(listener, move |request| server::answer(answering.clone(), request), async {
            tokio::select! {
                () = stop.requested() => {}
                () = routes.queue.ended() => {}
            }
        }));
        drop(routes);
        // With the runtime go the last connections, and with them the last queue to the writer.
        drop(runtime);
        writer.join().unwrap_or_else(|_| Err(Error::new(ErrorKind::Bug, "the gateway's writer panicked")))
    }
}
