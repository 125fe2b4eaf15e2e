//! Threads that end together: when one fails, all are told to stop.

use kstreams::error::{Error, ErrorKind, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use transit_part::Stop;

/// Running parts and the first error of any of them.
pub(crate) struct Parts {
    stop: Stop,
    failed: Arc<Mutex<Option<Error>>>,
}

/// A part that runs, and what it will have done.
pub(crate) struct Part<T>(JoinHandle<Option<T>>);

impl<T> Part<T> {
    /// Waits for the part's end; `None` if it failed.
    pub(crate) fn join(self) -> Option<T> {
        self.0.join().ok().flatten()
    }

    /// Whether the part has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.0.is_finished()
    }
}

impl Parts {
    /// Parts that request `stop` when one of them fails.
    pub(crate) fn new(stop: Stop) -> Self {
        Parts { stop, failed: Arc::default() }
    }

    /// Starts a part in a thread of that name.
    ///
    /// # Errors
    /// `Io` if the system gives no thread.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        name: &'static str,
        run: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<Part<T>> {
        let (stop, failed) = (self.stop.clone(), self.failed.clone());
        let run = move || {
            let panicked = |_| Err(Error::new(ErrorKind::Bug, "it panicked"));
            match catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(panicked) {
                Ok(done) => Some(done),
                Err(error) => {
                    note(&failed, error.context(name));
                    stop.request();
                    None
                }
            }
        };
        Ok(Part(std::thread::Builder::new().name(name.into()).spawn(run)?))
    }

    /// Records a failure from outside of a thread, and stops all parts.
    pub(crate) fn fail(&self, error: Error) {
        note(&self.failed, error);
        self.stop.request();
    }

    /// The first error of any part.
    ///
    /// # Errors
    /// That one.
    pub(crate) fn outcome(&self) -> Result<()> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}

/// Later errors follow from the first one more often than not.
fn note(failed: &Mutex<Option<Error>>, error: Error) {
    let mut first = failed.lock().unwrap_or_else(PoisonError::into_inner);
    match &*first {
        Some(_) => tracing::warn!(%error, "another part failed"),
        None => *first = Some(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn failure_of_one_part_stops_the_others() {
        let stop = Stop::default();
        let parts = Parts::new(stop.clone());
        let waiting = parts.spawn("waiting", move || Ok(stop.wait(Duration::from_secs(3_600)))).unwrap();
        let failing = parts.spawn::<()>("failing", || Err(Error::new(ErrorKind::Io, "the disk is full"))).unwrap();
        assert_eq!(waiting.join(), Some(true));
        assert_eq!(failing.join(), None);
        assert_eq!(parts.outcome().unwrap_err().to_string(), "failing: the disk is full");
    }

    #[test]
    fn panic_is_a_failure() {
        let parts = Parts::new(Stop::default());
        assert_eq!(parts.spawn::<()>("bad", || panic!("oops")).unwrap().join(), None);
        assert_eq!(parts.outcome().unwrap_err().to_string(), "bad: it panicked");
    }

    #[test]
    fn parts_that_end_well_stop_nobody() {
        let stop = Stop::default();
        let parts = Parts::new(stop.clone());
        assert_eq!(parts.spawn("good", || Ok(7)).unwrap().join(), Some(7));
        assert!(!stop.is_requested() && parts.outcome().is_ok());
    }
}
