//! Avro in Confluent's framing, with schemas from a registry.
//!
//! A value is written in the schema its type names, registered under `<topic>-key` or `<topic>-value` when the first
//! one is written. It is read in the schema its writer used, fetched by the id in front of it and matched with the
//! reader's own: new fields take their defaults, numbers are widened. Schemas and matches are made once.

mod decode;
mod framing;
mod input;
mod json;
mod plan;
mod schema;

pub use framing::{put_frame, split_frame};
pub use schema::AvroSchema;

use self::schema::Resolution;
use super::{Format, Registry, Serde, SerdeContext};
use crate::error::{Error, ErrorKind, Result};
use ::serde::Serialize;
use ::serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// Writers' schemas that one serde keeps at hand. When there are more, all are looked up again.
const RESOLUTIONS_MAX: usize = 1_000;

/// Gives a type with serde's derives the Avro format in that schema: implements [`Datum`](crate::serde::Datum) and
/// [`Wire`](crate::serde::Wire). The schema is registered when the first value is written.
///
/// ```
/// use kstreams::dsl::StreamsBuilder;
/// use kstreams::testing::TopologyTestDriver;
///
/// #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
/// struct Weather {
///     temperature: f32,
///     status: String,
/// }
///
/// kstreams::avro!(
///     Weather,
///     r#"{"type": "record", "name": "weather", "fields": [
///         {"name": "temperature", "type": "float"},
///         {"name": "status", "type": "string"}
///     ]}"#
/// );
///
/// let builder = StreamsBuilder::new();
/// builder.stream::<i64, Weather>("weather").filter(|_, w| w.temperature < 0.0).to("frost");
/// let mut driver = TopologyTestDriver::new(&builder.build()?)?;
/// let cold = Weather { temperature: -3.5, status: "snow".to_owned() };
/// driver.input("weather").pipe(1_i64, cold.clone())?;
/// assert_eq!(driver.output("frost").read_values::<Weather>()?, [cold]);
/// # Ok::<(), kstreams::error::Error>(())
/// ```
#[macro_export]
macro_rules! avro {
    ($type:ty, $schema:expr $(,)?) => {
        impl $crate::serde::Datum for $type {}

        impl $crate::serde::Wire for $type {
            fn format() -> $crate::serde::Format<Self> {
                $crate::serde::Format::avro($schema)
            }
        }
    };
}

impl<T: Serialize + DeserializeOwned + 'static> Format<T> {
    /// Avro in that schema (Avro's JSON). A text that is no schema is an error when the serde is made.
    pub fn avro(schema: impl Into<Arc<str>>) -> Self {
        let schema: Arc<str> = schema.into();
        Format::new(move |context| Ok(Arc::new(AvroSerde::new(AvroSchema::parse(&schema)?, context)) as _))
    }
}

impl Format<serde_json::Value> {
    /// Avro in that schema, written from JSON; see [`AvroSchema::encode_json`].
    pub fn avro_json(schema: impl Into<Arc<str>>) -> Self {
        let schema: Arc<str> = schema.into();
        Format::new(move |context| {
            Ok(Arc::new(JsonSerde {
                written: Some(Written::new(AvroSchema::parse(&schema)?, context)),
                registry: context.registry.clone(),
            }) as _)
        })
    }

    /// Avro in whatever schema the writer used, read as JSON; knows nothing but the registry and cannot write.
    pub fn avro_generic() -> Self {
        Format::new(move |context| Ok(Arc::new(JsonSerde { written: None, registry: context.registry.clone() }) as _))
    }
}

/// The schema that values are written in, and its id once it is registered.
struct Written {
    schema: AvroSchema,
    subject: String,
    registry: Arc<dyn Registry>,
    id: OnceLock<u32>,
}

impl Written {
    fn new(schema: AvroSchema, context: &SerdeContext) -> Self {
        let side = if context.is_key { "key" } else { "value" };
        let subject = format!("{}-{side}", context.topic);
        Written { schema, subject, registry: context.registry.clone(), id: OnceLock::new() }
    }

    fn put_frame(&self, out: &mut Vec<u8>) -> Result<()> {
        let id = match self.id.get() {
            Some(id) => *id,
            None => {
                let id = self.registry.register(&self.subject, self.schema.text())?;
                *self.id.get_or_init(|| id)
            }
        };
        put_frame(id, out);
        Ok(())
    }
}

struct AvroSerde {
    written: Written,
    resolutions: RwLock<BTreeMap<u32, Resolution>>,
}

impl AvroSerde {
    fn new(schema: AvroSchema, context: &SerdeContext) -> Self {
        AvroSerde { written: Written::new(schema, context), resolutions: RwLock::default() }
    }

    fn resolution(&self, id: u32) -> Result<Resolution> {
        let known = self.resolutions.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        known.map_or_else(|| self.resolve(id), Ok)
    }

    fn resolve(&self, id: u32) -> Result<Resolution> {
        let writer = AvroSchema::parse(&fetch(&*self.written.registry, id)?)?;
        let resolution = writer.read_as(self.written.schema)?;
        let mut resolutions = self.resolutions.write().unwrap_or_else(PoisonError::into_inner);
        if resolutions.len() >= RESOLUTIONS_MAX {
            resolutions.clear();
        }
        resolutions.insert(id, resolution.clone());
        Ok(resolution)
    }
}

impl<T: Serialize + DeserializeOwned> Serde<T> for AvroSerde {
    fn serialize(&self, value: &T, out: &mut Vec<u8>) -> Result<()> {
        self.written.put_frame(out)?;
        self.written.schema.encode(value, out)
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<T> {
        let (id, body) = split_frame(bytes)?;
        self.resolution(id)?.decode(body).map_err(|error| error.context(format!("schema {id}")))
    }
}

struct JsonSerde {
    written: Option<Written>,
    registry: Arc<dyn Registry>,
}

impl Serde<serde_json::Value> for JsonSerde {
    fn serialize(&self, value: &serde_json::Value, out: &mut Vec<u8>) -> Result<()> {
        let Some(written) = &self.written else {
            return Err(Error::new(ErrorKind::Serialization, "this format only reads: it has no schema to write in"));
        };
        let body = written.schema.encode_json(value)?;
        written.put_frame(out)?;
        out.extend_from_slice(&body);
        Ok(())
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<serde_json::Value> {
        let (id, body) = split_frame(bytes)?;
        AvroSchema::parse(&fetch(&*self.registry, id)?)?.decode_json(body)
    }
}

/// The writer's schema. An id that the registry does not know is the record's fault, not the application's.
fn fetch(registry: &dyn Registry, id: u32) -> Result<Arc<str>> {
    registry.schema(id).map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            super::primitive::malformed(format!("the registry knows no schema {id}")).with_source(error)
        }
        _ => error,
    })
}

#[cfg(test)]
mod tests;
