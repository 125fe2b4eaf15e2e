//! The registry inside the process: in memory, or kept in a journal.

use super::journal::{FileJournal, Journal};
use crate::error::{Error, ErrorKind, Result};
use crate::serde::Registry;
use ::serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many versions, over all subjects, the registry takes.
const VERSIONS_MAX: usize = 100_000;

/// The format of the journal: its first line. A later format is refused.
const HEADER: &str = r#"{"kstreams-schemas":1}"#;

/// The language of a schema, as registries call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SchemaType {
    /// Apache Avro.
    #[default]
    Avro,
    /// JSON Schema.
    Json,
}

/// One version of a subject, as [`EmbeddedRegistry::version`] and [`EmbeddedRegistry::find`] tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The version within its subject; the first is 1.
    pub version: u32,
    /// The schema's id.
    pub id: u32,
    /// The schema, as it was registered.
    pub schema: Arc<str>,
    /// Its language.
    pub schema_type: SchemaType,
}

/// A schema registry in memory; with a journal its ids are the same after a restart.
///
/// Like Confluent's it numbers schemas from 1, gives equal schemas one id whatever their subject, and (with feature
/// `avro`) refuses a new version that could not read the data of the one before: compatibility `BACKWARD`. Versions in
/// JSON Schema are taken without that check.
///
/// ```
/// use kstreams::serde::{Registry, registry::EmbeddedRegistry};
///
/// let registry = EmbeddedRegistry::default();
/// let id = registry.register("weather-value", r#"{"type": "string"}"#)?;
/// assert_eq!(registry.register("weather-key", r#""string""#)?, id);
/// assert_eq!(registry.subjects(), ["weather-key", "weather-value"]);
/// # Ok::<(), kstreams::error::Error>(())
/// ```
#[derive(Default)]
pub struct EmbeddedRegistry {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The schema with id 1 is the first.
    schemas: Vec<(Arc<str>, SchemaType)>,
    /// Ids by language and normalised schema.
    ids: BTreeMap<(SchemaType, String), u32>,
    /// The ids of a subject's versions; version 1 is the first.
    subjects: BTreeMap<String, Vec<u32>>,
    versions: usize,
    journal: Option<Box<dyn Journal>>,
}

/// A line of the journal: one version of one subject.
#[derive(Serialize, Deserialize)]
struct Line {
    subject: String,
    id: u32,
    schema: String,
    #[serde(default, rename = "type", skip_serializing_if = "is_avro")]
    schema_type: SchemaType,
}

/// Lines about Avro do not say so.
fn is_avro(schema_type: &SchemaType) -> bool {
    *schema_type == SchemaType::Avro
}

