//! The start of a thread: which topics there are, whether they fit, and making those that are the application's own.
//!
//! ```text
//! Listing --> Creating --> Describing --> resolved
//!    ^ '-- a topic is missing: again after a pause, for a while
//! ```

use super::inquiry::Inquiry;
use super::instance::Instance;
use super::topic_plan::{TopicPlan, input_topics, missing_topics, sink_topics};
use crate::error::{Error, ErrorKind, Result};
use crate::log::{Admin, Call, Created, TopicConfig, TopicInfo};
use crate::operator::SinkTopic;
use crate::record::Topic;
use crate::store::{Changelog, StoreBlueprint};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, ready};

/// How long topics may be missing after a start: whoever creates them may be starting, too.
const MISSING_TOPICS_MS_MAX: i64 = 10_000;

/// The largest message of topics about which nothing else is known, in bytes: Kafka's default.
pub(crate) const MESSAGE_BYTES_MAX: usize = 1_048_588;

/// What a thread knows about topics once it may join.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) plan: TopicPlan,
    /// What sinks must know of topics.
    pub(crate) sinks: BTreeMap<Topic, SinkTopic>,
    /// By compacted topic: a store that was not committed for so long may lack deletions that are gone from there, in
    /// milliseconds.
    pub(crate) tombstone_retention_ms: Rc<BTreeMap<Topic, i64>>,
}

/// A thread that is looking at topics.
pub(crate) struct Resolving {
    inquiry: Inquiry<Stage>,
    limit_ms: i64,
}

/// What is asked once it is known which topics there are.
enum Stage {
    /// Asks why topics are not listed: brokers do not list those that the client may not see.
    Missing { error: Option<Error>, call: Call<TopicConfig> },
    /// Creates internal topics before anything is sent to them. Several threads and instances may do so at once:
    /// "exists already" is fine if the partitions match.
    Creating { known: BTreeMap<Topic, i32>, plan: TopicPlan, call: Call<Vec<Created>> },
    /// Asks for the limits of topics that are written to, and how long changelogs keep deletions.
    Describing { resolved: Box<Resolved>, waiting: VecDeque<Topic>, call: Option<(Topic, Call<TopicConfig>)> },
}

impl Resolving {
    /// Begins to look.
    ///
    /// # Errors
    /// `Config` if the log cannot be administered.
    pub(crate) fn new(instance: &Instance) -> Result<Self> {
        Ok(Resolving { inquiry: Inquiry::new(instance.log.admin()?), limit_ms: instance.config.task_timeout_ms })
    }

    /// One attempt. What goes wrong is tried again, within limits.
    pub(crate) fn poll(&mut self, instance: &Instance, now_ms: i64) -> Poll<Result<Resolved>> {
        let limit_ms = self.limit_ms;
        let limit_of = |error: &Error| match error.kind() {
            ErrorKind::NotFound => Some(limit_ms.min(MISSING_TOPICS_MS_MAX)),
            ErrorKind::Timeout => Some(limit_ms),
            _ => None,
        };
        let begin = |admin: &dyn Admin, topics: Vec<TopicInfo>| begin(instance, admin, topics);
        let answer = self.inquiry.poll(now_ms, limit_of, begin, |admin, stage| stage.go_on(instance, admin, now_ms));
        answer.map_err(|error| error.context("looking at topics"))
    }
}

/// What is to be asked where there are these topics.
fn begin(instance: &Instance, admin: &dyn Admin, topics: Vec<TopicInfo>) -> Result<Stage> {
    let known: BTreeMap<Topic, i32> = topics.into_iter().map(|info| (info.topic, info.partitions)).collect();
    let plan = TopicPlan::new(&instance.blueprint, &instance.config, &known)
        .and_then(|plan| require_outputs(instance, &plan, &known).map(|()| plan));
    match (plan, unlisted(instance, &known)) {
        (Ok(plan), _) => {
            let call = admin.create_topics(&plan.internal);
            Ok(Stage::Creating { known, plan, call })
        }
        (Err(error), Some(topic)) if error.kind() == ErrorKind::NotFound => {
            Ok(Stage::Missing { error: Some(error), call: admin.describe_topic(&topic) })
        }
        (Err(error), _) => Err(error),
    }
}

