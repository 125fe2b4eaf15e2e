//! How an instance is closed.

use super::state::{State, ThreadState};
use super::streams::Streams;
use crate::error::{Error, ErrorKind, Result};
use std::time::Duration;

/// How an instance is closed. Kafka Streams: `KafkaStreams.CloseOptions`.
///
/// Without another choice it leaves the group, so that others have its tasks at once, and closing waits without an end.
///
/// ```
/// use kstreams::runtime::CloseOptions;
/// use std::time::Duration;
///
/// // For a restart that takes less time than a session: the tasks stay where they are.
/// let options = CloseOptions::new().timeout(Duration::from_secs(30)).remain_in_group();
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Copy)]
pub struct CloseOptions {
    pub(crate) timeout: Duration,
    pub(crate) leaves_group: bool,
}

impl CloseOptions {
    /// Leaves the group and waits without an end.
    pub fn new() -> Self {
        CloseOptions { timeout: Duration::MAX, leaves_group: true }
    }

    /// Waits so long for the threads to end; they go on ending by themselves afterwards. Zero asks and does not wait.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Leaves the group: others have the tasks at once. Kafka Streams: `GroupMembershipOperation.LEAVE_GROUP`.
    pub fn leave_group(mut self) -> Self {
        self.leaves_group = true;
        self
    }

    /// Says nothing to the group: the tasks wait, for one session timeout, for a member that comes back. Of use with a static
    /// membership (`group.instance.id`); any other member that comes back is a new one, and the tasks wait in
    /// vain. Kafka Streams: `GroupMembershipOperation.REMAIN_IN_GROUP`.
    pub fn remain_in_group(mut self) -> Self {
        self.leaves_group = false;
        self
    }
}

impl Default for CloseOptions {
    fn default() -> Self {
        CloseOptions::new()
    }
}

impl Streams {
    /// Ends the instance: what was processed is committed, the group is left, so that others take over at once.
    /// Kafka Streams: `KafkaStreams.close(Duration)`.
    ///
    /// # Errors
    /// As [`close_with`](Self::close_with).
    pub fn close(&self, timeout: Duration) -> Result<()> {
        self.close_with(CloseOptions::new().timeout(timeout))
    }

    /// Ends the instance as the options say. Kafka Streams: `KafkaStreams.close(CloseOptions)`.
    ///
    /// Once it has ended, its state directory is free for the next instance, whether this handle is dropped or not; but for views of
    /// stores and their iterators: as long as one is kept, the next instance is refused with `InUse`.
    ///
    /// Threads that have not ended within the timeout are not killed: they go on ending, and closing again waits for
    /// them once more. On a thread of the instance itself (in a step, a punctuation, a listener) it asks for the end and returns
    /// at once, since that thread has to go on to end.
    ///
    /// # Errors
    /// The fatal error the instance ended with; `Timeout` if it has not ended by then, with the threads that have not.
    ///
    /// ```
    /// use kstreams::config::{Config, EngineKind};
    /// use kstreams::dsl::StreamsBuilder;
    /// use kstreams::log::client::create_topics;
    /// use kstreams::log::embedded::{EmbeddedLog, EmbeddedOptions};
    /// use kstreams::log::NewTopic;
    /// use kstreams::runtime::{CloseOptions, StartOptions, State, Streams};
    /// use std::time::Duration;
    ///
    /// let (log, timeout) = (EmbeddedLog::in_memory(EmbeddedOptions::default()), Duration::from_secs(5));
    /// create_topics(&*log, &[NewTopic::new("in", 1), NewTopic::new("out", 1)], timeout)?;
    /// let builder = StreamsBuilder::new();
    /// builder.stream::<String, String>("in").to("out");
    /// let config = Config::new("copy", "embedded:").engine(EngineKind::Memory);
    /// let streams = Streams::start_with(&builder.build()?, config, StartOptions::new().log(log))?;
    /// streams.close_with(CloseOptions::new().timeout(timeout).remain_in_group())?;
    /// assert_eq!(streams.state(), State::NotRunning);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn close_with(&self, options: CloseOptions) -> Result<()> {
        let board = &self.instance.board;
        board.end(options.leaves_group);
        if board.is_own_thread() {
            return Ok(());
        }
        if board.wait_for(State::has_ended, options.timeout).is_none() {
            return Err(self.not_ended(options.timeout));
        }
        self.let_go();
        board.wait()
    }

    fn not_ended(&self, timeout: Duration) -> Error {
        let not_dead =
            |(name, state): (String, ThreadState)| (state != ThreadState::Dead).then(|| format!("`{name}` is {state}"));
        let threads: Vec<String> = self.threads().into_iter().filter_map(not_dead).collect();
        Error::new(ErrorKind::Timeout, "the application has not ended in time").with_detail(format!(
            "{} ms; {}",
            timeout.as_millis(),
            threads.join(", ")
        ))
    }

    /// Asks the instance to end and returns at once; [`wait`](Self::wait) returns when it has.
    pub fn request_close(&self) {
        self.instance.board.end(true);
    }
}
