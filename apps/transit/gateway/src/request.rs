//! The body of `POST /topics/{topic}`, as it is written.

use crate::refusal::Refusal;
use serde::Deserialize;
use serde_json::Value;

/// How keys and values are embedded in the body's JSON; the content type says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Embedded {
    /// `application/vnd.kafka.avro.v2+json`: Avro's JSON encoding, with schemas.
    Avro,
    /// `application/vnd.kafka.json.v2+json`: JSON, written compactly and with sorted keys, so that equal keys are equal bytes.
    Json,
    /// `application/vnd.kafka.binary.v2+json`: bytes in base64.
    Binary,
}

impl Embedded {
    /// Reads the content type; parameters such as a character set are ignored.
    ///
    /// # Errors
    /// 415 for every other type.
    pub fn of_content_type(header: Option<&str>) -> Result<Embedded, Refusal> {
        let media_type =
            header.and_then(|header| header.split(';').next()).map(|media| media.trim().to_ascii_lowercase());
        match media_type.as_deref() {
            Some("application/vnd.kafka.avro.v2+json") => Ok(Embedded::Avro),
            Some("application/vnd.kafka.json.v2+json") => Ok(Embedded::Json),
            Some("application/vnd.kafka.binary.v2+json") => Ok(Embedded::Binary),
            Some(other) => Err(Refusal::new(
                415,
                format!("content type `{other}` is none of application/vnd.kafka.{{avro,json,binary}}.v2+json"),
            )),
            None => Err(Refusal::new(415, "there is no content type such as application/vnd.kafka.avro.v2+json")),
        }
    }
}

/// A request to write records to one topic.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Produce {
    /// The keys' Avro schema, as a JSON string.
    pub key_schema: Option<String>,
    /// The id under which the registry knows the keys' schema.
    pub key_schema_id: Option<u32>,
    /// The values' Avro schema, as a JSON string.
    pub value_schema: Option<String>,
    /// The id under which the registry knows the values' schema.
    pub value_schema_id: Option<u32>,
    /// What to write, in order.
    pub records: Vec<Record>,
}

/// One record; what is absent is null.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The key.
    #[serde(default)]
    pub key: Value,
    /// The value.
    #[serde(default)]
    pub value: Value,
    /// The partition; the key decides without it.
    pub partition: Option<i32>,
}

impl Produce {
    /// Reads the body.
    ///
    /// # Errors
    /// 400 if it is not JSON, 422 if it is JSON of another shape or has no records.
    pub fn parse(body: &[u8]) -> Result<Produce, Refusal> {
        let request: Produce = serde_json::from_slice(body).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => Refusal::malformed(format!("the body is no produce request: {error}")),
            _ => Refusal::new(400, format!("the body is not JSON: {error}")),
        })?;
        match request.records.is_empty() {
            true => Err(Refusal::malformed("the request has no records")),
            false => Ok(request),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &str) -> u32 {
        Produce::parse(body.as_bytes()).unwrap_err().error_code
    }

    #[test]
    fn absent_key_and_null_key_are_the_same() {
        let absent = Produce::parse(br#"{"records": [{"value": 1}]}"#).unwrap();
        let null = Produce::parse(br#"{"records": [{"key": null, "value": 1}]}"#).unwrap();
        assert_eq!(absent, null);
    }

    #[test]
    fn malformed_bodies_are_told_apart() {
        assert_eq!(code("{"), 400);
        assert_eq!(code(""), 400);
        assert_eq!(code("[]"), 422);
        assert_eq!(code("{}"), 422);
        assert_eq!(code(r#"{"records": []}"#), 422);
        assert_eq!(code(r#"{"records": [{"valeu": 1}]}"#), 422);
        assert_eq!(code(r#"{"records": [{"value": 1, "partition": "one"}]}"#), 422);
    }

    #[test]
    fn content_type_chooses_the_format() {
        let of = |header| Embedded::of_content_type(Some(header));
        assert_eq!(of("application/vnd.kafka.avro.v2+json"), Ok(Embedded::Avro));
        assert_eq!(of("Application/vnd.kafka.JSON.v2+json; charset=utf-8"), Ok(Embedded::Json));
        assert_eq!(of("application/vnd.kafka.binary.v2+json"), Ok(Embedded::Binary));
        assert_eq!(of("application/json").unwrap_err().error_code, 415);
        assert_eq!(Embedded::of_content_type(None).unwrap_err().error_code, 415);
    }
}
