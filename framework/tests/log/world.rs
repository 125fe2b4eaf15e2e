//! A log and a clock, and short ways to use them.

use kstreams::engine::SharedEngine;
use kstreams::engine::memory::MemoryEngine;
use kstreams::error::{ErrorKind, Result};
use kstreams::log::embedded::{EmbeddedLog, EmbeddedOptions, FaultPlan};
use kstreams::log::*;
use kstreams::record::{Headers, ManualClock, Outgoing, Topic, TopicPartition};
use std::cell::Cell;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

/// More attempts than any answer needs.
const ATTEMPTS_MAX: usize = 1_000;

/// A log and the time in it.
pub struct World {
    pub log: Arc<dyn Log>,
    time: Time,
    /// What must live as long as the log.
    _directory: Option<tempfile::TempDir>,
}

/// How time passes.
enum Time {
    /// When told to: everything is answered within some milliseconds of it.
    Manual(ManualClock),
    /// By itself, on a log whose answers take time.
    Real,
}

/// The longest that an answer of a log in real time takes.
const REAL_ANSWER: Duration = Duration::from_secs(30);

/// So long nothing comes from a group in real time that has nothing more to say.
const REAL_QUIET: Duration = Duration::from_millis(1_500);

/// So long nothing comes from one that has nothing to say at all.
const REAL_SILENCE: Duration = Duration::from_secs(6);

pub const NOON: i64 = 1_700_000_000_000;

pub fn options(clock: &ManualClock) -> EmbeddedOptions {
    EmbeddedOptions { housekeeping_interval_ms: 100, ..EmbeddedOptions::with_clock(Arc::new(clock.clone())) }
}

pub fn in_memory() -> World {
    let clock = ManualClock::new(NOON);
    World::new(EmbeddedLog::in_memory(options(&clock)), clock)
}

pub fn with_faults(faults: impl FaultPlan + 'static) -> World {
    let clock = ManualClock::new(NOON);
    World::new(EmbeddedLog::in_memory(EmbeddedOptions { faults: Some(Box::new(faults)), ..options(&clock) }), clock)
}

pub fn on_memory_engine() -> World {
    on_engine(Arc::new(MemoryEngine::default()), NOON)
}

/// A log with next to no cache, so that nearly everything is read from the engine.
pub fn on_engine(engine: SharedEngine, now_ms: i64) -> World {
    let clock = ManualClock::new(now_ms);
    let options = EmbeddedOptions { cache_bytes_max: 200, ..options(&clock) };
    World::new(EmbeddedLog::on_engine(engine, options).unwrap(), clock)
}

impl World {
    pub fn new(log: Arc<dyn Log>, clock: ManualClock) -> Self {
        World { log, time: Time::Manual(clock), _directory: None }
    }

    /// A log in real time.
    pub fn real(log: Arc<dyn Log>) -> Self {
        World { log, time: Time::Real, _directory: None }
    }

    /// The same world, which keeps a directory as long as it lives.
    pub fn with_directory(self, directory: tempfile::TempDir) -> Self {
        World { _directory: Some(directory), ..self }
    }

    pub fn is_real(&self) -> bool {
        matches!(self.time, Time::Real)
    }

    pub fn now_ms(&self) -> i64 {
        self.log.clock().now_ms()
    }

    pub fn pass_ms(&self, by_ms: i64) {
        match &self.time {
            Time::Manual(clock) => clock.advance_ms(by_ms),
            Time::Real => std::thread::sleep(Duration::from_millis(by_ms.unsigned_abs())),
        }
    }

    /// The end of a transaction is answered before its markers are written.
    fn let_markers_be_written(&self) {
        if self.is_real() {
            self.pass_ms(200);
        }
    }

    /// Asks until there is an answer; a millisecond passes between two attempts.
    pub fn wait<T>(&self, mut attempt: impl FnMut(i64) -> Poll<Result<T>>) -> Result<T> {
        let begun = Instant::now();
        for attempts in 0.. {
            if let Poll::Ready(answer) = attempt(self.now_ms()) {
                return answer;
            }
            let is_late = if self.is_real() { begun.elapsed() > REAL_ANSWER } else { attempts > ATTEMPTS_MAX };
            assert!(!is_late, "no answer after {attempts} attempts");
            self.pass_ms(1);
        }
        unreachable!("an answer or a panic ends the attempts")
    }

