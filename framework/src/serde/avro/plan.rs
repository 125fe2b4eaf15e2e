//! How bodies of one schema are read by a program that expects another: worked out once for a pair of schemas,
//! by the resolution rules of the Avro specification. Names of records are not compared, except to choose the
//! branch of a union: what matters to a reader are its fields.

use super::input::Malformed;
use super::json;
use apache_avro::Schema;
use apache_avro::schema::{InnerDecimalSchema, Name, NamesRef, RecordField, RecordSchema, ResolvedSchema, UuidSchema};
use std::collections::BTreeMap;

/// The steps to read a value. What is said is the reader's type, how it is found is the writer's.
#[derive(Debug, Clone)]
pub(super) enum Plan {
    Null,
    Bool,
    Int,
    Long,
    Float,
    Double,
    /// Written as a float, or as an int or long.
    FloatFromLong,
    DoubleFromLong,
    DoubleFromFloat,
    Bytes,
    Text,
    Fixed(usize),
    /// The reader's symbol for each of the writer's; `None` if it has none.
    Enum(Vec<Option<String>>),
    List(Box<Plan>),
    Map(Box<Plan>),
    /// A branch for each of the writer's.
    Union(Vec<Plan>),
    /// The value is that branch of the reader's union.
    Branch(usize, Box<Plan>),
    /// The record with that number; records may contain themselves.
    Record(usize),
    /// The reader has no place for this branch of the writer's union.
    Unreadable(String),
}

/// A step of reading a record: the writer's fields in their order, then what the writer did not have.
#[derive(Debug, Clone)]
pub(super) enum Field {
    Read { name: String, plan: Plan },
    Skip(Plan),
    Default { name: String, body: Vec<u8>, plan: Plan },
}

/// A plan and the records it refers to.
#[derive(Debug)]
pub(super) struct Plans {
    pub(super) root: Plan,
    pub(super) records: Vec<Vec<Field>>,
}

impl Plans {
    /// How bodies in `writer` are read as `reader`.
    pub(super) fn new(writer: &Schema, reader: &Schema) -> Result<Self, Malformed> {
        let (writer_names, reader_names) = (resolved(writer)?, resolved(reader)?);
        let mut planner = Planner {
            writer_names: writer_names.get_names(),
            reader_names: reader_names.get_names(),
            numbers: BTreeMap::new(),
            records: Vec::new(),
        };
        let root = planner.plan(Sides::Both, writer, reader)?;
        Ok(Plans { root, records: planner.records })
    }
}

fn resolved(schema: &Schema) -> Result<ResolvedSchema<'_>, Malformed> {
    ResolvedSchema::try_from(schema).map_err(|error| Malformed(error.to_string()))
}

/// Whose schemas are matched: the writer's with the reader's, or one of them with itself, to skip what the reader
/// does not want and to read what the writer does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sides {
    Both,
    Writer,
    Reader,
}

struct Planner<'a> {
    writer_names: &'a NamesRef<'a>,
    reader_names: &'a NamesRef<'a>,
    /// The number of each pair of records.
    numbers: BTreeMap<(Sides, String, String), usize>,
    records: Vec<Vec<Field>>,
}

impl<'a> Planner<'a> {
    fn names(&self, sides: Sides) -> (&'a NamesRef<'a>, &'a NamesRef<'a>) {
        match sides {
            Sides::Both => (self.writer_names, self.reader_names),
            Sides::Writer => (self.writer_names, self.writer_names),
            Sides::Reader => (self.reader_names, self.reader_names),
        }
    }

    fn plan(&mut self, sides: Sides, writer: &Schema, reader: &Schema) -> Result<Plan, Malformed> {
        let (writer_names, reader_names) = self.names(sides);
        let (writer, reader) = (named(writer_names, writer)?, named(reader_names, reader)?);
        if let Schema::Union(union) = writer {
            let branch = |schema| self.plan(sides, schema, reader).unwrap_or_else(|error| Plan::Unreadable(error.0));
            return Ok(Plan::Union(union.variants().iter().map(branch).collect()));
        }
        if let Schema::Union(union) = reader {
            return self.choose(sides, writer, union.variants());
        }
        self.same_shape(sides, writer, reader)
    }

    /// The reader's branch for a writer's value: the same type if there is one, else the first that takes it.
    fn choose(&mut self, sides: Sides, writer: &Schema, branches: &[Schema]) -> Result<Plan, Malformed> {
        let (_, reader_names) = self.names(sides);
        let same = |branch: &Schema| named(reader_names, branch).is_ok_and(|branch| is_same_type(writer, branch));
        let exact = branches.iter().position(same).map(|index| (index, &branches[index]));
        let mut candidates = exact.into_iter().chain(branches.iter().enumerate());
        let found = candidates
            .find_map(|(index, branch)| Some(Plan::Branch(index, Box::new(self.plan(sides, writer, branch).ok()?))));
        found.ok_or_else(|| Malformed(format!("no branch of the reader's union takes a {}", json::kind(writer))))
    }

