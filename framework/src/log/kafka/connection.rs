//! Opening a consumer's client, and closing clients without waiting for brokers.

use super::cluster::Cluster;
use super::context::ConsumerContext;
use super::native::NativeConsumer;
use super::settings::{GroupProtocol, open};
use super::signal::Signal;
use crate::error::Result;
use crate::log::ConsumerConfig;
use rdkafka::consumer::BaseConsumer;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// The longest that dropping a consumer waits for its goodbye; it goes on without us.
const CLOSING: Duration = Duration::from_secs(2);

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
    let mut client: BaseConsumer<_> = open(&cluster.settings().consumer(config, protocol), ConsumerContext::default())?;
    let signal = signal.clone();
    client.set_nonempty_callback(move || signal.ring());
    Ok(Arc::new(Aside::new(client, CLOSING)))
}

/// A client that another thread closes: that waits for librdkafka's threads, which may wait for a broker that is slow or gone. Whoever
/// has it last may be anybody, so it sees to that itself.
pub(super) struct Aside<T: Send + 'static> {
    /// `None` only while it is dropped.
    client: Option<T>,
    patience: Duration,
}

impl<T: Send + 'static> Aside<T> {
    /// A client; whoever drops it waits for at most `patience` until it is closed. It is closed afterwards all the same.
    pub(super) fn new(client: T, patience: Duration) -> Self {
        Aside { client: Some(client), patience }
    }
}

impl<T: Send + 'static> Deref for Aside<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.client.as_ref().expect("it is there until it is dropped")
    }
}

impl<T: Send + 'static> Drop for Aside<T> {
    fn drop(&mut self) {
        let (client, (done, closed)) = (self.client.take(), sync_channel::<()>(1));
        let closing = std::thread::Builder::new().name(String::from("kafka-close")).spawn(move || {
            drop(client);
            drop(done);
        });
        if closing.is_ok() && !self.patience.is_zero() {
            // Both answers mean that we go on.
            let _ = closed.recv_timeout(self.patience);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::thread::{ThreadId, current};

    /// Says where it is dropped, once the gate opens.
    struct Slow(Arc<Barrier>, std::sync::mpsc::Sender<ThreadId>);

    impl Drop for Slow {
        fn drop(&mut self) {
            self.0.wait();
            self.1.send(current().id()).unwrap();
        }
    }

    #[test]
    fn whoever_drops_a_client_last_does_not_close_it() {
        let (gate, (sender, closed)) = (Arc::new(Barrier::new(2)), std::sync::mpsc::channel());
        let one = Arc::new(Aside::new(Slow(gate.clone(), sender), Duration::ZERO));
        let other = one.clone();
        drop(one);
        drop(other);
        // Had this thread closed it, it would never come here.
        gate.wait();
        assert_ne!(closed.recv().unwrap(), current().id());
    }

    #[test]
    fn closing_is_waited_for_until_it_is_done() {
        let (gate, (sender, closed)) = (Arc::new(Barrier::new(1)), std::sync::mpsc::channel());
        drop(Aside::new(Slow(gate, sender), Duration::from_secs(3600)));
        assert!(closed.try_recv().is_ok());
    }
}
