//! From Avro's JSON encoding to Avro's binary one: a value of a union is `null` or an object that names its branch.
//!
//! Nothing is framed or registered here. A field that is absent takes its schema's default; a field that the
//! schema does not know is refused, so that nothing is lost silently. Logical types are written as what they annotate.

use apache_avro::Schema;
use apache_avro::schema::{
    InnerDecimalSchema, NamesRef, RecordField, RecordSchema, ResolvedSchema, UnionSchema, UuidSchema,
};
use serde_json::{Map, Value as Json};

/// A sentence that says where in the value the mismatch is.
pub type Mismatch = String;

/// A schema that JSON values are encoded with.
pub struct Encoder<'s> {
    schema: &'s Schema,
    names: NamesRef<'s>,
}

impl<'s> Encoder<'s> {
    /// An encoder of values of `schema`.
    ///
    /// # Errors
    /// If the schema refers to a name that it does not define.
    pub fn new(schema: &'s Schema) -> Result<Self, Mismatch> {
        let resolved = ResolvedSchema::new(schema).map_err(|error| error.to_string())?;
        Ok(Encoder { schema, names: resolved.get_names().clone() })
    }

    /// The value's Avro bytes.
    ///
    /// # Errors
    /// If the value does not fit the schema.
    pub fn encode(&self, value: &Json) -> Result<Vec<u8>, Mismatch> {
        let mut out = Vec::new();
        self.write(self.schema, None, value, &mut out)?;
        Ok(out)
    }

    /// Appends `value`; names without a namespace belong to the `enclosing` one.
    fn write(&self, schema: &Schema, enclosing: Option<&str>, value: &Json, out: &mut Vec<u8>) -> Result<(), Mismatch> {
        use Schema::*;
        match schema {
            Null => value.is_null().then_some(()).ok_or_else(|| unexpected("null", value)),
            Boolean => value.as_bool().map(|is| out.push(is.into())).ok_or_else(|| unexpected("boolean", value)),
            Int | Date | TimeMillis => write_int(value, out),
            Long | TimeMicros | TimestampMillis | TimestampMicros | TimestampNanos | LocalTimestampMillis
            | LocalTimestampMicros | LocalTimestampNanos => write_integer("long", value, out),
            Float => write_float(value, out),
            Double => number("double", value).map(|number| out.extend(number.to_le_bytes())),
            String | Uuid(UuidSchema::String) => write_text(value, out),
            Bytes | BigDecimal | Uuid(UuidSchema::Bytes) => write_bytes(value, out),
            Fixed(fixed) | Duration(fixed) | Uuid(UuidSchema::Fixed(fixed)) => write_fixed(fixed.size, value, out),
            Decimal(decimal) => match &decimal.inner {
                InnerDecimalSchema::Bytes => write_bytes(value, out),
                InnerDecimalSchema::Fixed(fixed) => write_fixed(fixed.size, value, out),
            },
            Enum(symbols) => write_symbol(&symbols.symbols, value, out),
            Array(array) => self.write_array(&array.items, enclosing, value, out),
            Map(map) => self.write_map(&map.types, enclosing, value, out),
            Union(union) => self.write_union(union, enclosing, value, out),
            Record(record) => self.write_record(record, record.name.namespace().or(enclosing), value, out),
            Ref { name } => {
                let name = name.fully_qualified_name(enclosing);
                let target = self.names.get(&*name).ok_or_else(|| format!("the schema does not define `{name}`"))?;
                self.write(target, name.namespace(), value, out)
            }
        }
    }

    fn write_array(
        &self,
        items: &Schema,
        enclosing: Option<&str>,
        value: &Json,
        out: &mut Vec<u8>,
    ) -> Result<(), Mismatch> {
        let values = value.as_array().ok_or_else(|| unexpected("array", value))?;
        write_block_length(values.len(), out);
        for (index, item) in values.iter().enumerate() {
            self.write(items, enclosing, item, out).map_err(|mismatch| format!("item {index}: {mismatch}"))?;
        }
        end_blocks(values.len(), out);
        Ok(())
    }

    fn write_map(
        &self,
        types: &Schema,
        enclosing: Option<&str>,
        value: &Json,
        out: &mut Vec<u8>,
    ) -> Result<(), Mismatch> {
        let entries = value.as_object().ok_or_else(|| unexpected("map", value))?;
        write_block_length(entries.len(), out);
        for (key, entry) in entries {
            write_length_prefixed(key.as_bytes(), out);
            self.write(types, enclosing, entry, out).map_err(|mismatch| format!("key `{key}`: {mismatch}"))?;
        }
        end_blocks(entries.len(), out);
        Ok(())
    }

    fn write_record(
        &self,
        record: &RecordSchema,
        enclosing: Option<&str>,
        value: &Json,
        out: &mut Vec<u8>,
    ) -> Result<(), Mismatch> {
        let values = value.as_object().ok_or_else(|| unexpected("record", value))?;
        let is_unknown = |name: &&std::string::String| record.fields.iter().all(|field| field.name != **name);
        if let Some(unknown) = values.keys().find(is_unknown) {
            return Err(format!("the schema has no field `{unknown}`"));
        }
        for field in &record.fields {
            let written = match values.get(&field.name) {
                Some(value) => self.write(&field.schema, enclosing, value, out),
                None => self.write_default(field, enclosing, out),
            };
            written.map_err(|mismatch| format!("field `{}`: {mismatch}", field.name))?;
        }
        Ok(())
    }

    /// A default of a union is written without its branch's name and belongs to the first branch.
    fn write_default(&self, field: &RecordField, enclosing: Option<&str>, out: &mut Vec<u8>) -> Result<(), Mismatch> {
        let default = field.default.as_ref().ok_or("it is missing")?;
        match &field.schema {
            Schema::Union(union) => {
                write_long(0, out);
                self.write(&union.variants()[0], enclosing, default, out)
            }
            schema => self.write(schema, enclosing, default, out),
        }
    }