    pub fn call<T: 'static>(&self, mut call: Call<T>) -> Result<T> {
        self.wait(|now_ms| call.poll(now_ms))
    }

    /// Lets time pass in steps, so that what is due happens when it is due.
    pub fn live_ms(&self, ms: i64) {
        let admin = self.log.admin().unwrap();
        for _ in 0..ms / 50 {
            self.pass_ms(50);
            self.call(admin.topics()).unwrap();
        }
    }

    pub fn create(&self, topic: &str, partitions: i32) {
        self.create_with(topic, partitions, &[]);
    }

    /// Creates a topic of one partition.
    pub fn single(&self, topic: &str) -> TopicPartition {
        self.create(topic, 1);
        partition(topic, 0)
    }

    pub fn create_with(&self, topic: &str, partitions: i32, config: &[(&str, &str)]) {
        let config = TopicConfig::from_entries(config.iter().copied()).unwrap();
        let new = NewTopic::new(topic, partitions).with_config(config);
        assert_eq!(self.call(self.log.admin().unwrap().create_topics(&[new])).unwrap(), [Created::New]);
    }

    pub fn producer(&self) -> Writer<'_> {
        self.producer_with(&ProducerConfig::default())
    }

    pub fn transactional(&self, id: &str) -> Writer<'_> {
        self.producer_with(&ProducerConfig { transactional_id: Some(id.to_owned()), ..ProducerConfig::default() })
    }

    pub fn producer_with(&self, config: &ProducerConfig) -> Writer<'_> {
        let mut inner = self.log.producer(config).unwrap();
        self.wait(|now_ms| inner.poll_init(now_ms)).unwrap();
        Writer { inner, world: self }
    }

    pub fn reader(&self, isolation: Isolation) -> Reader<'_> {
        self.reader_with(&ConsumerConfig { isolation, ..ConsumerConfig::default() })
    }

    pub fn reader_with(&self, config: &ConsumerConfig) -> Reader<'_> {
        let sees_all = config.isolation == Isolation::ReadUncommitted;
        Reader { inner: self.log.consumer(config).unwrap(), world: self, sees_all }
    }

    /// A member of a group that has not been polled yet.
    pub fn member(&self, group: &str, topics: &[&str]) -> Reader<'_> {
        let config = ConsumerConfig { group: Some(group.to_owned()), ..ConsumerConfig::default() };
        let mut reader = self.reader_with(&config);
        let topics: Vec<Topic> = topics.iter().map(Topic::from).collect();
        reader.inner.subscribe(&topics).unwrap();
        reader
    }

    pub fn offset(&self, partition: &TopicPartition, at: OffsetAt) -> i64 {
        let admin = self.log.admin().unwrap();
        self.call(admin.offsets(std::slice::from_ref(partition), at)).unwrap()[partition]
    }

    /// All values that are committed in a partition.
    pub fn committed_values(&self, partition: &TopicPartition) -> Vec<String> {
        let mut reader = self.reader(Isolation::ReadCommitted);
        reader.inner.assign(&[(partition.clone(), Start::Beginning)]).unwrap();
        reader.values(partition)
    }
}

pub fn partition(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition::new(topic, partition)
}

/// A producer in its world.
pub struct Writer<'a> {
    pub inner: Box<dyn Producer>,
    world: &'a World,
}