impl Stage {
    fn go_on(&mut self, instance: &Instance, admin: &dyn Admin, now_ms: i64) -> Poll<Result<Resolved>> {
        match self {
            Stage::Missing { error, call } => {
                let answer = ready!(call.poll(now_ms));
                // A topic that may not be seen is not listed either; and whoever does not answer has not said that it is missing.
                let is_reason = |answer: &Error| matches!(answer.kind(), ErrorKind::Unauthorized | ErrorKind::Timeout);
                let reason = answer.err().filter(is_reason);
                Poll::Ready(Err(reason.or(error.take()).unwrap_or_else(|| Error::new(ErrorKind::Bug, "asked twice"))))
            }
            Stage::Creating { known, plan, call } => {
                let created = ready!(call.poll(now_ms))?;
                check_created(plan, &created)?;
                let resolved = resolved(std::mem::take(plan), std::mem::take(known));
                let waiting = to_describe(instance, &resolved);
                *self = Stage::Describing { resolved: Box::new(resolved), waiting, call: None };
                Poll::Pending
            }
            Stage::Describing { resolved, waiting, call } => {
                let Some((topic, asked)) = call else {
                    let Some(topic) = waiting.pop_front() else { return Poll::Ready(Ok((**resolved).clone())) };
                    let asked = admin.describe_topic(&topic);
                    *call = Some((topic, asked));
                    return Poll::Pending;
                };
                let config = ready!(asked.poll(now_ms))?;
                resolved.note(topic, &config);
                *call = None;
                Poll::Pending
            }
        }
    }
}

impl Resolved {
    /// The partitions of every topic.
    pub(crate) fn counts(&self) -> BTreeMap<Topic, i32> {
        self.sinks.iter().map(|(topic, sink)| (topic.clone(), sink.partitions)).collect()
    }

    fn note(&mut self, topic: &Topic, config: &TopicConfig) {
        if let (Some(sink), Some(bytes)) = (self.sinks.get_mut(topic), config.max_message_bytes) {
            sink.message_bytes_max = usize::try_from(bytes).unwrap_or(MESSAGE_BYTES_MAX);
        }
        let compacts = config.cleanup_policy.is_some_and(|policy| policy.compacts());
        if let Some(retention_ms) = config.delete_retention_ms.filter(|_| compacts) {
            Rc::make_mut(&mut self.tombstone_retention_ms).insert(topic.clone(), retention_ms);
        }
    }

    /// The topics that were listed anew, with the limits that are known of them.
    pub(crate) fn relist(&mut self, known: &BTreeMap<Topic, i32>) {
        let limits = std::mem::take(&mut self.sinks);
        let sink = |(topic, partitions): (&Topic, &i32)| {
            let message_bytes_max = limits.get(topic).map_or(MESSAGE_BYTES_MAX, |sink| sink.message_bytes_max);
            (topic.clone(), SinkTopic { partitions: *partitions, message_bytes_max })
        };
        self.sinks = known.iter().map(sink).collect();
    }
}

/// The first topic that the program names and the log does not list.
fn unlisted(instance: &Instance, known: &BTreeMap<Topic, i32>) -> Option<Topic> {
    let mut named = input_topics(&instance.blueprint, &instance.config.application_id);
    named.extend(output_topics(instance));
    named.into_iter().find(|topic| !known.contains_key(topic))
}

fn output_topics(instance: &Instance) -> BTreeSet<Topic> {
    let mut outputs = sink_topics(&instance.blueprint, &instance.config.application_id);
    outputs.extend(instance.config.dead_letter_topic.as_ref().map(Topic::from));
    outputs
}

/// Every topic that the program names must be there before anything is processed.
fn require_outputs(instance: &Instance, plan: &TopicPlan, known: &BTreeMap<Topic, i32>) -> Result<()> {
    let is_known =
        |topic: &Topic| known.contains_key(topic) || plan.internal.iter().any(|internal| internal.topic == *topic);
    let missing: BTreeSet<Topic> = output_topics(instance).into_iter().filter(|topic| !is_known(topic)).collect();
    missing_topics(&missing, "writes")
}

fn check_created(plan: &TopicPlan, created: &[Created]) -> Result<()> {
    for (topic, created) in plan.internal.iter().zip(created) {
        if let Created::Existed { partitions } = created
            && *partitions != topic.partitions
        {
            let sentence = format!(
                "internal topic `{}` has {partitions} partitions instead of {}, one for each task",
                topic.topic, topic.partitions
            );
            return Err(Error::new(ErrorKind::Config, sentence).with_hint(
                "the number of partitions of an input changed: set it back, or reset the application and delete its internal topics",
            ));
        }
    }
    Ok(())
}

fn resolved(plan: TopicPlan, mut known: BTreeMap<Topic, i32>) -> Resolved {
    known.extend(plan.internal.iter().map(|topic| (topic.topic.clone(), topic.partitions)));
    let mut resolved = Resolved { plan, sinks: BTreeMap::new(), tombstone_retention_ms: Rc::default() };
    resolved.relist(&known);
    resolved
}

fn to_describe(instance: &Instance, resolved: &Resolved) -> VecDeque<Topic> {
    let mut topics = output_topics(instance);
    topics.extend(resolved.plan.internal.iter().map(|internal| internal.topic.clone()));
    topics.extend(resolved.plan.globals.iter().cloned());
    let changelog = |store: &Arc<dyn StoreBlueprint>| match &store.spec().changelog {
        Changelog::Source(topic) => Some(topic.clone()),
        Changelog::Own(_) | Changelog::Off => None,
    };
    topics.extend(instance.blueprint.stores.iter().filter_map(changelog));
    topics.into_iter().collect()
}
