//! Parsed schemas. Each distinct schema is parsed once in a process and lives as long as it does, so that readers
//! and writers may borrow from it; there is a limit to how many.

use super::decode::decode;
use super::input::Malformed;
use super::json::{self, AsJson};
use super::plan::Plans;
use crate::error::{Error, ErrorKind, Result};
use crate::serde::primitive::malformed;
use ::serde::Serialize;
use ::serde::de::DeserializeOwned;
use apache_avro::Schema;
use apache_avro::schema::ResolvedSchema;
use apache_avro::writer::datum::GenericDatumWriter;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

/// Distinct schemas a process takes. One that sees more reads from a topic whose writers register a new schema
/// with every start, and would run out of memory in the end.
const SCHEMAS_MAX: usize = 10_000;

/// A parsed Avro schema; cheap to copy.
///
/// ```
/// use kstreams::serde::avro::AvroSchema;
///
/// let schema = AvroSchema::parse(r#"{"type": "record", "name": "R", "fields": [{"name": "id", "type": "int"}]}"#)?;
/// let body = schema.encode_json(&serde_json::json!({"id": 7}))?;
/// assert_eq!(schema.decode_json(&body)?, serde_json::json!({"id": 7}));
/// # Ok::<(), kstreams::error::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct AvroSchema(&'static Parsed);

struct Parsed {
    text: String,
    schema: &'static Schema,
    names: ResolvedSchema<'static>,
    writer: GenericDatumWriter<'static>,
    /// How its own bodies are read.
    plans: Arc<Plans>,
}

static PARSED: Mutex<BTreeMap<String, AvroSchema>> = Mutex::new(BTreeMap::new());

impl AvroSchema {
    /// Parses a schema in Avro's JSON.
    ///
    /// # Errors
    /// `Config` if it is none.
    pub fn parse(text: &str) -> Result<Self> {
        let text = without_space(text);
        let mut parsed = PARSED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(schema) = parsed.get(&text) {
            return Ok(*schema);
        }
        if parsed.len() >= SCHEMAS_MAX {
            let message = format!("there are more than {SCHEMAS_MAX} different Avro schemas");
            return Err(Error::new(ErrorKind::Config, message));
        }
        let schema = AvroSchema::make(text.clone()).map_err(|error| {
            Error::new(ErrorKind::Config, "the schema is not Avro").with_detail(error.to_string()).with_source(error)
        })?;
        parsed.insert(text, schema);
        Ok(schema)
    }

    /// Leaked on purpose: what is parsed is kept for good, see [`SCHEMAS_MAX`].
    fn make(text: String) -> Result<Self, apache_avro::Error> {
        let schema = Schema::parse_str(&text)?;
        ResolvedSchema::try_from(&schema)?; // what is not leaked yet can be refused
        let schema: &'static Schema = Box::leak(Box::new(schema));
        let names = ResolvedSchema::try_from(schema)?;
        let writer = GenericDatumWriter::builder(schema).human_readable(false).build()?;
        let plans = Plans::new(schema, schema).expect("a schema can read its own values");
        Ok(AvroSchema(Box::leak(Box::new(Parsed { text, schema, names, writer, plans: Arc::new(plans) }))))
    }

