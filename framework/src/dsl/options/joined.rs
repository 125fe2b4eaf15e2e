//! How the stream of a join is written.

use crate::serde::{Datum, Format, Wire};

/// How the stream of a join is written if it needs a repartition topic. Kafka Streams: `org.apache.kafka.streams.kstream.Joined`.
pub struct Joined<K, V> {
    pub(crate) name: Option<String>,
    pub(crate) key: Format<K>,
    pub(crate) value: Format<V>,
}

impl<K: Datum, V: Datum> Joined<K, V> {
    /// Named: the join's node, and its repartition topic `<application id>-<name>-repartition` (`Joined.as`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let names = builder.table::<i32, String>("names");
    /// let by_value = builder.stream::<i32, i32>("in").map(|k, v| (v, k));
    /// by_value.join_with(&names, |_, _, name| name, Joined::named("named")).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("names").pipe(5, "Loop".to_owned())?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.output("out").read_values::<String>()?, ["Loop"]);
    /// assert_eq!(driver.internal_messages("test-named-repartition").len(), 1);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn named(name: impl Into<String>) -> Self
    where
        K: Wire,
        V: Wire,
    {
        Joined { name: Some(name.into()), key: K::format(), value: V::format() }
    }

    /// Written with these formats.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::serde::Format;
    /// let names = builder.table::<i32, String>("names");
    /// let by_value = builder.stream::<i32, i32>("in").map(|k, v| (v, vec![k]));
    /// by_value.join_with(&names, |_, _, name| name, Joined::with(Format::i32(), Format::json())).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("names").pipe(5, "Loop".to_owned())?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.output("out").read_values::<String>()?, ["Loop"]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with(key: Format<K>, value: Format<V>) -> Self {
        Joined { name: None, key, value }
    }

    /// The same with a name.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::serde::Format;
    /// let names = builder.table::<i32, String>("names");
    /// let by_value = builder.stream::<i32, i32>("in").map(|k, v| (v, vec![k]));
    /// let joined = Joined::with(Format::i32(), Format::json()).with_name("named");
    /// by_value.join_with(&names, |_, _, name| name, joined).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(driver.internal_messages("test-named-repartition")[0].value.as_deref(), Some(&b"[1]"[..]));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}
