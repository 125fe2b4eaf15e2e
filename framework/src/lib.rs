//! Kafka Streams for Rust: stateful stream processing with exactly-once state, on Apache Kafka or embedded.
//!
//! A module uses only what stands to its left:
//!
//! ```text
//! error <- record <- config <- metrics <- { serde, window, engine } <- { log, store } <- operator <- topology <- { dsl, runtime } <- testing
//! ```

pub mod config;
pub mod dsl;
pub mod engine;
pub mod error;
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
