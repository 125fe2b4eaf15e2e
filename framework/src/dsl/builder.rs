//! Where streams and tables begin.

use super::global_store::{GlobalFill, Nothing};
use super::global_table::{self, GlobalKTable};
use super::options::{Consumed, Materialized, Topics};
use super::steps::Steps;
use super::stream::KStream;
use super::table::{self, KTable};
use crate::error::Result;
use crate::operator::{Input, Processor, Source};
use crate::record::TopicPartition;
use crate::serde::{Datum, Nullable};
use crate::store::{StoreBlueprint, StoreBuilder, StoreHandle};
use crate::topology::{NodeId, Plan, SourceNode, Subscription, TopicName, Topology, WireSource, Wiring};
use std::any::TypeId;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

/// Collects the steps of a topology. Kafka Streams: `org.apache.kafka.streams.StreamsBuilder`.
///
/// ```
/// use kstreams::dsl::StreamsBuilder;
/// use kstreams::testing::TopologyTestDriver;
///
/// let builder = StreamsBuilder::new();
/// builder.stream::<String, String>("in").map_values(|v| v.to_uppercase()).to("out");
/// let mut driver = TopologyTestDriver::new(&builder.build()?)?;
/// driver.input("in").pipe("k".to_owned(), "hello".to_owned())?;
/// assert_eq!(driver.output("out").read_values::<String>()?, ["HELLO"]);
/// # Ok::<(), kstreams::error::Error>(())
/// ```
#[derive(Default)]
pub struct StreamsBuilder {
    steps: Steps,
}

impl StreamsBuilder {
    /// An empty builder.
    ///
    /// ```
    /// # use kstreams::dsl::*;
    /// let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").to("out");
    /// assert_eq!(builder.build()?.store_names(), [] as [&str; 0]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn new() -> Self {
        StreamsBuilder::default()
    }

    /// A stream of the records of one topic, several topics, or all topics that match a pattern.
    ///
    /// Types that have a format of their own need only the topic's name; see [`Consumed`] for the rest. A null key or value
    /// is an error of its record, answered by the policy for
    /// [deserialization errors](crate::config::Config::deserialization_errors), unless the type is `Option`.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<Option<i32>, i32>("in").map_values(|v| v + 1).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(Some(1), 5), (None, 7)])?;
    /// assert_eq!(driver.output("out").read_key_values::<Option<i32>, i32>()?, [(Some(1), 6), (None, 8)]);
    /// assert!(driver.input("in").pipe(Some(1), None::<i32>).unwrap_err().to_string().contains("the value is null"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn stream<K: Nullable, V: Nullable>(&self, consumed: impl Into<Consumed<K, V>>) -> KStream<K, V> {
        let consumed = consumed.into();
        let step = self.steps.take_node(Location::caller(), move |plan, taken| {
            let name = plan.name(taken.name.or(consumed.name.as_deref()), "KSTREAM-SOURCE-");
            add_source(plan, name, &consumed, false)
        });
        KStream::new(self.steps.clone(), step, false)
    }

    /// A table of the latest value of each key of a topic. A null value deletes its key; records with a null key are dropped
    /// and counted.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.table::<i32, String>("stations").to_stream().to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("stations").pipe_key_values([(1, Some("Loop".to_owned())), (1, None)])?;
    /// let updates = driver.output("out").read_key_values::<i32, Option<String>>()?;
    /// assert_eq!(updates, [(1, Some("Loop".to_owned())), (1, None)]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn table<K: Datum, V: Datum>(&self, consumed: impl Into<Consumed<Option<K>, Option<V>>>) -> KTable<K, V> {
        table::source(&self.steps, Location::caller(), consumed.into(), None)
    }

    /// A table that is kept in a store with the given options, for queries by name (`table` with a `Materialized`).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::store::TimestampedKeyValueStore;
    /// builder.table_with::<i32, String>("stations", "stations-by-id");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("stations").pipe(1, "Loop".to_owned())?;
    /// let stations: TimestampedKeyValueStore<i32, String> = driver.store("stations-by-id")?;
    /// assert_eq!(stations.get(&1)?.map(|row| row.value).as_deref(), Some("Loop"));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn table_with<K: Datum, V: Datum>(
        &self,
        consumed: impl Into<Consumed<Option<K>, Option<V>>>,
        materialized: impl Into<Materialized<K, V>>,
    ) -> KTable<K, V> {
        table::source(&self.steps, Location::caller(), consumed.into(), Some(materialized.into()))
    }

    /// A table that every instance keeps in full, whichever partitions it processes; see [`GlobalKTable`]. A null value
    /// deletes its key; records with a null key are dropped and counted.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// let lines = builder.global_table::<String, String>("lines", "lines");
    /// let rides = builder.stream::<i32, String>("rides");
    /// rides.join_global(&lines, |_, ride| ride.clone(), |ride, color| format!("{ride} is {color}")).to("out");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("lines").pipe("A".to_owned(), "blue".to_owned())?;
    /// driver.input("rides").pipe(1, "A".to_owned())?;
    /// assert_eq!(driver.output("out").read_values::<String>()?, ["A is blue"]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn global_table<K: Datum, V: Datum>(
        &self,
        consumed: impl Into<Consumed<Option<K>, Option<V>>>,
        materialized: impl Into<Materialized<K, V>>,
    ) -> GlobalKTable<K, V> {
        global_table::source(&self.steps, Location::caller(), consumed.into(), materialized.into())
    }

    /// A store that every instance fills in full from a topic with a processor of its own; every other processor may
    /// read it by its name (`addGlobalStore`). The processor forwards nothing. A restore runs it again: over the
    /// whole topic for a store in memory, from where it was for one on disk.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # use kstreams::{operator::ProcessorContext, record::Record, serde::Format, store::{KeyValueStore, Stores}};
    /// # let builder = StreamsBuilder::new();
    /// let lengths = Stores::persistent_key_value_store("lengths");
    /// let lengths = Stores::key_value_store_builder(lengths, Format::string(), Format::i64());
    /// builder.add_global_store(lengths, "words", || {
    ///     |context: &ProcessorContext<Nothing, Nothing>, word: Record<i32, String>| {
    ///         let lengths: KeyValueStore<String, i64> = context.state_store("lengths")?;
    ///         lengths.put(&word.value, word.value.len() as i64)
    ///     }
    /// });
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("words").pipe(1, "hello".to_owned())?;
    /// assert_eq!(driver.store::<KeyValueStore<String, i64>>("lengths")?.get(&"hello".to_owned())?, Some(5));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn add_global_store<K: Nullable, V: Nullable, S: StoreHandle, P: Processor<K, V, Nothing, Nothing>>(
        &self,
        store: StoreBuilder<S>,
        consumed: impl Into<Consumed<K, V>>,
        supplier: impl Fn() -> P + Send + Sync + 'static,
    ) -> &Self {
        GlobalFill::new(store, consumed.into(), supplier).take(&self.steps, Location::caller());
        self
    }

    /// Adds a store that processors can be connected with by its name; see
    /// [`KStream::process`](super::KStream::process). Options that were made for it are those of
    /// [`Stores`](crate::store::Stores).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use kstreams::{operator::ProcessorContext, record::Record, serde::Format, store::{KeyValueStore, Stores}};
    /// let seen = Stores::in_memory_key_value_store("seen");
    /// builder.add_state_store(Stores::key_value_store_builder(seen, Format::i32(), Format::i32()));
    /// builder.stream::<i32, i32>("in").process(|| |context: &ProcessorContext<i32, i32>, record: Record<i32, i32>| {
    ///     let seen: KeyValueStore<i32, i32> = context.state_store("seen")?;
    ///     match seen.put_if_absent(&record.key, record.value)? {
    ///         None => context.forward(record),
    ///         Some(_) => Ok(()),
    ///     }
    /// }, &["seen"]).to("first");
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe_key_values([(1, 5), (1, 7), (2, 9)])?;
    /// assert_eq!(driver.output("first").read_values::<i32>()?, [5, 9]);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    #[track_caller]
    pub fn add_state_store(&self, store: impl StoreBlueprint + 'static) -> &Self {
        self.steps.add_state_store(Location::caller(), store);
        self
    }

    /// Checks the steps and makes the topology. The builder stays as it is.
    ///
    /// # Errors
    /// All problems at once, each with the line of the program that made it:
    ///
    /// ```
    /// # use kstreams::dsl::*;
    /// let builder = StreamsBuilder::new();
    /// let one = builder.stream::<i32, i32>("one").group_by_key().count("counts");
    /// let two = builder.stream::<i32, i32>("two").group_by_key().count("counts"); let line = line!();
    ///
    /// let error = builder.build().unwrap_err().to_string();
    /// assert!(error.contains(&format!("{}:{line}: ", file!())), "{error}");
    /// assert!(error.contains("`counts`"), "{error}");
    /// ```
    #[track_caller]
    pub fn build(&self) -> Result<Topology> {
        self.steps.build()
    }
}

