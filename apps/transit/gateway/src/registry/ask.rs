//! What is said about a schema: the bodies of requests and answers.

use super::refuse;
use crate::Refusal;
use kstreams::serde::avro::AvroSchema;
use kstreams::serde::registry::{SchemaType, SchemaVersion};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A schema that is registered or asked for. What Confluent's clients say besides is ignored.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Proposed {
    pub schema: String,
    #[serde(default)]
    schema_type: Option<String>,
    #[serde(default)]
    references: Vec<Value>,
}

impl Proposed {
    /// Reads a body, and the language of the schema in it.
    ///
    /// # Errors
    /// 400 if it is not JSON; 422 if it is JSON of another shape; 42201 for a language or references that are not kept
    /// here, and for what is no schema.
    pub(super) fn parse(body: &[u8]) -> Result<(Proposed, SchemaType), Refusal> {
        let proposed: Proposed = serde_json::from_slice(body).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => Refusal::malformed(format!("the body proposes no schema: {error}")),
            _ => Refusal::new(400, format!("the body is not JSON: {error}")),
        })?;
        if !proposed.references.is_empty() {
            return Err(refuse::invalid_schema("references to other schemas are not kept here"));
        }
        let schema_type = proposed.language()?;
        proposed.check(schema_type)?;
        Ok((proposed, schema_type))
    }

    fn language(&self) -> Result<SchemaType, Refusal> {
        match self.schema_type.as_deref() {
            None | Some("AVRO") => Ok(SchemaType::Avro),
            Some("JSON") => Ok(SchemaType::Json),
            Some(other) => Err(refuse::invalid_schema(format!("`{other}` is neither AVRO nor JSON"))),
        }
    }

    fn check(&self, schema_type: SchemaType) -> Result<(), Refusal> {
        match schema_type {
            SchemaType::Avro => AvroSchema::parse(&self.schema).map(drop).map_err(refuse::invalid_schema),
            SchemaType::Json => match serde_json::from_str(&self.schema) {
                Ok(Value::Object(_) | Value::Bool(_)) => Ok(()),
                Ok(_) => Err(refuse::invalid_schema("a JSON Schema is an object, true or false")),
                Err(error) => Err(refuse::invalid_schema(error)),
            },
        }
    }
}

/// The answer to a registration.
#[derive(Debug, Serialize)]
pub(super) struct Registered {
    pub id: u32,
}

/// A schema by its id. That it is Avro goes without saying.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Known<'s> {
    pub schema: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_type: Option<SchemaType>,
}

/// A version of a subject.
#[derive(Debug, Serialize)]
pub(super) struct Described<'s> {
    subject: &'s str,
    id: u32,
    version: u32,
    #[serde(flatten)]
    known: Known<'s>,
}

impl<'s> Described<'s> {
    pub(super) fn new(subject: &'s str, found: &'s SchemaVersion) -> Self {
        let known = Known { schema: &found.schema, schema_type: unless_avro(found.schema_type) };
        Described { subject, id: found.id, version: found.version, known }
    }
}

pub(super) fn unless_avro(schema_type: SchemaType) -> Option<SchemaType> {
    (schema_type != SchemaType::Avro).then_some(schema_type)
}

/// Where a schema is used.
#[derive(Debug, Serialize)]
pub(super) struct Use {
    pub subject: String,
    pub version: u32,
}
