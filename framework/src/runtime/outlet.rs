//! The outlet: takes what tasks have in their outboxes to the producer, and remembers how far changelogs got.
//!
//! It begins transactions and never ends one: that is the commit's business.

use super::instance::Instance;
use crate::error::{Error, ErrorKind, Result};
use crate::log::{Delivery, Producer, ProducerConfig, Sent};
use crate::record::{Outbox, Topic};
use std::collections::BTreeMap;
use std::task::{Poll, ready};

/// The store number in a token of a message that is in no changelog.
const NO_STORE: u32 = u32::MAX;

/// A thread's way out.
pub(crate) struct Outlet {
    config: ProducerConfig,
    producer: Box<dyn Producer>,
    /// By task number and store: the offset after the last acknowledged changelog message.
    changelogs: BTreeMap<u32, BTreeMap<u32, i64>>,
    /// The first failed delivery since the last look.
    failure: Option<Error>,
    sent: u64,
    dead_letter_topic: Option<Topic>,
    /// Dead letters by task number, since the last look.
    dead_letters: BTreeMap<u32, u64>,
}

impl Outlet {
    /// An outlet with a producer that is not initialised yet.
    ///
    /// # Errors
    /// `Config` if the configuration contradicts itself.
    pub(crate) fn new(instance: &Instance, thread: usize, thread_name: &str) -> Result<Self> {
        let number = thread + 1;
        let transactional_id = format!("{}-{}-{number}", instance.config.application_id, instance.process_id);
        let config = ProducerConfig {
            transactional_id: instance.config.is_exactly_once().then_some(transactional_id),
            client_id: format!("{thread_name}-producer"),
            transaction_timeout_ms: instance.config.transaction_timeout_ms,
            ..ProducerConfig::default()
        };
        let producer = instance.log.producer(&config)?;
        Ok(Outlet {
            config,
            producer,
            changelogs: BTreeMap::new(),
            failure: None,
            sent: 0,
            dead_letter_topic: instance.config.dead_letter_topic.as_ref().map(Topic::from),
            dead_letters: BTreeMap::new(),
        })
    }

    /// Replaces the producer by a new one, which fences the old one when it is initialised.
    ///
    /// # Errors
    /// `Config` if the configuration contradicts itself.
    pub(crate) fn renew(&mut self, instance: &Instance) -> Result<()> {
        self.producer = instance.log.producer(&self.config)?;
        self.forget();
        Ok(())
    }

    /// Whether outputs and offsets are committed in transactions.
    pub(crate) fn is_transactional(&self) -> bool {
        self.config.transactional_id.is_some()
    }

    /// The producer, to begin, commit and abort.
    pub(crate) fn producer(&mut self) -> &mut dyn Producer {
        &mut *self.producer
    }

    /// Begins a transaction unless one is open; nothing without transactions.
    ///
    /// # Errors
    /// `Fenced`.
    pub(crate) fn begin(&mut self) -> Result<()> {
        if self.is_transactional() && !self.producer.in_transaction() { self.producer.begin() } else { Ok(()) }
    }

