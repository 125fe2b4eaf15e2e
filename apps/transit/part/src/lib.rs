//! What every program of transit has in common: how it is told to stop, keeps its pace, logs and exits.
//!
//! A *part* is a function that runs until its [`Stop`] is requested and then returns what it did. Its program
//! gives it flags and signals; the demo gives several parts one `Stop`. Nothing here knows what a part does.

mod connection;
mod exit;
pub mod log;
mod pace;
mod stop;
mod streams;

pub use connection::{Connection, ConnectionSettings};
pub use exit::{block_on, exit_code, start_logging};
pub use pace::Pace;
pub use stop::{Stop, stop_on_signals};
pub use streams::{StreamsSettings, run_streams, start_streams};
