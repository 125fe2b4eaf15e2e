//! Streams and tables as values to program with: Kafka Streams' DSL in Rust.
//!
//! A program takes steps on [`KStream`]s and [`KTable`]s that come from a [`StreamsBuilder`]; `build` turns
//! the steps into a [`Topology`](crate::topology::Topology). Methods take `self`; `.clone()` forks a stream.
//! Closures borrow to look and own to change; a `try_…` variant takes a closure that may fail, and its error
//! goes to the record-error policy. `.named("…")` names the step before it. Nothing here runs.

mod branched;
mod builder;
mod global_store;
mod global_table;
mod grouped;
mod join;
mod map;
mod materialize;
mod options;
mod process;
mod repartition;
mod steps;
mod stream;
mod table;
mod windowed;

pub use branched::{BranchedKStream, Branches};
pub use builder::StreamsBuilder;
pub use global_store::Nothing;
pub use global_table::GlobalKTable;
pub use grouped::KGroupedStream;
pub use options::{Consumed, Grouped, Joined, Materialized, Printed, Produced, Repartitioned};
pub use stream::{Ended, KStream};
pub use table::KTable;
pub use windowed::TimeWindowedKStream;
