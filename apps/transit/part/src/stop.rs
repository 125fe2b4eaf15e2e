//! Telling parts to stop: by signal, or because another part failed.

use kstreams::error::{Error, ErrorKind, Result};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// A request to stop that many parts share; made once, never taken back.
///
/// ```
/// use std::time::Duration;
/// use transit_part::Stop;
///
/// let stop = Stop::default();
/// assert!(!stop.wait(Duration::ZERO));
/// stop.clone().request();
/// assert!(stop.wait(Duration::from_secs(3600)), "at once, not after an hour");
/// ```
#[derive(Clone)]
pub struct Stop(Arc<Shared>);

struct Shared {
    requested: Mutex<bool>,
    changed: Condvar,
    announce: watch::Sender<bool>,
}

impl Default for Stop {
    fn default() -> Self {
        let announce = watch::Sender::new(false);
        Stop(Arc::new(Shared { requested: Mutex::default(), changed: Condvar::new(), announce }))
    }
}

impl Stop {
    /// Asks everyone to stop.
    pub fn request(&self) {
        // The flag is a plain bool: a thread that panicked while holding it cannot have left it half set.
        *self.0.requested.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
        self.0.announce.send_replace(true);
    }

    /// Whether somebody asked.
    pub fn is_requested(&self) -> bool {
        *self.0.requested.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks for `at_most`, or until a stop is requested; tells whether one is.
    pub fn wait(&self, at_most: Duration) -> bool {
        let requested = self.0.requested.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.changed.wait_timeout_while(requested, at_most, |requested| !*requested);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Blocks until `when`, or until a stop is requested; tells whether one is.
    pub fn wait_until(&self, when: Instant) -> bool {
        self.wait(when.saturating_duration_since(Instant::now()))
    }

    /// Waits for a stop without blocking the runtime.
    pub async fn requested(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.0.announce.subscribe().wait_for(|requested| *requested).await;
    }
}

/// Requests the stop at the first SIGTERM or Ctrl-C; a second one ends the process at once.
///
/// # Errors
/// `Io` if the signals cannot be watched.
pub fn stop_on_signals(stop: &Stop) -> Result<()> {
    let stop = stop.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut terminate, mut interrupt) = {
        let _context = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    let watch = move || {
        runtime.block_on(async {
            for exits in [false, true] {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if exits {
                    eprintln!("stopped at once, at the second signal");
                    std::process::exit(130);
                }
                tracing::info!("stopping");
                stop.request();
            }
        });
    };
    let spawned = std::thread::Builder::new().name("signals".into()).spawn(watch);
    spawned
        .map(drop)
        .map_err(|error| Error::new(ErrorKind::Io, "cannot start the thread that watches signals").with_source(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_wakes_those_who_wait() {
        let stop = Stop::default();
        let waiting = stop.clone();
        let waiter = std::thread::spawn(move || waiting.wait(Duration::from_secs(3_600)));
        stop.request();
        assert!(waiter.join().unwrap());
        crate::block_on(stop.requested()).unwrap();
    }

    #[test]
    fn wait_ends_without_a_request() {
        let stop = Stop::default();
        assert!(!stop.wait_until(Instant::now()));
        assert!(!stop.is_requested());
    }
}
