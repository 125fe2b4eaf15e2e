//! A store's blueprint with its types, and the same without them for the topology.
//!
//! A blueprint is immutable and shared by all tasks; each task opens its own store from it.

use super::{Backing, Changelog, QuerySource, StoreKind, StoreSpec, TaskStores};
use crate::error::{Error, ErrorKind, Result, type_name};
use crate::record::Topic;
use crate::serde::{Datum, Format};
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A typed store that can be opened from a blueprint: [`KeyValueStore`](super::KeyValueStore),
/// [`WindowStore`](super::WindowStore) and their timestamped kinds.
pub trait StoreHandle: Clone + Sized + 'static {
    /// The type of keys.
    type Key: Datum;
    /// The type of values, without a timestamp.
    type Value: Datum;
    /// The view of committed rows for other threads.
    type ReadOnly: Send + 'static;

    /// Opens the store within a task.
    ///
    /// # Errors
    /// What the formats, the engine or the stored metadata refuse.
    fn open(blueprint: &StoreBuilder<Self>, stores: &TaskStores) -> Result<Self>;

    /// Reads what the task has committed, at one moment.
    ///
    /// # Errors
    /// `NotFound` if the task has no such store yet; what the formats or the engine refuse.
    fn read_only(blueprint: &StoreBuilder<Self>, source: &QuerySource) -> Result<Self::ReadOnly>;
}

/// The blueprint of a typed store; cheap to clone. Kafka Streams: `org.apache.kafka.streams.state.StoreBuilder`.
///
/// Made by [`Stores`](super::Stores). Logging is on and caching off until said otherwise.
pub struct StoreBuilder<S: StoreHandle> {
    pub(super) spec: StoreSpec,
    pub(super) key: Format<S::Key>,
    pub(super) value: Format<S::Value>,
}

impl<S: StoreHandle> StoreBuilder<S> {
    pub(super) fn new(
        name: Arc<str>,
        kind: StoreKind,
        backing: Backing,
        key: Format<S::Key>,
        value: Format<S::Value>,
    ) -> Self {
        StoreBuilder { spec: StoreSpec::new(name, kind, backing), key, value }
    }

    /// The store's name.
    ///
    /// ```
    /// # use kstreams::{serde::Format, store::*};
    /// # let rows = Stores::persistent_key_value_store("rows");
    /// # let rows = Stores::key_value_store_builder(rows, Format::i32(), Format::i64());
    /// assert_eq!(rows.name(), "rows");
    /// ```
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// The part without types.
    ///
    /// ```
    /// # use kstreams::{serde::Format, store::*};
    /// # let rows = Stores::persistent_key_value_store("rows");
    /// # let rows = Stores::key_value_store_builder(rows, Format::i32(), Format::i64());
    /// assert_eq!(rows.spec().kind.as_str(), StoreKind::KeyValue.as_str());
    /// ```
    pub fn spec(&self) -> &StoreSpec {
        &self.spec
    }

    /// Holds updates back in the record cache until flush or eviction.
    ///
    /// ```
    /// # use kstreams::{serde::Format, store::*};
    /// # let rows = Stores::persistent_key_value_store("rows");
    /// # let rows = Stores::key_value_store_builder(rows, Format::i32(), Format::i64());
    /// assert!(rows.with_caching_enabled().spec().is_cached());
    /// ```
    pub fn with_caching_enabled(mut self) -> Self {
        self.spec.caching = true;
        self
    }

    /// Forwards and logs every update at once.
    ///
    /// ```
    /// # use kstreams::{serde::Format, store::*};
    /// # let rows = Stores::persistent_key_value_store("rows");
    /// # let rows = Stores::key_value_store_builder(rows, Format::i32(), Format::i64());
    /// assert!(!rows.with_caching_enabled().with_caching_disabled().spec().is_cached());
    /// ```
    pub fn with_caching_disabled(mut self) -> Self {
        self.spec.caching = false;
        self
    }

    /// Logs updates to a changelog topic that is created with these settings on top of the defaults.
    ///
    /// ```
    /// # use kstreams::{serde::Format, store::*};
    /// # let rows = Stores::persistent_key_value_store("rows");
    /// # let rows = Stores::key_value_store_builder(rows, Format::i32(), Format::i64());
    /// let kept = [("min.insync.replicas".to_owned(), "2".to_owned())].into();
    /// let rows = rows.with_logging_enabled(kept);
    /// assert_eq!(rows.spec().changelog_config(0)["min.insync.replicas"], "2");
    /// ```
    pub fn with_logging_enabled(mut self, settings: BTreeMap<String, String>) -> Self {
        self.spec.changelog = Changelog::Own(settings);
        self
    }

    /// Has no changelog: rows are lost with the local state.
    ///
    /// ```
    /// # use kstreams::{serde::Format, store::*};
    /// # let rows = Stores::persistent_key_value_store("rows");
    /// # let rows = Stores::key_value_store_builder(rows, Format::i32(), Format::i64());
    /// assert_eq!(rows.with_logging_disabled().spec().changelog_topic("app"), None);
    /// ```
    pub fn with_logging_disabled(mut self) -> Self {
        self.spec.changelog = Changelog::Off;
        self
    }

