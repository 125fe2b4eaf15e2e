//! Tests of whole stores: what a processor, an operator or the runtime sees of them.

mod cached;
mod committed;
mod fixture;
mod key_value;
mod model;
mod restore;
mod window;
mod window_model;
