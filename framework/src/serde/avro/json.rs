//! Avro values as JSON and back, for programs that know a schema but no type: gateways, generic consumers.

use super::input::{Malformed, put_bytes, put_long};
use super::plan::undefined;
use ::serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use apache_avro::Schema;
use apache_avro::schema::{EnumSchema, InnerDecimalSchema, NamesRef, RecordSchema, UnionSchema, UuidSchema};
use serde_json::{Map, Value as Json};
use std::fmt;

/// Appends the body of a JSON value. Unions may be tagged with the branch's name or plain; keys of maps are written
/// in order.
pub(super) fn put(schema: &Schema, names: &NamesRef<'_>, json: &Json, out: &mut Vec<u8>) -> Result<(), Malformed> {
    use Schema::*;
    match (schema, json) {
        (Null, Json::Null) => {}
        (Boolean, Json::Bool(value)) => out.push(u8::from(*value)),
        (Float, Json::Number(number)) => {
            out.extend_from_slice(&(number.as_f64().unwrap_or(f64::NAN) as f32).to_le_bytes())
        }
        (Double, Json::Number(number)) => out.extend_from_slice(&number.as_f64().unwrap_or(f64::NAN).to_le_bytes()),
        (String | Uuid(UuidSchema::String), Json::String(text)) => put_bytes(text.as_bytes(), out),
        (Bytes | BigDecimal | Uuid(UuidSchema::Bytes), Json::String(text)) => put_bytes(&latin1(text)?, out),
        (Fixed(fixed) | Duration(fixed) | Uuid(UuidSchema::Fixed(fixed)), Json::String(text)) => {
            put_fixed(fixed.size, text, out)?;
        }
        (Decimal(decimal), Json::String(text)) => match &decimal.inner {
            InnerDecimalSchema::Bytes => put_bytes(&latin1(text)?, out),
            InnerDecimalSchema::Fixed(fixed) => put_fixed(fixed.size, text, out)?,
        },
        (Enum(choices), Json::String(text)) => put_symbol(choices, text, out)?,
        (Array(array), Json::Array(items)) => {
            put_count(items.len(), out);
            items.iter().try_for_each(|item| put(&array.items, names, item, out))?;
            put_end(items.len(), out);
        }
        (Map(map), Json::Object(entries)) => put_map(&map.types, names, entries, out)?,
        (Record(record), Json::Object(fields)) => put_record(record, names, fields, out)?,
        (Union(union), json) => put_union(union, names, json, out)?,
        (Ref { name }, json) => put(names.get(name).ok_or_else(|| undefined(name))?, names, json, out)?,
        (schema, Json::Number(_)) => put_integer(schema, json, out)?,
        _ => return Err(is_no(json, schema)),
    }
    Ok(())
}

fn is_no(json: &Json, schema: &Schema) -> Malformed {
    Malformed(format!("{json} is no {}", kind(schema)))
}

fn put_integer(schema: &Schema, json: &Json, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let number = json.as_i64().filter(|number| match kind(schema).as_str() {
        "int" => i32::try_from(*number).is_ok(),
        "long" => true,
        _ => false,
    });
    put_long(number.ok_or_else(|| is_no(json, schema))?, out);
    Ok(())
}

fn put_fixed(size: usize, text: &str, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let bytes = latin1(text)?;
    if bytes.len() != size {
        return Err(Malformed(format!("it takes {size} bytes, not {}", bytes.len())));
    }
    out.extend_from_slice(&bytes);
    Ok(())
}

fn put_symbol(choices: &EnumSchema, symbol: &str, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let index = choices.symbols.iter().position(|known| known == symbol);
    let index = index.ok_or_else(|| Malformed(format!("`{symbol}` is none of {}", choices.symbols.join(", "))))?;
    put_long(index as i64, out);
    Ok(())
}

fn put_count(count: usize, out: &mut Vec<u8>) {
    put_long(count as i64, out);
}

/// A list ends with an empty block, which an empty list is already.
fn put_end(count: usize, out: &mut Vec<u8>) {
    if count > 0 {
        put_count(0, out);
    }
}

