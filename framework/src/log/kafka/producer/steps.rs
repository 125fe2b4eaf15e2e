//! The steps of a transaction: each is asked of the worker once, and polled for.

use super::super::cluster::ANSWER;
use super::super::errors::{self, About};
use super::super::native_producer::NativeProducer;
use super::{KafkaProducer, State};
use crate::error::{Error, ErrorKind, Result};
use crate::log::Call;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::producer::Producer as _;
use std::task::{Poll, ready};

/// The longest that an answer is waited for, in milliseconds: longer than it may take by its timeout. librdkafka's call for offsets
/// looks at its timeout only when something happens to the group's coordinator, which may be never (its issues 5456 and 5511).
const ANSWER_MS_MAX: i64 = ANSWER.as_millis() as i64 + 5_000;

/// A step of a transaction that the worker is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Init,
    SendOffsets,
    Commit,
    Abort,
}

impl Step {
    pub(super) fn is_end(self) -> bool {
        matches!(self, Step::Commit | Step::Abort)
    }
}

/// What the worker is asked for.
pub(super) struct Asked {
    step: Step,
    call: Call<()>,
    since_ms: i64,
}

impl KafkaProducer {
    /// A step after which the producer is ready: for a transaction, or for the next one.
    pub(super) fn until_ready(
        &mut self,
        step: Step,
        now_ms: i64,
        call: impl FnOnce(&NativeProducer) -> KafkaResult<()> + Send + 'static,
    ) -> Poll<Result<()>> {
        let id = self.config.transactional_id.clone();
        ready!(self.step(step, now_ms, move |client| attempt(client, id.as_deref(), call(client))))?;
        self.state = State::Ready;
        Poll::Ready(Ok(()))
    }

    /// Asks for a step once, and polls for its answer. A client that does not give it is as good as fenced: the next one aborts what
    /// this one has begun.
    pub(super) fn step(
        &mut self,
        step: Step,
        now_ms: i64,
        question: impl FnOnce(&NativeProducer) -> Result<(), Error> + Send + 'static,
    ) -> Poll<Result<()>> {
        self.serve();
        if self.asked.as_ref().is_some_and(|asked| asked.step != step && asked.step.is_end()) {
            return Poll::Ready(Err(errors::misuse("a transaction whose end is under way was asked to end otherwise")));
        }
        if self.asked.as_ref().is_none_or(|asked| asked.step != step) {
            let client = self.client.clone();
            let call = self.worker.ask(move || question(&client));
            self.asked = Some(Asked { step, call, since_ms: now_ms });
        }
        let Some(asked) = &mut self.asked else { return Poll::Pending };
        let answer = match asked.call.poll(now_ms) {
            // How a commit ends nobody else knows.
            Poll::Pending if step != Step::Commit && now_ms.saturating_sub(asked.since_ms) > ANSWER_MS_MAX => {
                Err(errors::error(Code::Fenced, self.about(), "its client does not answer any more: it takes another"))
            }
            answer => ready!(answer),
        };
        self.asked = None;
        self.serve();
        if answer.is_ok() {
            self.client.context().trouble.clear();
        }
        if let Err(error) = &answer {
            self.is_fenced |= error.kind() == ErrorKind::Fenced && !error.class().ends_with("CommitFailedException");
        }
        Poll::Ready(answer.map_err(|error| match error.kind() {
            // An end without an answer is one, whatever was refused before: it may have happened.
            ErrorKind::Timeout if !step.is_end() => self.client.context().trouble.refusal().unwrap_or(error),
            _ => error,
        }))
    }
}

/// Does a step of a transaction that waits, and says why it failed.
pub(super) fn attempt(client: &NativeProducer, id: Option<&str>, done: Result<(), KafkaError>) -> Result<()> {
    done.map_err(|error| errors::from_client(&error, About::Producer(id), &client.context().trouble.text()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ClientKeys;
    use crate::log::kafka::KafkaLog;
    use crate::log::{GroupMetadata, Log, OffsetAndMetadata, Offsets, ProducerConfig};
    use crate::record::{Clock, SystemClock, TopicPartition};
    use rdkafka::mocking::{MockCluster, MockCoordinator};
    use std::sync::Arc;
    use std::time::Duration;

    /// Polls at the clock's time until there is an answer.
    fn until<T>(mut poll: impl FnMut(i64) -> Poll<T>) -> T {
        loop {
            if let Poll::Ready(answer) = poll(SystemClock.now_ms()) {
                return answer;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn offsets_that_the_client_never_answers_about_fence_the_producer() {
        let brokers = MockCluster::new(2).unwrap();
        brokers.create_topic("in", 1, 1).unwrap();
        brokers.coordinator(MockCoordinator::Transaction(String::from("t")), 1).unwrap();
        brokers.coordinator(MockCoordinator::Group(String::from("g")), 2).unwrap();
        let log =
            KafkaLog::connect(&brokers.bootstrap_servers(), &ClientKeys::default(), Arc::new(SystemClock)).unwrap();
        let config = ProducerConfig { transactional_id: Some(String::from("t")), ..ProducerConfig::default() };
        let mut producer = log.producer(&config).unwrap();
        until(|now_ms| producer.poll_init(now_ms)).unwrap();
        producer.begin().unwrap();
        brokers.broker_down(2).unwrap();
        let offsets: Offsets = [(TopicPartition::new("in", 0), OffsetAndMetadata::default())].into_iter().collect();
        let group = GroupMetadata::without_member("g");
        let error = until(|now_ms| producer.poll_send_offsets(&offsets, &group, now_ms)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Fenced, "{error}");
        // Nothing is asked of it any more: the rollback takes another at once.
        assert!(matches!(producer.poll_abort(SystemClock.now_ms()), Poll::Ready(Err(_))));
        let mut next = log.producer(&config).unwrap();
        until(|now_ms| next.poll_init(now_ms)).unwrap();
    }
}
