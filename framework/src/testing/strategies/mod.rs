//! Strategies for [`proptest`]: input, and what befalls a topology while it processes it. Feature `proptest`.
//!
//! They make what finds mistakes in topologies: [few keys](keys) that meet again, [times] out of order up to the
//! time of grace and beyond, [records] of both, [events] with crashes between the records for a
//! [`TopologyTestDriver`](super::TopologyTestDriver), and [whole schedules](schedules) for a
//! [`Simulation`](super::simulation::Simulation). All of them shrink: a failure shows few records, plain times and one
//! crash. They know nothing of the topology, and never say what the result should be.
//!
//! ```
//! use kstreams::dsl::StreamsBuilder;
//! use kstreams::testing::TopologyTestDriver;
//! use kstreams::testing::strategies::{Event, events, keys, records, times};
//! use proptest::prelude::*;
//! use std::time::Duration;
//!
//! let builder = StreamsBuilder::new();
//! builder.stream::<String, i64>("rides").group_by_key().count("rides").to_stream().to("totals");
//! let topology = builder.build()?;
//!
//! let rides = records(keys(5, |n| format!("station {n}")), 0..100_i64, times(1_000), 0..30);
//! proptest!(ProptestConfig::with_cases(20), |(events in events(&rides, Duration::ZERO))| {
//!     let mut driver = TopologyTestDriver::new(&topology).unwrap();
//!     driver.play("rides", &events).unwrap();
//!     let rides = events.iter().filter(|event| matches!(event, Event::Record(_))).count();
//!     prop_assert_eq!(driver.output("totals").read_values::<i64>().unwrap().len(), rides);
//! });
//! # Ok::<(), kstreams::error::Error>(())
//! ```
//!
//! [`proptest`]: https://docs.rs/proptest

mod draw;
mod events;
mod keys;
mod records;
mod schedules;
mod times;

pub use draw::draw;
pub use events::{Event, events};
pub use keys::keys;
pub use records::{Records, records};
pub use schedules::{Schedules, schedules};
pub use times::{Times, times};