/// Adds a source node that reads what `consumed` says.
pub(super) fn add_source<K: Nullable, V: Nullable>(
    plan: &mut Plan,
    name: String,
    consumed: &Consumed<K, V>,
    global: bool,
) -> NodeId {
    let subscription = match &consumed.topics {
        Topics::Named(names) => Subscription::Topics(names.iter().map(TopicName::external).collect()),
        Topics::Pattern(pattern) => match pattern.parse() {
            Ok(pattern) => Subscription::Pattern(pattern),
            Err(error) => {
                plan.problem(format!("`{pattern}` is not a pattern: {error}"));
                Subscription::Topics(Vec::new())
            }
        },
    };
    let types = TypeId::of::<(K, V)>();
    let wire = wire_source(consumed);
    plan.add_source(name, SourceNode { subscription, reset: consumed.reset, types, wire, global })
}

/// The recipe for one partition of a source.
pub(super) fn wire_source<K: Nullable, V: Nullable>(consumed: &Consumed<K, V>) -> WireSource {
    let Consumed { key, value, extractor, .. } = consumed.clone();
    Arc::new(move |wiring: &Wiring<'_>, node: NodeId, partition: TopicPartition| {
        let key = wiring.serde(&key, &partition.topic, true)?;
        let value = wiring.serde(&value, &partition.topic, false)?;
        let extractor = extractor.clone().unwrap_or_else(|| wiring.default_extractor().into());
        let source = Source::new(partition, key, value, extractor, wiring.node(node), wiring.below(node));
        Ok(Rc::new(source) as Rc<dyn Input>)
    })
}