    /// Rebuilds the store from an input topic that holds the same content, and logs nothing.
    ///
    /// A restore takes the topic's keys, values and timestamps over as they are, as Kafka Streams does; so what is put into the
    /// store must be what the topic holds. A message that the store's formats cannot decode meets the policy for
    /// [deserialization errors](crate::config::Config::deserialization_errors), as it did when it was processed: it is no row.
    ///
    /// ```
    /// # use kstreams::{serde::Format, store::*};
    /// # let rows = Stores::persistent_key_value_store("rows");
    /// # let rows = Stores::key_value_store_builder(rows, Format::i32(), Format::i64());
    /// let rows = rows.with_source_changelog("stations");
    /// assert_eq!(rows.spec().changelog_topic("app"), Some("stations".into()));
    /// ```
    pub fn with_source_changelog(mut self, topic: impl Into<Topic>) -> Self {
        self.spec.changelog = Changelog::Source(topic.into());
        self
    }

    /// Copies the headers of the record being processed into changelog messages;
    /// see [`StoreSpec::log_headers`].
    ///
    /// ```
    /// # use kstreams::{serde::Format, store::*};
    /// # let rows = Stores::persistent_key_value_store("rows");
    /// # let rows = Stores::key_value_store_builder(rows, Format::i32(), Format::i64());
    /// assert!(rows.with_logged_headers().spec().log_headers);
    /// ```
    pub fn with_logged_headers(mut self) -> Self {
        self.spec.log_headers = true;
        self
    }

    /// Lets the configuration's `default.dsl.store` decide where the rows live.
    pub(crate) fn with_default_backing(mut self) -> Self {
        self.spec.backing_is_default = true;
        self
    }

    /// The blueprint without its types.
    ///
    /// ```
    /// # use kstreams::{serde::Format, store::*};
    /// # let rows = Stores::persistent_key_value_store("rows");
    /// # let rows = Stores::key_value_store_builder(rows, Format::i32(), Format::i64());
    /// assert_eq!(&*rows.build().spec().name, "rows");
    /// ```
    pub fn build(self) -> Arc<dyn StoreBlueprint> {
        Arc::new(self)
    }
}

impl<S: StoreHandle> Clone for StoreBuilder<S> {
    fn clone(&self) -> Self {
        StoreBuilder { spec: self.spec.clone(), key: self.key.clone(), value: self.value.clone() }
    }
}

impl<S: StoreHandle> fmt::Debug for StoreBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.spec, f)
    }
}

/// A store's blueprint, whatever its types are.
pub trait StoreBlueprint: fmt::Debug + Send + Sync {
    /// The part without types.
    fn spec(&self) -> &StoreSpec;

    /// What kind of store it is, with the types of its keys and values, as programs write it.
    fn type_name(&self) -> String;

    /// The same store kept elsewhere.
    fn with_backing(&self, backing: Backing) -> Arc<dyn StoreBlueprint>;

    /// Opens the store within a task; afterwards [`TaskStores::store`] hands out its typed handle.
    ///
    /// # Errors
    /// What the formats, the engine or the stored metadata refuse.
    fn open(&self, stores: &TaskStores) -> Result<()>;

    /// Reads what a task has committed, at one moment; the box holds [`StoreHandle::ReadOnly`].
    ///
    /// # Errors
    /// `NotFound` if the task has no such store yet; what the formats or the engine refuse.
    fn read_only(&self, source: &QuerySource) -> Result<Box<dyn Any + Send>>;
}

impl<S: StoreHandle> StoreBlueprint for StoreBuilder<S> {
    fn spec(&self) -> &StoreSpec {
        &self.spec
    }

    fn type_name(&self) -> String {
        handle_name::<S>()
    }

    fn with_backing(&self, backing: Backing) -> Arc<dyn StoreBlueprint> {
        let mut store = self.clone();
        store.spec.backing = backing;
        store.build()
    }

    fn open(&self, stores: &TaskStores) -> Result<()> {
        let handle = S::open(self, stores)?;
        stores.keep(&self.spec.name, self.type_name(), Box::new(handle));
        Ok(())
    }

    fn read_only(&self, source: &QuerySource) -> Result<Box<dyn Any + Send>> {
        Ok(Box::new(S::read_only(self, source)?))
    }
}

/// The handle's type as programs write it, with the aliases of timestamped stores.
fn handle_name<S: StoreHandle>() -> String {
    let name = type_name::<S>();
    match name.strip_suffix(">>").and_then(|name| name.split_once(", ValueAndTimestamp<")) {
        Some((kind_and_key, value)) => format!("Timestamped{kind_and_key}, {value}>"),
        None => name,
    }
}

/// The error for a store that was asked for as an `S` and is an `actual`.
pub(crate) fn other_type<S: StoreHandle>(name: &str, actual: &str) -> Error {
    let asked = handle_name::<S>();
    let hint = match actual == format!("Timestamped{asked}") {
        true => format!("tables and aggregations keep a timestamp beside each value: ask for a `{actual}`"),
        false => format!("ask for a `{actual}`"),
    };
    Error::new(ErrorKind::Topology, format!("store `{name}` is a `{actual}`, not a `{asked}`")).with_hint(hint)
}
