//! The start of a thread: which topics there are, whether they fit, and making those that are the application's own.
//!
//! ```text
//! Listing --> Creating --> Describing --> resolved
//!    ^ '-- a topic is missing: again after a pause, for a while
//! ```

use super::instance::Instance;
use super::retry::Retry;
use super::topic_plan::{TopicPlan, missing_topics, sink_topics};
use crate::error::{Error, ErrorKind, Result};
use crate::log::{Admin, Call, Created, TopicConfig, TopicInfo};
use crate::operator::SinkTopic;
use crate::record::Topic;
use crate::store::{Changelog, StoreBlueprint};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

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
    admin: Arc<dyn Admin>,
    stage: Stage,
    retry: Retry,
    limit_ms: i64,
}

enum Stage {
    /// Asks which topics there are: everything else is counted from that.
    Listing(Call<Vec<TopicInfo>>),
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
        let admin = instance.log.admin()?;
        let stage = Stage::Listing(admin.topics());
        Ok(Resolving { admin, stage, retry: Retry::default(), limit_ms: instance.config.task_timeout_ms })
    }

    /// One attempt. What goes wrong is tried again, within limits.
    pub(crate) fn poll(&mut self, instance: &Instance, now_ms: i64) -> Poll<Result<Resolved>> {
        if !self.retry.is_due(now_ms) {
            return Poll::Pending;
        }
        match self.attempt(instance, now_ms) {
            Poll::Ready(Err(error)) => match self.again(error, now_ms) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error.context("looking at topics"))),
            },
            answer => answer,
        }
    }

    fn again(&mut self, error: Error, now_ms: i64) -> Result<()> {
        let limit_ms = match error.kind() {
            ErrorKind::NotFound => self.limit_ms.min(MISSING_TOPICS_MS_MAX),
            ErrorKind::Timeout => self.limit_ms,
            _ => return Err(error),
        };
        tracing::warn!(%error, "trying again");
        self.retry.failed(error, now_ms, limit_ms)?;
        self.stage = Stage::Listing(self.admin.topics());
        Ok(())
    }

    fn attempt(&mut self, instance: &Instance, now_ms: i64) -> Poll<Result<Resolved>> {
        match &mut self.stage {
            Stage::Listing(call) => {
                let Poll::Ready(topics) = call.poll(now_ms)? else { return Poll::Pending };
                let known: BTreeMap<Topic, i32> =
                    topics.into_iter().map(|info| (info.topic, info.partitions)).collect();
                let plan = TopicPlan::new(&instance.blueprint, &instance.config, &known)?;
                require_outputs(instance, &plan, &known)?;
                let call = self.admin.create_topics(&plan.internal);
                self.stage = Stage::Creating { known, plan, call };
                Poll::Pending
            }
            Stage::Creating { known, plan, call } => {
                let Poll::Ready(created) = call.poll(now_ms)? else { return Poll::Pending };
                check_created(plan, &created)?;
                let resolved = resolved(std::mem::take(plan), std::mem::take(known));
                let waiting = to_describe(instance, &resolved);
                self.stage = Stage::Describing { resolved: Box::new(resolved), waiting, call: None };
                Poll::Pending
            }
            Stage::Describing { resolved, waiting, call } => {
                let Some((topic, asked)) = call else {
                    let Some(topic) = waiting.pop_front() else { return Poll::Ready(Ok((**resolved).clone())) };
                    let asked = self.admin.describe_topic(&topic);
                    *call = Some((topic, asked));
                    return Poll::Pending;
                };
                let Poll::Ready(config) = asked.poll(now_ms)? else { return Poll::Pending };
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

/// Every topic that the program names must be there before anything is processed.
fn require_outputs(instance: &Instance, plan: &TopicPlan, known: &BTreeMap<Topic, i32>) -> Result<()> {
    let is_known =
        |topic: &Topic| known.contains_key(topic) || plan.internal.iter().any(|internal| internal.topic == *topic);
    let mut outputs = sink_topics(&instance.blueprint, &instance.config.application_id);
    outputs.extend(instance.config.dead_letter_topic.as_ref().map(Topic::from));
    let missing: BTreeSet<Topic> = outputs.into_iter().filter(|topic| !is_known(topic)).collect();
    missing_topics(&missing, "writes")
}

fn check_created(plan: &TopicPlan, created: &[Created]) -> Result<()> {
    for (topic, created) in plan.internal.iter().zip(created) {
        if let Created::Existed { partitions } = created
            && *partitions != topic.partitions
        {
            let sentence = format!(
                "internal topic `{}` has {partitions} partitions, but its sub-topology has {} tasks",
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
    let mut topics = sink_topics(&instance.blueprint, &instance.config.application_id);
    topics.extend(instance.config.dead_letter_topic.as_ref().map(Topic::from));
    topics.extend(resolved.plan.internal.iter().map(|internal| internal.topic.clone()));
    topics.extend(resolved.plan.globals.iter().cloned());
    let changelog = |store: &Arc<dyn StoreBlueprint>| match &store.spec().changelog {
        Changelog::Source(topic) => Some(topic.clone()),
        Changelog::Own(_) | Changelog::Off => None,
    };
    topics.extend(instance.blueprint.stores.iter().filter_map(changelog));
    topics.into_iter().collect()
}