    fn same_shape(&mut self, sides: Sides, writer: &Schema, reader: &Schema) -> Result<Plan, Malformed> {
        use Schema::{Array, Boolean, Double, Enum, Float, Map, Null, Record};
        Ok(match (writer, reader) {
            (Null, Null) => Plan::Null,
            (Boolean, Boolean) => Plan::Bool,
            (Float, Float) => Plan::Float,
            (Double, Double) => Plan::Double,
            (Float, Double) => Plan::DoubleFromFloat,
            (Array(writer), Array(reader)) => Plan::List(Box::new(self.plan(sides, &writer.items, &reader.items)?)),
            (Map(writer), Map(reader)) => Plan::Map(Box::new(self.plan(sides, &writer.types, &reader.types)?)),
            (Enum(writer), Enum(reader)) => {
                let known = |symbol: &String| reader.symbols.contains(symbol).then(|| symbol.clone());
                Plan::Enum(
                    writer.symbols.iter().map(|symbol| known(symbol).or_else(|| reader.default.clone())).collect(),
                )
            }
            (Record(writer), Record(reader)) => self.record(sides, writer, reader)?,
            _ => number_or_bytes(writer, reader)?,
        })
    }

    fn record(&mut self, sides: Sides, writer: &RecordSchema, reader: &RecordSchema) -> Result<Plan, Malformed> {
        let pair = (sides, writer.name.to_string(), reader.name.to_string());
        if let Some(number) = self.numbers.get(&pair) {
            return Ok(Plan::Record(*number));
        }
        let number = self.records.len();
        self.numbers.insert(pair, number);
        self.records.push(Vec::new());
        self.records[number] = self.fields(sides, writer, reader)?;
        Ok(Plan::Record(number))
    }

    fn fields(&mut self, sides: Sides, writer: &RecordSchema, reader: &RecordSchema) -> Result<Vec<Field>, Malformed> {
        let (writer_alone, reader_alone) = match sides {
            Sides::Both => (Sides::Writer, Sides::Reader),
            alone => (alone, alone),
        };
        let mut fields = Vec::new();
        for written in &writer.fields {
            let expected =
                reader.fields.iter().find(|field| field.name == written.name || field.aliases.contains(&written.name));
            fields.push(match expected {
                Some(expected) => {
                    let plan = self
                        .plan(sides, &written.schema, &expected.schema)
                        .map_err(|error| in_field(error, &expected.name))?;
                    Field::Read { name: expected.name.clone(), plan }
                }
                None => Field::Skip(self.plan(writer_alone, &written.schema, &written.schema)?),
            });
        }
        for expected in &reader.fields {
            if !writer.fields.iter().any(|field| expected.name == field.name || expected.aliases.contains(&field.name))
            {
                fields.push(self.default(reader_alone, expected).map_err(|error| in_field(error, &expected.name))?);
            }
        }
        Ok(fields)
    }

    /// A default is kept as a body in the reader's schema and read as if it had been written.
    fn default(&mut self, reader: Sides, field: &RecordField) -> Result<Field, Malformed> {
        let missing = || Malformed("the writer did not have it and it has no default".into());
        let mut body = Vec::new();
        json::put(&field.schema, self.names(reader).1, field.default.as_ref().ok_or_else(missing)?, &mut body)?;
        let plan = self.plan(reader, &field.schema, &field.schema)?;
        Ok(Field::Default { name: field.name.clone(), body, plan })
    }
}

fn named<'a>(names: &NamesRef<'a>, schema: &'a Schema) -> Result<&'a Schema, Malformed> {
    match schema {
        Schema::Ref { name } => names.get(name).copied().ok_or_else(|| undefined(name)),
        schema => Ok(schema),
    }
}

pub(super) fn undefined(name: &Name) -> Malformed {
    Malformed(format!("`{name}` is not defined"))
}

fn in_field(error: Malformed, name: &str) -> Malformed {
    Malformed(format!("field `{name}`: {error}"))
}

/// Logical types stand for the type they are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Int,
    Long,
    Bytes,
    Text,
    Fixed(usize),
    Else,
}

fn written(schema: &Schema) -> Written {
    use Schema::*;
    match schema {
        Int | Date | TimeMillis => Written::Int,
        Long | TimeMicros | TimestampMillis | TimestampMicros | TimestampNanos | LocalTimestampMillis
        | LocalTimestampMicros | LocalTimestampNanos => Written::Long,
        Bytes | BigDecimal | Uuid(UuidSchema::Bytes) => Written::Bytes,
        String | Uuid(UuidSchema::String) => Written::Text,
        Fixed(fixed) | Duration(fixed) | Uuid(UuidSchema::Fixed(fixed)) => Written::Fixed(fixed.size),
        Decimal(decimal) => match &decimal.inner {
            InnerDecimalSchema::Bytes => Written::Bytes,
            InnerDecimalSchema::Fixed(fixed) => Written::Fixed(fixed.size),
        },
        _ => Written::Else,
    }
}

fn number_or_bytes(writer: &Schema, reader: &Schema) -> Result<Plan, Malformed> {
    use Written::{Bytes, Fixed, Int, Long, Text};
    Ok(match (written(writer), written(reader), reader) {
        (Int, Int, _) => Plan::Int,
        (Int | Long, Long, _) => Plan::Long,
        (Int | Long, _, Schema::Float) => Plan::FloatFromLong,
        (Int | Long, _, Schema::Double) => Plan::DoubleFromLong,
        (Bytes | Text, Bytes, _) => Plan::Bytes,
        (Bytes | Text, Text, _) => Plan::Text,
        (Fixed(one), Fixed(other), _) if one == other => Plan::Fixed(one),
        _ => return Err(Malformed(format!("a {} cannot be read as {}", json::kind(writer), json::kind(reader)))),
    })
}

fn is_same_type(writer: &Schema, reader: &Schema) -> bool {
    match (written(writer), written(reader)) {
        (Written::Else, Written::Else) => json::kind(writer) == json::kind(reader),
        (one, other) => one == other,
    }
}