impl EmbeddedRegistry {
    /// A registry kept in a file, which is created if it does not exist.
    ///
    /// # Errors
    /// As [`EmbeddedRegistry::with_journal`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        EmbeddedRegistry::with_journal(FileJournal::open(path)?)
    }

    /// A registry kept in a journal.
    ///
    /// # Errors
    /// `Io` from the journal; `Corrupt` if it holds something else, or was written by a later version.
    pub fn with_journal(mut journal: impl Journal + 'static) -> Result<Self> {
        let mut state = State::default();
        let lines = journal.lines()?;
        match lines.split_first() {
            None => journal.append(HEADER)?,
            Some((header, lines)) if header == HEADER => {
                lines.iter().enumerate().try_for_each(|(index, line)| state.replay(index + 2, line))?;
            }
            Some((header, _)) => return Err(unknown_format(header)),
        }
        state.journal = Some(Box::new(journal));
        Ok(EmbeddedRegistry { state: Mutex::new(state) })
    }

    /// Every subject, in order.
    pub fn subjects(&self) -> Vec<String> {
        self.state().subjects.keys().cloned().collect()
    }

    /// The ids of a subject's versions: the first is version 1. Empty for an unknown subject.
    pub fn versions(&self, subject: &str) -> Vec<u32> {
        self.state().subjects.get(subject).cloned().unwrap_or_default()
    }

    /// Registers a schema in that language under `subject`, as [`Registry::register`] does for Avro, and returns its id.
    ///
    /// # Errors
    /// `Config` if the schema is none, or must not follow the version before; `Io` from the journal.
    ///
    /// ```
    /// use kstreams::serde::registry::{EmbeddedRegistry, SchemaType};
    ///
    /// let registry = EmbeddedRegistry::default();
    /// let id = registry.register_as("stations-value", r#"{"type": "object"}"#, SchemaType::Json)?;
    /// let version = registry.version("stations-value", 1).expect("it is the first");
    /// assert_eq!((version.id, version.schema_type), (id, SchemaType::Json));
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn register_as(&self, subject: &str, schema: &str, schema_type: SchemaType) -> Result<u32> {
        let registered = self.state().register(subject, schema, schema_type);
        registered.map_err(|error| error.context(format!("registering `{subject}`")))
    }

    /// A version of a subject; the first is 1.
    pub fn version(&self, subject: &str, version: u32) -> Option<SchemaVersion> {
        let state = self.state();
        let id = *state.subjects.get(subject)?.get(version.checked_sub(1)? as usize)?;
        Some(state.described(version, id))
    }

    /// The version of a subject that has this schema, however it is laid out.
    ///
    /// # Errors
    /// `Config` if the schema is not JSON.
    ///
    /// ```
    /// use kstreams::serde::Registry;
    /// use kstreams::serde::registry::{EmbeddedRegistry, SchemaType};
    ///
    /// let registry = EmbeddedRegistry::default();
    /// registry.register("words-value", r#"{"type":"string"}"#)?;
    /// let found = registry.find("words-value", r#"{ "type": "string" }"#, SchemaType::Avro)?;
    /// assert_eq!(found, registry.version("words-value", 1));
    /// assert_eq!(registry.find("words-value", r#"{"type":"long"}"#, SchemaType::Avro)?, None);
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn find(&self, subject: &str, schema: &str, schema_type: SchemaType) -> Result<Option<SchemaVersion>> {
        let (state, normalised) = (self.state(), normalise(schema)?);
        let id = state.ids.get(&(schema_type, normalised)).copied();
        let versions = state.subjects.get(subject).map_or(&[][..], Vec::as_slice);
        let found = id.and_then(|id| Some((versions.iter().position(|known| *known == id)?, id)));
        Ok(found.map(|(index, id)| state.described(index as u32 + 1, id)))
    }

    /// The language of the schema with that id.
    pub fn schema_type(&self, id: u32) -> Option<SchemaType> {
        Some(self.state().schemas.get(id.checked_sub(1)? as usize)?.1)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave the state half-changed: it is changed after everything that can fail.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry for EmbeddedRegistry {
    fn register(&self, subject: &str, schema: &str) -> Result<u32> {
        self.register_as(subject, schema, SchemaType::Avro)
    }

    fn schema(&self, id: u32) -> Result<Arc<str>> {
        let state = self.state();
        let index = usize::try_from(id).ok().and_then(|id| id.checked_sub(1));
        index
            .and_then(|index| Some(state.schemas.get(index)?.0.clone()))
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("no schema has the id {id}")))
    }
}

impl State {
    fn register(&mut self, subject: &str, schema: &str, schema_type: SchemaType) -> Result<u32> {
        let key = (schema_type, normalise(schema)?);
        let known = self.ids.get(&key).copied();
        let versions = self.subjects.get(subject).map_or(&[][..], Vec::as_slice);
        if let Some(id) = known.filter(|id| versions.contains(id)) {
            return Ok(id);
        }
        self.check(versions.last().copied(), schema, schema_type)?;
        if self.versions >= VERSIONS_MAX {
            return Err(Error::new(ErrorKind::Config, format!("the embedded registry takes {VERSIONS_MAX} versions")));
        }
        let id = known.unwrap_or(self.schemas.len() as u32 + 1);
        self.write(subject, id, schema, schema_type)?;
        self.apply(subject, id, schema, key);
        Ok(id)
    }

