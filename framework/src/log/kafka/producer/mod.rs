//! Writing to Kafka.
//!
//! librdkafka queues, batches and sends in threads of its own; deliveries are taken when they are asked for. Partitions are
//! computed here, as Java does. The steps of a transaction, which can only wait, are asked by a [`Worker`]: see `steps`.

mod steps;

use self::steps::{Asked, Step, attempt};
use super::cluster::{ANSWER, Cluster};
use super::connection::Aside;
use super::context::{Delivered, ProducerContext};
use super::errors::{self, About};
use super::groups::list_of;
use super::native;
use super::native_producer::{Bare, NativeProducer, TopicHandle};
use super::settings::open;
use super::spread::Spread;
use super::topics::Questions;
use super::worker::Worker;
use crate::error::{Error, ErrorKind, Result};
use crate::log::{Delivery, GroupMetadata, Offsets, Placed, Producer, ProducerConfig, Sent, partition_for_key};
use crate::record::{Headers, Outgoing, Topic};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _};
use rustc_hash::FxHashMap;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

/// The most events of librdkafka that are looked at in one step; one holds many deliveries.
const EVENTS_MAX: usize = 16;

/// The most lines of its log that are taken in one step, besides.
const LINES_MAX: usize = 1_000;

/// Where a producer stands.
///
/// ```text
/// New --init--> Ready --begin--> InTransaction
///                 ^---commit, abort---'
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Ready,
    InTransaction,
}

/// Writes to Kafka.
pub(super) struct KafkaProducer {
    config: ProducerConfig,
    client: Arc<NativeProducer>,
    worker: Worker,
    questions: Questions,
    state: State,
    /// Another producer has taken over: nothing can be done any more.
    is_fenced: bool,
    asked: Option<Asked>,
    /// Messages whose deliveries were not handed out, and their bytes.
    queued: usize,
    queued_bytes: usize,
    /// Kept for its allocation.
    delivered: Vec<Delivered>,
    spread: Spread,
    /// The topics that were written to, since one was last forgotten.
    outlets: FxHashMap<Topic, Outlet>,
    forgotten: u64,
}

/// A topic that is written to.
struct Outlet {
    handle: TopicHandle,
    /// As many as it had when it was first written to; it may have more by now.
    partitions: i32,
}

impl KafkaProducer {
    pub(super) fn open(cluster: Arc<Cluster>, config: &ProducerConfig) -> Result<Self> {
        let client = open(&cluster.settings().producer(config), ProducerContext::default())?;
        Ok(KafkaProducer {
            client: Arc::new(Aside::new(client, Duration::ZERO)),
            worker: Worker::new(format!("{}-worker", config.client_id)),
            questions: Questions::new(cluster),
            state: if config.transactional_id.is_some() { State::New } else { State::Ready },
            is_fenced: false,
            asked: None,
            queued: 0,
            queued_bytes: 0,
            delivered: Vec::new(),
            spread: Spread::default(),
            outlets: FxHashMap::default(),
            forgotten: 0,
            config: config.clone(),
        })
    }

