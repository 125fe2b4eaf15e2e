//! The binary as people and programs use it, on an embedded log and the state of an application that ran before.

mod config;
mod guide;
mod looks;
mod reset;
mod state;
mod usage;
mod world;