    fn described(&self, version: u32, id: u32) -> SchemaVersion {
        let (schema, schema_type) = self.schemas[id as usize - 1].clone();
        SchemaVersion { version, id, schema, schema_type }
    }

    /// Whether a schema may follow the one before.
    fn check(&self, latest: Option<u32>, schema: &str, schema_type: SchemaType) -> Result<()> {
        let latest = latest.map(|id| &self.schemas[id as usize - 1]);
        match (schema_type, latest) {
            (_, Some((_, before))) if *before != schema_type => {
                Err(Error::new(ErrorKind::Config, "the schema is incompatible with the version before")
                    .with_detail("that is in another language"))
            }
            (SchemaType::Avro, latest) => self.check_avro(latest.map(|(schema, _)| &**schema), schema),
            (SchemaType::Json, _) => check_json_schema(schema),
        }
    }

    #[cfg(feature = "avro")]
    fn check_avro(&self, latest: Option<&str>, schema: &str) -> Result<()> {
        super::compatibility::check_backward(latest, schema)
    }

    #[cfg(not(feature = "avro"))]
    #[expect(clippy::unnecessary_wraps, reason = "the same signature with and without Avro")]
    fn check_avro(&self, _: Option<&str>, _: &str) -> Result<()> {
        Ok(())
    }

    fn write(&mut self, subject: &str, id: u32, schema: &str, schema_type: SchemaType) -> Result<()> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        let line = Line { subject: subject.to_string(), id, schema: schema.to_string(), schema_type };
        let line = serde_json::to_string(&line).map_err(|error| Error::new(ErrorKind::Bug, error.to_string()))?;
        journal.append(&line)
    }

    fn apply(&mut self, subject: &str, id: u32, schema: &str, key: (SchemaType, String)) {
        if id as usize > self.schemas.len() {
            self.schemas.push((schema.into(), key.0));
            self.ids.insert(key, id);
        }
        self.subjects.entry(subject.to_string()).or_default().push(id);
        self.versions += 1;
    }

    fn replay(&mut self, number: usize, line: &str) -> Result<()> {
        let corrupt = |what: String| {
            Error::new(ErrorKind::Corrupt, format!("line {number} of the schema registry is not usable: {what}"))
        };
        let line: Line = serde_json::from_str(line).map_err(|error| corrupt(error.to_string()))?;
        if line.id == 0 || line.id as usize > self.schemas.len() + 1 {
            return Err(corrupt(format!("id {} is out of order", line.id)));
        }
        let normalised = normalise(&line.schema).map_err(|error| corrupt(error.to_string()))?;
        self.apply(&line.subject, line.id, &line.schema, (line.schema_type, normalised));
        Ok(())
    }
}

/// Equal for schemas that differ in white space, in the order of attributes, or in `{"type": "x"}` for `"x"`.
fn normalise(schema: &str) -> Result<String> {
    let value: serde_json::Value = serde_json::from_str(schema).map_err(|error| {
        Error::new(ErrorKind::Config, "the schema is not JSON").with_detail(error.to_string()).with_source(error)
    })?;
    let value = match value {
        serde_json::Value::Object(mut attributes) if attributes.len() == 1 => {
            attributes.remove("type").unwrap_or(serde_json::Value::Object(attributes))
        }
        other => other,
    };
    Ok(value.to_string())
}

/// A JSON Schema is an object, or `true` or `false`. What its keywords say is for those who validate by it.
fn check_json_schema(schema: &str) -> Result<()> {
    match serde_json::from_str(schema) {
        Ok(serde_json::Value::Object(_) | serde_json::Value::Bool(_)) => Ok(()),
        _ => Err(Error::new(ErrorKind::Config, "the schema is not a JSON Schema")),
    }
}

