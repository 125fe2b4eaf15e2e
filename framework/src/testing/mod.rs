//! Tools for testing topologies.
//!
//! [`TopologyTestDriver`] runs a topology record by record, without threads, log or real time, and can
//! [crash](TopologyTestDriver::crash) between any two records. `docs/guide/11-testing.md` shows how tests are built
//! with it. Nothing here is used by a running application.

mod driver;
mod pipes;
mod stepped;

pub use driver::{OutputMessage, TopologyTestDriver};
pub use pipes::{TestInputTopic, TestOutputTopic};
pub use stepped::SteppedStreams;