impl Writer<'_> {
    pub fn queue(&mut self, to: &TopicPartition, key: &str, value: Option<&str>) -> Result<Sent> {
        let now_ms = self.world.now_ms();
        self.queue_at(to, key, value, now_ms)
    }

    /// Queues a message with a time of its own.
    pub fn queue_at(&mut self, to: &TopicPartition, key: &str, value: Option<&str>, timestamp: i64) -> Result<Sent> {
        self.know(&to.topic)?;
        let message = Outgoing {
            topic: &to.topic,
            partition: Some(to.partition),
            key: Some(key.as_bytes()),
            value: value.map(str::as_bytes),
            timestamp: Some(timestamp),
            headers: &Headers::default(),
            changelog: None,
        };
        self.inner.send(&message, 0, self.world.now_ms())
    }

    /// Asks for a topic's partitions, as sinks do, so that a message to it is queued at once. What is wrong with the topic is the
    /// answer to sending.
    pub fn know(&mut self, topic: &Topic) -> Result<()> {
        let known = self.world.wait(|now_ms| self.inner.poll_partitions(topic, now_ms));
        known.map(|_| ()).or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
    }

    /// Sends a message and waits for it. Returns its offset.
    pub fn send(&mut self, to: &TopicPartition, key: &str, value: &str) -> i64 {
        self.try_send(to, key, Some(value)).unwrap()
    }

    pub fn try_send(&mut self, to: &TopicPartition, key: &str, value: Option<&str>) -> Result<i64> {
        self.world.wait(|_| match self.queue(to, key, value)? {
            Sent::Queued => Poll::Ready(Ok(())),
            Sent::QueueFull => Poll::Pending,
        })?;
        let mut deliveries = self.flush()?;
        let last = deliveries.pop().expect("a message was sent");
        last.placed.map(|placed| placed.offset)
    }

    pub fn flush(&mut self) -> Result<Vec<Delivery>> {
        self.world.wait(|now_ms| self.inner.poll_flush(now_ms))?;
        let mut deliveries = Vec::new();
        let left = self.inner.deliveries(self.world.now_ms(), &mut |delivery| deliveries.push(delivery))?;
        assert_eq!(left, 0);
        Ok(deliveries)
    }

    pub fn begin(&mut self) {
        self.inner.begin().unwrap();
    }

    pub fn commit(&mut self) {
        self.try_commit().unwrap();
    }

    pub fn try_commit(&mut self) -> Result<()> {
        self.world.wait(|now_ms| self.inner.poll_commit(now_ms))?;
        self.world.let_markers_be_written();
        Ok(())
    }

    pub fn abort(&mut self) {
        self.world.wait(|now_ms| self.inner.poll_abort(now_ms)).unwrap();
        self.world.let_markers_be_written();
    }

    pub fn send_offsets(&mut self, offsets: &Offsets, group: &GroupMetadata) -> Result<()> {
        self.world.wait(|now_ms| self.inner.poll_send_offsets(offsets, group, now_ms))
    }

    /// A transaction with one message.
    pub fn write(&mut self, to: &TopicPartition, key: &str, value: &str) {
        self.begin();
        self.send(to, key, value);
        self.commit();
    }
}

/// A consumer in its world.
pub struct Reader<'a> {
    pub inner: Box<dyn Consumer>,
    world: &'a World,
    /// Of open and aborted transactions, too.
    sees_all: bool,
}

/// Key, value, offset.
pub type Read = (String, Option<String>, i64);

