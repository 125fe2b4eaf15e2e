//! What a source reads.

use crate::operator::TimestampExtractor;
use crate::serde::{Format, Nullable, Wire};
use crate::topology::AutoOffsetReset;

/// Which topics a source reads.
#[derive(Debug, Clone)]
pub(crate) enum Topics {
    Named(Vec<String>),
    Pattern(String),
}

/// What a source reads, and how. Kafka Streams: `org.apache.kafka.streams.kstream.Consumed`.
///
/// A topic's name alone is enough for types with a format of their own: `builder.stream("rides")` is short for
/// `builder.stream(Consumed::with("rides", …))` with those formats.
pub struct Consumed<K: Nullable, V: Nullable> {
    pub(crate) topics: Topics,
    pub(crate) key: Format<K::Inner>,
    pub(crate) value: Format<V::Inner>,
    pub(crate) extractor: Option<TimestampExtractor<K, V>>,
    pub(crate) reset: Option<AutoOffsetReset>,
    pub(crate) name: Option<String>,
}

impl<K: Nullable, V: Nullable> Clone for Consumed<K, V> {
    fn clone(&self) -> Self {
        Consumed {
            topics: self.topics.clone(),
            key: self.key.clone(),
            value: self.value.clone(),
            extractor: self.extractor.clone(),
            reset: self.reset,
            name: self.name.clone(),
        }
    }
}

impl<K: Nullable, V: Nullable> Consumed<K, V> {
    fn of(topics: Topics, key: Format<K::Inner>, value: Format<V::Inner>) -> Self {
        Consumed { topics, key, value, extractor: None, reset: None, name: None }
    }

    /// One topic, read with these formats. The types need none of their own then.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::serde::Format;
    /// let consumed = Consumed::with("in", Format::i32(), Format::json());
    /// builder.stream::<i32, Vec<u8>>(consumed).map_values(|v| v.len() as i32).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_bytes(Some(&[0, 0, 0, 1]), Some(b"[7, 8, 9]"), 0)?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i32>()?, [(1, 3)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with(topic: impl Into<String>, key: Format<K::Inner>, value: Format<V::Inner>) -> Self {
        Consumed::of(Topics::Named(vec![topic.into()]), key, value)
    }

    /// Several topics, one stream (`stream(Collection)`). Their tasks go by partition number, so that records of the same
    /// partition of all of them meet.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>(Consumed::topics(["north", "south"])).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("north").pipe(1, 5)?;
    /// driver.input("south").pipe(1, 7)?;
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [5, 7]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn topics<S: Into<String>>(topics: impl IntoIterator<Item = S>) -> Self
    where
        K::Inner: Wire,
        V::Inner: Wire,
    {
        Consumed::of(
            Topics::Named(topics.into_iter().map(Into::into).collect()),
            K::Inner::format(),
            V::Inner::format(),
        )
    }

    /// Every topic whose name matches the pattern (syntax of the `regex` crate); topics created later join in
    /// (`stream(Pattern)`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>(Consumed::pattern("^arrivals-")).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("arrivals-loop").pipe(1, 5)?;
    /// driver.input("arrivals-park").pipe(1, 7)?;
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [5, 7]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn pattern(pattern: impl Into<String>) -> Self
    where
        K::Inner: Wire,
        V::Inner: Wire,
    {
        Consumed::of(Topics::Pattern(pattern.into()), K::Inner::format(), V::Inner::format())
    }

    /// Reads with these formats, in place of the types' own.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::serde::Format;
    /// let consumed = Consumed::topics(["north", "south"]).formats(Format::json(), Format::json());
    /// builder.stream::<i32, String>(consumed).map_values(|v| v.len() as i32).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("north").pipe_bytes(Some(b"1"), Some(b"\"Loop\""), 0)?;
    /// assert_eq!(driver.output("out").read_key_values::<i32, i32>()?, [(1, 4)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn formats(mut self, key: Format<K::Inner>, value: Format<V::Inner>) -> Self {
        self.key = key;
        self.value = value;
        self
    }

    /// Finds event times with this extractor; the default is the configuration's `default.timestamp.extractor`. A negative
    /// time drops the record, which is counted.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::operator::TimestampExtractor;
    /// let from_value = TimestampExtractor::custom(|_, value: &i64, _, _| Ok(*value));
    /// builder.stream::<i32, i64>(Consumed::from("in").with_timestamp_extractor(from_value)).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 60_000_i64), (2, -1)])?;
    /// let records = driver.output("out").read_records::<i32, i64>()?;
    /// assert_eq!(records.iter().map(|record| record.timestamp).collect::<Vec<_>>(), [60_000]);
    /// assert_eq!(driver.dropped_records(), 1);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_timestamp_extractor(mut self, extractor: TimestampExtractor<K, V>) -> Self {
        self.extractor = Some(extractor);
        self
    }

    /// Where to go on without a committed offset, or from a position that is outside of the topic (`withOffsetResetPolicy`);
    /// the default is the configuration's `auto.offset.reset`. The test driver always begins with what is piped.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::topology::AutoOffsetReset;
    /// builder.stream::<i32, i32>(Consumed::from("in").with_offset_reset(AutoOffsetReset::Latest)).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.output("out").read_values::<i32>()?, [5]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_offset_reset(mut self, reset: AutoOffsetReset) -> Self {
        self.reset = Some(reset);
        self
    }

    /// Names the source node (`withName`).
    ///
    /// ```
    /// # use kstreams::dsl::*;
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>(Consumed::from("in").named("rides")).to("out");
    /// assert!(builder.build()?.describe().to_string().contains("Source: rides (topics: [in])"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl<K: Nullable, V: Nullable, S: Into<String>> From<S> for Consumed<K, V>
where
    K::Inner: Wire,
    V::Inner: Wire,
{
    fn from(topic: S) -> Self {
        Consumed::with(topic, K::Inner::format(), V::Inner::format())
    }
}
