//! What holds of the producers, on a log in memory.

mod bench;
mod kill;
mod log_producers;
mod weather;
