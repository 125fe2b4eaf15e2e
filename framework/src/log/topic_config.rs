//! A topic's configuration: the keys that matter here as typed fields, all others as text.

use crate::error::{Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// How old messages leave a topic. Kafka: `cleanup.policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CleanupPolicy {
    /// By age and size.
    Delete,
    /// The newest message of each key stays.
    Compact,
    /// Both.
    CompactDelete,
}

impl CleanupPolicy {
    /// Whether superseded messages of a key are removed.
    pub fn compacts(self) -> bool {
        self != CleanupPolicy::Delete
    }

    /// Whether messages are removed by age and size.
    pub fn deletes(self) -> bool {
        self != CleanupPolicy::Compact
    }
}

impl fmt::Display for CleanupPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CleanupPolicy::Delete => "delete",
            CleanupPolicy::Compact => "compact",
            CleanupPolicy::CompactDelete => "compact,delete",
        })
    }
}

impl FromStr for CleanupPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.replace(' ', "").as_str() {
            "delete" => Ok(CleanupPolicy::Delete),
            "compact" => Ok(CleanupPolicy::Compact),
            "compact,delete" | "delete,compact" => Ok(CleanupPolicy::CompactDelete),
            _ => Err(String::from("it is `delete`, `compact` or `compact,delete`")),
        }
    }
}

/// Whose time a message carries. Kafka: `message.timestamp.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimestampType {
    /// The time its producer gave it.
    CreateTime,
    /// The time of the append.
    LogAppendTime,
}

impl fmt::Display for TimestampType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TimestampType::CreateTime => "CreateTime",
            TimestampType::LogAppendTime => "LogAppendTime",
        })
    }
}

impl FromStr for TimestampType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "CreateTime" => Ok(TimestampType::CreateTime),
            "LogAppendTime" => Ok(TimestampType::LogAppendTime),
            _ => Err(String::from("it is `CreateTime` or `LogAppendTime`")),
        }
    }
}

/// Declares the typed keys once: field, Kafka key, type, what it says, and the embedded log's default.
macro_rules! typed_keys {
    ($($field:ident: $type:ty = $default:expr, $key:literal, $doc:literal;)*) => {
        /// What is set for one topic; `None` leaves it to the broker.
        ///
        /// ```
        /// use kstreams::log::{CleanupPolicy, TopicConfig};
        ///
        /// let mut config = TopicConfig::compacted();
        /// config.set("retention.ms", "86400000")?;
        /// assert_eq!(config.cleanup_policy, Some(CleanupPolicy::Compact));
        /// assert_eq!(config.entries()["retention.ms"], "86400000");
        /// # Ok::<(), kstreams::error::Error>(())
        /// ```
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct TopicConfig {
            $(#[doc = concat!("Kafka: `", $key, "`. ", $doc)] pub $field: Option<$type>,)*
            /// Every other key, passed on as it is.
            pub other: BTreeMap<String, String>,
        }

        impl TopicConfig {
            /// Sets a key by Kafka's name.
            ///
            /// # Errors
            /// `Config` if the value is not one for this key.
            pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
                match key {
                    $($key => self.$field = Some(parse(key, value)?),)*
                    _ => {
                        self.other.insert(key.to_owned(), value.to_owned());
                    }
                }
                Ok(())
            }

            /// All keys that are set, under Kafka's names.
            pub fn entries(&self) -> BTreeMap<String, String> {
                let mut entries = self.other.clone();
                $(if let Some(value) = &self.$field {
                    entries.insert($key.to_owned(), value.to_string());
                })*
                entries
            }

            /// The same configuration with the embedded log's defaults for what is not set.
            pub fn with_embedded_defaults(mut self) -> Self {
                $(self.$field.get_or_insert($default);)*
                self
            }
        }
    };
}

typed_keys! {
    cleanup_policy: CleanupPolicy = CleanupPolicy::Delete, "cleanup.policy", "How old messages leave.";
    retention_ms: i64 = 7 * 24 * 3_600_000, "retention.ms", "Messages older than this are deleted; -1 keeps them.";
    retention_bytes: i64 = -1, "retention.bytes", "A partition larger than this loses its oldest segments; -1 is no limit.";
    segment_bytes: i64 = 16 * 1024 * 1024, "segment.bytes",
        "The unit of deletion and compaction; the newest segment is never compacted. Kafka's default is 1 GiB.";
    segment_ms: i64 = 7 * 24 * 3_600_000, "segment.ms", "A segment older than this is closed even if it is small.";
    min_compaction_lag_ms: i64 = 0, "min.compaction.lag.ms", "Younger messages are not compacted.";
    delete_retention_ms: i64 = 24 * 3_600_000, "delete.retention.ms",
        "So long a tombstone survives its first compaction, for readers that began earlier.";
    min_cleanable_dirty_ratio: f64 = 0.5, "min.cleanable.dirty.ratio",
        "The share of a partition that must be new since the last compaction before the next one.";
    max_message_bytes: i64 = 1_048_588, "max.message.bytes", "The largest message that is accepted.";
    message_timestamp_type: TimestampType = TimestampType::CreateTime, "message.timestamp.type", "Whose time a message carries.";
}

impl TopicConfig {
    /// A compacted topic, as changelogs of key-value stores are.
    pub fn compacted() -> Self {
        TopicConfig { cleanup_policy: Some(CleanupPolicy::Compact), ..TopicConfig::default() }
    }

    /// A configuration from Kafka's keys.
    ///
    /// # Errors
    /// `Config` if a value is not one for its key.
    pub fn from_entries<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let mut config = TopicConfig::default();
        for (key, value) in entries {
            config.set(key, value)?;
        }
        Ok(config)
    }
}

fn parse<T: FromStr>(key: &str, value: &str) -> Result<T>
where
    T::Err: fmt::Display,
{
    value.trim().parse().map_err(|error: T::Err| {
        Error::new(ErrorKind::Config, format!("`{value}` is not a value for topic configuration `{key}`"))
            .with_hint(error.to_string())
    })
}
