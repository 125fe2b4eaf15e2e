//! Turning values into bytes and back.
//!
//! A [`Serde`] is bound to one topic and to the key or the value side of it; a [`Format`] is the recipe that
//! makes one when a task is wired, where the schema registry is known. [`Wire`] is implemented by types that
//! have a format of their own, [`Datum`] by every type that may be grouped, joined or stored. Nothing here
//! is carried along a stream at run time.
//!
//! Equal values must give equal bytes: stores compare keys by their bytes.

#[cfg(feature = "avro")]
pub mod avro;
mod change;
mod datum;
#[cfg(feature = "json")]
mod json;
mod primitive;
pub mod registry;
#[cfg(test)]
pub(crate) mod testing;
mod varint;
pub mod windowed;

use crate::error::Result;
use std::sync::Arc;

/// Encodes and decodes values of one type for one side of one topic or store.
/// Kafka Streams: `org.apache.kafka.common.serialization.Serde`.
pub trait Serde<T>: Send + Sync {
    /// Appends the value's bytes to `out`.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`](crate::error::ErrorKind::Serialization) if the value has no encoding, `Pending` if a schema is
    /// still being registered. `out` may then hold a part of the value.
    fn serialize(&self, value: &T, out: &mut Vec<u8>) -> Result<()>;

    /// Decodes a value from exactly these bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Deserialization`](crate::error::ErrorKind::Deserialization) if they are not the encoding of a value, `Pending` if a
    /// schema is still being fetched.
    fn deserialize(&self, bytes: &[u8]) -> Result<T>;

    /// Whether `serialize` cannot fail. Caches encode values of other serdes at once, so that an error
    /// still has its record.
    fn is_infallible(&self) -> bool {
        false
    }

    /// The part of an encoded key that decides its partition: all of it, save for windowed keys, which stay
    /// with their inner key.
    fn partition_bytes<'a>(&self, encoded: &'a [u8]) -> &'a [u8] {
        encoded
    }
}

/// A type that streams and tables can group, join and store: owned, cloneable and never null.
/// Where a stream may carry nulls its type is `Option` of a `Datum`.
///
/// Implemented for the types with a [`Wire`] format here; for your own types by the macros of the formats,
/// or by hand where a format is named explicitly:
///
/// ```
/// #[derive(Clone)]
/// struct Opaque;
/// impl kstreams::serde::Datum for Opaque {}
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be grouped, joined or stored",
    label = "this step needs a type with a known format",
    note = "for a type with serde's derives write `kstreams::json!({Self});`, or `kstreams::avro!({Self}, …);` with its schema",
    note = "or write `impl kstreams::serde::Datum for {Self} {{}}` and name a format where it is read, written or stored"
)]
pub trait Datum: Clone + Send + Sync + 'static {}

/// A type that says which format it is written in when none is named.
///
/// Strings and numbers have the formats of Java's serializers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no format of its own",
    label = "which bytes stand for `{Self}`?",
    note = "for a type with serde's derives write `kstreams::json!({Self});`, or `kstreams::avro!({Self}, …);` with its schema",
    note = "or name a format with `Consumed::with`, `Produced::with`, `Grouped::with` or `Materialized::with`"
)]
pub trait Wire: Datum {
    /// The type's own format.
    fn format() -> Format<Self>;
}

/// `T` or `Option<T>`: what a stream may carry as key or value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be grouped, joined or stored",
    label = "this step needs a type with a known format",
    note = "for a type with serde's derives write `kstreams::json!(TheType);`, or `kstreams::avro!(TheType, …);` with its schema",
    note = "or write `impl kstreams::serde::Datum for TheType {{}}` and name a format where it is read, written or stored"
)]
pub trait Nullable: Clone + 'static {
    /// The type without null.
    type Inner: Datum;

    /// Whether null is one of the values.
    const IS_NULLABLE: bool;

    /// The value for `None`, if there is one.
    fn from_option(value: Option<Self::Inner>) -> Option<Self>;

    /// `None` if it is null.
    fn into_option(self) -> Option<Self::Inner>;

    /// `None` if it is null.
    fn as_option(&self) -> Option<&Self::Inner>;
}

impl<T: Datum> Nullable for T {
    type Inner = T;
    const IS_NULLABLE: bool = false;

    fn from_option(value: Option<T>) -> Option<T> {
        value
    }

    fn into_option(self) -> Option<T> {
        Some(self)
    }

    fn as_option(&self) -> Option<&T> {
        Some(self)
    }
}

