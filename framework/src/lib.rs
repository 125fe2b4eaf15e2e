//! Kafka Streams for Rust: stateful stream processing with exactly-once state.
//!
//! A program describes what is to be done with the records of its topics: a [topology](topology::Topology) of sources,
//! steps and sinks, written with Kafka Streams' words ([`KStream`](dsl::KStream), [`KTable`](dsl::KTable), windows,
//! joins) or as [processors](operator::Processor) of its own. [`Streams`](runtime::Streams) runs it: it keeps the state
//! on local disk, backs it by changelog topics, and commits offsets, outputs and state together. Output records, topic
//! names and changelog bytes are those of Kafka Streams 4.3.
//!
//! It runs on Apache Kafka (feature `kafka`), or on a log inside the process, in memory or on disk; a topology does not
//! depend on which of them it runs on.
//!
//! ```
//! use kstreams::dsl::StreamsBuilder;
//! use kstreams::testing::TopologyTestDriver;
//!
//! let builder = StreamsBuilder::new();
//! builder
//!     .stream::<String, String>("lines")
//!     .flat_map_values(|line| line.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>())
//!     .group_by(|_, word| word.clone())
//!     .count("counts")
//!     .to_stream()
//!     .to("totals");
//! let topology = builder.build()?; // every problem at once, each with the line of the program
//!
//! let mut driver = TopologyTestDriver::new(&topology)?;
//! driver.input("lines").pipe("page 1".to_owned(), "so it goes so".to_owned())?;
//! let totals = driver.output("totals").read_key_values::<String, i64>()?;
//! assert_eq!(totals.last(), Some(&("so".to_owned(), 2)));
//! # Ok::<(), kstreams::error::Error>(())
//! ```
//!
//! The same topology runs as an application with
//! `Streams::start(&topology, Config::new("word-count", "embedded:./data").exactly_once())?`; see
//! [`Streams`](runtime::Streams). The guide in `docs/guide` begins at the beginning.
//!
//! # Modules
//!
//! | module | what is in it |
//! |---|---|
//! | [`dsl`] | streams, tables, groupings, joins: where programs begin |
//! | [`operator`] | the Processor API, timestamp extractors, partitioners |
//! | [`window`] | windows of time |
//! | [`serde`] | formats: Java's for strings and numbers, JSON, Avro with a schema registry |
//! | [`store`] | state stores, for processors and for queries |
//! | [`topology`] | the blueprint that `build` makes, and its description |
//! | [`runtime`] | the running application, its state, queries |
//! | [`config`] | configuration: setters, properties files, environment |
//! | [`testing`] | the test driver, the simulation of whole applications, strategies for property tests |
//! | [`log`] | the port to the log, the embedded log, clients for other programs |
//! | [`engine`] | what keeps bytes on disk or in memory |
//! | [`metrics`] | what an application tells about itself |
//! | [`record`], [`error`] | records, headers, clocks; the one error type |
//!
//! A module uses only what stands to its left:
//!
//! ```text
//! error <- record <- config <- metrics <- { serde, window, engine } <- { log, store } <- operator <- topology <- { dsl, runtime } <- testing
//! ```
//!
//! # Features
//!
//! `json`, `avro`, `http` (metrics and health) and `fjall` (a pure-Rust disk engine) are on by default; `rocksdb` is the
//! other disk engine and compiles C++. `kafka` is the client for Apache Kafka and compiles C; `kafka-tls` and
//! `kafka-gssapi` add what brokers may ask for. `proptest` is for tests: it adds `testing::strategies`.

/// Whether a broken variant runs.
#[cfg(feature = "broken")]
macro_rules! broken {
    ($variant:ident) => {
        crate::broken::is(crate::broken::Broken::$variant)
    };
}

/// Nothing is broken, and nothing of it is compiled.
#[cfg(not(feature = "broken"))]
macro_rules! broken {
    ($variant:ident) => {
        false
    };
}

#[cfg(feature = "broken")]
pub mod broken;
pub mod config;
pub mod dsl;
pub mod engine;
pub mod error;
#[cfg(doctest)]
mod guide;
pub mod log;
pub mod metrics;
pub mod operator;
pub mod record;
pub mod runtime;
pub mod serde;
pub mod store;
pub mod testing;
pub mod topology;
pub mod window;

/// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
