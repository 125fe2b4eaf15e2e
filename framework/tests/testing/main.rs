//! What a test sees when it asks the test driver for something else than the topology has.

mod stores;
mod topics;
