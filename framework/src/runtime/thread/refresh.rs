//! A look at the topics from time to time: new ones that match a pattern, and partitions that were added.

use super::StreamThread;
use crate::error::{Error, ErrorKind, Result};
use crate::log::{Call, TopicInfo};
use crate::record::Topic;
use crate::runtime::topic_plan::TopicPlan;
use std::collections::BTreeMap;
use std::task::Poll;

/// When to look, or the question under way.
#[derive(Default)]
pub(super) struct Refresh {
    due_ms: i64,
    call: Option<Call<Vec<TopicInfo>>>,
}

impl Refresh {
    /// The first look is at `due_ms`.
    pub(super) fn begin(&mut self, due_ms: i64) {
        *self = Refresh { due_ms, call: None };
    }
}

impl StreamThread {
    /// Looks if it is time to. True if something was found.
    pub(super) fn refresh(&mut self, now_ms: i64) -> Result<bool> {
        if self.refresh.call.is_none() && now_ms >= self.refresh.due_ms {
            self.refresh.due_ms = now_ms.saturating_add(self.instance.config.metadata_max_age_ms);
            self.refresh.call = Some(self.admin.topics());
        }
        let Some(call) = &mut self.refresh.call else { return Ok(false) };
        let Poll::Ready(topics) = call.poll(now_ms) else { return Ok(false) };
        self.refresh.call = None;
        match topics {
            Ok(topics) => self.take_over(topics),
            Err(error) if error.kind() == ErrorKind::Timeout => {
                tracing::warn!(thread = self.name, %error, "looking at topics");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn take_over(&mut self, topics: Vec<TopicInfo>) -> Result<bool> {
        let known: BTreeMap<Topic, i32> = topics.into_iter().map(|info| (info.topic, info.partitions)).collect();
        let plan = TopicPlan::new(&self.instance.blueprint, &self.instance.config, &known)?;
        let resolved = self.resolved.as_mut().expect("a member has resolved its topics");
        resolved.relist(&known);
        self.sinks.replace(resolved.sinks.clone());
        if plan == resolved.plan {
            return Ok(false);
        }
        check_growth(&resolved.plan, &plan)?;
        let (before, after) = (resolved.plan.subscription(), plan.subscription());
        resolved.plan = plan;
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
