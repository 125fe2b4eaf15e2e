//! Deletion by age and size: whole segments, oldest first.

use super::partition::Partition;
use super::state::State;
use super::topic::Rules;
use crate::record::TopicPartition;

/// A transactional id that was not used for so long is forgotten. Kafka: `transactional.id.expiration.ms`.
const TRANSACTIONAL_ID_EXPIRATION_MS: i64 = 7 * 24 * 3_600_000;

impl State {
    /// Deletes what is too old or too much in every topic that allows it. True if anything was deleted.
    pub(super) fn retain(&mut self) -> bool {
        let mut deleted = false;
        for (partition, start) in self.expired() {
            // The partition was found a moment ago under the same lock.
            deleted |= self.advance_start(&partition, start).is_ok();
        }
        self.expire_producers();
        deleted
    }

    fn expired(&mut self) -> Vec<(TopicPartition, i64)> {
        let now_ms = self.now_ms;
        let mut expired = Vec::new();
        for (name, topic) in &mut self.topics {
            let rules = topic.rules;
            if !rules.cleanup.deletes() {
                continue;
            }
            for (number, partition) in topic.partitions.iter_mut().enumerate() {
                let start = retained_from(partition, rules, now_ms);
                if start > partition.start() {
                    expired.push((TopicPartition { topic: name.clone(), partition: number as i32 }, start));
                }
            }
        }
        expired
    }

    fn expire_producers(&mut self) {
        let now_ms = self.now_ms;
        self.topics.values_mut().flat_map(|topic| &mut topic.partitions).for_each(|p| p.expire_sequences(now_ms));
        let State { transactions, journal, .. } = self;
        transactions.retain(|transactional_id, transaction| {
            let keep = transaction.is_used_within(TRANSACTIONAL_ID_EXPIRATION_MS, now_ms);
            if !keep && let Some(journal) = journal {
                journal.delete_transaction(transactional_id);
            }
            keep
        });
    }
}

/// The first offset that stays. Open transactions stay whole.
fn retained_from(partition: &mut Partition, rules: Rules, now_ms: i64) -> i64 {
    let active = partition.segments().active();
    let expired = |max_timestamp: i64| {
        rules.retention_ms.is_some_and(|retention| max_timestamp < now_ms.saturating_sub(retention))
    };
    let mut bytes = partition.segments().bytes();
    let mut start = partition.start();
    for segment in partition.segments().closed() {
        let too_much = rules.retention_bytes.is_some_and(|limit| bytes - segment.bytes >= limit);
        if !expired(segment.max_timestamp) && !too_much {
            return start.max(segment.base).min(partition.stable_end());
        }
        bytes -= segment.bytes;
        start = start.max(segment.base);
    }
    let whole = active.bytes > 0 && expired(active.max_timestamp);
    let next = if whole { partition.end() } else { active.base };
    start.max(next).min(partition.stable_end())
}
