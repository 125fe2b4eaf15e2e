//! A question to the log whose answer comes in a later step.

use crate::error::{Error, Result};
use std::fmt;
use std::task::Poll;

/// A question that was asked and is polled until it is answered. Dropping it loses the answer, not the effect.
///
/// ```
/// use kstreams::log::Call;
/// use std::task::Poll;
///
/// let mut attempts = 0;
/// let mut call = Call::new(move |_now_ms| {
///     attempts += 1;
///     if attempts < 2 { Poll::Pending } else { Poll::Ready(Ok(42)) }
/// });
/// assert!(call.poll(0).is_pending());
/// assert!(matches!(call.poll(1), Poll::Ready(Ok(42))));
/// ```
pub struct Call<T>(Box<dyn FnMut(i64) -> Poll<Result<T>> + Send>);

impl<T: 'static> Call<T> {
    /// A call that is advanced by `attempt`, which is given the time in milliseconds since the epoch.
    pub fn new(attempt: impl FnMut(i64) -> Poll<Result<T>> + Send + 'static) -> Self {
        Call(Box::new(attempt))
    }

    /// A call that is answered already.
    pub fn ready(answer: Result<T>) -> Self
    where
        T: Send,
    {
        let mut answer = Some(answer);
        Call::new(move |_| Poll::Ready(answer.take().unwrap_or_else(|| Err(polled_again()))))
    }

    /// One short attempt at time `now_ms`; not to be called again once it was `Ready`.
    pub fn poll(&mut self, now_ms: i64) -> Poll<Result<T>> {
        (self.0)(now_ms)
    }
}

fn polled_again() -> Error {
    Error::new(crate::error::ErrorKind::Bug, "a call was polled again after its answer")
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Call")
    }
}
