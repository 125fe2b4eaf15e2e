//! Why a request is not done: an HTTP status, the REST Proxy's error code, and a sentence.

use hyper::StatusCode;
use kstreams::error::{Error, ErrorKind};
use serde::Serialize;

/// An answer that says no. Whatever the reason, nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The REST Proxy's code: the HTTP status, or the status with two more digits.
    pub error_code: u32,
    /// What is wrong, in one sentence.
    pub message: String,
}

impl Refusal {
    /// A refusal with the REST Proxy's code.
    pub fn new(error_code: u32, message: impl Into<String>) -> Self {
        Refusal { error_code, message: message.into() }
    }

    /// The body is no request of the announced format.
    pub fn malformed(message: impl Into<String>) -> Self {
        Refusal::new(422, message)
    }

    /// There are keys, but nothing says what they look like.
    pub fn key_schema_missing() -> Self {
        Refusal::new(42_201, "the request has keys but neither `key_schema` nor `key_schema_id`")
    }

    /// There are values, but nothing says what they look like.
    pub fn value_schema_missing() -> Self {
        Refusal::new(42_202, "the request has values but neither `value_schema` nor `value_schema_id`")
    }

    /// A record's JSON does not fit its schema.
    pub fn conversion(message: impl Into<String>) -> Self {
        Refusal::new(42_203, message)
    }

    /// The schema is not one, or the registry refuses it.
    pub fn schema(message: impl Into<String>) -> Self {
        Refusal::new(42_205, message)
    }

    /// The topic does not exist.
    pub fn topic_not_found(topic: &str) -> Self {
        Refusal::new(40_401, format!("topic `{topic}` not found"))
    }

    /// The topic has no such partition.
    pub fn partition_not_found(topic: &str, partition: i32) -> Self {
        Refusal::new(40_402, format!("topic `{topic}` has no partition {partition}"))
    }

    /// The HTTP status that goes with the code.
    pub fn status(&self) -> StatusCode {
        let digits = if self.error_code > 999 { self.error_code / 100 } else { self.error_code };
        u16::try_from(digits)
            .ok()
            .and_then(|code| StatusCode::from_u16(code).ok())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<Error> for Refusal {
    /// What the log answers when it cannot write.
    fn from(error: Error) -> Self {
        let code = match error.kind() {
            ErrorKind::NotFound => 40_401,
            ErrorKind::Production if error.class().ends_with(".RecordTooLargeException") => 413,
            ErrorKind::Production => 422,
            ErrorKind::Timeout | ErrorKind::Pending => 503,
            _ => 50_002,
        };
        Refusal::new(code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_is_the_front_of_the_code() {
        assert_eq!(Refusal::topic_not_found("t").status(), StatusCode::NOT_FOUND);
        assert_eq!(Refusal::value_schema_missing().status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(Refusal::new(415, "").status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(Refusal::new(50_002, "").status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
