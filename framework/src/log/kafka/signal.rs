//! A bell between librdkafka's threads and the one thread that waits for messages between two steps.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A bell that stays rung until somebody has heard it.
#[derive(Debug, Default)]
pub(super) struct Signal {
    is_rung: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    /// Wakes whoever waits, or makes the next wait return at once.
    pub(super) fn ring(&self) {
        *self.is_rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }

    /// Returns when the bell has rung since the last wait, at the latest after `timeout`.
    pub(super) fn wait(&self, timeout: Duration) {
        let is_rung = self.is_rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(is_rung, timeout, |is_rung| !*is_rung);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn bell_rung_before_the_wait_is_heard_once() {
        let signal = Signal::default();
        signal.ring();
        signal.wait(Duration::from_secs(3600));
        signal.wait(Duration::ZERO);
    }

    #[test]
    fn bell_rung_by_another_thread_ends_the_wait() {
        let signal = Arc::new(Signal::default());
        let ringer = signal.clone();
        let thread = std::thread::spawn(move || ringer.ring());
        signal.wait(Duration::from_secs(3600));
        thread.join().unwrap();
    }
}
