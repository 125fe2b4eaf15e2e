//! Tools for testing topologies.
//!
//! [`TopologyTestDriver`] runs a topology record by record, without threads, log or real time, and can
//! [crash](TopologyTestDriver::crash) between any two records. `docs/guide/11-testing.md` shows how tests are built
//! with it. Nothing here is used by a running application.

mod driver;
mod message;
mod opening;
mod pipes;
mod processing;
mod results;
mod stepped;
mod whole;

pub use driver::TopologyTestDriver;
pub use message::OutputMessage;
pub use pipes::{TestInputTopic, TestOutputTopic};
pub use stepped::SteppedStreams;
