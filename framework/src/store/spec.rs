//! The part of a store's blueprint that does not depend on its types: name, kind, where it lives, how it is
//! logged and cached.
//!
//! Plain data; nothing here is open.

use crate::record::Topic;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What kind of rows a store has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreKind {
    /// Key to value.
    KeyValue,
    /// Key to value and timestamp: what the DSL's tables use.
    TimestampedKeyValue,
    /// Key and window start to value.
    Window(WindowSpec),
    /// Key and window start to value and timestamp: what the DSL's windowed tables use.
    TimestampedWindow(WindowSpec),
}

impl StoreKind {
    /// The kind's name in `describe()`, metrics and metadata.
    ///
    /// ```
    /// # use kstreams::store::*;
    /// assert_eq!(StoreKind::TimestampedKeyValue.as_str(), "timestamped-key-value");
    /// ```
    pub fn as_str(&self) -> &'static str {
        match self {
            StoreKind::KeyValue => "key-value",
            StoreKind::TimestampedKeyValue => "timestamped-key-value",
            StoreKind::Window(_) => "window",
            StoreKind::TimestampedWindow(_) => "timestamped-window",
        }
    }

    /// The window settings of windowed kinds.
    ///
    /// ```
    /// # use kstreams::store::*;
    /// let hours = WindowSpec { retention_ms: 86_400_000, size_ms: 3_600_000, segment_interval_ms: 60_000, retain_duplicates: false };
    /// assert_eq!(StoreKind::Window(hours).window().map(|hours| hours.size_ms), Some(3_600_000));
    /// assert!(StoreKind::KeyValue.window().is_none());
    /// ```
    pub fn window(&self) -> Option<&WindowSpec> {
        match self {
            StoreKind::Window(window) | StoreKind::TimestampedWindow(window) => Some(window),
            StoreKind::KeyValue | StoreKind::TimestampedKeyValue => None,
        }
    }

    /// Whether rows begin with a timestamp.
    ///
    /// ```
    /// # use kstreams::store::*;
    /// assert!(StoreKind::TimestampedKeyValue.is_timestamped() && !StoreKind::KeyValue.is_timestamped());
    /// ```
    pub fn is_timestamped(&self) -> bool {
        matches!(self, StoreKind::TimestampedKeyValue | StoreKind::TimestampedWindow(_))
    }
}

/// The settings of a window store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSpec {
    /// How long rows are kept, in milliseconds of the store's own stream time.
    pub retention_ms: i64,
    /// The size of a window, in milliseconds.
    pub size_ms: i64,
    /// The span of time whose rows expire together, in milliseconds. Part of the state contract: it decides which
    /// late rows are still taken.
    pub segment_interval_ms: i64,
    /// Whether rows of the same key and window start are all kept (stream-stream joins).
    pub retain_duplicates: bool,
}

/// Where a store's rows live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backing {
    /// In the application's disk engine; only what was not committed is restored.
    Persistent,
    /// In memory; restored in full.
    InMemory,
    /// In memory, at most this many entries; the least recently used one is deleted, in the changelog, too.
    Lru(usize),
}

/// What stands behind a store to rebuild it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changelog {
    /// A topic of its own, `<application>-<store>-changelog`, with these settings on top of the defaults.
    Own(BTreeMap<String, String>),
    /// An input topic that already holds the same content; the store writes nothing to it.
    Source(Topic),
    /// Nothing: what is lost is lost.
    Off,
}

/// A store's blueprint without its types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSpec {
    /// The name, unique in the topology.
    pub name: Arc<str>,
    /// What rows it has.
    pub kind: StoreKind,
    /// Where they live.
    pub backing: Backing,
    /// Whether nobody chose the backing, so that the configuration's `default.dsl.store` decides.
    pub backing_is_default: bool,
    /// Whether updates are held back in the record cache until flush or eviction.
    pub caching: bool,
    /// What it is rebuilt from.
    pub changelog: Changelog,
    /// Whether changelog messages carry the headers of the record being processed. Kafka Streams does so for the
    /// window stores of stream-stream joins and the subscriptions of foreign-key joins, and for no other store.
    pub log_headers: bool,
}

impl StoreSpec {
    /// A store with a changelog of its own and no caching: the Processor API's defaults.
    ///
    /// ```
    /// # use kstreams::store::*;
    /// let spec = StoreSpec::new("rows", StoreKind::KeyValue, Backing::Persistent);
    /// assert!(spec.is_logged() && !spec.is_cached());
    /// ```
    pub fn new(name: impl Into<Arc<str>>, kind: StoreKind, backing: Backing) -> Self {
        StoreSpec {
            name: name.into(),
            kind,
            backing,
            backing_is_default: false,
            caching: false,
            changelog: Changelog::Own(BTreeMap::new()),
            log_headers: false,
        }
    }

    /// Whether the rows survive the process.
    ///
    /// ```
    /// # use kstreams::store::*;
    /// # let spec = StoreSpec::new("rows", StoreKind::KeyValue, Backing::Persistent);
    /// assert!(spec.is_persistent());
    /// assert!(!StoreSpec { backing: Backing::InMemory, ..spec }.is_persistent());
    /// ```
    pub fn is_persistent(&self) -> bool {
        self.backing == Backing::Persistent
    }

