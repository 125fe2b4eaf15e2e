//! A golden file, read.

use serde_json::{Map, Value};
use std::fs;
use std::io;
use std::path::Path;

/// One topology with everything that Kafka Streams does with it.
pub struct Golden {
    pub name: String,
    pub config: Map<String, Value>,
    pub inputs: Map<String, Value>,
    pub outputs: Map<String, Value>,
    pub describe: String,
    pub stores: Map<String, Value>,
    pub cases: Vec<Case>,
}

/// One run from an empty topology.
pub struct Case {
    pub name: String,
    pub steps: Vec<Value>,
    /// Absent where the run ends with an exception.
    pub stores: Option<Value>,
    pub changelogs: Value,
    pub repartitions: Value,
    pub dropped_records: Option<u64>,
}

/// The golden files of a directory, by name; only those that `wanted` picks.
pub fn read(directory: &Path, wanted: Option<&str>) -> io::Result<Vec<Golden>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(".json").map(str::to_owned));
    }
    names.retain(|name| wanted.is_none_or(|wanted| matches(name, wanted)));
    names.sort();
    names.iter().map(|name| Golden::read(directory, name)).collect()
}

fn matches(name: &str, wanted: &str) -> bool {
    match wanted.strip_prefix('=') {
        Some(exact) => name == exact,
        None => name.contains(wanted),
    }
}

impl Golden {
    fn read(directory: &Path, name: &str) -> io::Result<Golden> {
        let text = fs::read_to_string(directory.join(format!("{name}.json")))?;
        let mut file: Value = serde_json::from_str(&text)?;
        let cases = take(&mut file, "cases");
        let cases = cases.as_array().expect("`cases` is a list").iter().map(Case::from).collect();
        Ok(Golden {
            name: name.to_owned(),
            config: object(take(&mut file, "config")),
            inputs: object(take(&mut file, "inputs")),
            outputs: object(take(&mut file, "outputs")),
            describe: file["describe"].as_str().expect("`describe` is text").to_owned(),
            stores: object(take(&mut file, "stores")),
            cases,
        })
    }

    /// Key and value kind of an input topic, which a pattern may stand for.
    pub fn input(&self, topic: &str) -> (&str, &str) {
        let matching =
            |name: &str| name == topic || name.strip_suffix(".*").is_some_and(|stem| topic.starts_with(stem));
        let (_, kinds) = self.inputs.iter().find(|(name, _)| matching(name)).expect("steps use declared inputs");
        (text(&kinds["key"]), text(&kinds["value"]))
    }
}

impl From<&Value> for Case {
    fn from(case: &Value) -> Self {
        Case {
            name: text(&case["name"]).to_owned(),
            steps: case["steps"].as_array().expect("`steps` is a list").clone(),
            stores: case.get("stores").cloned(),
            changelogs: case["changelogs"].clone(),
            repartitions: case["repartitions"].clone(),
            dropped_records: case.get("dropped_records").and_then(Value::as_u64),
        }
    }
}

/// A text of the file.
pub fn text(value: &Value) -> &str {
    value.as_str().expect("the field is text")
}

fn take(file: &mut Value, field: &str) -> Value {
    file.get_mut(field).unwrap_or_else(|| panic!("a golden file has `{field}`")).take()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("not an object: {other}"),
    }
}
