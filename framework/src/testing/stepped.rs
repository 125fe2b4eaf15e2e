//! [`SteppedStreams`]: an application instance whose threads are stepped by the test, under a clock of its own.
//!
//! It runs the same threads as [`Streams`](crate::runtime::Streams), without threads of the operating system: nothing happens between two steps.
//! Dropping it is a crash: nothing is committed, aborted or given back.

use super::stepped_operations::Failed;
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::record::TaskId;
use crate::runtime::{
    CommitStage, Counts, GlobalThread, Instance, StartOptions, State, Stepped, StoreRows, StoreView, StreamThread,
    store_rows, view,
};
use crate::store::StoreHandle;
use crate::topology::Topology;
use std::sync::Arc;

/// What the examples below begin with: a log with the topic `in`, and an instance that counts what is in it.
macro_rules! counting {
    () => {
        "# use kstreams::{config::{Config, EngineKind}, dsl::StreamsBuilder, log::{NewTopic, client, embedded::*}};
# use kstreams::{record::{ManualClock, Topic}, runtime::{CommitStage, StartOptions, State}, testing::SteppedStreams};
# use std::{sync::Arc, time::Duration};
# let (timeout, topic) = (Duration::from_secs(5), Topic::from(\"in\"));
# let log = EmbeddedLog::in_memory(EmbeddedOptions::with_clock(Arc::new(ManualClock::new(0))));
# client::create_topics(&*log, &[NewTopic::new(\"in\", 1)], timeout)?;
# let mut producer = client::Producer::new(&*log, &Default::default(), timeout)?;
# let builder = StreamsBuilder::new();
# builder.stream::<String, String>(\"in\").group_by_key().count(\"counts\");
# let config = Config::new(\"counts\", \"embedded:\").engine(EngineKind::Memory).commit_interval(Duration::from_millis(5));
# let mut streams = SteppedStreams::start(&builder.build()?, config, StartOptions::new().log(log.clone()))?;
# type Done = fn(&SteppedStreams) -> bool;
# fn run(streams: &mut SteppedStreams, mut now_ms: i64, is_done: Done) -> kstreams::error::Result<i64> {
#     while !is_done(streams) {
#         streams.step(now_ms)?;
#         now_ms += 1;
#     }
#     Ok(now_ms)
# }"
    };
}

pub(super) use counting;

/// An application instance that is stepped by hand.
///
/// ```
/// use kstreams::config::{Config, EngineKind};
/// use kstreams::dsl::StreamsBuilder;
/// use kstreams::log::client::create_topics;
/// use kstreams::log::embedded::{EmbeddedLog, EmbeddedOptions};
/// use kstreams::log::NewTopic;
/// use kstreams::record::ManualClock;
/// use kstreams::runtime::{StartOptions, State};
/// use kstreams::testing::SteppedStreams;
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// let log = EmbeddedLog::in_memory(EmbeddedOptions::with_clock(Arc::new(ManualClock::new(0))));
/// create_topics(&*log, &[NewTopic::new("in", 1), NewTopic::new("out", 1)], Duration::from_secs(5))?;
/// let builder = StreamsBuilder::new();
/// builder.stream::<String, String>("in").to("out");
/// let config = Config::new("copy", "embedded:").engine(EngineKind::Memory);
/// let mut streams = SteppedStreams::start(&builder.build()?, config, StartOptions::new().log(log))?;
/// let mut now_ms = 0;
/// while streams.state() != State::Running {
///     streams.step(now_ms)?;
///     now_ms += 1;
/// }
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub struct SteppedStreams {
    pub(super) instance: Arc<Instance>,
    pub(super) threads: Vec<StreamThread>,
    pub(super) global: Option<GlobalThread>,
    pub(super) failed: Failed,
}

impl SteppedStreams {
    /// An instance that begins with its first step.
    ///
    /// # Errors
    /// As [`Streams::start_with`](crate::runtime::Streams::start_with).
    ///
    /// ```
    #[doc = counting!()]
    /// assert_eq!(streams.state(), State::Rebalancing); // and not a step further by itself
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn start(topology: &Topology, config: Config, options: StartOptions) -> Result<Self> {
        let instance = Instance::open(topology, config, options)?;
        let count = instance.config.num_stream_threads;
        let threads = (0..count).map(|thread| StreamThread::new(&instance, thread)).collect::<Result<_>>()?;
        let global = instance.has_globals().then(|| GlobalThread::new(&instance)).transpose()?;
        instance.board.begin();
        Ok(SteppedStreams { instance, threads, global, failed: Failed::default() })
    }

