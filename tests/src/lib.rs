//! What the tests of the whole system share: a real broker, and the programs that run beside it.

pub mod kafka;