    fn write_union(
        &self,
        union: &UnionSchema,
        enclosing: Option<&str>,
        value: &Json,
        out: &mut Vec<u8>,
    ) -> Result<(), Mismatch> {
        let (label, inner) =
            labelled(value).ok_or_else(|| unexpected("null or an object that names a branch", value))?;
        let is_labelled = |branch: &Schema| branch_label(branch, enclosing) == label;
        let index = union
            .variants()
            .iter()
            .position(is_labelled)
            .ok_or_else(|| format!("the union has no branch `{label}`"))?;
        write_long(index as i64, out);
        self.write(&union.variants()[index], enclosing, inner, out)
    }
}

/// The branch that a value of a union names, and the branch's value.
fn labelled(value: &Json) -> Option<(&str, &Json)> {
    match value {
        Json::Null => Some(("null", value)),
        Json::Object(object) if object.len() == 1 => object.iter().next().map(|(label, inner)| (label.as_str(), inner)),
        _ => None,
    }
}

/// What a branch is called: its full name, or its type.
fn branch_label(branch: &Schema, enclosing: Option<&str>) -> String {
    use Schema::*;
    let of_type = match branch {
        Record(record) => return record.name.fullname(enclosing),
        Enum(symbols) => return symbols.name.fullname(enclosing),
        Fixed(fixed) | Duration(fixed) | Uuid(UuidSchema::Fixed(fixed)) => return fixed.name.fullname(enclosing),
        Decimal(decimal) => match &decimal.inner {
            InnerDecimalSchema::Fixed(fixed) => return fixed.name.fullname(enclosing),
            InnerDecimalSchema::Bytes => "bytes",
        },
        Ref { name } => return name.fullname(enclosing),
        Null => "null",
        Boolean => "boolean",
        Int | Date | TimeMillis => "int",
        Float => "float",
        Double => "double",
        String | Uuid(UuidSchema::String) => "string",
        Bytes | BigDecimal | Uuid(UuidSchema::Bytes) => "bytes",
        Array(_) => "array",
        Map(_) => "map",
        Union(_) => "union",
        Long | TimeMicros | TimestampMillis | TimestampMicros | TimestampNanos | LocalTimestampMillis
        | LocalTimestampMicros | LocalTimestampNanos => "long",
    };
    of_type.to_owned()
}

fn unexpected(expected: &str, found: &Json) -> Mismatch {
    let found = match found {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    };
    format!("expected {expected}, found {found}")
}

/// Avro's variable-length integer: zigzag, seven bits a byte, lowest first.
fn write_long(value: i64, out: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn write_integer(expected: &str, value: &Json, out: &mut Vec<u8>) -> Result<(), Mismatch> {
    value.as_i64().map(|integer| write_long(integer, out)).ok_or_else(|| unexpected(expected, value))
}

fn write_int(value: &Json, out: &mut Vec<u8>) -> Result<(), Mismatch> {
    match value.as_i64() {
        Some(integer) if i32::try_from(integer).is_err() => Err(format!("{integer} does not fit an int")),
        _ => write_integer("int", value, out),
    }
}

fn number(expected: &str, value: &Json) -> Result<f64, Mismatch> {
    value.as_f64().ok_or_else(|| unexpected(expected, value))
}

fn write_float(value: &Json, out: &mut Vec<u8>) -> Result<(), Mismatch> {
    let float = number("float", value)? as f32;
    if float.is_infinite() {
        return Err(format!("{value} does not fit a float"));
    }
    out.extend(float.to_le_bytes());
    Ok(())
}

fn write_length_prefixed(bytes: &[u8], out: &mut Vec<u8>) {
    write_long(bytes.len() as i64, out);
    out.extend_from_slice(bytes);
}

fn write_text(value: &Json, out: &mut Vec<u8>) -> Result<(), Mismatch> {
    value.as_str().map(|text| write_length_prefixed(text.as_bytes(), out)).ok_or_else(|| unexpected("string", value))
}

/// In JSON, bytes are a string whose characters are the bytes.
fn bytes_of(value: &Json) -> Result<Vec<u8>, Mismatch> {
    let text = value.as_str().ok_or_else(|| unexpected("bytes as a string", value))?;
    text.chars().map(|c| u8::try_from(c).map_err(|_| format!("`{c}` does not stand for a byte"))).collect()
}

fn write_bytes(value: &Json, out: &mut Vec<u8>) -> Result<(), Mismatch> {
    bytes_of(value).map(|bytes| write_length_prefixed(&bytes, out))
}

fn write_fixed(size: usize, value: &Json, out: &mut Vec<u8>) -> Result<(), Mismatch> {
    let bytes = bytes_of(value)?;
    if bytes.len() != size {
        return Err(format!("expected {size} bytes, found {}", bytes.len()));
    }
    out.extend(bytes);
    Ok(())
}

fn write_symbol(symbols: &[String], value: &Json, out: &mut Vec<u8>) -> Result<(), Mismatch> {
    let text = value.as_str().ok_or_else(|| unexpected("enum", value))?;
    let index =
        symbols.iter().position(|symbol| symbol == text).ok_or_else(|| format!("`{text}` is no symbol of the enum"))?;
    write_long(index as i64, out);
    Ok(())
}

/// Arrays and maps are written as one block and the empty one that ends them.
fn write_block_length(length: usize, out: &mut Vec<u8>) {
    write_long(length as i64, out);
}

fn end_blocks(length: usize, out: &mut Vec<u8>) {
    if length > 0 {
        write_long(0, out);
    }
}
