//! Crashes, rollbacks and rebalances of running topologies, stepped under a clock of the test's own.
//!
//! A crash is a dropped instance: nothing of it is committed, aborted or given back. The log lives on, as a broker would.

mod crash;
mod faults;
mod fixture;
mod global;
mod global_topics;
mod operations;
mod operators;
mod patience;
mod queries;
mod read_only;
mod rebalance;
mod reset;
mod rides;
mod threads;
mod threads_at_work;