impl Reader<'_> {
    pub fn assign(&mut self, partition: &TopicPartition, start: Start) {
        self.inner.assign(&[(partition.clone(), start)]).unwrap();
    }

    /// Everything that can be read now: until nothing comes although some time has passed.
    pub fn messages(&mut self, partition: &TopicPartition) -> Vec<Read> {
        if self.world.is_real() {
            return self.messages_to_the_end(partition);
        }
        let messages = std::cell::RefCell::new(Vec::new());
        let quiet = Cell::new(0);
        while quiet.get() < 3 {
            self.world.pass_ms(1);
            let fetched = self.fetch(partition, Budget::records(100), &mut |key, value, offset| {
                messages.borrow_mut().push((key, value, offset));
                ControlFlow::Continue(())
            });
            quiet.set(if fetched.unwrap().records == 0 { quiet.get() + 1 } else { 0 });
        }
        messages.into_inner()
    }

    /// Everything up to where the partition ends now for this reader.
    fn messages_to_the_end(&mut self, partition: &TopicPartition) -> Vec<Read> {
        if !self.inner.assignment().contains(partition) {
            return Vec::new();
        }
        let at = if self.sees_all { OffsetAt::End } else { OffsetAt::LastStable };
        let end = self.world.offset(partition, at);
        let messages = std::cell::RefCell::new(Vec::new());
        let world = self.world;
        let read = world.wait(|_| {
            let fetched = self.fetch(partition, Budget::records(100), &mut |key, value, offset| {
                messages.borrow_mut().push((key, value, offset));
                ControlFlow::Continue(())
            });
            match fetched {
                Err(error) => Poll::Ready(Err(error)),
                Ok(_) if self.inner.position(partition) >= Some(end) => Poll::Ready(Ok(())),
                Ok(_) => Poll::Pending,
            }
        });
        read.unwrap();
        messages.into_inner()
    }

    pub fn values(&mut self, partition: &TopicPartition) -> Vec<String> {
        let value = |(key, value, _): Read| value.unwrap_or_else(|| format!("no {key}"));
        self.messages(partition).into_iter().map(value).collect()
    }

    pub fn fetch(
        &mut self,
        partition: &TopicPartition,
        budget: Budget,
        visit: &mut dyn FnMut(String, Option<String>, i64) -> ControlFlow<()>,
    ) -> Result<Fetched> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        self.inner.fetch(partition, budget, self.world.now_ms(), &mut |message| {
            visit(message.key.map(text).unwrap_or_default(), message.value.map(text), message.offset)
        })
    }

    pub fn event(&mut self) -> Option<GroupEvent> {
        self.world.pass_ms(1);
        self.inner.poll_event(self.world.now_ms()).unwrap()
    }

    /// What the group assigns to this member until it has nothing new to say; fails on any other event.
    pub fn assigned(&mut self) -> Vec<TopicPartition> {
        let (mut assigned, mut quiet, mut told) = (Vec::new(), 0, Instant::now());
        let is_real = self.world.is_real();
        while match is_real {
            true if assigned.is_empty() => told.elapsed() < REAL_SILENCE,
            true => told.elapsed() < REAL_QUIET,
            false => quiet < 3,
        } {
            match self.event() {
                Some(GroupEvent::Assigned(partitions)) => {
                    assigned.extend(partitions);
                    told = Instant::now();
                }
                Some(other) => panic!("unexpected {other:?}"),
                None => quiet += 1,
            }
        }
        assigned.sort();
        assigned
    }

    /// The next thing that the group says.
    pub fn next_event(&mut self) -> GroupEvent {
        let begun = Instant::now();
        loop {
            if let Some(event) = self.event() {
                return event;
            }
            assert!(begun.elapsed() < REAL_ANSWER, "the group says nothing");
        }
    }

    /// What the group wants back.
    pub fn revoked(&mut self) -> Vec<TopicPartition> {
        let begun = Instant::now();
        for attempts in 0.. {
            match self.event() {
                Some(GroupEvent::Revoked(partitions)) => return partitions,
                Some(other) => panic!("unexpected {other:?}"),
                None => {}
            }
            let is_late = if self.world.is_real() { begun.elapsed() > REAL_ANSWER } else { attempts > 10 };
            assert!(!is_late, "nothing was revoked");
        }
        unreachable!("a revocation or a panic ends the attempts")
    }

    pub fn group(&self) -> GroupMetadata {
        self.inner.group_metadata().unwrap()
    }

    pub fn leave(&mut self) {
        self.world.wait(|now_ms| self.inner.poll_leave(now_ms)).unwrap();
    }

    pub fn commit(&mut self, partition: &TopicPartition, offset: i64, metadata: &str) -> Result<()> {
        let call = self.inner.commit(&offsets(partition, offset, metadata));
        self.world.call(call)
    }

    pub fn committed(&self, partition: &TopicPartition) -> Option<OffsetAndMetadata> {
        let call = self.inner.committed(std::slice::from_ref(partition));
        self.world.call(call).unwrap().remove(partition)
    }
}

/// Lets members agree: what is revoked is given back at once. Returns what each has when nothing comes any more.
pub fn settle(members: &mut [&mut Reader<'_>]) -> Vec<Vec<TopicPartition>> {
    let mut owned = vec![Vec::new(); members.len()];
    let (mut quiet, mut told, mut limit) = (0, Instant::now(), REAL_SILENCE);
    while if members[0].world.is_real() { told.elapsed() < limit } else { quiet < 3 } {
        quiet += 1;
        for (member, owned) in members.iter_mut().zip(&mut owned) {
            let Some(event) = member.event() else { continue };
            (quiet, told, limit) = (0, Instant::now(), REAL_QUIET);
            match event {
                GroupEvent::Assigned(partitions) => owned.extend(partitions),
                GroupEvent::Revoked(partitions) => {
                    member.inner.unassign(&partitions).unwrap();
                    owned.retain(|partition| !partitions.contains(partition));
                }
                GroupEvent::Lost(partitions) => panic!("{partitions:?} were lost"),
            }
        }
    }
    owned.iter_mut().for_each(|owned| owned.sort());
    owned
}

pub fn offsets(partition: &TopicPartition, offset: i64, metadata: &str) -> Offsets {
    Offsets::from([(partition.clone(), OffsetAndMetadata { offset, metadata: metadata.to_owned() })])
}

pub fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

/// Longer than any blocking client takes in a test.
pub const PATIENCE: Duration = Duration::from_secs(20);
