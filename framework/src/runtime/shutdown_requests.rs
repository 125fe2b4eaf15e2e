//! Ending every instance of an application: a request that one makes and all others hear.
//!
//! Kafka Streams sends it along with the group's assignment, which is not ours to write. So it is an offset, committed for a
//! group beside the application's, `<application id>-shutdown-requests`, which has no members: the offset of the first
//! partition of each topic that the application reads counts requests, and the metadata beside it says who asked, and
//! why. Every instance that was given a handler of uncaught errors looks there from time to time. What was there before it
//! began is not meant for it.
//!
//! ```text
//! listening: (every 3 s) read the offsets -> another than at the last look? -> the instance ends
//! asking:    list topics -> read the offsets -> commit each, one higher
//! ```

use super::inquiry::Inquiry;
use super::instance::Instance;
use super::retry::Retry;
use crate::error::{Error, ErrorKind, Result};
use crate::log::{Admin, Call, Consumer, ConsumerConfig, Isolation, OffsetAndMetadata, Offsets, TopicInfo};
use crate::record::{Topic, TopicPartition};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, ready};

/// Time between two looks, in milliseconds: that between two heartbeats of a member.
const LISTEN_INTERVAL_MS: i64 = 3_000;

/// How long a request may take that is not answered, in milliseconds.
pub(crate) const REQUEST_MS_MAX: i64 = 30_000;

/// The longest text beside an offset, in bytes; brokers take 4096.
const TEXT_BYTES_MAX: usize = 1_000;

/// What an instance has heard.
#[derive(Default)]
pub(crate) struct ShutdownRequests(Mutex<Listening>);

#[derive(Default)]
struct Listening {
    due_ms: i64,
    /// Made for the first look.
    consumer: Option<Box<dyn Consumer>>,
    /// What is asked for, and the question.
    call: Option<(BTreeSet<TopicPartition>, Call<Offsets>)>,
    retry: Retry,
    /// What was there at the last look, and where that looked; `None` before the first one.
    known: Option<(BTreeSet<TopicPartition>, Offsets)>,
    /// Nothing more is to be heard: it was heard, it is our own, or the group may not be read.
    is_deaf: bool,
}

impl ShutdownRequests {
    /// Whether a request that is made from now on will be heard.
    pub(crate) fn is_listening(&self) -> bool {
        let listening = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listening.is_deaf || listening.known.is_some()
    }

    /// Hears nothing more, and lets go of what it asked with.
    pub(crate) fn stop(&self) {
        let deaf = Listening { is_deaf: true, ..Listening::default() };
        let heard = std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), deaf);
        // Not under the lock: closing a client may take a while.
        drop(heard);
    }

    /// One attempt to look, if it is time and no other thread is at it; `topics` are those that the application reads.
    /// The request, if there is one.
    pub(crate) fn poll(&self, instance: &Instance, topics: &dyn Fn() -> Vec<Topic>, now_ms: i64) -> Option<Error> {
        let mut listening = self.0.try_lock().ok()?;
        if listening.is_deaf || now_ms < listening.due_ms {
            return None;
        }
        match listening.look(instance, topics, now_ms) {
            Poll::Pending => None,
            Poll::Ready(looked) => {
                listening.due_ms = now_ms.saturating_add(LISTEN_INTERVAL_MS);
                match looked {
                    Ok((asked, offsets)) => listening.take(asked, offsets),
                    Err(error) => {
                        listening.failed(error, now_ms, instance.config.task_timeout_ms);
                        None
                    }
                }
            }
        }
    }
}

impl Listening {
    fn look(
        &mut self,
        instance: &Instance,
        topics: &dyn Fn() -> Vec<Topic>,
        now_ms: i64,
    ) -> Poll<Result<(BTreeSet<TopicPartition>, Offsets)>> {
        let Listening { consumer, call, .. } = self;
        let consumer = match consumer {
            Some(consumer) => consumer,
            None => consumer.insert(speaker(instance)?),
        };
        let (asked, question) = call.get_or_insert_with(|| {
            let asked: BTreeSet<TopicPartition> = topics().iter().map(place).collect();
            let question = consumer.committed(&asked.iter().cloned().collect::<Vec<_>>());
            (asked, question)
        });
        let Poll::Ready(answer) = question.poll(now_ms) else { return Poll::Pending };
        let asked = std::mem::take(asked);
        *call = None;
        Poll::Ready(answer.map(|offsets| (asked, offsets)))
    }