impl<T: Datum> Nullable for Option<T> {
    type Inner = T;
    const IS_NULLABLE: bool = true;

    fn from_option(value: Option<T>) -> Option<Option<T>> {
        Some(value)
    }

    fn into_option(self) -> Option<T> {
        self
    }

    fn as_option(&self) -> Option<&T> {
        self.as_ref()
    }
}

/// What a [`Format`] may look at when it makes a serde.
#[derive(Clone)]
pub struct SerdeContext {
    /// The topic whose records are encoded, under its full name; for a store, its changelog topic.
    pub topic: crate::record::Topic,
    /// Whether the serde is for keys; subjects are `<topic>-key` and `<topic>-value`.
    pub is_key: bool,
    /// The schema registry of the connection.
    pub registry: Arc<dyn Registry>,
}

/// The recipe for a serde; cheap to clone, shared by all tasks.
///
/// A type of another library, or one with several encodings, gets its format where it is used:
///
/// ```
/// use kstreams::dsl::{Consumed, StreamsBuilder};
/// use kstreams::error::{Error, ErrorKind, Result};
/// use kstreams::serde::{Datum, Format, Serde};
/// use kstreams::testing::TopologyTestDriver;
///
/// #[derive(Clone)]
/// struct Seconds(u64);
/// impl Datum for Seconds {}
///
/// /// Decimal digits.
/// struct Digits;
///
/// impl Serde<Seconds> for Digits {
///     fn serialize(&self, value: &Seconds, out: &mut Vec<u8>) -> Result<()> {
///         out.extend_from_slice(value.0.to_string().as_bytes());
///         Ok(())
///     }
///
///     fn deserialize(&self, bytes: &[u8]) -> Result<Seconds> {
///         let number = std::str::from_utf8(bytes).ok().and_then(|digits| digits.parse().ok());
///         number.map(Seconds).ok_or_else(|| Error::new(ErrorKind::Deserialization, "these are no digits"))
///     }
/// }
///
/// let builder = StreamsBuilder::new();
/// let waits = Consumed::with("waits", Format::string(), Format::of(Digits));
/// builder.stream::<String, Seconds>(waits).map_values(|Seconds(s)| s as i64).to("out");
/// let mut driver = TopologyTestDriver::new(&builder.build()?)?;
/// driver.input("waits").pipe_bytes(Some(b"Loop"), Some(b"17"), 0)?;
/// assert_eq!(driver.output("out").read_values::<i64>()?, [17]);
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub struct Format<T> {
    make: Arc<Make<T>>,
}

type Make<T> = dyn Fn(&SerdeContext) -> Result<Arc<dyn Serde<T>>> + Send + Sync;

impl<T: 'static> Format<T> {
    /// A format whose serde depends on the topic or the registry.
    pub fn new(make: impl Fn(&SerdeContext) -> Result<Arc<dyn Serde<T>>> + Send + Sync + 'static) -> Self {
        Format { make: Arc::new(make) }
    }

    /// A format that uses the same serde everywhere.
    pub fn of(serde: impl Serde<T> + 'static) -> Self {
        let serde: Arc<dyn Serde<T>> = Arc::new(serde);
        Format::new(move |_| Ok(serde.clone()))
    }

    /// Makes the serde for one side of one topic.
    ///
    /// # Errors
    /// What the format's own recipe refuses: an unusable schema, a registry that cannot be had.
    pub fn serde(&self, context: &SerdeContext) -> Result<Arc<dyn Serde<T>>> {
        (self.make)(context)
    }
}

impl<T> Clone for Format<T> {
    fn clone(&self) -> Self {
        Format { make: self.make.clone() }
    }
}

/// The schema registry as serdes see it; see the implementations for the embedded one and the one over HTTP.
///
/// No call blocks: one that must ask a server starts asking and answers
/// [`ErrorKind::Pending`](crate::error::ErrorKind::Pending) until the answer is there.
pub trait Registry: Send + Sync {
    /// Registers `schema` (Avro JSON) under `subject` and returns its id.
    ///
    /// # Errors
    /// `Pending`; `Config` if the schema is invalid or incompatible; `Timeout` or `Unauthorized` from the server.
    fn register(&self, subject: &str, schema: &str) -> Result<u32>;

    /// The schema with that id, as JSON.
    ///
    /// # Errors
    /// `Pending`; `NotFound` if no schema has that id; `Timeout` or `Unauthorized` from the server.
    fn schema(&self, id: u32) -> Result<Arc<str>>;
}
