//! Tools for testing topologies.

mod driver;
mod pipes;

pub use driver::{OutputMessage, TopologyTestDriver};
pub use pipes::{TestInputTopic, TestOutputTopic};
