//! What holds of the simulation and the schemas, for any seed.

mod schemas;
mod trains;
mod turnstiles;
mod weather;
