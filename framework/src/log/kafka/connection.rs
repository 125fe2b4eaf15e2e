//! Opening a consumer's client, and closing it without waiting for brokers.

use super::cluster::Cluster;
use super::context::ConsumerContext;
use super::native::NativeConsumer;
use super::settings::{GroupProtocol, open};
use super::signal::Signal;
use crate::error::Result;
use crate::log::ConsumerConfig;
use rdkafka::consumer::Consumer as _;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// A client that rings `signal` when it has something to tell.
///
/// # Errors
/// `Config` for settings that librdkafka does not take.
pub(super) fn connect(
    cluster: &Cluster,
    config: &ConsumerConfig,
    protocol: GroupProtocol,
    signal: &Arc<Signal>,
) -> Result<Arc<NativeConsumer>> {
    let mut client: NativeConsumer = open(&cluster.settings().consumer(config, protocol), ConsumerContext::default())?;
    let signal = signal.clone();
    client.set_nonempty_callback(move || signal.ring());
    Ok(Arc::new(client))
}

/// Closes a client on a thread of its own, and waits for it a little: a broker may be slow or gone.
pub(super) fn close(client: Arc<NativeConsumer>, patience: Duration) {
    client.context().close();
    let (done, closed) = sync_channel::<()>(1);
    let closing = std::thread::Builder::new().name(String::from("kafka-close")).spawn(move || {
        drop(client);
        drop(done);
    });
    if closing.is_ok() && !patience.is_zero() {
        // Both answers mean that we go on.
        let _ = closed.recv_timeout(patience);
    }
}
