//! Tools for testing topologies.
//!
//! [`TopologyTestDriver`] runs a topology record by record, without threads, log or real time, and can
//! [crash](TopologyTestDriver::crash) between any two records. `docs/guide/11-testing.md` shows how tests are built
//! with it. [`FaultyEngine`] is a disk that fails when a test wants it to. Nothing here is used by a running application.

mod driver;
mod faulty_engine;
mod message;
mod opening;
mod pipes;
mod processing;
mod results;
mod stepped;
mod whole;

pub use driver::TopologyTestDriver;
pub use faulty_engine::{EngineCall, EngineFault, FaultyEngine};
pub use message::OutputMessage;
pub use pipes::{TestInputTopic, TestOutputTopic};
pub use stepped::SteppedStreams;
