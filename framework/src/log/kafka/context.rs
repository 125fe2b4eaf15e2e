//! What librdkafka tells between the lines: its log, troubles with brokers, rebalances, deliveries.
//!
//! Nothing is decided here: it is noted, and looked at in the next step.

use super::codes::is_authentication;
use super::errors::{self, About};
use crate::error::Error;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, RebalanceProtocol};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{TopicPartitionList, producer};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The last trouble with the brokers; forgotten when one of them answers.
#[derive(Debug, Default)]
pub(super) struct Trouble(Mutex<Option<(Code, String)>>);

impl Trouble {
    fn lock(&self) -> MutexGuard<'_, Option<(Code, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, code: Code, reason: &str) {
        // That all brokers are down says less than why the last of them is.
        if code != Code::AllBrokersDown || self.lock().is_none() {
            *self.lock() = Some((code, reason.to_owned()));
        }
    }

    /// A broker has answered.
    pub(super) fn clear(&self) {
        *self.lock() = None;
    }

    /// What was the matter, in the client's words.
    pub(super) fn text(&self) -> String {
        self.lock().as_ref().map(|(_, reason)| reason.clone()).unwrap_or_default()
    }

    /// The error if the brokers do not let this client in, or it does not trust them: that does not pass by itself.
    pub(super) fn refusal(&self) -> Option<Error> {
        let (code, reason) = self.lock().clone()?;
        match code {
            Code::SSL if reason.contains("certificate verify failed") => Some(errors::untrusted(&reason)),
            _ if is_authentication(code) => Some(errors::error(code, About::Brokers, &reason)),
            _ => None,
        }
    }
}

/// How many lines of its log a client has told: they come one by one with what matters, and are not to hold it up.
#[derive(Debug, Default)]
pub(super) struct Lines(AtomicUsize);

impl Lines {
    fn note(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn told(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Writes librdkafka's log into ours. What it calls an error is mostly a broker that went away.
fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(target: "kstreams::kafka", facility, "{message}");
        }
        RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => {
            tracing::warn!(target: "kstreams::kafka", facility, "{message}");
        }
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
            tracing::info!(target: "kstreams::kafka", facility, "{message}");
        }
        RDKafkaLogLevel::Debug => tracing::debug!(target: "kstreams::kafka", facility, "{message}"),
    }
}

macro_rules! client_context {
    ($context:ident) => {
        impl ClientContext for $context {
            fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
                self.lines.note();
                log(level, facility, message);
            }

            fn error(&self, error: KafkaError, reason: &str) {
                let code = errors::code_of(&error);
                tracing::debug!(target: "kstreams::kafka", ?code, "{reason}");
                self.trouble.note(code, reason);
            }

            fn stats_raw(&self, _statistics: &[u8]) {}
        }
    };
}

/// For clients that administer.
#[derive(Debug, Default)]
pub(super) struct AdminContext {
    pub(super) trouble: Arc<Trouble>,
    pub(super) lines: Lines,
}

client_context!(AdminContext);

/// What the group wants of this member, as librdkafka said it.
#[derive(Debug)]
pub(super) enum Rebalance {
    /// These partitions come.
    Assign(Vec<(String, i32)>),
    /// These partitions are to go, and librdkafka waits until they are given back.
    Revoke(Vec<(String, i32)>),
    /// These partitions are gone already.
    Lose(Vec<(String, i32)>),
}

/// For consumers: notes rebalances.
#[derive(Debug, Default)]
pub(super) struct ConsumerContext {
    pub(super) trouble: Arc<Trouble>,
    pub(super) lines: Lines,
    pub(super) rebalances: Mutex<VecDeque<Rebalance>>,
    /// Set before the consumer is dropped: nobody gives partitions back any more, and the drop waits until they are.
    pub(super) is_closing: AtomicBool,
}

client_context!(ConsumerContext);

impl ConsumerContext {
    /// From now on whatever is revoked is given back at once.
    pub(super) fn close(&self) {
        self.is_closing.store(true, Ordering::SeqCst);
    }

    /// The oldest rebalance that was not handled.
    pub(super) fn take_rebalance(&self) -> Option<Rebalance> {
        self.lock().pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Rebalance>> {
        self.rebalances.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl rdkafka::consumer::ConsumerContext for ConsumerContext {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let comes = what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.is_closing.load(Ordering::SeqCst) {
            give_back(consumer, comes, list);
            return;
        }
        let partitions =
            list.elements().iter().map(|element| (element.topic().to_owned(), element.partition())).collect();
        self.lock().push_back(match comes {
            true => Rebalance::Assign(partitions),
            false if consumer.assignment_lost() => Rebalance::Lose(partitions),
            false => Rebalance::Revoke(partitions),
        });
    }
}

/// Answers a rebalance of a consumer that is being closed.
fn give_back(consumer: &BaseConsumer<ConsumerContext>, comes: bool, list: &TopicPartitionList) {
    let answered = match consumer.rebalance_protocol() {
        _ if comes => consumer.unassign(),
        RebalanceProtocol::Cooperative => consumer.incremental_unassign(list),
        _ => consumer.unassign(),
    };
    if let Err(error) = answered {
        tracing::debug!(target: "kstreams::kafka", %error, "giving partitions back");
    }
}

/// What became of a message, or of several with the same token that lie one behind another in a partition.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) token: usize,
    pub(super) messages: usize,
    /// Of their keys and values.
    pub(super) bytes: usize,
    pub(super) partition: i32,
    /// The offset of the first, or why there is none and in which topic.
    pub(super) offset: Result<i64, (Code, String)>,
}

/// For producers: notes deliveries.
#[derive(Debug, Default)]
pub(super) struct ProducerContext {
    pub(super) trouble: Arc<Trouble>,
    pub(super) lines: Lines,
    delivered: Mutex<Deliveries>,
}

/// What was delivered and not taken yet.
#[derive(Debug, Default)]
struct Deliveries {
    list: Vec<Delivered>,
    messages: usize,
}

impl Deliveries {
    fn add(&mut self, delivered: Delivered) {
        self.messages += delivered.messages;
        match self.list.last_mut() {
            Some(last) if last.is_followed_by(&delivered) => {
                last.messages += delivered.messages;
                last.bytes += delivered.bytes;
            }
            _ => self.list.push(delivered),
        }
    }
}

impl Delivered {
    fn is_followed_by(&self, next: &Delivered) -> bool {
        let follows = match (&self.offset, &next.offset) {
            (Ok(first), Ok(next)) => i64::try_from(self.messages).is_ok_and(|messages| first + messages == *next),
            _ => false,
        };
        follows && self.token == next.token && self.partition == next.partition
    }
}

client_context!(ProducerContext);

impl ProducerContext {
    /// What was delivered since the last call; `room` is left behind, for its allocation.
    pub(super) fn take_delivered(&self, room: &mut Vec<Delivered>) {
        let mut deliveries = self.delivered.lock().unwrap_or_else(PoisonError::into_inner);
        deliveries.messages = 0;
        std::mem::swap(room, &mut deliveries.list);
    }

    /// The number of messages whose deliveries were not taken.
    pub(super) fn waiting(&self) -> usize {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner).messages
    }
}

impl producer::ProducerContext for ProducerContext {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, token: usize) {
        let (Ok(message) | Err((_, message))) = result;
        let offset = match result {
            Ok(message) => Ok(message.offset()),
            Err((error, message)) => Err((errors::code_of(error), message.topic().to_owned())),
        };
        let bytes = message.key_len() + message.payload_len();
        let delivered = Delivered { token, messages: 1, bytes, partition: message.partition(), offset };
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner).add(delivered);
    }
}
