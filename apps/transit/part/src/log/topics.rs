//! Topics: creating those that a part writes, and asking for them.

use super::PATIENCE;
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::log::{Created, Log, NewTopic, TopicConfig, TopicInfo, client};

/// The configuration of event topics: a partition over a gibibyte loses its oldest events, several simulated
/// weeks of them.
pub fn delete_old() -> TopicConfig {
    TopicConfig { retention_bytes: Some(1 << 30), ..TopicConfig::default() }
}

/// Creates what does not exist yet. Topics that exist stay as they are, whatever their partitions.
///
/// # Errors
/// `Config` if the log refuses a topic, or what it cannot do.
pub fn create_topics(log: &dyn Log, topics: &[NewTopic]) -> Result<()> {
    let created = client::create_topics(log, topics, PATIENCE).map_err(|error| error.context("creating topics"))?;
    for (topic, created) in topics.iter().zip(created) {
        match created {
            Created::New => tracing::debug!(topic = %topic.topic, partitions = topic.partitions, "created"),
            Created::Existed { partitions } if partitions != topic.partitions => {
                tracing::info!(topic = %topic.topic, partitions, "exists with another number of partitions");
            }
            Created::Existed { .. } => {}
        }
    }
    Ok(())
}

/// The number of partitions of each topic, in order.
///
/// # Errors
/// `NotFound` with the first that does not exist.
pub fn partitions(log: &dyn Log, topics: &[impl AsRef<str>]) -> Result<Vec<i32>> {
    let known = list(log)?;
    let of = |topic: &str| {
        let found = known.iter().find(|info| info.topic.as_str() == topic).map(|info| info.partitions);
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("topic `{topic}` does not exist")))
    };
    topics.iter().map(|topic| of(topic.as_ref())).collect()
}

/// The names of all topics that are not internal to the log, in order.
///
/// # Errors
/// What the log answers.
pub fn topic_names(log: &dyn Log) -> Result<Vec<String>> {
    Ok(list(log)?.into_iter().map(|info| info.topic.as_str().to_owned()).collect())
}

fn list(log: &dyn Log) -> Result<Vec<TopicInfo>> {
    client::wait(log, log.admin()?.topics(), PATIENCE).map_err(|error| error.context("listing topics"))
}
