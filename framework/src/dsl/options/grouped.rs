//! How a grouping is written.

use crate::serde::{Datum, Format, Wire};

/// How a grouping is written if it needs a repartition topic. Kafka Streams: `org.apache.kafka.streams.kstream.Grouped`.
pub struct Grouped<K, V> {
    pub(crate) name: Option<String>,
    pub(crate) key: Format<K>,
    pub(crate) value: Format<V>,
}

impl<K: Datum, V: Datum> Grouped<K, V> {
    /// Named: the repartition topic is `<application id>-<name>-repartition` (`Grouped.as`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").group_by_with(|_, v| *v, Grouped::named("by-value")).count("counts");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.internal_messages("test-by-value-repartition").len(), 1);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn named(name: impl Into<String>) -> Self
    where
        K: Wire,
        V: Wire,
    {
        Grouped { name: Some(name.into()), key: K::format(), value: V::format() }
    }

    /// Written with these formats.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::serde::Format;
    /// let grouped = Grouped::with(Format::i32(), Format::json());
    /// builder.stream::<i32, i32>("in").group_by_with(|_, v| *v, grouped).count("counts").to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.internal_messages("test-counts-repartition")[0].value.as_deref(), Some(&b"5"[..]));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with(key: Format<K>, value: Format<V>) -> Self {
        Grouped { name: None, key, value }
    }

    /// The same with a name.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::serde::Format;
    /// let grouped = Grouped::with(Format::i32(), Format::json()).with_name("by-value");
    /// builder.stream::<i32, i32>("in").group_by_with(|_, v| *v, grouped).count("counts");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.internal_messages("test-by-value-repartition")[0].value.as_deref(), Some(&b"5"[..]));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}
