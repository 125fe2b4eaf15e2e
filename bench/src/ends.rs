//! Where topics end.

use kstreams::error::Result;
use kstreams::log::client::wait;
use kstreams::log::{Log, OffsetAt};
use kstreams::record::TopicPartition;
use std::collections::BTreeMap;
use std::time::Duration;

/// The end of what is committed in each partition of these topics; a topic that does not exist has none.
///
/// # Errors
/// `Timeout` if the brokers do not answer.
pub fn ends(log: &dyn Log, topics: &[&str], timeout: Duration) -> Result<BTreeMap<TopicPartition, i64>> {
    let admin = log.admin()?;
    let all = wait(log, admin.topics(), timeout)?;
    let named = all.iter().filter(|info| topics.contains(&info.topic.as_str()));
    let partitions: Vec<TopicPartition> = named
        .flat_map(|info| (0..info.partitions).map(|partition| TopicPartition { topic: info.topic.clone(), partition }))
        .collect();
    wait(log, admin.offsets(&partitions, OffsetAt::LastStable), timeout)
}
