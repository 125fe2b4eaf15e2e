//! Tools for testing topologies.
//!
//! [`TopologyTestDriver`] runs a topology record by record, without threads, log or real time, and can
//! [crash](TopologyTestDriver::crash) between any two records. `docs/guide/11-testing.md` shows how tests are built
//! with it. [`FaultyEngine`] is a disk that fails when a test wants it to.
//!
//! [`simulation`] runs whole applications, several instances on one log, with everything that can go wrong; see
//! `docs/guide/12-simulation.md`. `strategies`, with the feature `proptest`, makes input and mishaps for property tests.
//! Nothing here is used by a running application.

mod driver;
mod faulty_engine;
#[cfg(test)]
mod forgetful;
mod input;
mod message;
mod opening;
mod output;
mod processing;
mod results;
pub mod simulation;
mod stepped;
mod stepped_operations;
#[cfg(feature = "proptest")]
pub mod strategies;
mod topics;
mod whole;

pub use driver::TopologyTestDriver;
pub use faulty_engine::{EngineCall, EngineFault, FaultyEngine};
pub use input::TestInputTopic;
pub use message::OutputMessage;
pub use output::{FormattedOutputTopic, TestOutputTopic};
pub use stepped::SteppedStreams;
