//! How a table is kept.

use crate::serde::{Datum, Format, Wire};
use crate::store::{Backing, Changelog};
use std::collections::BTreeMap;
use std::time::Duration;

/// How a table is kept in a store. Kafka Streams: `org.apache.kafka.streams.kstream.Materialized`.
///
/// A name alone is enough for types with a format of their own; `()` lets the library name the store. A store is on disk,
/// logged and cached unless it is said otherwise here.
pub struct Materialized<K, V> {
    pub(crate) name: Option<String>,
    pub(crate) key: Format<K>,
    pub(crate) value: Format<V>,
    /// `None` leaves it to the configuration's `default.dsl.store`.
    pub(crate) backing: Option<Backing>,
    pub(crate) caching: bool,
    pub(crate) changelog: Changelog,
    pub(crate) retention: Option<Duration>,
    /// Whether the program gave options, as opposed to `()`.
    pub(crate) given: bool,
}

impl<K, V> Clone for Materialized<K, V> {
    fn clone(&self) -> Self {
        Materialized {
            name: self.name.clone(),
            key: self.key.clone(),
            value: self.value.clone(),
            backing: self.backing,
            caching: self.caching,
            changelog: self.changelog.clone(),
            retention: self.retention,
            given: self.given,
        }
    }
}

impl<K: Datum, V: Datum> Materialized<K, V> {
    /// In a store of that name, which queries use and whose changelog is `<application id>-<name>-changelog`
    /// (`Materialized.as`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::store::TimestampedKeyValueStore;
    /// builder.stream::<i32, i32>("in").group_by_key().count(Materialized::named("counts"));
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// let counts: TimestampedKeyValueStore<i32, i64> = driver.store("counts")?;
    /// assert_eq!(counts.get(&1)?.map(|row| row.value), Some(1));
    /// assert_eq!(driver.internal_topics().collect::<Vec<_>>(), ["test-counts-changelog"]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn named(name: impl Into<String>) -> Self
    where
        K: Wire,
        V: Wire,
    {
        Materialized::with(K::format(), V::format()).with_name(name)
    }

