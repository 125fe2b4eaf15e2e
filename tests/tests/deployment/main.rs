//! Transit as it is deployed: as processes on real brokers, and as containers.

mod compose;
#[cfg(feature = "kafka")]
mod counts;
#[cfg(feature = "kafka")]
mod demo;
#[cfg(feature = "kafka")]
mod kills;
