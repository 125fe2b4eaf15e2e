//! The kinds of keys and values in golden files: from JSON to bytes and back.

use kstreams::record::Headers;
use serde_json::{Value, json};

/// The bytes of a value of that kind; `None` is null.
pub fn encode(kind: &str, value: &Value) -> Option<Vec<u8>> {
    match (kind, value) {
        (_, Value::Null) => None,
        ("string", Value::String(text)) => Some(text.clone().into_bytes()),
        ("long", number) => Some(number.as_i64().expect("a long").to_be_bytes().to_vec()),
        ("int", number) => {
            Some(i32::try_from(number.as_i64().expect("an int")).expect("an int").to_be_bytes().to_vec())
        }
        (kind, value) => panic!("{value} is no input of kind `{kind}`"),
    }
}

/// The value of that kind as golden files write it; text about the bytes if they are none.
pub fn decode(kind: &str, bytes: Option<&[u8]>, window_size_ms: Option<i64>) -> Value {
    let Some(bytes) = bytes else { return Value::Null };
    let decoded = match kind {
        "string" => std::str::from_utf8(bytes).ok().map(|text| json!(text)),
        "long" => bytes.try_into().ok().map(|bytes| json!(i64::from_be_bytes(bytes))),
        "int" => bytes.try_into().ok().map(|bytes| json!(i32::from_be_bytes(bytes))),
        "time-windowed<string>" => time_windowed(bytes, window_size_ms.expect("windowed topics have a window size")),
        "session-windowed<string>" => session_windowed(bytes),
        other => panic!("unknown kind `{other}`"),
    };
    decoded.unwrap_or_else(|| json!(format!("not a {kind}: {}", hex(bytes))))
}

fn time_windowed(bytes: &[u8], size_ms: i64) -> Option<Value> {
    let (key, start) = bytes.split_at_checked(bytes.len().checked_sub(8)?)?;
    let start = i64::from_be_bytes(start.try_into().ok()?);
    Some(json!({"key": std::str::from_utf8(key).ok()?, "start": start, "end": start.saturating_add(size_ms)}))
}

fn session_windowed(bytes: &[u8]) -> Option<Value> {
    let (key, times) = bytes.split_at_checked(bytes.len().checked_sub(16)?)?;
    let (end, start) = times.split_at(8);
    let (end, start) = (i64::from_be_bytes(end.try_into().ok()?), i64::from_be_bytes(start.try_into().ok()?));
    Some(json!({"key": std::str::from_utf8(key).ok()?, "start": start, "end": end}))
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes as hexadecimal digits, or null.
pub fn hex_or_null(bytes: Option<&[u8]>) -> Value {
    bytes.map_or(Value::Null, |bytes| json!(hex(bytes)))
}

/// Bytes from hexadecimal digits.
pub fn unhex(digits: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits");
    (0..digits.len()).step_by(2).map(pair).collect()
}

/// Headers from golden pairs of name and hexadecimal digits.
pub fn headers_from(pairs: Option<&Value>) -> Headers {
    let mut headers = Headers::default();
    for pair in pairs.and_then(Value::as_array).into_iter().flatten() {
        let value = pair[1].as_str().map(unhex);
        headers.push(pair[0].as_str().expect("a header's name"), value.as_deref());
    }
    headers
}

/// Headers as golden pairs.
pub fn headers_to(headers: &Headers) -> Value {
    headers.as_slice().iter().map(|header| json!([*header.name, hex_or_null(header.value.as_deref())])).collect()
}