    fn about(&self) -> About<'_> {
        About::Producer(self.config.transactional_id.as_deref())
    }

    /// Lets librdkafka report deliveries.
    fn serve(&self) {
        let context = self.client.context();
        let (mut events, mut lines) = (0, 0);
        while events < EVENTS_MAX && lines < LINES_MAX {
            let (waiting, told) = (context.waiting(), context.lines.told());
            self.client.poll(Duration::ZERO);
            match context.lines.told() - told {
                0 if context.waiting() == waiting => return,
                0 => events += 1,
                new_lines => lines += new_lines,
            }
        }
    }

    fn check_usable(&self) -> Result<()> {
        match (&self.config.transactional_id, self.state) {
            _ if self.is_fenced => Err(errors::error(Code::ProducerFenced, self.about(), "")),
            (_, State::New) => Err(errors::misuse("the producer is not initialised")),
            _ => Ok(()),
        }
    }

    /// The partition of a message; pending until the topic's partitions are known.
    fn partition(&mut self, message: &Outgoing<'_>, now_ms: i64) -> Poll<Result<i32>> {
        if let Some(partition) = message.partition {
            let known = ready!(self.questions.poll_with(message.topic, partition, now_ms));
            return Poll::Ready(known.map(|_| partition));
        }
        let partitions = ready!(self.questions.poll(message.topic, now_ms))?;
        Poll::Ready(Ok(match message.key {
            Some(key) => partition_for_key(key, partitions),
            None => self.spread.next(message.topic, partitions, size_of(message), self.queued == 0),
        }))
    }

    fn is_full(&self, message: &Outgoing<'_>) -> bool {
        self.queued >= self.config.queue_records_max
            || (self.queued > 0 && self.queued_bytes + size_of(message) > self.config.queue_bytes_max)
    }

    /// The way of most messages: to a known partition of a topic that was written to before, without headers. `None` if it is
    /// not open to this one.
    fn send_directly(&mut self, message: &Outgoing<'_>, token: u64, now_ms: i64) -> Option<Result<Sent>> {
        let forgotten = self.questions.forgotten();
        if forgotten != self.forgotten {
            self.forgotten = forgotten;
            self.outlets.clear();
        }
        let outlet = self.outlets.get(message.topic).filter(|_| message.headers.is_empty())?;
        let partition = message.partition.filter(|partition| (0..outlet.partitions).contains(partition))?;
        let sent = outlet.handle.send(&Bare {
            partition,
            key: message.key,
            value: message.value,
            timestamp: timestamp(message, now_ms),
            token: token as usize,
        });
        Some(self.note(message, sent.map_err(KafkaError::MessageProduction)))
    }

    fn queue(&mut self, message: &Outgoing<'_>, partition: i32, token: u64, now_ms: i64) -> Result<Sent> {
        let record = BaseRecord::<[u8], [u8], usize> {
            topic: message.topic.as_str(),
            partition: Some(partition),
            payload: message.value,
            key: message.key,
            headers: owned_headers(message.headers),
            timestamp: Some(timestamp(message, now_ms)),
            // A pointer's width is what librdkafka keeps: all of it, on the machines that this runs on.
            delivery_opaque: token as usize,
        };
        let sent = self.client.send(record).map_err(|(error, _)| error);
        if let (Ok(()), Poll::Ready(Ok(partitions))) = (&sent, self.questions.poll(message.topic, now_ms))
            && !self.outlets.contains_key(message.topic)
            && let Some(handle) = TopicHandle::open(&self.client, message.topic.as_str())
        {
            self.outlets.insert(message.topic.clone(), Outlet { handle, partitions });
        }
        self.note(message, sent)
    }

    fn note(&mut self, message: &Outgoing<'_>, sent: Result<(), KafkaError>) -> Result<Sent> {
        match sent {
            Ok(()) => {
                self.queued += 1;
                self.queued_bytes += size_of(message);
                Ok(Sent::Queued)
            }
            Err(KafkaError::MessageProduction(Code::QueueFull)) => Ok(Sent::QueueFull),
            Err(error) => Err(self.refused(&error, message.topic)),
        }
    }

    fn refused(&mut self, error: &KafkaError, topic: &Topic) -> Error {
        if let Some((_, why)) = self.client.client().fatal_error() {
            self.is_fenced = true;
            return errors::error(Code::Fenced, self.about(), &why);
        }
        errors::from_client(error, About::Topic(topic.as_str()), "")
    }
}

fn size_of(message: &Outgoing<'_>) -> usize {
    message.key.map_or(0, <[u8]>::len) + message.value.map_or(0, <[u8]>::len)
}

/// librdkafka takes 0 for "now".
fn timestamp(message: &Outgoing<'_>, now_ms: i64) -> i64 {
    message.timestamp.unwrap_or(now_ms).max(1)
}

fn owned_headers(headers: &Headers) -> Option<OwnedHeaders> {
    let list = headers.as_slice();
    let append = |all: OwnedHeaders, header: &crate::record::Header| {
        all.insert(Header { key: &header.name, value: header.value.as_deref() })
    };
    (!list.is_empty()).then(|| list.iter().fold(OwnedHeaders::new_with_capacity(list.len()), append))
}

impl Producer for KafkaProducer {
    fn poll_init(&mut self, now_ms: i64) -> Poll<Result<()>> {
        if self.state != State::New {
            return Poll::Ready(Ok(()));
        }
        self.until_ready(Step::Init, now_ms, |client| client.init_transactions(ANSWER))
    }

    fn begin(&mut self) -> Result<()> {
        if self.config.transactional_id.is_none() {
            return Err(errors::misuse("the producer has no transactional id"));
        }
        self.check_usable()?;
        if self.state == State::InTransaction {
            return Err(errors::misuse("a transaction is open"));
        }
        // Asks librdkafka's own thread, and no broker.
        let begun = self.client.begin_transaction();
        if let Err(error) = attempt(&self.client, self.config.transactional_id.as_deref(), begun) {
            self.is_fenced |= error.kind() == ErrorKind::Fenced;
            return Err(error);
        }
        self.state = State::InTransaction;
        Ok(())
    }

