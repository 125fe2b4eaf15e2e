//! What the registry refuses, with Confluent's codes.

use crate::Refusal;
use kstreams::error::{Error, ErrorKind};

pub(super) fn subject_not_found(subject: &str) -> Refusal {
    Refusal::new(40_401, format!("subject `{subject}` not found"))
}

pub(super) fn version_not_found(subject: &str, version: u32) -> Refusal {
    Refusal::new(40_402, format!("subject `{subject}` has no version {version}"))
}

pub(super) fn schema_not_found() -> Refusal {
    Refusal::new(40_403, "schema not found")
}

pub(super) fn subject_not_configured(subject: &str) -> Refusal {
    Refusal::new(40_408, format!("subject `{subject}` has no compatibility level of its own"))
}

pub(super) fn invalid_schema(why: impl std::fmt::Display) -> Refusal {
    Refusal::new(42_201, format!("invalid schema: {why}"))
}

pub(super) fn invalid_version(version: &str) -> Refusal {
    Refusal::new(42_202, format!("`{version}` is no version: it is a number from 1, or `latest`"))
}

pub(super) fn invalid_id(id: &str) -> Refusal {
    Refusal::new(404, format!("`{id}` is no schema's id"))
}

/// Why a schema that is one was not registered.
pub(super) fn not_registered(error: &Error) -> Refusal {
    match error.kind() {
        ErrorKind::Config => Refusal::new(409, error.to_string()),
        _ => Refusal::new(50_001, error.to_string()),
    }
}
