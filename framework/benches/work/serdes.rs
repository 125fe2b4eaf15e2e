//! Bytes to values.

use super::{RECORDS, Work, key, value};
use kstreams::record::Topic;
use kstreams::serde::registry::EmbeddedRegistry;
use kstreams::serde::{Datum, Format, Serde, SerdeContext};
use serde::Deserialize;
use std::hint::black_box;
use std::sync::Arc;

/// Keys in Java's format for strings.
pub struct Strings {
    serde: Arc<dyn Serde<String>>,
    keys: Vec<String>,
}

impl Strings {
    pub fn new() -> Self {
        Strings { serde: serde(&Format::string()), keys: (0..RECORDS).map(key).collect() }
    }
}

impl Work for Strings {
    fn run(&mut self) {
        for key in &self.keys {
            black_box(self.serde.deserialize(key.as_bytes()).expect("it is UTF-8"));
        }
    }
}

/// A turnstile's event.
#[derive(Debug, Clone, Deserialize, serde::Serialize)]
pub struct Event {
    /// Its number.
    pub seq: u64,
    /// The line.
    pub line: String,
    /// How many went through.
    pub entries: u32,
    /// What fills it up.
    pub note: String,
}

impl Datum for Event {}

/// Values in JSON.
pub struct Documents {
    serde: Arc<dyn Serde<Event>>,
    values: Vec<String>,
}

impl Documents {
    pub fn new() -> Self {
        // JSON's numbers do not begin with zeros.
        let values = (0..RECORDS).map(|number| value(number).replace(&format!("{number:010}"), &number.to_string()));
        Documents { serde: serde(&Format::json()), values: values.collect() }
    }
}

impl Work for Documents {
    fn run(&mut self) {
        for value in &self.values {
            black_box(self.serde.deserialize(value.as_bytes()).expect("it is an event"));
        }
    }
}

fn serde<T: 'static>(format: &Format<T>) -> Arc<dyn Serde<T>> {
    let registry = Arc::new(EmbeddedRegistry::default());
    let context = SerdeContext { topic: Topic::from("events"), is_key: false, registry };
    format.serde(&context).expect("the format needs nothing")
}
