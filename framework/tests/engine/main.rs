//! The engines against one contract, against a model, and against `kill -9`.

mod contract;
mod crash;
mod directory;
mod fixture;
mod model;
