//! Streams and tables as values to program with: Kafka Streams' DSL in Rust.
//!
//! A program takes steps on [`KStream`]s and [`KTable`]s that come from a [`StreamsBuilder`]; `build` turns
//! the steps into a [`Topology`](crate::topology::Topology). Methods take `self`; `.clone()` forks a stream.
//! Closures borrow to look and own to change; a `try_…` variant takes a closure that may fail, and its error
//! goes to the record-error policy. `.named("…")` names the step before it. Nothing here runs.
//!
//! Where Java has overloads there is a method with `_with` and the options: [`group_by`](KStream::group_by) and
//! [`group_by_with`](KStream::group_by_with). What is called otherwise than in Java says so.
//!
//! The examples of the methods begin with an empty `builder`, and run their steps in a `driver`:
//!
//! ```
//! # use kstreams::{dsl::*, testing::*};
//! # let builder = StreamsBuilder::new();
//! builder.stream::<i32, i32>("in").map_values(|v| v + 1).to("out");
//! let mut driver = TopologyTestDriver::new(&builder.build()?)?;
//! driver.input("in").pipe(1, 5)?;
//! assert_eq!(driver.output("out").read_values::<i32>()?, [6]);
//! # Ok::<(), kstreams::error::Error>(())
//! ```
//!
//! A stateful step on a type without a format does not compile, and the compiler says what is missing:
//!
//! ```compile_fail
//! # use kstreams::dsl::StreamsBuilder;
//! #[derive(Clone)]
//! struct Ride { station: i64 }
//!
//! StreamsBuilder::new()
//!     .stream::<i64, i64>("rides")
//!     .map_values(|station| Ride { station })
//!     .group_by(|_, ride| ride.station); // `Ride` has no format of its own
//! ```

mod branched;
mod builder;
mod ending;
mod fold;
mod global_store;
mod global_table;
mod group_by;
mod grouped;
mod grouped_table;
mod join;
mod map;
mod materialize;
mod options;
mod process;
mod repartition;
mod steps;
mod stream;
mod table;
mod topology_builder;
mod ungrouped;
mod windowed;

pub use branched::{BranchedKStream, Branches};
pub use builder::StreamsBuilder;
pub use ending::Ended;
pub use global_store::Nothing;
pub use global_table::GlobalKTable;
pub use grouped::KGroupedStream;
pub use grouped_table::KGroupedTable;
pub use options::{Consumed, Grouped, Joined, Materialized, Printed, Produced, Repartitioned};
pub use stream::KStream;
pub use table::KTable;
pub use topology_builder::{Node, TopologyBuilder};
pub use windowed::TimeWindowedKStream;
