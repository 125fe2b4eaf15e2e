//! What every program of transit has in common: how it is told to stop, keeps its pace, logs and exits.
//!
//! A *part* is a function that runs until its [`Stop`] is requested and then returns what it did. Its program
//! gives it flags and signals; the demo gives several parts one `Stop`. Nothing here knows what a part does.

mod connection;
pub mod log;
mod pace;
mod program;
mod runtime;
mod stop;
mod streams;
mod vitals;

pub use connection::{Connection, ConnectionSettings};
pub use pace::Pace;
pub use program::{TopologyArgs, run_program};
pub use runtime::block_on;
pub use stop::{Stop, stop_on_signals};
pub use streams::{CLOSE_PATIENCE, Engine, StreamsSettings, run_streams, start_streams};
/// From which level up a program logs.
pub use tracing::level_filters::LevelFilter;
pub use vitals::VitalsSettings;
