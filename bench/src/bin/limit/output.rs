//! A producer, and what commits.

use crate::Result;
use crate::input::Input;
use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// A full queue is looked at again after this time.
const FULL: Duration = Duration::from_millis(5);

/// Counts messages that could not be delivered.
#[derive(Default)]
struct Failures(Arc<AtomicU64>);

impl ClientContext for Failures {}

impl ProducerContext for Failures {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_err() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Where results go.
pub(crate) struct Output {
    producer: BaseProducer<Failures>,
    failed: Arc<AtomicU64>,
    is_transactional: bool,
}

impl Output {
    pub(crate) fn open(brokers: &str, transactional_id: Option<&str>) -> Result<Output> {
        let failures = Failures::default();
        let failed = failures.0.clone();
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", brokers)
            .set("enable.idempotence", "true")
            .set("partitioner", "murmur2_random")
            .set("linger.ms", "100") // as Kafka Streams has it
            .set("queue.buffering.max.messages", "500000")
            .set("delivery.report.only.error", "true");
        if let Some(id) = transactional_id {
            config.set("transactional.id", id);
        }
        let producer: BaseProducer<Failures> = config.create_with_context(failures)?;
        let is_transactional = transactional_id.is_some();
        if is_transactional {
            producer.init_transactions(PATIENCE)?;
            producer.begin_transaction()?;
        }
        Ok(Output { producer, failed, is_transactional })
    }

    pub(crate) fn is_transactional(&self) -> bool {
        self.is_transactional
    }

    /// Lets the client tell what failed.
    pub(crate) fn serve(&self) {
        self.producer.poll(Duration::ZERO);
    }

    pub(crate) fn send(&self, topic: &str, key: &[u8], value: &[u8], timestamp: i64) -> Result<()> {
        let mut record = BaseRecord::to(topic).key(key).payload(value).timestamp(timestamp);
        loop {
            record = match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => back,
                Err((error, _)) => return Err(error.into()),
            };
            self.producer.poll(FULL);
        }
    }

    /// A changed count, to the changelog as Kafka Streams writes it (timestamp, then count) and to the output.
    pub(crate) fn send_count(&self, key: &[u8], count: u64, timestamp: i64) -> Result<()> {
        let mut row = [0; 16];
        row[..8].copy_from_slice(&timestamp.to_be_bytes());
        row[8..].copy_from_slice(&count.to_be_bytes());
        self.send("changelog", key, &row, timestamp)?;
        self.send("out", key, &count.to_be_bytes(), timestamp)
    }

    /// Commits what was read, once all that was sent is there.
    pub(crate) fn commit(&self, input: &Input) -> Result<()> {
        if self.is_transactional {
            self.producer.send_offsets_to_transaction(&input.offsets()?, &input.group()?, PATIENCE)?;
            self.producer.commit_transaction(PATIENCE)?;
            self.producer.begin_transaction()?;
        } else {
            self.producer.flush(PATIENCE)?;
            input.consumer().commit(&input.offsets()?, CommitMode::Sync)?;
        }
        match self.failed.load(Ordering::Relaxed) {
            0 => Ok(()),
            failed => Err(format!("{failed} messages were not delivered").into()),
        }
    }

    pub(crate) fn close(self) -> Result<()> {
        if self.is_transactional {
            self.producer.abort_transaction(PATIENCE)?;
        }
        Ok(())
    }
}
