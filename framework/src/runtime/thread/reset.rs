//! Where an input goes on that has no position, or one that its topic does not hold: what its source says, else what the
//! configuration says.

use super::StreamThread;
use super::opening::subtopology;
use crate::error::{Error, ErrorKind, Result};
use crate::log::Start;
use crate::record::{TaskId, TopicPartition};
use crate::topology::{AutoOffsetReset, SourceNode};

impl StreamThread {
    /// Where an input begins for which no offset is committed.
    ///
    /// # Errors
    /// `OutOfRange` if nothing says where.
    pub(super) fn first_start(&self, task: TaskId, partition: &TopicPartition) -> Result<Start> {
        let sentence = || format!("there is no committed offset for `{partition}`, and nothing says where to begin");
        self.reset_of(task, partition).ok_or_else(|| nowhere(sentence()))
    }

    /// Moves an input whose position is outside of its topic.
    ///
    /// # Errors
    /// `OutOfRange` if nothing says where to.
    pub(super) fn reset(&mut self, task: TaskId, partition: &TopicPartition, error: Error) -> Result<()> {
        let position = self.consumer.position(partition).map_or_else(|| "unknown".to_owned(), |at| at.to_string());
        let Some(start) = self.reset_of(task, partition) else {
            let sentence = format!(
                "position {position} of `{partition}` is outside of its topic, and nothing says where to go on"
            );
            return Err(nowhere(sentence).with_detail(error.to_string()).with_source(error));
        };
        tracing::warn!(thread = self.name, %task, %partition, position, to = ?start, %error, "position is set anew");
        self.consumer.seek(partition, start)
    }

    fn reset_of(&self, task: TaskId, partition: &TopicPartition) -> Option<Start> {
        // What the application writes for itself is not to be missed, whoever reads it first.
        if self.resolved().plan.internal.iter().any(|internal| internal.topic == partition.topic) {
            return Some(Start::Beginning);
        }
        let own = self.source_of(task, partition).and_then(|source| source.reset);
        match own.unwrap_or(self.instance.config.auto_offset_reset) {
            AutoOffsetReset::Earliest => Some(Start::Beginning),
            AutoOffsetReset::Latest => Some(Start::End),
            AutoOffsetReset::None => None,
        }
    }

    fn source_of(&self, task: TaskId, partition: &TopicPartition) -> Option<&SourceNode> {
        let (blueprint, application_id) = (&self.instance.blueprint, &self.instance.config.application_id);
        let reads = |source: &&SourceNode| source.subscription.reads(&partition.topic, application_id);
        let sources = &subtopology(blueprint, task).sources;
        sources.iter().filter_map(|id| blueprint.node(*id).source()).find(reads)
    }
}

fn nowhere(sentence: String) -> Error {
    Error::new(ErrorKind::OutOfRange, sentence)
        .with_hint("commit an offset for it, or give the source another offset reset policy")
}
