//! A look at the topics from time to time: new ones that match a pattern, and partitions that were added.

use super::StreamThread;
use crate::error::{Error, ErrorKind, Result};
use crate::log::{Call, TopicInfo};
use crate::record::Topic;
use crate::runtime::resolve::{Resolved, Resolving};
use crate::runtime::topic_plan::TopicPlan;
use std::collections::BTreeMap;
use std::task::Poll;

/// When to look, and the look under way.
#[derive(Default)]
pub(super) struct Refresh {
    due_ms: i64,
    look: Look,
}

/// ```text
/// Waiting -> Listing -> (something changed) Resolving -> Waiting
/// ```
#[derive(Default)]
enum Look {
    #[default]
    Waiting,
    Listing(Call<Vec<TopicInfo>>),
    /// As at the start: what changed may need internal topics that do not exist yet.
    Resolving(Resolving),
}

impl Refresh {
    /// The first look is at `due_ms`.
    pub(super) fn begin(&mut self, due_ms: i64) {
        *self = Refresh { due_ms, look: Look::Waiting };
    }
}

impl StreamThread {
    /// Looks if it is time to. True if something was found.
    pub(super) fn refresh(&mut self, now_ms: i64) -> Result<bool> {
        if matches!(self.refresh.look, Look::Waiting) && now_ms >= self.refresh.due_ms {
            self.refresh.due_ms = now_ms.saturating_add(self.instance.config.metadata_max_age_ms);
            self.refresh.look = Look::Listing(self.admin.topics());
            self.restorer.tend(now_ms)?;
        }
        match &mut self.refresh.look {
            Look::Waiting => Ok(false),
            Look::Listing(call) => {
                let Poll::Ready(topics) = call.poll(now_ms) else { return Ok(false) };
                self.refresh.look = Look::Waiting;
                self.listed(topics)
            }
            Look::Resolving(resolving) => {
                let Poll::Ready(resolved) = resolving.poll(&self.instance, now_ms) else { return Ok(false) };
                self.refresh.look = Look::Waiting;
                self.take_over(resolved?)
            }
        }
    }

    fn listed(&mut self, topics: Result<Vec<TopicInfo>>) -> Result<bool> {
        let topics = match topics {
            Ok(topics) => topics,
            Err(error) if error.kind() == ErrorKind::Timeout => {
                tracing::warn!(thread = self.name, %error, "looking at topics");
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let known: BTreeMap<Topic, i32> = topics.into_iter().map(|info| (info.topic, info.partitions)).collect();
        let plan = TopicPlan::new(&self.instance.blueprint, &self.instance.config, &known)?;
        let resolved = self.resolved.as_mut().expect("a member has resolved its topics");
        if plan == resolved.plan {
            resolved.relist(&known);
            self.sinks.replace(resolved.sinks.clone());
            return Ok(false);
        }
        check_growth(&resolved.plan, &plan)?;
        self.refresh.look = Look::Resolving(Resolving::new(&self.instance)?);
        Ok(true)
    }

    fn take_over(&mut self, resolved: Resolved) -> Result<bool> {
        let (before, after) = (self.resolved().plan.subscription(), resolved.plan.subscription());
        self.sinks.replace(resolved.sinks.clone());
        self.resolved = Some(resolved);
        if before != after {
            tracing::info!(thread = self.name, topics = ?after, "subscription changed");
            self.consumer.subscribe(&after)?;
        }
        Ok(true)
    }
}

/// Keys would go to other partitions than their state.
fn check_growth(before: &TopicPlan, after: &TopicPlan) -> Result<()> {
    for (old, new) in before
        .internal
        .iter()
        .filter_map(|old| after.internal.iter().find(|new| new.topic == old.topic).map(|new| (old, new)))
    {
        if old.partitions != new.partitions {
            let sentence = format!(
                "internal topic `{}` has {} partitions, but its inputs have {} now",
                old.topic, old.partitions, new.partitions
            );
            return Err(Error::new(ErrorKind::Config, sentence).with_hint(
                "reset the application and delete its internal topics: state and keys are apart otherwise",
            ));
        }
    }
    Ok(())
}
