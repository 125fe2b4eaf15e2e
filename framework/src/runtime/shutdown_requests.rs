//! Ending every instance of an application: a request that one makes and all others hear.
//!
//! Kafka Streams sends it along with the group's assignment, which is not ours to write. So it is an offset, committed for a
//! group beside the application's, `<application id>-shutdown-requests`, which has no members: its offset counts
//! requests, and the metadata beside it says who asked, and why. Every instance that was given a handler of uncaught
//! errors looks there from time to time. What was there before it began is not meant for it.
//!
//! ```text
//! listening: (every 3 s) describe the group -> another offset than at the start? -> the instance ends
//! asking:    list topics -> describe the group -> alter its offset by one
//! ```

use super::instance::Instance;
use super::retry::Retry;
use crate::error::{Error, ErrorKind, Result};
use crate::log::{Admin, Call, GroupDescription, OffsetAndMetadata, Offsets, TopicInfo};
use crate::record::{Topic, TopicPartition};
use crate::topology::Subscription;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

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
    call: Option<Call<GroupDescription>>,
    retry: Retry,
    /// What was there at the last look.
    known: Option<Offsets>,
    /// Nothing more is to be heard: it was heard, it is our own, or the group may not be read.
    is_deaf: bool,
}

impl ShutdownRequests {
    /// Whether a request that is made from now on will be heard.
    pub(crate) fn is_listening(&self) -> bool {
        let listening = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listening.is_deaf || listening.known.is_some()
    }

    /// Hears nothing more.
    pub(crate) fn stop(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_deaf = true;
    }

    /// One attempt to look, if it is time and no other thread is at it. The request, if there is one.
    pub(crate) fn poll(&self, instance: &Instance, admin: &dyn Admin, now_ms: i64) -> Option<Error> {
        let mut listening = self.0.try_lock().ok()?;
        if listening.is_deaf || now_ms < listening.due_ms {
            return None;
        }
        let call = listening.call.get_or_insert_with(|| admin.describe_group(&group(instance)));
        let Poll::Ready(answer) = call.poll(now_ms) else { return None };
        listening.call = None;
        listening.due_ms = now_ms.saturating_add(LISTEN_INTERVAL_MS);
        match offsets(answer) {
            Ok(offsets) => listening.take(offsets),
            Err(error) => {
                listening.failed(error, now_ms);
                None
            }
        }
    }
}

impl Listening {
    fn take(&mut self, offsets: Offsets) -> Option<Error> {
        self.retry.succeeded();
        let known = self.known.replace(offsets)?;
        let is_new =
            |(partition, offset): &(&TopicPartition, &OffsetAndMetadata)| known.get(*partition) != Some(*offset);
        let (_, offset) = self.known.as_ref()?.iter().find(is_new)?;
        self.is_deaf = true;
        let sentence = "another instance asked all instances of the application to end";
        Some(Error::new(ErrorKind::Fenced, sentence).with_detail(offset.metadata.clone()).answered())
    }

    /// A failure to listen is none of processing.
    fn failed(&mut self, error: Error, now_ms: i64) {
        let again = match error.kind() {
            ErrorKind::Timeout => self.retry.failed(error, now_ms, i64::MAX),
            _ => Err(error),
        };
        self.due_ms = self.due_ms.min(self.retry.due_ms());
        if let Err(error) = again {
            tracing::error!(%error, "this instance will not hear of a shutdown of the whole application");
            self.is_deaf = true;
        }
    }
}

fn group(instance: &Instance) -> String {
    format!("{}-shutdown-requests", instance.config.application_id)
}

fn offsets(described: Result<GroupDescription>) -> Result<Offsets> {
    match described {
        Ok(group) => Ok(group.offsets),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Offsets::new()),
        Err(error) => Err(error),
    }
}

/// A request under way.
pub(crate) struct ShutdownRequest {
    instance: Arc<Instance>,
    admin: Arc<dyn Admin>,
    text: String,
    stage: Stage,
    retry: Retry,
}

enum Stage {
    /// Asks which topics there are: an offset needs one.
    Listing(Call<Vec<TopicInfo>>),
    /// Asks what the last request was.
    Reading { place: TopicPartition, call: Call<GroupDescription> },
    /// Makes the next one.
    Writing(Call<()>),
}

impl ShutdownRequest {
    /// Begins to ask all instances to end, because of `error` on the thread of that name. This one does not hear it.
    ///
    /// # Errors
    /// `Config` if the log cannot be administered.
    pub(crate) fn new(instance: &Arc<Instance>, error: &Error, thread_name: &str) -> Result<Self> {
        instance.shutdown_requests.stop();
        let admin = instance.log.admin()?;
        let stage = Stage::Listing(admin.topics());
        let text = shortened(format!("thread `{thread_name}`: {error}"));
        Ok(ShutdownRequest { instance: instance.clone(), admin, text, stage, retry: Retry::default() })
    }