    /// What is new where it was looked before is a request.
    fn take(&mut self, asked: BTreeSet<TopicPartition>, offsets: Offsets) -> Option<Error> {
        self.retry.succeeded();
        let (looked, known) = self.known.replace((asked, offsets))?;
        let is_new = |(place, offset): &(&TopicPartition, &OffsetAndMetadata)| {
            looked.contains(*place) && known.get(*place) != Some(*offset)
        };
        let (_, offsets) = self.known.as_ref()?;
        let (_, request) = offsets.iter().find(is_new)?;
        let sentence = "another instance asked all instances of the application to end";
        let error = Error::new(ErrorKind::Fenced, sentence).with_detail(request.metadata.clone()).answered();
        self.is_deaf = true;
        Some(error)
    }

    /// A failure to listen is none of processing. But nobody joins before the first look, which therefore has a limit.
    fn failed(&mut self, error: Error, now_ms: i64, timeout_ms: i64) {
        let limit_ms = if self.known.is_some() { i64::MAX } else { timeout_ms };
        let again = match error.kind() {
            ErrorKind::Timeout => self.retry.failed(error, now_ms, limit_ms),
            _ => Err(error),
        };
        self.due_ms = self.due_ms.min(self.retry.due_ms());
        if let Err(error) = again {
            tracing::error!(%error, "this instance will not hear of a shutdown of the whole application");
            self.is_deaf = true;
        }
    }
}

/// Reads and commits offsets of the group without being a member.
fn speaker(instance: &Instance) -> Result<Box<dyn Consumer>> {
    instance.log.consumer(&ConsumerConfig {
        group: Some(format!("{}-shutdown-requests", instance.config.application_id)),
        client_id: format!("{}-shutdown-requests", instance.client_id),
        isolation: Isolation::ReadUncommitted,
        ..ConsumerConfig::default()
    })
}

/// The partition whose offset stands for requests.
fn place(topic: &Topic) -> TopicPartition {
    TopicPartition { topic: topic.clone(), partition: 0 }
}

/// A request under way.
pub(crate) struct ShutdownRequest {
    instance: Arc<Instance>,
    consumer: Box<dyn Consumer>,
    text: String,
    inquiry: Inquiry<Stage>,
}

/// What is asked once it is known which topics there are: an offset needs one.
enum Stage {
    /// Asks what the last request was.
    Reading { places: Vec<TopicPartition>, call: Call<Offsets> },
    /// Makes the next one.
    Writing(Call<()>),
}

impl ShutdownRequest {
    /// Begins to ask all instances to end, because of `error` on the thread of that name. This one does not hear it.
    ///
    /// # Errors
    /// `Config` if the log has no such clients.
    pub(crate) fn new(instance: &Arc<Instance>, error: &Error, thread_name: &str) -> Result<Self> {
        instance.shutdown_requests.stop();
        let (inquiry, consumer) = (Inquiry::new(instance.log.admin()?), speaker(instance)?);
        let text = shortened(format!("thread `{thread_name}`: {error}"));
        Ok(ShutdownRequest { instance: instance.clone(), consumer, text, inquiry })
    }

    /// One attempt. What is not answered in time is asked again, for half a minute.
    pub(crate) fn poll(&mut self, now_ms: i64) -> Poll<Result<()>> {
        let ShutdownRequest { instance, consumer, text, inquiry } = self;
        // Both ask by the same consumer, one after the other.
        let consumer = RefCell::new(consumer);
        let limit_of = |error: &Error| (error.kind() == ErrorKind::Timeout).then_some(REQUEST_MS_MAX);
        let begin = |_: &dyn Admin, topics| {
            let places = places(instance, topics)?;
            let call = consumer.borrow().committed(&places);
            Ok(Stage::Reading { places, call })
        };
        inquiry.poll(now_ms, limit_of, begin, |_, stage| stage.go_on(&mut ***consumer.borrow_mut(), text, now_ms))
    }
}

impl Stage {
    fn go_on(&mut self, consumer: &mut dyn Consumer, text: &str, now_ms: i64) -> Poll<Result<()>> {
        match self {
            Stage::Reading { places, call } => {
                let known = ready!(call.poll(now_ms))?;
                *self = Stage::Writing(consumer.commit(&next_request(places, &known, text)));
                Poll::Pending
            }
            Stage::Writing(call) => call.poll(now_ms),
        }
    }
}

