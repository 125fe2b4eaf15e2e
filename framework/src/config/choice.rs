//! The closed choices of a configuration, each with the words that stand for it in files.

/// A set of words in a properties file: ours, and the Java class or constant that means the same.
pub(super) trait Choice: Sized + Copy + 'static {
    /// Every word with its meaning; the first word of a meaning is the one that is printed.
    const WORDS: &'static [(&'static str, Self)];
}

/// How often an input record counts after a failure. Kafka: `processing.guarantee`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProcessingGuarantee {
    /// At least once: outputs may repeat after a crash.
    #[default]
    AtLeastOnce,
    /// Exactly once: offsets, outputs and state commit in one transaction.
    ExactlyOnceV2,
}

impl Choice for ProcessingGuarantee {
    const WORDS: &'static [(&'static str, Self)] =
        &[("at_least_once", Self::AtLeastOnce), ("exactly_once_v2", Self::ExactlyOnceV2)];
}

/// Which engine keeps state on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    /// In memory: state is restored from the changelog at every start.
    Memory,
    /// fjall, in pure Rust; feature `fjall`.
    Fjall,
    /// RocksDB; feature `rocksdb`.
    RocksDb,
}

impl Default for EngineKind {
    /// RocksDB if it is built in, else fjall, else memory.
    fn default() -> Self {
        if cfg!(feature = "rocksdb") {
            EngineKind::RocksDb
        } else if cfg!(feature = "fjall") {
            EngineKind::Fjall
        } else {
            EngineKind::Memory
        }
    }
}

impl Choice for EngineKind {
    const WORDS: &'static [(&'static str, Self)] =
        &[("memory", Self::Memory), ("fjall", Self::Fjall), ("rocksdb", Self::RocksDb)];
}

/// Which stores the DSL makes when none is named. Kafka: `default.dsl.store`, `dsl.store.suppliers.class`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DslStore {
    /// On the instance's [`EngineKind`].
    #[default]
    Persistent,
    /// In memory, restored from the changelog at every start.
    InMemory,
}

impl Choice for DslStore {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("rocksDB", Self::Persistent),
        ("in_memory", Self::InMemory),
        ("org.apache.kafka.streams.state.BuiltInDslStoreSuppliers$RocksDBDslStoreSuppliers", Self::Persistent),
        ("org.apache.kafka.streams.state.BuiltInDslStoreSuppliers$InMemoryDslStoreSuppliers", Self::InMemory),
    ];
}

/// What stores of the DSL keep beside a value. Kafka: `dsl.store.format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StoreFormat {
    /// The timestamp.
    #[default]
    Default,
    /// The timestamp and the record's headers.
    Headers,
}

impl Choice for StoreFormat {
    const WORDS: &'static [(&'static str, Self)] = &[("DEFAULT", Self::Default), ("HEADERS", Self::Headers)];
}

/// What happens to a record that cannot be decoded, processed or sent. It is counted in any case, and goes to the
/// [dead-letter topic](super::Config::dead_letter_topic) if one is named, as with Kafka's own handlers.
///
/// ```
/// use kstreams::config::{Config, ErrorPolicy};
/// use kstreams::dsl::StreamsBuilder;
/// use kstreams::testing::TopologyTestDriver;
///
/// let builder = StreamsBuilder::new();
/// builder.stream::<i32, i32>("in").to("out");
/// let topology = builder.build()?;
///
/// let careful = Config::new("test", "embedded:");
/// let mut driver = TopologyTestDriver::with_config(&topology, careful.clone())?;
/// assert!(driver.input("in").pipe_bytes(Some(b"?"), Some(b"?"), 0).is_err());
///
/// let mut driver = TopologyTestDriver::with_config(&topology, careful.on_record_errors(ErrorPolicy::Continue))?;
/// driver.input("in").pipe_bytes(Some(b"?"), Some(b"?"), 0)?;
/// assert_eq!(driver.dropped_records(), 1);
/// # Ok::<(), kstreams::error::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ErrorPolicy {
    /// The application stops. Kafka: `LogAndFail…`.
    #[default]
    Fail,
    /// The record is skipped. Kafka: `LogAndContinue…`.
    Continue,
}

impl Choice for ErrorPolicy {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("fail", Self::Fail),
        ("continue", Self::Continue),
        ("org.apache.kafka.streams.errors.LogAndFailExceptionHandler", Self::Fail),
        ("org.apache.kafka.streams.errors.LogAndContinueExceptionHandler", Self::Continue),
        ("org.apache.kafka.streams.errors.LogAndFailProcessingExceptionHandler", Self::Fail),
        ("org.apache.kafka.streams.errors.LogAndContinueProcessingExceptionHandler", Self::Continue),
        ("org.apache.kafka.streams.errors.DefaultProductionExceptionHandler", Self::Fail),
    ];
}

/// Where a source goes on when there is no committed offset, or when its position is outside of the topic because the topic was
/// cut off or made anew. Kafka: `auto.offset.reset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AutoOffsetReset {
    /// With the oldest record.
    #[default]
    Earliest,
    /// With the next record to come.
    Latest,
    /// Nowhere: the application stops.
    None,
}

impl Choice for AutoOffsetReset {
    const WORDS: &'static [(&'static str, Self)] =
        &[("earliest", Self::Earliest), ("latest", Self::Latest), ("none", Self::None)];
}

/// Where a record's time comes from when the source names no extractor. Kafka: `default.timestamp.extractor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimestampPolicy {
    /// The message's own timestamp; a negative one stops the application.
    #[default]
    FailOnInvalid,
    /// The message's own timestamp; records with a negative one are dropped.
    LogAndSkipOnInvalid,
    /// The message's own timestamp; a negative one is replaced by the largest seen on the partition.
    UsePartitionTimeOnInvalid,
    /// The wall clock when the record is processed.
    WallClock,
}

impl Choice for TimestampPolicy {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("org.apache.kafka.streams.processor.FailOnInvalidTimestamp", Self::FailOnInvalid),
        ("org.apache.kafka.streams.processor.LogAndSkipOnInvalidTimestamp", Self::LogAndSkipOnInvalid),
        ("org.apache.kafka.streams.processor.UsePartitionTimeOnInvalidTimestamp", Self::UsePartitionTimeOnInvalid),
        ("org.apache.kafka.streams.processor.WallclockTimestampExtractor", Self::WallClock),
    ];
}

/// Which optimisations `build` applies. Kafka: `topology.optimization`. They change names of topics and stores, so
/// a running application cannot switch them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Optimization {
    /// A source table is restored from its input topic and gets no changelog of its own.
    pub reuse_source_topics: bool,
    /// Several repartitions below one key change become one.
    pub merge_repartition_topics: bool,
    /// A stream joined with itself uses one store.
    pub single_store_self_join: bool,
}

impl Optimization {
    /// Every optimisation.
    pub const ALL: Optimization =
        Optimization { reuse_source_topics: true, merge_repartition_topics: true, single_store_self_join: true };

    /// No optimisation: the default.
    pub const NONE: Optimization =
        Optimization { reuse_source_topics: false, merge_repartition_topics: false, single_store_self_join: false };
}
