//! What is done about a record that cannot be processed.

use crate::config::{Config, ErrorPolicy};
use crate::record::Topic;

/// The record-error policies of an application; each stage has its own.
#[derive(Debug, Clone, Default)]
pub struct ErrorPolicies {
    /// Bytes that cannot be decoded (`deserialization.exception.handler`).
    pub deserialization: ErrorPolicy,
    /// Steps of the user's program that fail (`processing.exception.handler`).
    pub processing: ErrorPolicy,
    /// Values that cannot be encoded or sent (`production.exception.handler`).
    pub production: ErrorPolicy,
    /// Where the raw source record goes, whichever the choice (`errors.dead.letter.queue.topic.name`).
    pub dead_letter_topic: Option<Topic>,
}

impl From<&Config> for ErrorPolicies {
    fn from(config: &Config) -> Self {
        ErrorPolicies {
            deserialization: config.deserialization_errors,
            processing: config.processing_errors,
            production: config.production_errors,
            dead_letter_topic: config.dead_letter_topic.as_ref().map(Topic::from),
        }
    }
}
