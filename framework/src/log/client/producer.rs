//! A producer that waits for what it asks.

use super::{NewMessage, Patience};
use crate::error::{Error, ErrorKind, Result};
use crate::log::{Delivery, GroupMetadata, Log, Offsets, Placed, ProducerConfig, Sent};
use crate::record::Outgoing;
use std::task::Poll;
use std::time::Duration;

/// Sends messages. Dropping it loses what was sent and not flushed.
pub struct Producer {
    inner: Box<dyn crate::log::Producer>,
    patience: Patience,
    /// The places of a [`Producer::send_all`], by token; empty otherwise.
    placed: Vec<Option<Result<Placed>>>,
    /// The first failure of a message nobody waits for.
    failed: Option<Error>,
}

/// The token of messages whose place nobody asks for.
const UNTRACKED: u64 = u64::MAX;

impl Producer {
    /// A producer that is ready to send; no call of it takes much longer than `timeout`.
    ///
    /// # Errors
    /// `Config`, or `Timeout` if the log cannot be reached.
    pub fn new(log: &dyn Log, config: &ProducerConfig, timeout: Duration) -> Result<Self> {
        let mut inner = log.producer(config)?;
        let patience = Patience::new(log, timeout);
        patience.wait(|now_ms| inner.poll_init(now_ms))?;
        Ok(Producer { inner, patience, placed: Vec::new(), failed: None })
    }

    /// Queues a message; waits only while the queue is full. Whether it arrived is known after [`Producer::flush`].
    ///
    /// # Errors
    /// `Production` if the topic does not take it, `NotFound` if there is no such topic, `Timeout` if the queue stays full,
    /// `Fenced`, `Aborted`.
    pub fn send(&mut self, message: &NewMessage<'_>) -> Result<()> {
        self.enqueue(message, UNTRACKED)
    }

    /// Waits until everything that was sent has arrived.
    ///
    /// # Errors
    /// The first failure since the last flush, or `Timeout`.
    pub fn flush(&mut self) -> Result<()> {
        let patience = self.patience.clone();
        let flushed = patience.wait(|now_ms| self.inner.poll_flush(now_ms));
        self.take_deliveries()?;
        flushed?;
        self.failed.take().map_or(Ok(()), Err)
    }

    /// Sends messages and waits for their places, one for each, in order.
    ///
    /// # Errors
    /// As [`Producer::send`]: then earlier ones of the list may have arrived. `Timeout` if an answer is missing.
    pub fn send_all(&mut self, messages: &[NewMessage<'_>]) -> Result<Vec<Result<Placed>>> {
        self.placed = messages.iter().map(|_| None).collect();
        let sent = messages.iter().zip(0..).try_for_each(|(message, token)| self.enqueue(message, token));
        let patience = self.patience.clone();
        let flushed = patience.wait(|now_ms| self.inner.poll_flush(now_ms));
        self.take_deliveries()?;
        let placed = std::mem::take(&mut self.placed);
        sent.and(flushed)?;
        Ok(placed.into_iter().map(|placed| placed.unwrap_or_else(|| Err(unanswered()))).collect())
    }

    fn enqueue(&mut self, message: &NewMessage<'_>, token: u64) -> Result<()> {
        let outgoing = Outgoing {
            topic: message.topic,
            partition: message.partition,
            key: message.key,
            value: message.value,
            timestamp: message.timestamp,
            headers: &message.headers,
            changelog: None,
        };
        let patience = self.patience.clone();
        patience.wait(|now_ms| match self.inner.send(&outgoing, token, now_ms)? {
            Sent::Queued => Poll::Ready(Ok(())),
            Sent::QueueFull => {
                self.take_deliveries()?;
                Poll::Pending
            }
        })
    }

    fn take_deliveries(&mut self) -> Result<()> {
        let Producer { inner, patience, placed, failed } = self;
        inner.deliveries(patience.now_ms(), &mut |delivery| note(delivery, placed, failed)).map(|_| ())
    }

    /// Begins a transaction; only with a transactional id.
    ///
    /// # Errors
    /// `Fenced`, or `Bug` if one is open.
    pub fn begin(&mut self) -> Result<()> {
        self.inner.begin()
    }

    /// Puts offsets of a group into the transaction.
    ///
    /// # Errors
    /// `Fenced` if the group does not know the speaker or the producer was replaced, `Timeout`.
    pub fn send_offsets(&mut self, offsets: &Offsets, group: &GroupMetadata) -> Result<()> {
        let patience = self.patience.clone();
        patience.wait(|now_ms| self.inner.poll_send_offsets(offsets, group, now_ms))
    }

    /// Flushes and commits the transaction.
    ///
    /// # Errors
    /// `Aborted` if it can only be aborted, `Fenced`, `Timeout` if the outcome is not known.
    pub fn commit(&mut self) -> Result<()> {
        let patience = self.patience.clone();
        let committed = patience.wait(|now_ms| self.inner.poll_commit(now_ms));
        self.take_deliveries()?;
        if committed.is_ok() {
            self.failed = None;
        }
        committed
    }

    /// Aborts the transaction.
    ///
    /// # Errors
    /// `Fenced` or `Timeout`.
    pub fn abort(&mut self) -> Result<()> {
        let patience = self.patience.clone();
        let aborted = patience.wait(|now_ms| self.inner.poll_abort(now_ms));
        self.take_deliveries()?;
        self.failed = None;
        aborted
    }
}

fn note(delivery: Delivery, placed: &mut [Option<Result<Placed>>], failed: &mut Option<Error>) {
    let place = usize::try_from(delivery.token).ok().and_then(|token| placed.get_mut(token));
    match (place, delivery.placed) {
        (Some(place), answer) => *place = Some(answer),
        (None, Err(error)) if failed.is_none() => *failed = Some(error),
        (None, _) => {}
    }
}

fn unanswered() -> Error {
    Error::new(ErrorKind::Timeout, "it is not known whether the message arrived")
}