    /// With these formats, under a name that the library gives.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::serde::Format;
    /// let rows = Materialized::with(Format::i32(), Format::<Vec<i32>>::json());
    /// builder.stream::<i32, i32>("in").group_by_key().aggregate(Vec::new, |_, v, mut row| { row.push(v); row }, rows);
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (1, 7)])?;
    /// let changelog = driver.internal_topics().next().expect("the store is logged").to_owned();
    /// assert_eq!(driver.internal_messages(&changelog)[1].value.as_deref(), Some(&b"[5,7]"[..]));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with(key: Format<K>, value: Format<V>) -> Self {
        Materialized {
            name: None,
            key,
            value,
            backing: None,
            caching: true,
            changelog: Changelog::Own(BTreeMap::new()),
            retention: None,
            given: true,
        }
    }

    /// The same under a name.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::serde::Format;
    /// let counts = Materialized::with(Format::i32(), Format::i64()).with_name("counts");
    /// builder.stream::<i32, i32>("in").group_by_key().count(counts);
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.internal_messages("test-counts-changelog").len(), 1);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Kept in the instance's engine, whatever the configuration's `default.dsl.store` says (`Stores.persistent…`).
    ///
    /// ```
    /// # use kstreams::{config::Config, dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # let mut config = Config::new("test", "embedded:");
    /// config.set("default.dsl.store", "in_memory")?;
    /// let counts = Materialized::named("counts").persistent();
    /// builder.stream::<i32, i32>("in").group_by_key().count(counts).to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::with_config(&builder.build()?, config)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.output("out").read_values::<i64>()?, [1]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn persistent(mut self) -> Self {
        self.backing = Some(Backing::Persistent);
        self
    }

    /// Kept in memory and restored in full from its changelog (`Stores.inMemory…`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").group_by_key().count(Materialized::named("counts").in_memory()).to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// driver.crash()?;
    /// driver.input("in").pipe(1, 7)?;
    /// assert_eq!(driver.output("out").read_values::<i64>()?, [1, 2]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn in_memory(mut self) -> Self {
        self.backing = Some(Backing::InMemory);
        self
    }

    /// Kept in memory, the `entries_max` most recently used rows only (`Stores.lruMap`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let rows = Materialized::named("counts").lru(1);
    /// builder.stream::<i32, i32>("in").group_by_key().count(rows).to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (2, 50), (1, 7)])?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i64>()?, [(1, 1), (2, 1), (1, 1)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn lru(mut self, entries_max: usize) -> Self {
        self.backing = Some(Backing::Lru(entries_max));
        self
    }

    /// Forwards and logs each update at once.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::config::Config;
    /// let rows = Materialized::named("counts").with_caching_disabled();
    /// builder.stream::<i32, i32>("in").group_by_key().count(rows).to_stream().to("out");
    /// let mut driver = TopologyTestDriver::with_config(&builder.build()?, Config::new("test", "embedded:"))?;
    /// driver.input("in").pipe_key_values([(1, 5), (1, 7)])?;
    /// assert_eq!(driver.output("out").read_values::<i64>()?, [1, 2]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_caching_disabled(mut self) -> Self {
        self.caching = false;
        self
    }

    /// Holds updates back until the next commit, so that updates of one key between commits become one. This is the default;
    /// how much is held back is the configuration's `statestore.cache.max.bytes`. The test driver commits after each record.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::config::Config;
    /// let rows = Materialized::named("counts").with_caching_enabled();
    /// builder.stream::<i32, i32>("in").flat_map_values(|v| 0..v).group_by_key().count(rows).to_stream().to("out");
    /// let mut driver = TopologyTestDriver::with_config(&builder.build()?, Config::new("test", "embedded:"))?;
    /// driver.input("in").pipe(1, 3)?;
    /// assert_eq!(driver.output("out").read_values::<i64>()?, [3]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_caching_enabled(mut self) -> Self {
        self.caching = true;
        self
    }

    /// Keeps no changelog: the store's content is lost with the local disk.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").group_by_key().count(Materialized::named("counts").with_logging_disabled());
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.internal_topics().next(), None);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_logging_disabled(mut self) -> Self {
        self.changelog = Changelog::Off;
        self
    }

    /// Keeps a changelog whose topic has these additional configurations. Logging is on by default.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let settings = [("min.cleanable.dirty.ratio".to_owned(), "0.1".to_owned())];
    /// builder.stream::<i32, i32>("in").group_by_key().count(Materialized::named("counts").with_logging_enabled(settings));
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.internal_topics().collect::<Vec<_>>(), ["test-counts-changelog"]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_logging_enabled(mut self, topic_config: impl IntoIterator<Item = (String, String)>) -> Self {
        self.changelog = Changelog::Own(topic_config.into_iter().collect());
        self
    }

    /// How long windows are kept; at least size and grace period, which is the default. A shorter time is a problem that
    /// `build` reports.
    ///
    /// ```
    /// # use kstreams::{dsl::*, window::TimeWindows};
    /// # use std::time::Duration;
    /// # let builder = StreamsBuilder::new();
    /// let hours = builder.stream::<i32, i32>("in").group_by_key().windowed_by(TimeWindows::of(Duration::from_secs(3600)));
    /// hours.count(Materialized::named("per-hour").with_retention(Duration::from_secs(60)));
    /// assert!(builder.build().unwrap_err().to_string().contains("a retention of 60000 ms is shorter than the 3600000 ms"));
    /// ```
    pub fn with_retention(mut self, retention: Duration) -> Self {
        self.retention = Some(retention);
        self
    }
}

impl<K: Wire, V: Wire> From<&str> for Materialized<K, V> {
    fn from(name: &str) -> Self {
        Materialized::named(name)
    }
}

impl<K: Wire, V: Wire> From<()> for Materialized<K, V> {
    fn from((): ()) -> Self {
        Materialized { given: false, ..Materialized::with(K::format(), V::format()) }
    }
}
