//! What can be done to an instance while it runs: more threads and fewer, a pause; and to what it leaves behind.

use super::crew::Crew;
use super::local_state::LocalState;
use super::streams::{Streams, running};
use crate::config::{Config, Setting};
use crate::error::{Error, ErrorKind, Result};
use std::time::Duration;

impl Streams {
    /// Starts one more stream thread and returns its name; `None` if the instance is neither running nor rebalancing.
    /// Kafka Streams: `KafkaStreams.addStreamThread`.
    ///
    /// Threads are numbered from 1, and the lowest number that is free is taken: the number names the thread, its
    /// clients and, under exactly-once, its transactional id. All threads share `statestore.cache.max.bytes` anew. The group
    /// gives the thread tasks; more threads than tasks leave some idle.
    ///
    /// # Errors
    /// `Io` if the operating system gives no thread.
    ///
    /// ```
    #[doc = running!()]
    /// assert_eq!(streams.add_stream_thread()?.as_deref(), Some("copy-me-StreamThread-2"));
    /// streams.close(timeout)?;
    /// assert_eq!(streams.add_stream_thread()?, None);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn add_stream_thread(&self) -> Result<Option<String>> {
        let Some(thread) = self.instance.board.add() else {
            tracing::warn!(state = %self.state(), "a thread cannot be added in this state");
            return Ok(None);
        };
        let name = self.instance.board.thread_name(thread);
        tracing::info!(thread = name, threads = self.instance.board.stream_threads(), "a thread is added");
        Crew::start(&self.instance, thread, 0)?;
        Ok(Some(name))
    }

    /// Ends one stream thread and returns its name once it is gone: it commits what it has done and leaves the group, so
    /// that others have its tasks at once. `None` if the instance is neither running nor rebalancing, or has no stream thread.
    /// Kafka Streams: `KafkaStreams.removeStreamThread()`.
    ///
    /// It is the one with the lowest number; if that one asks itself, the next, and if it is the only one, it ends after what it
    /// is doing, and the name is returned before. An instance without stream threads goes on, and may be given some.
    ///
    /// ```
    #[doc = running!()]
    /// assert_eq!(streams.remove_stream_thread().as_deref(), Some("copy-me-StreamThread-1"));
    /// assert_eq!(streams.remove_stream_thread(), None);
    /// assert_eq!(streams.add_stream_thread()?.as_deref(), Some("copy-me-StreamThread-1"));
    /// # streams.close(timeout)?;
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn remove_stream_thread(&self) -> Option<String> {
        // Without an end there is no error.
        self.remove_stream_thread_within(Duration::MAX).ok().flatten()
    }

    /// The same, waiting no longer than `timeout`. Kafka Streams: `KafkaStreams.removeStreamThread(Duration)`.
    ///
    /// # Errors
    /// `Timeout` if the thread has not ended by then. It goes on ending; until it has, its number is not used again.
    ///
    /// ```
    #[doc = running!()]
    /// assert_eq!(streams.remove_stream_thread_within(timeout)?.as_deref(), Some("copy-me-StreamThread-1"));
    /// # streams.close(timeout)?;
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn remove_stream_thread_within(&self, timeout: Duration) -> Result<Option<String>> {
        let board = &self.instance.board;
        let Some(dismissed) = board.dismiss() else {
            tracing::warn!(state = %self.state(), "there is no thread that can be removed");
            return Ok(None);
        };
        tracing::info!(thread = dismissed.name, threads = board.stream_threads(), "a thread is removed");
        if board.is_own_thread_number(dismissed.thread) || board.wait_until_gone(&dismissed, timeout) {
            return Ok(Some(dismissed.name));
        }
        Err(Error::new(ErrorKind::Timeout, format!("thread `{}` has not ended in time", dismissed.name))
            .with_detail(format!("{} ms", timeout.as_millis())))
    }

    /// Processes nothing from now on, neither records nor punctuations, until [`resume`](Self::resume).
    /// Kafka Streams: `KafkaStreams.pause`.
    ///
    /// Threads finish the round that they are in, and commit as ever what they have done. The state does not change, the
    /// instance stays in its group, global tables go on. So does restoring, which Kafka Streams pauses, too.
    ///
    /// ```
    #[doc = running!()]
    /// streams.pause();
    /// assert!(streams.is_paused());
    /// streams.resume();
    /// assert!(!streams.is_paused());
    /// # streams.close(timeout)?;
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn pause(&self) {
        self.instance.board.set_paused(true);
    }

    /// Processes again. Punctuations on the wall clock that were due meanwhile run once. Kafka Streams: `KafkaStreams.resume`.
    ///
    /// ```
    #[doc = running!()]
    /// streams.pause();
    /// streams.resume(); // and what was sent meanwhile is processed
    /// # streams.close(timeout)?;
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn resume(&self) {
        self.instance.board.set_paused(false);
    }

    /// Whether nothing is processed for now. Kafka Streams: `KafkaStreams.isPaused`.
    ///
    /// ```
    #[doc = running!()]
    /// assert!(!streams.is_paused());
    /// # streams.close(timeout)?;
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn is_paused(&self) -> bool {
        self.instance.board.is_paused()
    }

    /// Deletes the stores of an application in the state directory that the configuration names: the next start restores
    /// them in full. Kafka Streams: `KafkaStreams.cleanUp`.
    ///
    /// It is for an instance that does not run: before it is started, or after it was closed and its handle dropped, which
    /// holds the directory. Topics and committed offsets are left alone, and so is the id by which a next start ends the
    /// transactions that this one may have left open.
    ///
    /// # Errors
    /// `InUse` if an instance has the directory, in this process or another; `Io` if something cannot be deleted; `Config`
    /// for a configuration that cannot be used.
    ///
    /// ```
    /// use kstreams::config::Config;
    /// use kstreams::runtime::Streams;
    ///
    /// # let directory = std::env::temp_dir().join(format!("kstreams-clean-up-{}", std::process::id()));
    /// let config = Config::new("transit", "embedded:").state_dir(&directory);
    /// Streams::clean_up(&config)?; // and start from the changelogs
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn clean_up(config: &Config) -> Result<()> {
        config.validate()?;
        match LocalState::take(&config.state_dir, &config.application_id)? {
            Some(state) => state.delete(),
            None => Ok(()),
        }
    }

    /// The configuration in force: every key, its value and where it came from. Secrets are not shown. The same lines are
    /// logged at the start. Kafka Streams logs its `StreamsConfig values`.
    ///
    /// ```
    /// use kstreams::config::{Config, ConfigOrigin, EngineKind};
    /// use kstreams::dsl::StreamsBuilder;
    /// use kstreams::log::client::create_topics;
    /// use kstreams::log::embedded::{EmbeddedLog, EmbeddedOptions};
    /// use kstreams::log::NewTopic;
    /// use kstreams::runtime::{StartOptions, Streams};
    /// use std::time::Duration;
    ///
    /// let (log, timeout) = (EmbeddedLog::in_memory(EmbeddedOptions::default()), Duration::from_secs(5));
    /// create_topics(&*log, &[NewTopic::new("in", 1), NewTopic::new("out", 1)], timeout)?;
    /// let builder = StreamsBuilder::new();
    /// builder.stream::<String, String>("in").to("out");
    /// let mut config = Config::new("copy", "embedded:").engine(EngineKind::Memory);
    /// config.apply_variables([("KSTREAMS_COMMIT_INTERVAL_MS", "500")])?;
    /// let streams = Streams::start_with(&builder.build()?, config, StartOptions::new().log(log))?;
    /// let report = streams.config_report();
    /// let interval = report.iter().find(|one| one.key == "commit.interval.ms").expect("every key is there");
    /// assert_eq!(interval.value.as_deref(), Some("500"));
    /// assert_eq!(interval.origin, ConfigOrigin::Variable("KSTREAMS_COMMIT_INTERVAL_MS".to_owned()));
    /// # streams.close(timeout)?;
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn config_report(&self) -> Vec<Setting> {
        self.instance.config.settings()
    }
}