    /// Steps every thread once, at `now_ms` (milliseconds since the epoch). True if any of them did something.
    ///
    /// # Errors
    /// What ends the instance; it is of no further use then.
    ///
    /// ```
    #[doc = counting!()]
    /// let mut now_ms = 0;
    /// while streams.state() != State::Running {
    ///     if !streams.step(now_ms)? {
    ///         now_ms += 1; // nothing to do until time passes
    ///     }
    /// }
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn step(&mut self, now_ms: i64) -> Result<bool> {
        let mut did = self.step_failed(now_ms)?;
        // The thread of global tables comes first: tasks wait for it.
        if self.global.is_some() {
            did |= self.step_thread(self.threads.len(), now_ms)? == Stepped::Busy;
        }
        let mut thread = 0;
        while thread < self.threads.len() {
            did |= self.step_thread(thread, now_ms)? == Stepped::Busy;
            thread += 1;
        }
        self.forget_removed();
        Ok(did)
    }

    /// The number of threads; the one of global tables, if there is one, is the last.
    pub(crate) fn thread_count(&self) -> usize {
        self.threads.len() + usize::from(self.global.is_some())
    }

    /// Steps one thread.
    pub(crate) fn step_thread(&mut self, thread: usize, now_ms: i64) -> Result<Stepped> {
        if self.threads.get(thread).is_some_and(StreamThread::has_ended) {
            return Ok(Stepped::Ended);
        }
        let stepped = self.stepped(thread, now_ms);
        self.conclude(thread, stepped, now_ms)
    }

    /// Asks every thread to leave in order.
    pub(crate) fn begin_close(&self) {
        self.instance.board.end(true);
    }

    /// Whether every stream thread has left.
    pub(crate) fn has_ended(&self) -> bool {
        self.threads.iter().all(StreamThread::has_ended)
    }

    /// The tasks that run, of all its threads.
    pub(crate) fn running_tasks(&self) -> Vec<TaskId> {
        self.threads.iter().flat_map(StreamThread::running_ids).collect()
    }

    /// Whether a store or a cache holds something back.
    pub(crate) fn is_dirty(&mut self) -> bool {
        self.threads.iter_mut().any(StreamThread::is_dirty)
    }

    /// Whether a thread has begun a transaction that it has not ended.
    pub(crate) fn is_in_transaction(&mut self) -> bool {
        self.threads.iter_mut().any(StreamThread::is_in_transaction)
    }

    /// The longest interval of a wall-clock punctuation; zero if there is none.
    pub(crate) fn longest_punctuation_ms(&mut self) -> i64 {
        self.threads.iter_mut().filter_map(StreamThread::longest_punctuation_ms).max().unwrap_or(0)
    }

    /// Bytes of stores that are not committed.
    pub(crate) fn uncommitted_bytes(&mut self) -> u64 {
        self.threads.iter_mut().map(StreamThread::uncommitted_bytes).sum()
    }

    /// The committed rows of every store, as they are in the engine.
    pub(crate) fn rows(&self) -> Result<StoreRows> {
        store_rows(&self.instance)
    }

    /// Where the commit of each stream thread stands; `None` where there is none under way. A crash at each stage is a test
    /// worth having.
    ///
    /// ```
    #[doc = counting!()]
    /// # let now_ms = run(&mut streams, 0, |streams| streams.state() == State::Running)?;
    /// assert_eq!(streams.commit_stages(), [None]);
    /// # let (key, value) = (Some(&b"loop"[..]), Some(&b"ride"[..]));
    /// # producer.send(&client::NewMessage::new(&topic, key, value))?;
    /// # producer.flush()?;
    /// # run(&mut streams, now_ms, |streams| streams.commit_stages() == [Some(CommitStage::Offsets)])?;
    /// assert_eq!(streams.commit_stages(), [Some(CommitStage::Offsets)]);
    /// drop(streams); // a crash: the record is in the changelog, and will be read again
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn commit_stages(&self) -> Vec<Option<CommitStage>> {
        self.threads.iter().map(|thread| thread.phase().commit_stage()).collect()
    }

