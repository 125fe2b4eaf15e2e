//! A request's records as bytes. Every record is encoded before the first one is written.

use crate::refusal::Refusal;
use crate::request::{Embedded, Produce, Record};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kstreams::error::{Error, ErrorKind};
use kstreams::record::Topic;
use kstreams::serde::Registry;
use kstreams::serde::avro::{AvroSchema, put_frame};
use serde_json::Value;
use transit_part::log::{Outbound, patiently};

/// A request that can be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The messages, in order.
    pub messages: Vec<Outbound>,
    /// The id of the keys' schema, where they have one.
    pub key_schema_id: Option<u32>,
    /// The id of the values' schema, where they have one.
    pub value_schema_id: Option<u32>,
}

/// Encodes all records, and only then registers their schemas.
///
/// # Errors
/// A refusal with the first record that does not fit, or what the registry answers.
pub fn encode(topic: &str, format: Embedded, request: &Produce, registry: &dyn Registry) -> Result<Encoded, Refusal> {
    let keys = Side::new(format, request, true, registry)?;
    let values = Side::new(format, request, false, registry)?;
    let key_bytes = keys.encode(&request.records, |record| &record.key)?;
    let value_bytes = values.encode(&request.records, |record| &record.value)?;
    let (key_schema_id, value_schema_id) = (keys.register(topic, registry)?, values.register(topic, registry)?);
    let messages = request.records.iter().zip(key_bytes).zip(value_bytes).map(|((record, key), value)| Outbound {
        topic: Topic::from(topic),
        partition: record.partition,
        key: framed(key, key_schema_id),
        value: framed(value, value_schema_id),
    });
    Ok(Encoded { messages: messages.collect(), key_schema_id, value_schema_id })
}

/// How one side, keys or values, becomes bytes.
enum Side {
    /// By a schema that was sent, or is known by an id.
    Avro { schema: AvroSchema, is_key: bool },
    /// There is no schema, and only nulls.
    Null,
    /// As JSON.
    Json,
    /// From base64.
    Binary,
}

impl Side {
    fn new(format: Embedded, request: &Produce, is_key: bool, registry: &dyn Registry) -> Result<Side, Refusal> {
        let (text, id) = match is_key {
            true => (&request.key_schema, request.key_schema_id),
            false => (&request.value_schema, request.value_schema_id),
        };
        match (format, text, id) {
            (Embedded::Json, None, None) => Ok(Side::Json),
            (Embedded::Binary, None, None) => Ok(Side::Binary),
            (Embedded::Json | Embedded::Binary, ..) => Err(Refusal::malformed("only the Avro format takes schemas")),
            (Embedded::Avro, Some(text), _) => Side::avro(text, is_key),
            (Embedded::Avro, None, Some(id)) => Side::avro(&known_schema(id, registry)?, is_key),
            (Embedded::Avro, None, None) => Side::without_schema(&request.records, is_key),
        }
    }

    /// Nothing but nulls can be written without a schema.
    fn without_schema(records: &[Record], is_key: bool) -> Result<Side, Refusal> {
        match is_key {
            true if records.iter().any(|record| !record.key.is_null()) => Err(Refusal::key_schema_missing()),
            false if records.iter().any(|record| !record.value.is_null()) => Err(Refusal::value_schema_missing()),
            _ => Ok(Side::Null),
        }
    }

    fn avro(text: &str, is_key: bool) -> Result<Side, Refusal> {
        let schema = AvroSchema::parse(text);
        let schema = schema.map_err(|error| Refusal::schema(format!("{} schema: {error}", side_name(is_key))))?;
        Ok(Side::Avro { schema, is_key })
    }

    fn encode<'r>(
        &self,
        records: &'r [Record],
        field: impl Fn(&'r Record) -> &'r Value,
    ) -> Result<Vec<Option<Vec<u8>>>, Refusal> {
        let values = records.iter().map(field);
        match self {
            Side::Null => Ok(vec![None; records.len()]),
            Side::Json => Ok(values.map(json_bytes).collect()),
            Side::Binary => values
                .enumerate()
                .map(|(index, value)| base64_bytes(value).map_err(|why| in_record(index, &why)))
                .collect(),
            Side::Avro { schema, is_key } => {
                let refused =
                    |index, why| Refusal::conversion(format!("record {index}: {}: {why}", side_name(*is_key)));
                let encode = |value| schema.encode_json(value).map(Some);
                values.enumerate().map(|(index, value)| encode(value).map_err(|why| refused(index, why))).collect()
            }
        }
    }

    fn register(&self, topic: &str, registry: &dyn Registry) -> Result<Option<u32>, Refusal> {
        let Side::Avro { schema, is_key } = self else { return Ok(None) };
        let subject = format!("{topic}-{}", side_name(*is_key));
        let id = patiently(|| registry.register(&subject, schema.text())).map_err(|error| match error.kind() {
            ErrorKind::Config => Refusal::schema(error.to_string()),
            _ => registry_failed(&error),
        })?;
        Ok(Some(id))
    }
}

fn side_name(is_key: bool) -> &'static str {
    if is_key { "key" } else { "value" }
}

fn in_record(index: usize, why: &str) -> Refusal {
    Refusal::malformed(format!("record {index}: {why}"))
}

fn known_schema(id: u32, registry: &dyn Registry) -> Result<String, Refusal> {
    let schema = patiently(|| registry.schema(id)).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Refusal::schema(format!("no schema has the id {id}")),
        _ => registry_failed(&error),
    })?;
    Ok(schema.to_string())
}

fn registry_failed(error: &Error) -> Refusal {
    Refusal::new(50_005, format!("the schema registry cannot be used: {error}"))
}

/// Compact JSON with sorted keys; null is a null message part.
fn json_bytes(value: &Value) -> Option<Vec<u8>> {
    (!value.is_null()).then(|| value.to_string().into_bytes())
}

fn base64_bytes(value: &Value) -> Result<Option<Vec<u8>>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => STANDARD.decode(text).map(Some).map_err(|error| format!("it is not base64: {error}")),
        other => Err(format!("`{other}` is neither null nor base64 in a string")),
    }
}

fn framed(bytes: Option<Vec<u8>>, schema_id: Option<u32>) -> Option<Vec<u8>> {
    let (Some(id), Some(bytes)) = (schema_id, &bytes) else { return bytes };
    let mut framed = Vec::new();
    put_frame(id, &mut framed);
    framed.extend_from_slice(bytes);
    Some(framed)
}
