//! What the programs of the benchmark have in common: the data, the workloads on the public API of kstreams, the command line of a
//! peer, where topics end, what a process has used, and the line of JSON that it prints.

pub mod arguments;
pub mod data;
pub mod ends;
pub mod report;
pub mod resources;
pub mod run;
pub mod workload;
