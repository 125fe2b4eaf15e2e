//! The page's server, in a thread with a runtime of its own.

use crate::DemoSettings;
use kstreams::error::{Error, ErrorKind, Result};
use prometheus::Registry;
use std::net::SocketAddr;
use tokio::runtime::Runtime;
use transit_dashboard::{Health, Hub, Options, Server};
use transit_part::Stop;

/// A page that has its port and does not answer yet.
pub(crate) struct Page {
    runtime: Runtime,
    server: Server,
}

impl Page {
    /// Takes the port.
    ///
    /// # Errors
    /// `InUse` if another program has it, `Io` if the address cannot be used otherwise.
    pub(crate) fn bind(settings: &DemoSettings, hub: &Hub) -> Result<Page> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let options = Options { listen: SocketAddr::new(settings.host, settings.port), ..Options::default() };
        let bound = runtime.block_on(Server::bind(hub.clone(), options));
        let server = bound.map_err(|error| match error.kind() {
            ErrorKind::InUse => {
                let message = format!("port {} is used by another program", settings.port);
                Error::new(ErrorKind::InUse, message).with_hint("choose another with --port")
            }
            _ => error,
        })?;
        Ok(Page { runtime, server })
    }

    /// Where it is served.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Serves until the stop.
    ///
    /// # Errors
    /// None so far; a part answers with a result.
    pub(crate) fn run(
        self,
        health: impl Fn() -> Health + Send + Sync + 'static,
        metrics: Vec<Registry>,
        stop: &Stop,
    ) -> Result<()> {
        let Page { runtime, server } = self;
        let server = server.with_probe(health).with_registries(move || metrics.clone());
        runtime.block_on(server.run(stop.requested()));
        Ok(())
    }
}
