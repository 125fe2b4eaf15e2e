//! Writing whole transactions.

use super::PATIENCE;
use crate::vitals::{written, written_again};
use kstreams::error::{ErrorKind, Result};
use kstreams::log::client::{NewMessage, Producer};
use kstreams::log::{Log, Placed, ProducerConfig};
use kstreams::record::Topic;
use std::time::Duration;

/// Times that a transaction is written before its failure is the caller's.
const ATTEMPTS_MAX: u32 = 5;
/// Times that the log is asked for the outcome of a commit.
const QUESTIONS_MAX: u32 = 3;
/// The pause before the second attempt; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// A message to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    /// The topic.
    pub topic: Topic,
    /// The partition; without one the key decides.
    pub partition: Option<i32>,
    /// The key's bytes; `None` is null.
    pub key: Option<Vec<u8>>,
    /// The value's bytes; `None` is null.
    pub value: Option<Vec<u8>>,
}

impl Outbound {
    fn as_new(&self) -> NewMessage<'_> {
        let message = NewMessage::new(&self.topic, self.key.as_deref(), self.value.as_deref());
        NewMessage { partition: self.partition, ..message }
    }
}

/// Writes transactions under one id. A newer writer with the same id ends this one.
pub struct Writer {
    producer: Producer,
    id: String,
}

impl Writer {
    /// Takes the id over: older writers are fenced and what they left open is aborted.
    ///
    /// # Errors
    /// What the log answers.
    pub fn open(log: &dyn Log, transactional_id: &str) -> Result<Writer> {
        let config = ProducerConfig {
            transactional_id: Some(transactional_id.to_owned()),
            client_id: transactional_id.to_owned(),
            ..ProducerConfig::default()
        };
        let producer = Producer::new(log, &config, PATIENCE);
        producer
            .map(|producer| Writer { producer, id: transactional_id.to_owned() })
            .map_err(|error| error.context(format!("taking over {transactional_id}")))
    }

    /// Writes all messages, in order, in one transaction; tells where each is once they are committed.
    ///
    /// # Errors
    /// `NotFound`, `Production`, `Fenced`: nothing was written. `Timeout`: the log does not tell whether it was.
    pub fn write(&mut self, messages: &[Outbound]) -> Result<Vec<Placed>> {
        let messages: Vec<NewMessage<'_>> = messages.iter().map(Outbound::as_new).collect();
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let error = match self.send(&messages).map(|placed| (placed, self.commit())) {
                Ok((placed, Ok(()))) => {
                    written(&self.id, placed.len());
                    return Ok(placed);
                }
                // Once a commit was asked for, only the log knows its outcome: it must not be aborted.
                Ok((_, Err(error))) if error.kind() != ErrorKind::Aborted => return Err(error),
                Ok((_, Err(error))) | Err(error) => error,
            };
            self.abort();
            let may_pass = matches!(error.kind(), ErrorKind::Aborted | ErrorKind::Timeout);
            if !may_pass || attempt == ATTEMPTS_MAX {
                return Err(error.context("writing a transaction"));
            }
            tracing::warn!(%error, attempt, "a transaction is written again");
            written_again(&self.id);
            std::thread::sleep(pause);
            pause *= 2;
        }
        unreachable!("the last attempt returns")
    }

    /// Sends everything and waits for the places, leaving the transaction open.
    fn send(&mut self, messages: &[NewMessage<'_>]) -> Result<Vec<Placed>> {
        self.producer.begin()?;
        self.producer.send_all(messages)?.into_iter().collect()
    }

    fn commit(&mut self) -> Result<()> {
        let mut outcome = self.producer.commit();
        for _ in 1..QUESTIONS_MAX {
            match outcome {
                Err(error) if error.kind() == ErrorKind::Timeout => outcome = self.producer.commit(),
                known => return known,
            }
        }
        outcome
    }

    fn abort(&mut self) {
        if let Err(error) = self.producer.abort() {
            tracing::warn!(%error, "a transaction stays open until it times out");
        }
    }
}
