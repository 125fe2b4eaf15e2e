//! Writing whole transactions.

use super::wait;
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::log::{Log, Placed, Producer, ProducerConfig, Sent};
use kstreams::record::{Clock, Headers, Outgoing, Topic};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// Times that a transaction is written before its failure is the caller's.
const ATTEMPTS_MAX: u32 = 5;
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

/// Writes transactions under one id. A newer writer with the same id ends this one.
pub struct Writer {
    producer: Box<dyn Producer>,
    clock: Arc<dyn Clock>,
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
        let (mut producer, clock) = (log.producer(&config)?, log.clock());
        wait::answer(&*clock, "taking over the transactional id", |now_ms| producer.poll_init(now_ms))?;
        Ok(Writer { producer, clock })
    }

    /// The number of partitions of a topic.
    ///
    /// # Errors
    /// `NotFound` if there is no such topic.
    pub fn partitions(&mut self, topic: &Topic) -> Result<i32> {
        wait::answer(&*self.clock, "asking for partitions", |now_ms| self.producer.poll_partitions(topic, now_ms))
    }

    /// Writes all messages, in order, in one transaction; tells where each is once they are committed.
    ///
    /// # Errors
    /// `NotFound`, `Production`, `Fenced`: nothing was written. `Timeout`: the log does not tell whether it was.
    pub fn write(&mut self, messages: &[Outbound]) -> Result<Vec<Placed>> {
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let written = self.send(messages).map(|placed| (placed, self.commit()));
            let error = match written {
                Ok((placed, Ok(()))) => return Ok(placed),
                Ok((_, Err(error))) if error.kind() != ErrorKind::Aborted => return Err(error),
                Ok((_, Err(error))) | Err(error) => error,
            };
            self.abort();
            let may_pass = matches!(error.kind(), ErrorKind::Aborted | ErrorKind::Timeout);
            if !may_pass || attempt == ATTEMPTS_MAX {
                return Err(error.context("writing a transaction"));
            }
            tracing::warn!(%error, attempt, "a transaction is written again");
            std::thread::sleep(pause);
            pause *= 2;
        }
        unreachable!("the last attempt returns")
    }

    /// Sends everything and waits for the places, leaving the transaction open.
    fn send(&mut self, messages: &[Outbound]) -> Result<Vec<Placed>> {
        self.producer.begin()?;
        let mut places = vec![None; messages.len()];
        for (message, token) in messages.iter().zip(0..) {
            self.send_one(message, token, &mut places)?;
        }
        wait::answer(&*self.clock, "flushing", |now_ms| self.producer.poll_flush(now_ms))?;
        self.take_deliveries(&mut places)?;
        let missing = || Error::new(ErrorKind::Bug, "a flushed message has no place");
        places.into_iter().map(|place| place.ok_or_else(missing)).collect()
    }

    fn send_one(&mut self, message: &Outbound, token: u64, places: &mut [Option<Placed>]) -> Result<()> {
        let headers = Headers::default();
        let outgoing = Outgoing {
            topic: &message.topic,
            partition: message.partition,
            key: message.key.as_deref(),
            value: message.value.as_deref(),
            timestamp: None,
            headers: &headers,
            changelog: None,
        };
        let clock = self.clock.clone();
        wait::answer(&*clock, "sending", |now_ms| match self.producer.send(&outgoing, token, now_ms) {
            Ok(Sent::Queued) => Poll::Ready(Ok(())),
            Ok(Sent::QueueFull) => {
                self.take_deliveries(places).map_or_else(|error| Poll::Ready(Err(error)), |()| Poll::Pending)
            }
            Err(error) => Poll::Ready(Err(error)),
        })
    }

    fn take_deliveries(&mut self, places: &mut [Option<Placed>]) -> Result<()> {
        let mut failed = Ok(());
        self.producer.deliveries(self.clock.now_ms(), &mut |delivery| match delivery.placed {
            Ok(placed) => places[delivery.token as usize] = Some(placed),
            Err(error) => failed = Err(error),
        })?;
        failed
    }

    /// Once asked for, a commit's outcome is the log's: it is asked again, never aborted, while that is unknown.
    fn commit(&mut self) -> Result<()> {
        wait::answer(&*self.clock, "committing", |now_ms| match self.producer.poll_commit(now_ms) {
            Poll::Ready(Err(error)) if error.kind() == ErrorKind::Timeout => Poll::Pending,
            answer => answer,
        })
    }

    fn abort(&mut self) {
        let aborted = wait::answer(&*self.clock, "aborting", |now_ms| self.producer.poll_abort(now_ms));
        if let Err(error) = aborted {
            tracing::warn!(%error, "a transaction stays open until it times out");
        }
    }
}