    /// Ends the instance in order: steps it from `now_ms` on, a millisecond at a time, until every thread has left.
    /// Returns the time at the end.
    ///
    /// # Errors
    /// What a step fails with; `Timeout` if it has not ended after a minute.
    ///
    /// ```
    #[doc = counting!()]
    /// # let now_ms = run(&mut streams, 0, |streams| streams.state() == State::Running)?;
    /// let ended_ms = streams.close(now_ms)?;
    /// assert!(ended_ms > now_ms);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn close(mut self, mut now_ms: i64) -> Result<i64> {
        self.instance.board.end(true);
        let until_ms = now_ms + 60_000;
        while self.threads.iter().any(|thread| !thread.has_ended()) {
            self.step(now_ms)?;
            now_ms += 1;
            if now_ms > until_ms {
                return Err(Error::new(ErrorKind::Timeout, "the instance has not ended within a minute"));
            }
        }
        Ok(now_ms)
    }

    /// What the instance is doing.
    ///
    /// ```
    #[doc = counting!()]
    /// # run(&mut streams, 0, |streams| streams.state() == State::Running)?;
    /// assert_eq!(streams.state(), State::Running); // after some steps
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn state(&self) -> State {
        self.instance.board.state()
    }

    /// What was counted since the start.
    ///
    /// ```
    #[doc = counting!()]
    /// let (key, value) = (Some(&b"loop"[..]), Some(&b"ride"[..]));
    /// producer.send(&client::NewMessage::new(&topic, key, value))?;
    /// producer.flush()?;
    /// # run(&mut streams, 0, |streams| streams.counts().processed == 1)?;
    /// assert_eq!(streams.counts().processed, 1); // after some steps
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn counts(&self) -> Counts {
        self.instance.counters.counts()
    }

    /// The committed rows of a store; see [`Streams::store`](crate::runtime::Streams::store).
    ///
    /// # Errors
    /// `NotFound` if no store has that name; `Topology` if it has other types; `Pending` while it is being restored.
    ///
    /// ```
    #[doc = counting!()]
    /// # use kstreams::store::TimestampedKeyValueStore;
    /// let (key, value) = (Some(&b"loop"[..]), Some(&b"ride"[..]));
    /// producer.send(&client::NewMessage::new(&topic, key, value))?;
    /// producer.flush()?;
    /// # run(&mut streams, 0, |streams| streams.counts().commits == 1)?;
    /// // After some steps and a commit:
    /// let counts = streams.store::<TimestampedKeyValueStore<String, i64>>("counts")?;
    /// assert_eq!(counts.get(&"loop".to_owned())?.map(|row| row.value), Some(1));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn store<S: StoreHandle>(&self, name: &str) -> Result<StoreView<S>> {
        view(&self.instance, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EngineKind;
    use crate::dsl::StreamsBuilder;
    use crate::log::NewTopic;
    use crate::log::client::{NewMessage, Producer, create_topics};
    use crate::log::embedded::{EmbeddedLog, EmbeddedOptions};
    use crate::record::{ManualClock, Topic};
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(5);

    #[test]
    fn task_whose_inputs_are_all_empty_waits_for_none_of_them() {
        let log = EmbeddedLog::in_memory(EmbeddedOptions::with_clock(Arc::new(ManualClock::new(0))));
        create_topics(
            &*log,
            &[NewTopic::new("rides", 1), NewTopic::new("lines", 1), NewTopic::new("named", 1)],
            PATIENCE,
        )
        .unwrap();
        let builder = StreamsBuilder::new();
        let lines = builder.table::<String, String>("lines");
        builder.stream::<String, String>("rides").join(&lines, |ride, _| ride.clone()).to("named");
        let config = Config::new("app", "embedded:").engine(EngineKind::Memory);
        let options = StartOptions::new().log(log.clone());
        let mut streams = SteppedStreams::start(&builder.build().unwrap(), config, options).unwrap();
        let mut producer = Producer::new(&*log, &Default::default(), PATIENCE).unwrap();
        producer.send(&NewMessage::new(&Topic::from("rides"), Some(b"loop"), Some(b"ride"))).unwrap();
        producer.flush().unwrap();
        let mut now_ms = 0;
        while streams.counts().processed == 0 || streams.counts().commits == 0 || streams.step(now_ms).unwrap() {
            streams.step(now_ms).unwrap();
            now_ms += 1;
        }
        let Stepped::Idle { until_ms } = streams.step_thread(0, now_ms).unwrap() else {
            panic!("nothing is left to do")
        };
        assert!(until_ms > now_ms + 1, "it looks again after {} ms", until_ms - now_ms);
    }
}
