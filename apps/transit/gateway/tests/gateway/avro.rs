//! JSON becomes Avro by its schema, and what does not fit is refused with its place.

use apache_avro::{Schema, from_avro_datum};
use serde_json::{Value, json};
use transit_gateway::avro::Encoder;

fn encode(schema: &Value, value: &Value) -> Result<Vec<u8>, String> {
    let schema = Schema::parse_str(&schema.to_string()).unwrap();
    Encoder::new(&schema).unwrap().encode(value)
}

/// Encodes by our encoder and decodes by Avro's own reader.
fn round_trip(schema: Value, value: Value) -> Value {
    let bytes = encode(&schema, &value).unwrap();
    let schema = Schema::parse_str(&schema.to_string()).unwrap();
    let mut rest = bytes.as_slice();
    let decoded = from_avro_datum(&schema, &mut rest, None).unwrap();
    assert!(rest.is_empty(), "{} bytes too many", rest.len());
    decoded.try_into().unwrap()
}

fn everything() -> Value {
    json!({"type": "record", "name": "Everything", "namespace": "test", "fields": [
        {"name": "null", "type": "null"},
        {"name": "boolean", "type": "boolean"},
        {"name": "int", "type": "int"},
        {"name": "long", "type": "long"},
        {"name": "float", "type": "float"},
        {"name": "double", "type": "double"},
        {"name": "string", "type": "string"},
        {"name": "enum", "type": {"type": "enum", "name": "Colour", "symbols": ["RED", "BLUE"]}},
        {"name": "array", "type": {"type": "array", "items": "int"}},
        {"name": "map", "type": {"type": "map", "values": "long"}},
        {"name": "again", "type": {"type": "array", "items": "Colour"}},
        {"name": "empty", "type": {"type": "array", "items": "int"}},
        {"name": "time", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    ]})
}

#[test]
fn every_type_is_read_back_by_avro() {
    let value = json!({
        "null": null, "boolean": true, "int": i32::MIN, "long": i64::MAX, "float": 1.5, "double": -2.25,
        "string": "L’été", "enum": "BLUE", "array": [1, -2, 300], "map": {"a": 1, "b": -1}, "again": ["RED", "BLUE"],
        "empty": [], "time": 1_540_000_000_000i64,
    });
    assert_eq!(round_trip(everything(), value.clone()), value);
}

#[test]
fn union_takes_null_or_its_branch_by_name() {
    let schema =
        json!(["null", "long", {"type": "record", "name": "test.Point", "fields": [{"name": "x", "type": "int"}]}]);
    assert_eq!(round_trip(schema.clone(), Value::Null), Value::Null);
    assert_eq!(round_trip(schema.clone(), json!({"long": 7})), json!(7));
    assert_eq!(round_trip(schema.clone(), json!({"test.Point": {"x": 7}})), json!({"x": 7}));
    assert_eq!(
        encode(&schema, &json!(7)).unwrap_err(),
        "expected null or an object that names a branch, found a number"
    );
    assert_eq!(encode(&schema, &json!({"int": 7})).unwrap_err(), "the union has no branch `int`");
}

#[test]
fn recursive_record_is_followed() {
    let schema = json!({"type": "record", "name": "Node", "namespace": "test", "fields": [
        {"name": "value", "type": "int"},
        {"name": "next", "type": ["null", "Node"], "default": null},
    ]});
    let value = json!({"value": 1, "next": {"test.Node": {"value": 2, "next": null}}});
    assert_eq!(round_trip(schema, value), json!({"value": 1, "next": {"value": 2, "next": null}}));
}

#[test]
fn absent_field_takes_its_default_and_an_unknown_one_is_refused() {
    let schema = json!({"type": "record", "name": "R", "fields": [
        {"name": "a", "type": "int", "default": 3},
        {"name": "b", "type": ["null", "long"], "default": null},
        {"name": "c", "type": "string"},
    ]});
    assert_eq!(round_trip(schema.clone(), json!({"c": "x"})), json!({"a": 3, "b": null, "c": "x"}));
    assert_eq!(encode(&schema, &json!({"a": 1})).unwrap_err(), "field `c`: it is missing");
    assert_eq!(encode(&schema, &json!({"c": "x", "d": 1})).unwrap_err(), "the schema has no field `d`");
}

#[test]
fn bytes_and_fixed_are_characters() {
    assert_eq!(encode(&json!("bytes"), &json!("\u{0}\u{ff}")).unwrap(), [4, 0, 255]);
    assert!(encode(&json!("bytes"), &json!("€")).is_err());
    let fixed = json!({"type": "fixed", "name": "F", "size": 2});
    assert_eq!(encode(&fixed, &json!("ab")).unwrap(), *b"ab");
    assert_eq!(encode(&fixed, &json!("abc")).unwrap_err(), "expected 2 bytes, found 3");
}

#[test]
fn mismatch_names_its_place() {
    let cases = [
        (json!("int"), json!(3_000_000_000i64), "3000000000 does not fit an int"),
        (json!("int"), json!(1.5), "expected int, found a number"),
        (json!("float"), json!(1e60), "1e+60 does not fit a float"),
        (json!("string"), json!(1), "expected string, found a number"),
        (json!({"type": "array", "items": "int"}), json!([1, "2"]), "item 1: expected int, found a string"),
        (json!({"type": "map", "values": "int"}), json!({"a": null}), "key `a`: expected int, found null"),
        (json!({"type": "enum", "name": "E", "symbols": ["A"]}), json!("B"), "`B` is no symbol of the enum"),
    ];
    for (schema, value, expected) in cases {
        assert_eq!(encode(&schema, &value).unwrap_err(), expected);
    }
}
