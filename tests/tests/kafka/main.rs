//! Tests on real brokers of Apache Kafka.

mod broker;
#[cfg(feature = "kafka")]
#[allow(dead_code, reason = "some clauses are about embedded logs")]
#[path = "../../../framework/tests/log/contract/mod.rs"]
mod contract;
#[cfg(feature = "kafka")]
mod log;
#[cfg(feature = "kafka")]
mod members;
#[cfg(feature = "kafka")]
mod operations;
#[cfg(feature = "kafka")]
mod prefixed;
#[cfg(feature = "kafka")]
mod streams;
#[cfg(feature = "kafka")]
mod tool;
#[cfg(feature = "kafka")]
mod trouble;
#[cfg(feature = "kafka")]
mod words;
#[cfg(feature = "kafka")]
#[allow(dead_code, reason = "it makes embedded logs, too")]
#[path = "../../../framework/tests/log/world.rs"]
mod world;
