//! What the programs of the benchmark have in common: the data, the command line of a peer, what a process has used, and the
//! line of JSON that it prints. Nothing here knows kstreams or Kafka.

pub mod arguments;
pub mod data;
pub mod report;
pub mod resources;