    /// Hands over what an outbox holds; false if the producer's queue is full before it is empty.
    ///
    /// # Errors
    /// What the producer refuses.
    pub(crate) fn drain(&mut self, task: u32, outbox: &mut Outbox, now_ms: i64) -> Result<bool> {
        while let Some(message) = outbox.front() {
            self.begin()?;
            match self.producer.send(&message, token(task, message.changelog), now_ms)? {
                Sent::Queued => {
                    self.sent += 1;
                    if self.dead_letter_topic.as_ref() == Some(message.topic) {
                        *self.dead_letters.entry(task).or_default() += 1;
                    }
                    outbox.pop();
                }
                Sent::QueueFull => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Lets the producer work and notes what was acknowledged. Returns the number of messages without an answer.
    ///
    /// # Errors
    /// The first delivery that failed: what was sent since the last commit is to be done again.
    pub(crate) fn take_deliveries(&mut self, now_ms: i64) -> Result<usize> {
        let Outlet { producer, changelogs, failure, .. } = self;
        let unanswered = producer.deliveries(now_ms, &mut |delivery| note(delivery, changelogs, failure))?;
        match failure.take() {
            Some(error) => Err(error.context("a message could not be delivered")),
            None => Ok(unanswered),
        }
    }

    /// Takes deliveries whose outcome nobody asks for any more.
    ///
    /// # Errors
    /// `Io` if the log is broken.
    pub(crate) fn discard_deliveries(&mut self, now_ms: i64) -> Result<()> {
        self.producer.deliveries(now_ms, &mut |_| {})?;
        self.forget();
        Ok(())
    }

    /// Ready when everything that was handed over is acknowledged.
    pub(crate) fn poll_acknowledged(&mut self, now_ms: i64) -> Poll<Result<()>> {
        let flushed = ready!(self.producer.poll_flush(now_ms));
        self.take_deliveries(now_ms)?;
        Poll::Ready(flushed)
    }

    /// Where the changelogs of a task's stores are read on, as far as something was sent there.
    pub(crate) fn changelog_positions(&self, task: u32) -> Vec<(u32, i64)> {
        let positions = self.changelogs.get(&task).into_iter().flatten();
        positions.map(|(store, position)| (*store, *position)).collect()
    }

    /// The task's commit is written, or the task is gone.
    pub(crate) fn forget_task(&mut self, task: u32) {
        self.changelogs.remove(&task);
    }

    /// Everything sent since the last commit was taken back.
    pub(crate) fn forget(&mut self) {
        self.changelogs.clear();
        self.failure = None;
    }

    /// The number of dead letters of a task since the last call.
    pub(crate) fn take_dead_letters(&mut self, task: u32) -> u64 {
        self.dead_letters.remove(&task).unwrap_or(0)
    }

    /// The number of messages handed over since the last call.
    pub(crate) fn take_sent(&mut self) -> u64 {
        std::mem::take(&mut self.sent)
    }
}

fn token(task: u32, changelog: Option<u32>) -> u64 {
    u64::from(task) << 32 | u64::from(changelog.unwrap_or(NO_STORE))
}

fn note(delivery: Delivery, changelogs: &mut BTreeMap<u32, BTreeMap<u32, i64>>, failure: &mut Option<Error>) {
    let (task, store) = ((delivery.token >> 32) as u32, delivery.token as u32);
    match delivery.placed {
        Ok(_) if store == NO_STORE => {}
        Ok(placed) => {
            let position = changelogs.entry(task).or_default().entry(store).or_insert(0);
            *position = placed.offset + 1;
        }
        // A failed delivery fails those after it: the first one says why, unless it is only an echo.
        Err(error) if failure.as_ref().is_none_or(|known| known.kind() == ErrorKind::Aborted) => *failure = Some(error),
        Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Placed;

    fn delivered(token: u64, offset: i64) -> Delivery {
        Delivery { token, placed: Ok(Placed { partition: 0, offset }) }
    }

    #[test]
    fn positions_are_those_after_the_last_acknowledged_changelog_message() {
        let (mut changelogs, mut failure) = (BTreeMap::new(), None);
        for (token, offset) in
            [(token(3, Some(1)), 7), (token(3, None), 99), (token(3, Some(1)), 8), (token(4, Some(0)), 0)]
        {
            note(delivered(token, offset), &mut changelogs, &mut failure);
        }
        assert_eq!(changelogs[&3], BTreeMap::from([(1, 9)]));
        assert_eq!(changelogs[&4], BTreeMap::from([(0, 1)]));
        assert!(failure.is_none());
    }

    #[test]
    fn cause_of_a_failure_is_kept_and_not_its_echo() {
        let (mut changelogs, mut failure) = (BTreeMap::new(), None);
        for kind in [ErrorKind::Aborted, ErrorKind::Timeout, ErrorKind::Aborted] {
            let placed = Err(Error::new(kind, "no"));
            note(Delivery { token: token(0, None), placed }, &mut changelogs, &mut failure);
        }
        assert_eq!(failure.map(|error| error.kind()), Some(ErrorKind::Timeout));
    }
}
