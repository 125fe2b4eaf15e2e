//! What the tests of the whole system share: a real broker, and the programs that run beside it.

pub mod desk;
pub mod kafka;
pub mod peer;
pub mod topologies;
