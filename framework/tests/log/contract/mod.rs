//! The clauses, by chapter. They see nothing but the port.

pub mod admin;
pub mod cleanup;
pub mod clients;
pub mod groups;
pub mod reading;
pub mod transactions;
