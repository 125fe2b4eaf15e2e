//! Schema registries: the embedded one, and (with feature `avro`) the one over HTTP.
//!
//! A registry gives every schema an id and remembers which schemas a subject has had. It knows nothing of records
//! or topics; subjects are plain names.

#[cfg(feature = "avro")]
mod compatibility;
mod embedded;
#[cfg(feature = "avro")]
mod http;
mod journal;
mod shared;

pub use embedded::{EmbeddedRegistry, SchemaType, SchemaVersion};
#[cfg(feature = "avro")]
pub use http::HttpRegistry;
pub use journal::{FileJournal, Journal};
