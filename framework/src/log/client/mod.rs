//! Blocking clients for applications, tools and tests: send and know, read and be done.
//!
//! Built on the port alone, so they work on every [`Log`]. They wait (in wall time, at most for a given timeout), which a
//! stream thread never does: the runtime does not use them.
//!
//! ```
//! use kstreams::log::client::{NewMessage, Producer, create_topics, read_all};
//! use kstreams::log::{NewTopic, connect};
//! use kstreams::record::{SystemClock, Topic};
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! let log = connect("embedded-memory:client-example", Arc::new(SystemClock))?;
//! let (greetings, timeout) = (Topic::from("greetings"), Duration::from_secs(5));
//! create_topics(&*log, &[NewTopic::new("greetings", 1)], timeout)?;
//! let mut producer = Producer::new(&*log, &Default::default(), timeout)?;
//! producer.send(&NewMessage::new(&greetings, Some(b"en"), Some(b"hello")))?;
//! producer.flush()?;
//! assert_eq!(read_all(&*log, &greetings, timeout)?[0].value.as_deref(), Some(&b"hello"[..]));
//! # Ok::<(), kstreams::error::Error>(())
//! ```

mod consumer;
mod message;
mod producer;

pub use consumer::{Consumer, read_all};
pub use message::{NewMessage, ReceivedMessage};
pub use producer::Producer;

use super::{Call, Created, Log, NewTopic};
use crate::error::{Error, ErrorKind, Result};
use crate::record::Clock;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

/// How long to wait between two attempts.
const RETRY: Duration = Duration::from_millis(1);

/// Waits for the answer to a call.
///
/// # Errors
/// `Timeout`, or what the call answers.
pub fn wait<T: 'static>(log: &dyn Log, mut call: Call<T>, timeout: Duration) -> Result<T> {
    Patience::new(log, timeout).wait(|now_ms| call.poll(now_ms))
}

/// Creates topics; those that exist are left as they are.
///
/// # Errors
/// `Timeout`, or `Config` if a name or configuration is not allowed.
pub fn create_topics(log: &dyn Log, topics: &[NewTopic], timeout: Duration) -> Result<Vec<Created>> {
    wait(log, log.admin()?.create_topics(topics), timeout)
}

/// Asks again until there is an answer or no time left.
#[derive(Clone)]
struct Patience {
    clock: Arc<dyn Clock>,
    timeout: Duration,
}

impl Patience {
    fn new(log: &dyn Log, timeout: Duration) -> Self {
        Patience { clock: log.clock(), timeout }
    }

    fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    fn wait<T>(&self, mut attempt: impl FnMut(i64) -> Poll<Result<T>>) -> Result<T> {
        let begun = Instant::now();
        loop {
            if let Poll::Ready(answer) = attempt(self.now_ms()) {
                return answer;
            }
            if begun.elapsed() >= self.timeout {
                return Err(Error::new(ErrorKind::Timeout, "the log did not answer in time")
                    .with_detail(format!("{} ms", self.timeout.as_millis())));
            }
            std::thread::sleep(RETRY);
        }
    }
}
