//! Tests of the Avro formats against the embedded registry.

use super::*;
use crate::serde::Wire;
use crate::serde::registry::EmbeddedRegistry;
use ::serde::Deserialize;
use proptest::prelude::*;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Status {
    #[serde(rename = "in_service")]
    InService,
    #[serde(rename = "broken")]
    Broken,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Arrival {
    station_id: i32,
    train_id: String,
    at: i64,
    delay: Option<i64>,
    direction: Option<String>,
    status: Status,
    passengers: Vec<i32>,
    temperature: f32,
    speed: f64,
    late: bool,
}

const ARRIVAL: &str = r#"{
    "type": "record", "name": "arrival.value", "namespace": "com.udacity",
    "fields": [
        {"name": "station_id", "type": "int"},
        {"name": "train_id", "type": "string"},
        {"name": "at", "type": "long"},
        {"name": "delay", "type": ["null", "long"], "default": null},
        {"name": "direction", "type": ["null", "string"]},
        {"name": "status", "type": {"type": "enum", "name": "status", "symbols": ["in_service", "broken"]}},
        {"name": "passengers", "type": {"type": "array", "items": "int"}},
        {"name": "temperature", "type": "float"},
        {"name": "speed", "type": "double"},
        {"name": "late", "type": "boolean"}
    ]
}"#;

crate::avro!(Arrival, ARRIVAL);

fn context(registry: &Arc<EmbeddedRegistry>) -> SerdeContext {
    SerdeContext { topic: "arrivals".into(), is_key: false, registry: registry.clone() }
}

fn encode<T: 'static>(format: &Format<T>, registry: &Arc<EmbeddedRegistry>, value: &T) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    format.serde(&context(registry))?.serialize(value, &mut bytes)?;
    Ok(bytes)
}

fn decode<T: 'static>(format: &Format<T>, registry: &Arc<EmbeddedRegistry>, bytes: &[u8]) -> Result<T> {
    format.serde(&context(registry))?.deserialize(bytes)
}

prop_compose! {
    fn arrival()(
        station_id: i32, train_id: String, at: i64, delay: Option<i64>, direction: Option<String>, broken: bool,
        passengers: Vec<i32>, temperature: f32, speed: f64, late: bool,
    ) -> Arrival {
        let status = if broken { Status::Broken } else { Status::InService };
        Arrival { station_id, train_id, at, delay, direction, status, passengers, temperature, speed, late }
    }
}

proptest! {
    #[test]
    fn values_come_back(value in arrival()) {
        let registry = Arc::default();
        let bytes = encode(&Arrival::format(), &registry, &value).unwrap();
        prop_assert_eq!(&bytes, &encode(&Arrival::format(), &registry, &value.clone()).unwrap());
        prop_assert_eq!(decode(&Arrival::format(), &registry, &bytes).unwrap(), value);
    }

    #[test]
    fn arbitrary_bytes_never_panic(body: Vec<u8>) {
        let registry = Arc::new(EmbeddedRegistry::default());
        registry.register("arrivals-value", ARRIVAL).unwrap();
        let mut bytes = vec![0, 0, 0, 0, 1];
        bytes.extend(&body);
        let _ = decode(&Arrival::format(), &registry, &bytes);
        let _ = decode(&Format::avro_generic(), &registry, &bytes);
        let _ = decode(&Arrival::format(), &registry, &body);
    }
}