/// Where requests are made: at every topic that the application reads, because an instance may not know the newest yet.
fn places(instance: &Instance, topics: Vec<TopicInfo>) -> Result<Vec<TopicPartition>> {
    let (blueprint, id) = (&instance.blueprint, &instance.config.application_id);
    let topics = topics.into_iter().map(|info| info.topic).filter(|topic| blueprint.reads(topic, id));
    let places: Vec<TopicPartition> = topics.map(|topic| place(&topic)).collect();
    match places.is_empty() {
        true => Err(Error::new(ErrorKind::NotFound, "no topic that the application reads exists")
            .with_hint("create its topics, or let this client list them")),
        false => Ok(places),
    }
}

fn next_request(places: &[TopicPartition], known: &Offsets, text: &str) -> Offsets {
    let next = |place: &TopicPartition| {
        let last = known.get(place).map_or(0, |known| known.offset);
        (place.clone(), OffsetAndMetadata { offset: last + 1, metadata: text.to_owned() })
    };
    places.iter().map(next).collect()
}

fn shortened(mut text: String) -> String {
    let end = (0..=TEXT_BYTES_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or(0));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(topics: &[&str]) -> BTreeSet<TopicPartition> {
        topics.iter().map(|topic| place(&Topic::from(*topic))).collect()
    }

    fn requests(topics: &[&str], offset: i64, metadata: &str) -> Offsets {
        let offset = OffsetAndMetadata { offset, metadata: metadata.to_owned() };
        topics.iter().map(|topic| (place(&Topic::from(*topic)), offset.clone())).collect()
    }

    fn heard(looks: &[(&[&str], Offsets)]) -> Option<String> {
        let mut listening = Listening::default();
        let heard = looks.iter().find_map(|(asked, offsets)| listening.take(places(asked), offsets.clone()));
        assert_eq!(listening.is_deaf, heard.is_some());
        heard.map(|error| error.to_string())
    }

    #[test]
    fn only_what_is_new_since_the_start_is_heard() {
        let before = (&["in"][..], requests(&["in"], 7, "an earlier run"));
        let now = (&["in"][..], requests(&["in"], 8, "thread `t`: disk full"));
        assert_eq!(heard(&[before.clone(), before.clone()]), None);
        assert!(heard(&[before.clone(), now.clone()]).unwrap().contains("thread `t`: disk full"));
        assert!(heard(&[(&["in"], Offsets::new()), now]).is_some(), "the first of all requests");
    }

    #[test]
    fn what_stands_at_a_topic_that_was_not_known_before_is_not_new() {
        let (old, new) = (requests(&["in"], 1, "a"), requests(&["in", "later"], 1, "a"));
        assert_eq!(heard(&[(&["in"], old.clone()), (&["in", "later"], new.clone())]), None);
        assert!(
            heard(&[
                (&["in"], old),
                (&["in", "later"], new.clone()),
                (&["in", "later"], requests(&["in", "later"], 2, "b"))
            ])
            .is_some()
        );
    }

    #[test]
    fn request_that_expired_is_forgotten() {
        let looks: [(&[&str], Offsets); 3] =
            [(&["in"], requests(&["in"], 1, "a")), (&["in"], Offsets::new()), (&["in"], requests(&["in"], 1, "a"))];
        assert!(heard(&looks).is_some(), "the count began anew");
        assert_eq!(heard(&looks[..2]), None);
    }

    #[test]
    fn first_look_is_given_up_and_later_ones_never() {
        let given_up = |mut listening: Listening| {
            let mut now_ms = 0;
            while !listening.is_deaf && now_ms < 100_000 {
                listening.failed(Error::new(ErrorKind::Timeout, "no answer"), now_ms, 10_000);
                now_ms += 1_000;
            }
            now_ms
        };
        assert!((10_000..20_000).contains(&given_up(Listening::default())));
        let known = Some((places(&["in"]), Offsets::new()));
        assert_eq!(given_up(Listening { known, ..Listening::default() }), 100_000);
    }

    #[test]
    fn text_is_cut_between_letters() {
        assert_eq!(shortened("short".to_owned()), "short");
        let long = shortened(format!("{}ü", "x".repeat(TEXT_BYTES_MAX - 1)));
        assert_eq!(long.len(), TEXT_BYTES_MAX - 1);
    }
}