    /// One attempt. What is not answered in time is asked again, for half a minute.
    pub(crate) fn poll(&mut self, now_ms: i64) -> Poll<Result<()>> {
        if !self.retry.is_due(now_ms) {
            return Poll::Pending;
        }
        match self.attempt(now_ms) {
            Poll::Ready(Err(error)) if error.kind() == ErrorKind::Timeout => {
                self.stage = Stage::Listing(self.admin.topics());
                match self.retry.failed(error, now_ms, REQUEST_MS_MAX) {
                    Ok(()) => Poll::Pending,
                    Err(error) => Poll::Ready(Err(error)),
                }
            }
            answer => answer,
        }
    }

    fn attempt(&mut self, now_ms: i64) -> Poll<Result<()>> {
        match &mut self.stage {
            Stage::Listing(call) => {
                let Poll::Ready(topics) = call.poll(now_ms)? else { return Poll::Pending };
                let place = place(&self.instance, topics)?;
                let call = self.admin.describe_group(&group(&self.instance));
                self.stage = Stage::Reading { place, call };
                Poll::Pending
            }
            Stage::Reading { place, call } => {
                let Poll::Ready(described) = call.poll(now_ms) else { return Poll::Pending };
                let last = offsets(described)?.get(place).map_or(0, |known| known.offset);
                let next = OffsetAndMetadata { offset: last + 1, metadata: self.text.clone() };
                let offsets = Offsets::from([(place.clone(), next)]);
                self.stage = Stage::Writing(self.admin.alter_offsets(&group(&self.instance), &offsets));
                Poll::Pending
            }
            Stage::Writing(call) => call.poll(now_ms),
        }
    }
}

/// The partition whose offset stands for requests: the first of a topic that the application reads. Which one does not
/// matter, since all of the group's offsets are looked at.
fn place(instance: &Instance, topics: Vec<TopicInfo>) -> Result<TopicPartition> {
    let read = topics.into_iter().map(|info| info.topic).filter(|topic| reads(instance, topic)).min();
    let topic = read.ok_or_else(|| Error::new(ErrorKind::NotFound, "no topic that the application reads exists"))?;
    Ok(TopicPartition { topic, partition: 0 })
}

fn reads(instance: &Instance, topic: &Topic) -> bool {
    let (blueprint, id) = (&instance.blueprint, &instance.config.application_id);
    let sources = blueprint.subtopologies.iter().flat_map(|subtopology| &subtopology.sources);
    sources.filter_map(|source| blueprint.node(*source).source()).any(|source| match &source.subscription {
        Subscription::Topics(names) => names.iter().any(|name| name.full(id) == *topic),
        Subscription::Pattern(pattern) => pattern.is_match(topic.as_str()),
    })
}

fn shortened(mut text: String) -> String {
    let end = (0..=TEXT_BYTES_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or(0));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(offset: i64, metadata: &str) -> Offsets {
        let offset = OffsetAndMetadata { offset, metadata: metadata.to_owned() };
        Offsets::from([(TopicPartition::new("in", 0), offset)])
    }

    #[test]
    fn only_what_is_new_since_the_start_is_heard() {
        let mut listening = Listening::default();
        assert!(listening.take(requests(7, "an earlier run")).is_none());
        assert!(listening.take(requests(7, "an earlier run")).is_none());
        let heard = listening.take(requests(8, "thread `t`: disk full")).unwrap();
        assert!(heard.to_string().contains("thread `t`: disk full"), "{heard}");
        assert!(listening.is_deaf);
    }

    #[test]
    fn first_request_is_heard_and_one_that_expired_forgotten() {
        let mut listening = Listening::default();
        assert!(listening.take(Offsets::new()).is_none());
        assert!(listening.take(requests(1, "a")).is_some());
        let mut listening = Listening::default();
        assert!(listening.take(requests(1, "a")).is_none());
        assert!(listening.take(Offsets::new()).is_none());
        assert!(listening.take(requests(1, "a")).is_some(), "the count began anew");
    }

    #[test]
    fn text_is_cut_between_letters() {
        assert_eq!(shortened("short".to_owned()), "short");
        let long = shortened(format!("{}ü", "x".repeat(TEXT_BYTES_MAX - 1)));
        assert_eq!(long.len(), TEXT_BYTES_MAX - 1);
    }
}