    /// The schema in Avro's JSON, without white space between its parts.
    pub fn text(self) -> &'static str {
        &self.0.text
    }

    /// Appends the body of a value in this schema, without framing.
    ///
    /// # Errors
    /// `Serialization` if the value does not fit; `out` may then hold a part of it.
    pub fn encode<T: Serialize>(self, value: &T, out: &mut Vec<u8>) -> Result<()> {
        self.0.writer.write_ser(out, value).map_err(|error| does_not_fit(error.to_string()).with_source(error))?;
        Ok(())
    }

    /// Decodes a body that was written in this schema, without framing.
    ///
    /// # Errors
    /// `Deserialization` if it is not exactly one value.
    pub fn decode<T: DeserializeOwned>(self, body: &[u8]) -> Result<T> {
        decode(&self.0.plans, body, PhantomData).map_err(undecodable)
    }

    /// The body of a JSON value in this schema, without framing. Unions may be tagged with the branch's name, as in
    /// Avro's own JSON encoding (`{"int": 7}`), or plain (`7`).
    ///
    /// # Errors
    /// `Serialization`, naming the field, if the value does not fit.
    pub fn encode_json(self, value: &serde_json::Value) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        let put = json::put(self.0.schema, self.0.names.get_names(), value, &mut out);
        put.map_err(|error| does_not_fit(error.to_string()))?;
        Ok(out)
    }

    /// Decodes a body that was written in this schema into JSON; unions are plain, bytes are text with a character
    /// for each byte.
    ///
    /// # Errors
    /// `Deserialization` if it is not exactly one value.
    pub fn decode_json(self, body: &[u8]) -> Result<serde_json::Value> {
        decode(&self.0.plans, body, AsJson).map_err(undecodable)
    }

    /// How bodies written in `self` are read by programs that expect `reader`.
    pub(super) fn read_as(self, reader: AvroSchema) -> Result<Resolution> {
        let plans = if std::ptr::eq(self.0, reader.0) {
            Ok(self.0.plans.clone())
        } else {
            Plans::new(self.0.schema, reader.0.schema).map(Arc::new)
        };
        plans.map(Resolution).map_err(|error| {
            malformed("the writer's schema cannot be read in the reader's").with_detail(error.to_string())
        })
    }
}

impl fmt::Debug for AvroSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AvroSchema").field(&self.0.text).finish()
    }
}

/// A writer's schema as seen by a reader with a schema of its own: fields are matched, defaults filled in, numbers
/// widened.
#[derive(Clone)]
pub(super) struct Resolution(Arc<Plans>);

impl Resolution {
    pub(super) fn decode<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T> {
        decode(&self.0, body, PhantomData).map_err(undecodable)
    }
}

#[cold]
fn undecodable(error: Malformed) -> Error {
    malformed("the bytes are no value of their Avro schema").with_detail(error.to_string()).with_source(error)
}

#[cold]
pub(super) fn does_not_fit(detail: String) -> Error {
    Error::new(ErrorKind::Serialization, "the value does not fit its Avro schema").with_detail(detail)
}

/// The text without white space outside of strings: the order of attributes stays as the author wrote it.
fn without_space(text: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let keep = |letter: &char| {
        in_string ^= *letter == '"' && !escaped;
        escaped = *letter == '\\' && !escaped;
        in_string || !letter.is_ascii_whitespace()
    };
    text.chars().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_no_space_outside_of_strings() {
        let text = without_space("{ \"doc\" : \"a \\\" b\\\\\" ,\n\t\"x\": [ 1 ] }");
        assert_eq!(text, r#"{"doc":"a \" b\\","x":[1]}"#);
    }

    #[test]
    fn schema_is_parsed_once() {
        let one = AvroSchema::parse(r#"{"type": "fixed", "name": "Once", "size": 3}"#).unwrap();
        let same = AvroSchema::parse(r#"{"type":"fixed","name":"Once","size":3}"#).unwrap();
        assert!(std::ptr::eq(one.0, same.0));
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        for text in ["", "{", r#""strong""#, r#"{"type":"record","name":"R","fields":[{"name":"x","type":"Unknown"}]}"#]
        {
            assert_eq!(AvroSchema::parse(text).unwrap_err().kind(), ErrorKind::Config, "{text}");
        }
    }

    #[test]
    fn bytes_after_the_value_are_refused() {
        let schema = AvroSchema::parse(r#""int""#).unwrap();
        assert_eq!(schema.decode::<i32>(&[2]).unwrap(), 1);
        assert!(schema.decode::<i32>(&[2, 2]).unwrap_err().to_string().contains("1 bytes follow"));
    }
}