    fn in_transaction(&self) -> bool {
        self.state == State::InTransaction
    }

    fn send(&mut self, message: &Outgoing<'_>, token: u64, now_ms: i64) -> Result<Sent> {
        self.check_usable()?;
        if self.config.transactional_id.is_some() && self.state != State::InTransaction {
            return Err(errors::misuse("a message was sent outside of a transaction"));
        }
        if self.is_full(message) {
            return Ok(Sent::QueueFull);
        }
        if let Some(sent) = self.send_directly(message, token, now_ms) {
            return sent;
        }
        match self.partition(message, now_ms) {
            // Nothing happened: the message is offered again, as if the queue were full.
            Poll::Pending => Ok(Sent::QueueFull),
            Poll::Ready(partition) => self.queue(message, partition?, token, now_ms),
        }
    }

    fn poll_partitions(&mut self, topic: &Topic, now_ms: i64) -> Poll<Result<i32>> {
        self.questions.poll(topic, now_ms)
    }

    fn deliveries(&mut self, _now_ms: i64, each: &mut dyn FnMut(Delivery)) -> Result<usize> {
        self.serve();
        let (mut delivered, mut is_answered) = (std::mem::take(&mut self.delivered), false);
        self.client.context().take_delivered(&mut delivered);
        for Delivered { token, messages, bytes, partition, offset } in delivered.drain(..) {
            self.queued -= messages;
            self.queued_bytes -= bytes;
            let token = token as u64;
            match offset {
                Ok(first) => {
                    is_answered = true;
                    (first..)
                        .take(messages)
                        .for_each(|offset| each(Delivery { token, placed: Ok(Placed { partition, offset }) }));
                }
                Err((code, topic)) => each(Delivery { token, placed: Err(self.undelivered(code, &topic)) }),
            }
        }
        self.delivered = delivered;
        if is_answered {
            self.client.context().trouble.clear();
        }
        Ok(self.queued)
    }

    fn poll_flush(&mut self, _now_ms: i64) -> Poll<Result<()>> {
        self.serve();
        if self.queued > self.client.context().waiting() {
            return match self.client.context().trouble.refusal() {
                Some(refusal) => Poll::Ready(Err(refusal)),
                None => Poll::Pending,
            };
        }
        Poll::Ready(Ok(()))
    }

    fn poll_send_offsets(&mut self, offsets: &Offsets, group: &GroupMetadata, now_ms: i64) -> Poll<Result<()>> {
        self.check_usable()?;
        let (offsets, group, id) = (offsets.clone(), group.clone(), self.config.transactional_id.clone());
        self.step(Step::SendOffsets, now_ms, move |client| {
            let list = list_of(&offsets)?;
            native::send_offsets(client, &list, &group, ANSWER.as_millis() as i32)
                .map_err(|answer| errors::from_offsets(&answer, About::Producer(id.as_deref())))
        })
    }

    fn poll_commit(&mut self, now_ms: i64) -> Poll<Result<()>> {
        if self.is_fenced {
            return Poll::Ready(self.check_usable());
        }
        if self.state != State::InTransaction {
            return Poll::Ready(Err(errors::misuse("there is no transaction")));
        }
        self.until_ready(Step::Commit, now_ms, |client| client.commit_transaction(ANSWER))
    }

    fn poll_abort(&mut self, now_ms: i64) -> Poll<Result<()>> {
        if self.state != State::InTransaction {
            return Poll::Ready(Ok(()));
        }
        if self.is_fenced {
            return Poll::Ready(self.check_usable());
        }
        self.until_ready(Step::Abort, now_ms, |client| client.abort_transaction(ANSWER))
    }
}

impl KafkaProducer {
    fn undelivered(&mut self, code: Code, topic: &str) -> Error {
        if code == Code::UnknownTopicOrPartition {
            self.questions.forget(&Topic::from(topic));
        }
        match self.client.client().fatal_error() {
            Some((_, why)) => {
                self.is_fenced = true;
                errors::error(Code::Fenced, self.about(), &why)
            }
            None => errors::error(code, About::Topic(topic), &self.client.context().trouble.text()),
        }
    }
}