    /// Whether updates are written to a changelog of its own.
    ///
    /// ```
    /// # use kstreams::store::*;
    /// # let spec = StoreSpec::new("rows", StoreKind::KeyValue, Backing::Persistent);
    /// assert!(spec.is_logged());
    /// assert!(!StoreSpec { changelog: Changelog::Off, ..spec }.is_logged());
    /// ```
    pub fn is_logged(&self) -> bool {
        matches!(self.changelog, Changelog::Own(_))
    }

    /// Whether the record cache applies: asked for, and possible for this kind. Rows of a window store that retains
    /// duplicates have no one value to hold back.
    ///
    /// ```
    /// # use kstreams::{serde::Format, store::*};
    /// for (retain_duplicates, is_cached) in [(false, true), (true, false)] {
    ///     let hours = Stores::persistent_window_store("hours", 86_400_000, 3_600_000, retain_duplicates);
    ///     let hours = Stores::window_store_builder(hours, Format::i32(), Format::i32()).with_caching_enabled();
    ///     assert_eq!(hours.spec().is_cached(), is_cached);
    /// }
    /// ```
    pub fn is_cached(&self) -> bool {
        self.caching && !self.kind.window().is_some_and(|window| window.retain_duplicates)
    }

    /// The full name of the topic that the store is rebuilt from.
    ///
    /// ```
    /// # use kstreams::store::*;
    /// # let spec = StoreSpec::new("rows", StoreKind::KeyValue, Backing::Persistent);
    /// assert_eq!(spec.changelog_topic("app"), Some("app-rows-changelog".into()));
    /// ```
    pub fn changelog_topic(&self, application_id: &str) -> Option<Topic> {
        match &self.changelog {
            Changelog::Own(_) => Some(self.own_changelog_topic(application_id)),
            Changelog::Source(topic) => Some(topic.clone()),
            Changelog::Off => None,
        }
    }

    /// The name under which the store's serdes are registered: the changelog's, whether there is one or not.
    ///
    /// ```
    /// # use kstreams::store::*;
    /// # let spec = StoreSpec::new("rows", StoreKind::KeyValue, Backing::Persistent);
    /// let unlogged = StoreSpec { changelog: Changelog::Off, ..spec };
    /// assert_eq!(unlogged.serde_topic("app"), "app-rows-changelog".into());
    /// ```
    pub fn serde_topic(&self, application_id: &str) -> Topic {
        self.changelog_topic(application_id).unwrap_or_else(|| self.own_changelog_topic(application_id))
    }

    fn own_changelog_topic(&self, application_id: &str) -> Topic {
        Topic::from(format!("{application_id}-{}-changelog", self.name))
    }

    /// The configuration with which the changelog topic is created: the kind's defaults, then the user's settings.
    /// `additional_retention_ms` is Kafka Streams' `windowstore.changelog.additional.retention.ms`.
    ///
    /// ```
    /// # use kstreams::store::*;
    /// # let spec = StoreSpec::new("rows", StoreKind::KeyValue, Backing::Persistent);
    /// assert_eq!(spec.changelog_config(0)["cleanup.policy"], "compact");
    /// ```
    pub fn changelog_config(&self, additional_retention_ms: i64) -> BTreeMap<String, String> {
        let mut config = BTreeMap::from([("message.timestamp.type".to_owned(), "CreateTime".to_owned())]);
        let policy = match self.kind.window() {
            Some(window) => {
                let retention_ms = window.retention_ms.saturating_add(additional_retention_ms);
                config.insert("retention.ms".to_owned(), retention_ms.to_string());
                if window.retain_duplicates { "delete" } else { "compact,delete" }
            }
            None => "compact",
        };
        config.insert("cleanup.policy".to_owned(), policy.to_owned());
        if let Changelog::Own(settings) = &self.changelog {
            config.extend(settings.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: WindowSpec =
        WindowSpec { retention_ms: 100, size_ms: 50, segment_interval_ms: 60_000, retain_duplicates: false };

    #[test]
    fn changelog_of_a_window_store_is_compacted_and_deleted() {
        let spec = StoreSpec::new("w", StoreKind::Window(WINDOW), Backing::Persistent);
        let config = spec.changelog_config(1_000);
        assert_eq!(config["cleanup.policy"], "compact,delete");
        assert_eq!(config["retention.ms"], "1100");
    }

    #[test]
    fn changelog_of_a_join_store_is_only_deleted() {
        let kind = StoreKind::Window(WindowSpec { retain_duplicates: true, ..WINDOW });
        let spec = StoreSpec::new("w", kind, Backing::Persistent);
        assert_eq!(spec.changelog_config(0)["cleanup.policy"], "delete");
    }

    #[test]
    fn setting_of_the_user_wins() {
        let mut spec = StoreSpec::new("kv", StoreKind::KeyValue, Backing::InMemory);
        spec.changelog = Changelog::Own(BTreeMap::from([("cleanup.policy".to_owned(), "delete".to_owned())]));
        assert_eq!(spec.changelog_config(0)["cleanup.policy"], "delete");
        assert_eq!(spec.changelog_topic("app").unwrap().as_str(), "app-kv-changelog");
    }

    #[test]
    fn store_that_retains_duplicates_is_never_cached() {
        let kind = StoreKind::Window(WindowSpec { retain_duplicates: true, ..WINDOW });
        let spec = StoreSpec { caching: true, ..StoreSpec::new("w", kind, Backing::Persistent) };
        assert!(!spec.is_cached());
    }
}