fn put_map(
    types: &Schema,
    names: &NamesRef<'_>,
    entries: &Map<String, Json>,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let mut sorted: Vec<_> = entries.iter().collect();
    sorted.sort_by_key(|(key, _)| *key);
    put_count(sorted.len(), out);
    for (key, value) in &sorted {
        put_bytes(key.as_bytes(), out);
        put(types, names, value, out).map_err(|error| Malformed(format!("key `{key}`: {error}")))?;
    }
    put_end(sorted.len(), out);
    Ok(())
}

/// Every field of the schema, from the value or from its default; a field the schema does not know is an error.
fn put_record(
    record: &RecordSchema,
    names: &NamesRef<'_>,
    fields: &Map<String, Json>,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    if let Some(unknown) = fields.keys().find(|name| !record.lookup.contains_key(*name)) {
        return Err(Malformed(format!("`{}` has no field `{unknown}`", record.name)));
    }
    for field in &record.fields {
        let value = fields.get(&field.name).or(field.default.as_ref());
        let value = value.ok_or_else(|| Malformed(format!("`{}` lacks the field `{}`", record.name, field.name)))?;
        put(&field.schema, names, value, out).map_err(|error| Malformed(format!("field `{}`: {error}", field.name)))?;
    }
    Ok(())
}

/// The branch that is named, or else the first one that takes the value.
fn put_union(union: &UnionSchema, names: &NamesRef<'_>, json: &Json, out: &mut Vec<u8>) -> Result<(), Malformed> {
    if let Json::Object(tagged) = json
        && let Some((tag, value)) = tagged.iter().next().filter(|_| tagged.len() == 1)
        && let Some(index) = union.variants().iter().position(|branch| kind(branch) == *tag)
    {
        put_long(index as i64, out);
        return put(&union.variants()[index], names, value, out);
    }
    let start = out.len();
    for (branch, index) in union.variants().iter().zip(0..) {
        put_long(index, out);
        if put(branch, names, json, out).is_ok() {
            return Ok(());
        }
        out.truncate(start);
    }
    Err(Malformed(format!("{json} is no {}", union_kinds(union))))
}

/// The name of a type as Avro writes it: what tags the branch of a union.
pub(super) fn kind(schema: &Schema) -> String {
    use Schema::*;
    match schema {
        Null => "null".into(),
        Boolean => "boolean".into(),
        Int | Date | TimeMillis => "int".into(),
        Float => "float".into(),
        Double => "double".into(),
        Bytes | BigDecimal | Uuid(UuidSchema::Bytes) => "bytes".into(),
        String | Uuid(UuidSchema::String) => "string".into(),
        Array(_) => "array".into(),
        Map(_) => "map".into(),
        Union(union) => union_kinds(union),
        Record(record) => record.name.to_string(),
        Enum(choices) => choices.name.to_string(),
        Fixed(fixed) | Duration(fixed) | Uuid(UuidSchema::Fixed(fixed)) => fixed.name.to_string(),
        Decimal(decimal) => match &decimal.inner {
            InnerDecimalSchema::Bytes => "bytes".into(),
            InnerDecimalSchema::Fixed(fixed) => fixed.name.to_string(),
        },
        Ref { name } => name.to_string(),
        _ => "long".into(),
    }
}

fn union_kinds(union: &UnionSchema) -> String {
    union.variants().iter().map(kind).collect::<Vec<_>>().join(" or ")
}

fn latin1(text: &str) -> Result<Vec<u8>, Malformed> {
    let byte = |letter| u8::try_from(letter).map_err(|_| Malformed(format!("`{letter}` is no byte")));
    text.chars().map(byte).collect()
}

/// Reads any value as JSON: unions plain, bytes as text with a character for each byte.
pub(super) struct AsJson;

impl<'de> DeserializeSeed<'de> for AsJson {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for AsJson {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an Avro value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_i32<E>(self, number: i32) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(number.into())
    }

