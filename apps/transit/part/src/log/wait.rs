//! Waiting for an answer of the log's port, which itself never waits.

use kstreams::error::{Error, ErrorKind, Result};
use kstreams::log::Call;
use kstreams::record::Clock;
use std::task::Poll;
use std::time::{Duration, Instant};

/// The longest that any answer is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two questions; the first few follow each other at once.
const PAUSE: Duration = Duration::from_millis(1);
const QUESTIONS_AT_ONCE: u32 = 4;

/// Asks again until the answer is there.
///
/// # Errors
/// The answer's own, or `Timeout` after a minute.
pub(super) fn answer<T>(clock: &dyn Clock, doing: &str, mut ask: impl FnMut(i64) -> Poll<Result<T>>) -> Result<T> {
    let begun = Instant::now();
    for question in 0u32.. {
        if let Poll::Ready(answer) = ask(clock.now_ms()) {
            return answer.map_err(|error| error.context(doing));
        }
        if begun.elapsed() > PATIENCE {
            break;
        }
        if question >= QUESTIONS_AT_ONCE {
            std::thread::sleep(PAUSE);
        }
    }
    let message = format!("the log did not answer for {} seconds", PATIENCE.as_secs());
    Err(Error::new(ErrorKind::Timeout, message).context(doing))
}

/// Waits for a call.
///
/// # Errors
/// As [`answer`].
pub(super) fn call<T: 'static>(clock: &dyn Clock, doing: &str, mut call: Call<T>) -> Result<T> {
    answer(clock, doing, |now_ms| call.poll(now_ms))
}
