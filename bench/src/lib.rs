//! What the programs of the benchmark have in common: the data, the command line of a peer, where topics end, what a process has
//! used, and the line of JSON that it prints. Nothing here processes a record.

pub mod arguments;
pub mod data;
pub mod ends;
pub mod report;
pub mod resources;
