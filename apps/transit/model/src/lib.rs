//! The Chicago "L" as the transit system sees it: its network, its topics, its record types and a simulation.
//!
//! Every part of transit (producers, gateway, topologies, dashboard) shares these words. Nothing here reads a
//! clock, touches a log or keeps a thread: the simulation is a pure function of its seed and its saved state.

pub mod calendar;
pub mod names;
pub mod network;
pub mod records;
pub mod simulation;
mod word;

pub use network::{Line, Network, Station};
