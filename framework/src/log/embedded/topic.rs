//! A topic: its configuration, read once, and its partitions.

use super::partition::Partition;
use super::segment::Limits;
use crate::error::{Error, ErrorKind, Result};
use crate::log::{CleanupPolicy, NewTopic, TimestampType, TopicConfig};

/// The most partitions a topic may have here.
const PARTITIONS_MAX: i32 = 10_000;

/// The longest name, as in Kafka.
const NAME_LENGTH_MAX: usize = 249;

/// A topic with its partitions.
#[derive(Debug)]
pub(super) struct TopicState {
    /// Its number on disk; never used again.
    pub(super) id: u32,
    /// The configuration with every default filled in.
    pub(super) config: TopicConfig,
    /// The same, as the log uses it.
    pub(super) rules: Rules,
    /// The partitions by number.
    pub(super) partitions: Vec<Partition>,
}

/// A topic's configuration as numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// When segments are closed.
    pub(super) limits: Limits,
    /// How old messages leave.
    pub(super) cleanup: CleanupPolicy,
    /// Older messages leave; `None` keeps them.
    pub(super) retention_ms: Option<i64>,
    /// Larger partitions lose their oldest segments; `None` is no limit.
    pub(super) retention_bytes: Option<i64>,
    /// Younger messages are not compacted.
    pub(super) min_compaction_lag_ms: i64,
    /// So long tombstones survive their first compaction.
    pub(super) delete_retention_ms: i64,
    /// The share of bytes that must be new for a compaction.
    pub(super) min_dirty_ratio: f64,
    /// The largest message.
    pub(super) message_bytes_max: usize,
    /// Whether messages get the time of their append.
    pub(super) stamps: bool,
}

impl TopicState {
    /// A topic of that configuration.
    pub(super) fn new(id: u32, config: TopicConfig, partitions: Vec<Partition>) -> Self {
        let config = config.with_embedded_defaults();
        let rules = Rules::of(&config);
        TopicState { id, config, rules, partitions }
    }

    /// The number of partitions.
    pub(super) fn partition_count(&self) -> i32 {
        self.partitions.len() as i32
    }
}

impl Rules {
    // `with_embedded_defaults` has filled every field; the fallbacks only keep this total.
    fn of(config: &TopicConfig) -> Self {
        let limit = |value: Option<i64>| value.filter(|limit| *limit >= 0);
        Rules {
            limits: Limits {
                segment_bytes: config.segment_bytes.unwrap_or(i64::MAX),
                segment_ms: config.segment_ms.unwrap_or(i64::MAX),
            },
            cleanup: config.cleanup_policy.unwrap_or(CleanupPolicy::Delete),
            retention_ms: limit(config.retention_ms),
            retention_bytes: limit(config.retention_bytes),
            min_compaction_lag_ms: config.min_compaction_lag_ms.unwrap_or(0),
            delete_retention_ms: config.delete_retention_ms.unwrap_or(0),
            min_dirty_ratio: config.min_cleanable_dirty_ratio.unwrap_or(0.5),
            message_bytes_max: usize::try_from(config.max_message_bytes.unwrap_or(0)).unwrap_or(0),
            stamps: config.message_timestamp_type == Some(TimestampType::LogAppendTime),
        }
    }
}

/// Refuses names, numbers and configurations that Kafka refuses.
pub(super) fn check(new: &NewTopic) -> Result<()> {
    check_name(new.topic.as_str())?;
    if !(1..=PARTITIONS_MAX).contains(&new.partitions) {
        return Err(Error::new(
            ErrorKind::Config,
            format!("topic `{}` cannot have {} partitions", new.topic, new.partitions),
        )
        .with_hint(format!("between 1 and {PARTITIONS_MAX} are allowed")));
    }
    check_config(&new.config)
}

fn check_name(name: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.is_empty() || name.len() > NAME_LENGTH_MAX || name == "." || name == ".." || !name.chars().all(allowed) {
        return Err(Error::new(ErrorKind::Config, format!("`{name}` is not a topic name")).with_hint(format!(
            "letters, digits, `.`, `_` and `-` are allowed, and at most {NAME_LENGTH_MAX} of them"
        )));
    }
    Ok(())
}

fn check_config(config: &TopicConfig) -> Result<()> {
    let at_least = |key: &str, value: Option<i64>, least: i64| match value {
        Some(value) if value < least => {
            Err(Error::new(ErrorKind::Config, format!("topic configuration `{key}` is {value}"))
                .with_hint(format!("it is at least {least}")))
        }
        _ => Ok(()),
    };
    at_least("retention.ms", config.retention_ms, -1)?;
    at_least("retention.bytes", config.retention_bytes, -1)?;
    at_least("segment.bytes", config.segment_bytes, 1)?;
    at_least("segment.ms", config.segment_ms, 1)?;
    at_least("min.compaction.lag.ms", config.min_compaction_lag_ms, 0)?;
    at_least("delete.retention.ms", config.delete_retention_ms, 0)?;
    at_least("max.message.bytes", config.max_message_bytes, 0)
}