#[test]
fn schema_is_registered_under_the_topics_name() {
    let registry = Arc::new(EmbeddedRegistry::default());
    let format = Format::<i32>::avro(r#""int""#);
    assert_eq!(encode(&format, &registry, &1).unwrap(), [0, 0, 0, 0, 1, 2]);
    let key = SerdeContext { is_key: true, ..context(&registry) };
    format.serde(&key).unwrap().serialize(&1, &mut Vec::new()).unwrap();
    assert_eq!(registry.subjects(), ["arrivals-key", "arrivals-value"]);
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Old {
    id: i32,
    gone: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct New {
    note: String,
    id: i64,
    at: Option<i64>,
}

const OLD: &str =
    r#"{"type":"record","name":"R","fields":[{"name":"id","type":"int"},{"name":"gone","type":"string"}]}"#;
const NEW: &str = r#"{"type":"record","name":"R","fields":[{"name":"note","type":"string","default":"none"},
    {"name":"id","type":"long"},{"name":"at","type":["null","long"],"default":null}]}"#;

#[test]
fn older_values_are_read_in_the_readers_schema() {
    let registry = Arc::default();
    let bytes = encode(&Format::avro(OLD), &registry, &Old { id: 7, gone: "x".into() }).unwrap();
    let read: New = decode(&Format::avro(NEW), &registry, &bytes).unwrap();
    assert_eq!(read, New { note: "none".into(), id: 7, at: None });
}

#[test]
fn incompatible_schema_is_refused_when_the_first_value_is_written() {
    let registry = Arc::default();
    encode(&Format::avro(OLD), &registry, &Old { id: 7, gone: "x".into() }).unwrap();
    let error = encode(&Format::<i32>::avro(r#""int""#), &registry, &1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().starts_with("registering `arrivals-value`: the schema is incompatible"), "{error}");
}

#[test]
fn consumer_that_knows_only_the_registry_reads_json() {
    let registry = Arc::default();
    let bytes = encode(&Format::avro(OLD), &registry, &Old { id: 7, gone: "x".into() }).unwrap();
    let read = decode(&Format::avro_generic(), &registry, &bytes).unwrap();
    assert_eq!(read, serde_json::json!({"id": 7, "gone": "x"}));
    let error = encode(&Format::avro_generic(), &registry, &read).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Serialization);
}

#[test]
fn json_is_written_as_the_typed_value_is() {
    let registry = Arc::default();
    let typed = encode(&Format::avro(OLD), &registry, &Old { id: 7, gone: "x".into() }).unwrap();
    let json = encode(&Format::avro_json(OLD), &registry, &serde_json::json!({"gone": "x", "id": 7})).unwrap();
    assert_eq!(typed, json);
}

#[test]
fn record_with_an_unknown_schema_is_a_record_error() {
    let error = decode::<i32>(&Format::avro(r#""int""#), &Arc::default(), &[0, 0, 0, 0, 9, 2]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deserialization);
    assert_eq!(error.message(), "the registry knows no schema 9");
}

#[test]
fn bad_schema_is_an_error_when_the_serde_is_made() {
    let made = Format::<i32>::avro("{}").serde(&context(&Arc::default()));
    assert_eq!(made.err().unwrap().kind(), ErrorKind::Config);
}

#[test]
fn value_that_does_not_fit_the_schema_is_refused() {
    let error = encode(&Format::<String>::avro(r#""int""#), &Arc::default(), &"x".to_string()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Serialization);
}

/// What a value written in one schema looks like to a reader with another.
fn read_as(writer: &str, value: serde_json::Value, reader: &str) -> Result<serde_json::Value> {
    let (writer, reader) = (AvroSchema::parse(writer)?, AvroSchema::parse(reader)?);
    let body = writer.encode_json(&value)?;
    let value: Json = writer.read_as(reader)?.decode(&body)?;
    Ok(value.0)
}

/// JSON that takes any value.
struct Json(serde_json::Value);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ::serde::de::DeserializeSeed::deserialize(super::json::AsJson, deserializer).map(Json)
    }
}

fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)
}

#[test]
fn values_are_read_by_the_rules_of_the_specification() {
    use serde_json::json;
    let skipped = record(
        r#"{"name":"a","type":{"type":"map","values":{"type":"array","items":["null","string"]}}},
           {"name":"b","type":["null","R"]},{"name":"c","type":"int"}"#,
    );
    let skipped_value = json!({"a": {"k": ["x", null]}, "b": {"a": {}, "b": null, "c": 1}, "c": 2});
    for (writer, value, reader, expected) in [
        (r#""int""#.into(), json!(7), r#""double""#.into(), json!(7.0)),
        (r#""float""#.into(), json!(0.5), r#""double""#.into(), json!(0.5)),
        (r#""long""#.into(), json!(7), r#"["null","long"]"#.into(), json!(7)),
        (r#"["null","int"]"#.into(), json!(7), r#"["string","long","null"]"#.into(), json!(7)),
        (r#"["null","long"]"#.into(), json!(7), r#""long""#.into(), json!(7)),
        (r#""bytes""#.into(), json!("ab"), r#""string""#.into(), json!("ab")),
        (
            r#"{"type":"enum","name":"E","symbols":["A","B"]}"#.into(),
            json!("B"),
            r#"{"type":"enum","name":"E","symbols":["X","A"],"default":"X"}"#.into(),
            json!("X"),
        ),
        (
            record(r#"{"name":"old","type":"int"}"#),
            json!({"old": 1}),
            record(r#"{"name":"new","aliases":["old"],"type":"int"}"#),
            json!({"new": 1}),
        ),
        (skipped, skipped_value, record(r#"{"name":"c","type":"int"}"#), json!({"c": 2})),
        (
            record(""),
            json!({}),
            record(
                r#"{"name":"d","type":{"type":"record","name":"I","fields":[{"name":"x","type":"long"}]},"default":{"x":3}}"#,
            ),
            json!({"d": {"x": 3}}),
        ),
    ] {
        assert_eq!(read_as(&writer, value, &reader).unwrap(), expected, "{writer} as {reader}");
    }
}

#[test]
fn what_the_reader_has_no_place_for_is_refused() {
    use serde_json::json;
    for (writer, value, reader) in [
        (r#""long""#, json!(1), r#""int""#),
        (r#"["null","int"]"#, json!(null), r#""int""#),
        (r#"{"type":"fixed","name":"F","size":1}"#, json!("a"), r#"{"type":"fixed","name":"F","size":2}"#),
        (r#"{"type":"enum","name":"E","symbols":["A"]}"#, json!("A"), r#"{"type":"enum","name":"E","symbols":["B"]}"#),
    ] {
        assert_eq!(
            read_as(writer, value, reader).unwrap_err().kind(),
            ErrorKind::Deserialization,
            "{writer} as {reader}"
        );
    }
    let branch_that_was_not_written = read_as(r#"["null","int"]"#, json!(7), r#""int""#).unwrap();
    assert_eq!(branch_that_was_not_written, json!(7));
}

#[test]
fn unions_of_several_types_become_enums() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum Reading {
        Nothing,
        Number(i32),
        Text(String),
    }
    let registry = Arc::default();
    let format = Format::<Reading>::avro(r#"["null","int","string"]"#);
    for value in [Reading::Nothing, Reading::Number(7), Reading::Text("x".into())] {
        let bytes = encode(&format, &registry, &value).unwrap();
        assert_eq!(decode(&format, &registry, &bytes).unwrap(), value);
    }
}

#[test]
fn endless_nesting_is_refused() {
    let schema = AvroSchema::parse(&record(r#"{"name":"next","type":["null","R"]}"#)).unwrap();
    let error = schema.decode_json(&[2; 100_000]).unwrap_err();
    assert!(error.to_string().contains("levels deep"), "{error}");
}
