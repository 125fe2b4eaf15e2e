//! What becomes of an error that no thread can go on after.

use super::listeners::panicked;
use crate::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The pause before a failed thread's successor begins, in milliseconds; it doubles with each further failure.
const FIRST_PAUSE_MS: i64 = 100;

/// The longest such pause, in milliseconds.
const PAUSE_MS_MAX: i64 = 10_000;

/// Failures further apart than this have nothing to do with each other, in milliseconds.
const FORGETTING_MS: i64 = 60_000;

/// What to do about an error that ends a thread. Kafka Streams:
/// `StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UncaughtErrorResponse {
    /// Another thread takes its place, and everything since the last commit is done again. Kafka Streams:
    /// `REPLACE_THREAD`.
    ///
    /// The first successor waits 100 ms before it begins, each further one of the instance twice as long, up to 10 s; after a
    /// minute without a failure it is 100 ms again. So a record on which every thread fails keeps the instance from
    /// its work, but does not make it spin. The thread of global tables cannot be replaced: the instance ends instead.
    ReplaceThread,
    /// This instance ends: its other threads commit and leave, and
    /// [`Streams::wait`](super::Streams::wait) returns the error. Kafka Streams: `SHUTDOWN_CLIENT`.
    ShutdownClient,
    /// Every instance of the application ends, each with an error; see the guide's chapter on running for how the others hear of
    /// it. Kafka Streams: `SHUTDOWN_APPLICATION`.
    ShutdownApplication,
}

/// Decides what becomes of an error; it is given the error and the thread's name.
/// Kafka Streams: `StreamsUncaughtExceptionHandler`.
pub(crate) type UncaughtErrorHandler = Arc<dyn Fn(&Error, &str) -> UncaughtErrorResponse + Send + Sync>;

/// Asks the program what to do; without a handler the instance ends. A handler that panics has no say.
pub(super) fn response(handler: Option<&UncaughtErrorHandler>, error: &Error, name: &str) -> UncaughtErrorResponse {
    let Some(handler) = handler else { return UncaughtErrorResponse::ShutdownClient };
    let answer = catch_unwind(AssertUnwindSafe(|| handler(error, name)));
    answer.unwrap_or_else(|panic| {
        let panic = panicked("the handler of uncaught errors", &*panic);
        tracing::error!(thread = name, error = %panic, "the instance ends");
        UncaughtErrorResponse::ShutdownClient
    })
}

/// How long the next successor waits. One for an instance: a record on which threads fail wanders from thread to thread.
#[derive(Debug, Default)]
pub(crate) struct Respite {
    failures: u32,
    last_ms: i64,
}

impl Respite {
    /// A thread failed at `now_ms`: so many milliseconds are to pass before its successor begins.
    pub(crate) fn after_failure(&mut self, now_ms: i64) -> i64 {
        if now_ms.saturating_sub(self.last_ms) > FORGETTING_MS {
            self.failures = 0;
        }
        let pause_ms = FIRST_PAUSE_MS.saturating_mul(1 << self.failures.min(16)).min(PAUSE_MS_MAX);
        self.failures += 1;
        // What happens within the pause cannot be its successor's failure.
        self.last_ms = now_ms.saturating_add(pause_ms);
        pause_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn pauses_double_up_to_a_limit_and_are_forgotten() {
        let (mut respite, mut now_ms, mut pauses) = (Respite::default(), 1_000_000, Vec::new());
        for _ in 0..10 {
            let pause_ms = respite.after_failure(now_ms);
            pauses.push(pause_ms);
            now_ms += pause_ms + FORGETTING_MS;
        }
        assert_eq!(pauses[..4], [100, 200, 400, 800]);
        assert_eq!(pauses[9], PAUSE_MS_MAX);
        assert_eq!(respite.after_failure(now_ms + 1), FIRST_PAUSE_MS);
    }

    #[test]
    fn handler_that_panics_ends_the_instance() {
        let handler: UncaughtErrorHandler = Arc::new(|_, name| panic!("no idea about {name}"));
        let error = Error::new(ErrorKind::Io, "disk full");
        assert_eq!(response(Some(&handler), &error, "t"), UncaughtErrorResponse::ShutdownClient);
        assert_eq!(response(None, &error, "t"), UncaughtErrorResponse::ShutdownClient);
        let handler: UncaughtErrorHandler = Arc::new(|error, name| {
            assert_eq!((error.kind(), name), (ErrorKind::Io, "t"));
            UncaughtErrorResponse::ReplaceThread
        });
        assert_eq!(response(Some(&handler), &error, "t"), UncaughtErrorResponse::ReplaceThread);
    }
}
