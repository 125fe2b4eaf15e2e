//! How long something may go wrong before it is given up, and when it is tried again.

use crate::error::{Error, Result};

/// The pause after the first failure, in milliseconds; it doubles with each further one.
const FIRST_PAUSE_MS: i64 = 20;

/// The longest pause between two attempts, in milliseconds.
const PAUSE_MS_MAX: i64 = 5_000;

/// Failures in a row of one thing that is tried again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Retry {
    since_ms: Option<i64>,
    attempts: u32,
    due_ms: i64,
}

impl Retry {
    /// It went wrong at `now_ms`: it is due again after a pause, unless it has gone wrong for `limit_ms`.
    ///
    /// # Errors
    /// The error itself, fatal now, once the limit is reached.
    pub(crate) fn failed(&mut self, error: Error, now_ms: i64, limit_ms: i64) -> Result<()> {
        // Failures that far apart have nothing to do with each other.
        if now_ms.saturating_sub(self.due_ms) > limit_ms.max(PAUSE_MS_MAX).saturating_mul(2) && self.attempts > 0 {
            self.succeeded();
        }
        let since_ms = *self.since_ms.get_or_insert(now_ms);
        if now_ms.saturating_sub(since_ms) >= limit_ms {
            let context = format!("given up after {} attempts within {limit_ms} ms", self.attempts + 1);
            return Err(error.answered().context(context));
        }
        let pause_ms = FIRST_PAUSE_MS.saturating_mul(1 << self.attempts.min(16)).min(PAUSE_MS_MAX);
        self.attempts += 1;
        self.due_ms = now_ms.saturating_add(pause_ms);
        Ok(())
    }

    /// Whether it may be tried (again).
    pub(crate) fn is_due(&self, now_ms: i64) -> bool {
        now_ms >= self.due_ms
    }

    /// When it may be tried again.
    pub(crate) fn due_ms(&self) -> i64 {
        self.due_ms
    }

    /// It went well.
    pub(crate) fn succeeded(&mut self) {
        *self = Retry::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ErrorKind, Scope};

    fn timeout() -> Error {
        Error::new(ErrorKind::Timeout, "no answer")
    }

    #[test]
    fn pauses_double_up_to_a_limit() {
        let (mut retry, mut now_ms, mut pauses) = (Retry::default(), 0, Vec::new());
        for _ in 0..12 {
            retry.failed(timeout(), now_ms, i64::MAX).unwrap();
            assert!(!retry.is_due(retry.due_ms() - 1));
            pauses.push(retry.due_ms() - now_ms);
            now_ms = retry.due_ms();
        }
        assert_eq!(pauses[..4], [20, 40, 80, 160]);
        assert_eq!(pauses[11], PAUSE_MS_MAX);
    }

    #[test]
    fn what_goes_wrong_for_too_long_is_given_up_and_success_forgets() {
        let mut retry = Retry::default();
        retry.failed(timeout(), 0, 100).unwrap();
        let error = retry.failed(timeout(), 100, 100).unwrap_err();
        assert_eq!((error.kind(), error.scope()), (ErrorKind::Timeout, Scope::Fatal));
        retry.succeeded();
        assert!(retry.failed(timeout(), 100, 100).is_ok());
    }
}