fn unknown_format(header: &str) -> Error {
    Error::new(ErrorKind::Corrupt, "the schema registry's file has a format this version does not know")
        .with_detail(header.chars().take(60).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const INT: &str = r#""int""#;
    const TEXT: &str = r#""string""#;

    #[test]
    fn equal_schemas_have_one_id() {
        let registry = EmbeddedRegistry::default();
        let one = registry.register("a", r#"{"type":"enum","name":"E","symbols":["X"]}"#).unwrap();
        let same = registry.register("b", r#"{ "name": "E", "symbols": ["X"], "type": "enum" }"#).unwrap();
        assert_eq!((one, same), (1, 1));
        assert_eq!(registry.register("b2", TEXT).unwrap(), 2);
        assert_eq!(registry.register("a", r#"{"type":"enum","name":"E","symbols":["X"]}"#).unwrap(), 1);
        assert_eq!(registry.versions("a"), [1]);
        assert_eq!(&*registry.schema(2).unwrap(), TEXT);
    }

    #[test]
    fn language_is_part_of_a_schema_and_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("schemas");
        let before = EmbeddedRegistry::open(&path).unwrap();
        let avro = before.register("a", r#"{"type":"string"}"#).unwrap();
        let json = before.register_as("j", r#"{"type":"string"}"#, SchemaType::Json).unwrap();
        assert_ne!(avro, json);
        before.register_as("j", r#"{"type":"integer"}"#, SchemaType::Json).unwrap();
        let mixed = before.register_as("a", r#"{"type":"string"}"#, SchemaType::Json).unwrap_err();
        assert!(mixed.to_string().contains("incompatible"), "{mixed}");
        assert_eq!(before.register_as("k", "1", SchemaType::Json).unwrap_err().kind(), ErrorKind::Config);
        drop(before);
        let after = EmbeddedRegistry::open(&path).unwrap();
        assert_eq!(
            (after.schema_type(avro), after.schema_type(json)),
            (Some(SchemaType::Avro), Some(SchemaType::Json))
        );
        let found = after.find("j", r#"{ "type": "integer" }"#, SchemaType::Json).unwrap();
        assert_eq!(found, after.version("j", 2));
        assert_eq!(found.unwrap().id, 3);
        assert_eq!(after.find("j", r#"{"type":"integer"}"#, SchemaType::Avro).unwrap(), None);
        assert_eq!((after.version("j", 0), after.version("j", 3), after.version("x", 1)), (None, None, None));
    }

    #[test]
    fn unknown_ids_are_not_found() {
        let registry = EmbeddedRegistry::default();
        for id in [0, 1, u32::MAX] {
            assert_eq!(registry.schema(id).unwrap_err().kind(), ErrorKind::NotFound);
        }
    }

    #[test]
    fn ids_are_the_same_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("schemas.jsonl");
        let before = EmbeddedRegistry::open(&path).unwrap();
        let ids = [
            before.register("a", INT).unwrap(),
            before.register("b", TEXT).unwrap(),
            before.register("c", INT).unwrap(),
        ];
        drop(before);
        let after = EmbeddedRegistry::open(&path).unwrap();
        assert_eq!(after.subjects(), ["a", "b", "c"]);
        assert_eq!([after.versions("a")[0], after.versions("b")[0], after.versions("c")[0]], ids);
        assert_eq!(after.register("d", r#""bytes""#).unwrap(), 3);
    }

    #[test]
    fn file_of_another_format_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("schemas.jsonl");
        std::fs::write(&path, "{\"kstreams-schemas\":2}\n").unwrap();
        assert_eq!(EmbeddedRegistry::open(&path).err().unwrap().kind(), ErrorKind::Corrupt);
        std::fs::write(&path, format!("{HEADER}\nnonsense\n")).unwrap();
        assert!(EmbeddedRegistry::open(&path).err().unwrap().to_string().contains("line 2"));
    }

    #[test]
    fn what_is_not_a_schema_is_refused() {
        let error = EmbeddedRegistry::default().register("a", "{").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().starts_with("registering `a`: the schema is not JSON"), "{error}");
    }
}
