//! What holds of the gateway, over loopback and on a log in memory.

mod client;
mod produce;
mod refuse;
mod registry;
