//! Comparing what came out with what was recorded, and saying where they part.

use serde_json::Value;
use std::fmt;

/// The first difference of a case.
pub struct Difference {
    /// The case, and where in it.
    pub place: String,
    pub expected: Vec<String>,
    pub found: Vec<String>,
}

impl Difference {
    pub fn new(place: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Difference { place: place.into(), expected: vec![expected.into()], found: vec![found.into()] }
    }

    /// The same, further out.
    pub fn within(mut self, outer: &str) -> Self {
        self.place = format!("{outer}, {}", self.place);
        self
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {}", self.place)?;
        let same = self.expected.iter().zip(&self.found).take_while(|(expected, found)| expected == found).count();
        for line in self.expected[..same].iter().rev().take(3).rev() {
            writeln!(f, "      {line}")?;
        }
        for line in self.expected[same..].iter().take(3) {
            writeln!(f, "    - {line}")?;
        }
        for line in self.found[same..].iter().take(3) {
            writeln!(f, "    + {line}")?;
        }
        Ok(())
    }
}

/// Compares two lists of records or rows. A header value of `"*"` may be anything.
pub fn compare(place: &str, expected: &[Value], found: Vec<Value>) -> Result<(), Difference> {
    let found: Vec<Value> = found
        .into_iter()
        .enumerate()
        .map(|(at, found)| match expected.get(at) {
            Some(expected) => with_wildcards(found, expected),
            None => found,
        })
        .collect();
    if expected == found {
        return Ok(());
    }
    let lines = |values: &[Value]| values.iter().map(Value::to_string).collect();
    Err(Difference { place: place.to_owned(), expected: lines(expected), found: lines(&found) })
}

fn with_wildcards(mut found: Value, expected: &Value) -> Value {
    let headers = expected.get("headers").and_then(Value::as_array).into_iter().flatten();
    for (at, header) in headers.enumerate() {
        if let Some(found) = found.pointer_mut(&format!("/headers/{at}/1"))
            && header[1] == "*"
        {
            *found = header[1].clone();
        }
    }
    found
}

/// Compares two texts line by line; `*` at the end of what stands in brackets may be anything.
pub fn compare_text(place: &str, expected: &str, found: &str) -> Result<(), Difference> {
    let found: Vec<String> = found
        .lines()
        .zip(expected.lines().map(Some).chain(std::iter::repeat(None)))
        .map(|(found, expected)| match expected.and_then(|expected| expected.strip_suffix("*)")) {
            Some(stem) if found.starts_with(stem) => format!("{stem}*)"),
            _ => found.to_owned(),
        })
        .collect();
    let expected_lines: Vec<String> = expected.lines().map(str::to_owned).collect();
    if expected_lines == found {
        return Ok(());
    }
    Err(Difference { place: place.to_owned(), expected: expected_lines, found })
}