    /// As it would be written by hand: 61.3, not 61.29999923706055.
    fn visit_f32<E>(self, number: f32) -> Result<Json, E> {
        Ok(number.to_string().parse::<f64>().unwrap_or(f64::from(number)).into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(text.into())
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Json, E> {
        Ok(bytes.iter().copied().map(char::from).collect::<String>().into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(AsJson)? {
            list.push(item);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key()? {
            object.insert(key, entries.next_value_seed(AsJson)?);
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use crate::serde::avro::AvroSchema;
    use serde_json::json;

    fn schema(field_type: &str) -> AvroSchema {
        let text =
            format!(r#"{{"type":"record","name":"R","namespace":"n","fields":[{{"name":"f","type":{field_type}}}]}}"#);
        AvroSchema::parse(&text).unwrap()
    }

    #[test]
    fn every_type_comes_back() {
        for (field_type, value) in [
            (r#""null""#, json!(null)),
            (r#""boolean""#, json!(true)),
            (r#""int""#, json!(-7)),
            (r#""long""#, json!(i64::MIN)),
            (r#""float""#, json!(61.3)),
            (r#""double""#, json!(61.3)),
            (r#""string""#, json!("größe")),
            (r#""bytes""#, json!("a\u{ff}")),
            (r#"{"type":"fixed","name":"F","size":2}"#, json!("ab")),
            (r#"{"type":"enum","name":"E","symbols":["A","B"]}"#, json!("B")),
            (r#"{"type":"array","items":"int"}"#, json!([1, 2])),
            (r#"{"type":"array","items":"int"}"#, json!([])),
            (r#"{"type":"map","values":"long"}"#, json!({"a": 1, "b": 2})),
            (r#"["null","string"]"#, json!("x")),
            (r#"["null","string"]"#, json!(null)),
            (r#"{"type":"long","logicalType":"timestamp-millis"}"#, json!(5)),
            (r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}"#, json!("\u{1}")),
            (
                r#"{"type":"record","name":"I","fields":[{"name":"x","type":["null","n.R"]}]}"#,
                json!({"x": {"f": {"x": null}}}),
            ),
        ] {
            let schema = schema(field_type);
            let value = json!({ "f": value });
            let body = schema.encode_json(&value).unwrap_or_else(|error| panic!("{field_type}: {error}"));
            assert_eq!(schema.decode_json(&body).unwrap(), value, "{field_type}");
        }
    }

    #[test]
    fn tagged_and_plain_unions_are_the_same() {
        let schema = schema(r#"["null","int",{"type":"record","name":"I","fields":[]}]"#);
        let body = |value| schema.encode_json(&json!({ "f": value })).unwrap();
        assert_eq!(body(json!({"int": 7})), body(json!(7)));
        assert_eq!(body(json!({"n.I": {}})), body(json!({})));
    }

    #[test]
    fn what_does_not_fit_names_the_field() {
        for (field_type, value, seen) in [
            (r#""int""#, json!("7"), r#"the value does not fit its Avro schema: field `f`: "7" is no int"#),
            (r#""int""#, json!(i64::MAX), "is no int"),
            (r#""int""#, json!(1.5), "1.5 is no int"),
            (r#"["null","int"]"#, json!("x"), "is no null or int"),
            (r#"{"type":"enum","name":"E","symbols":["A","B"]}"#, json!("C"), "`C` is none of A, B"),
            (r#"{"type":"fixed","name":"F","size":2}"#, json!("abc"), "it takes 2 bytes, not 3"),
            (r#""string""#, json!(7), "7 is no string"),
        ] {
            let error = schema(field_type).encode_json(&json!({ "f": value })).unwrap_err();
            assert!(error.to_string().contains(seen), "{error}");
        }
        let error = schema(r#""int""#).encode_json(&json!({})).unwrap_err();
        assert!(error.to_string().contains("`n.R` lacks the field `f`"), "{error}");
        let error = schema(r#""int""#).encode_json(&json!({"f": 1, "g": 2})).unwrap_err();
        assert!(error.to_string().contains("`n.R` has no field `g`"), "{error}");
    }
}
