//! What the bytes of keys and values mean: Java's formats for strings and numbers, JSON, or just bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum;
use kstreams::error::{Error, ErrorKind, Result};
use serde_json::{Value, json};

/// A format of keys or values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// Text if it is text, a number if it has the length of one, else hex
    #[default]
    Auto,
    /// Text in UTF-8
    String,
    /// A 32-bit integer, as Java's IntegerSerializer writes it
    I32,
    /// A 64-bit integer, as Java's LongSerializer writes it
    I64,
    /// A 64-bit float, as Java's DoubleSerializer writes it
    F64,
    /// A JSON document
    Json,
    /// Bytes in hex
    Hex,
    /// Bytes in Base64
    Base64,
}

impl Format {
    /// What the bytes mean.
    ///
    /// # Errors
    /// `Deserialization` if they are none of this format.
    pub fn read(self, bytes: &[u8]) -> Result<Value> {
        let read = match self {
            Format::Auto => Some(guess(bytes)),
            Format::String => std::str::from_utf8(bytes).ok().map(Value::from),
            Format::I32 => bytes.try_into().ok().map(|bytes| json!(i32::from_be_bytes(bytes))),
            Format::I64 => bytes.try_into().ok().map(|bytes| json!(i64::from_be_bytes(bytes))),
            Format::F64 => bytes.try_into().ok().map(|bytes| float(f64::from_be_bytes(bytes))),
            Format::Json => serde_json::from_slice(bytes).ok(),
            Format::Hex => Some(hex(bytes).into()),
            Format::Base64 => Some(STANDARD.encode(bytes).into()),
        };
        read.ok_or_else(|| {
            let name = self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
            Error::new(ErrorKind::Deserialization, format!("it is no `{name}`")).with_detail(format!(
                "{} bytes, {}",
                bytes.len(),
                hex(&bytes[..bytes.len().min(32)])
            ))
        })
    }
}

fn guess(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => text.into(),
        _ => number(bytes).unwrap_or_else(|| hex(bytes).into()),
    }
}

fn number(bytes: &[u8]) -> Option<Value> {
    let short = bytes.try_into().ok().map(|bytes| json!(i32::from_be_bytes(bytes)));
    short.or_else(|| bytes.try_into().ok().map(|bytes| json!(i64::from_be_bytes(bytes))))
}

/// JSON has no word for what is no number.
fn float(number: f64) -> Value {
    if number.is_finite() { json!(number) } else { number.to_string().into() }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A value on one line of a table: text as it is, but for what a terminal would obey; all else as JSON.
pub fn shown(value: &Value) -> String {
    let Value::String(text) = value else { return value.to_string() };
    let letter = |letter: char| match letter.is_control() {
        true => letter.escape_default().to_string(),
        false => letter.to_string(),
    };
    text.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_mean_what_the_format_says() {
        for (format, bytes, expected) in [
            (Format::String, &b"12345678"[..], json!("12345678")),
            (Format::I32, &[0xff; 4], json!(-1)),
            (Format::I64, &[0, 0, 0, 0, 0, 0, 1, 0], json!(256)),
            (Format::F64, &1.5_f64.to_be_bytes(), json!(1.5)),
            (Format::F64, &f64::NAN.to_be_bytes(), json!("NaN")),
            (Format::Json, br#"{"b":1,"a":[2]}"#, json!({"a": [2], "b": 1})),
            (Format::Hex, &[0, 0xab], json!("00ab")),
            (Format::Base64, b"hello", json!("aGVsbG8=")),
        ] {
            assert_eq!(format.read(bytes).unwrap(), expected, "{format:?}");
        }
    }

    #[test]
    fn bytes_of_another_format_are_refused_and_shown() {
        for (format, bytes) in [
            (Format::I64, &[0_u8; 4][..]),
            (Format::I32, &[0; 8]),
            (Format::F64, b"1.5"),
            (Format::String, &[0xff]),
            (Format::Json, b"{"),
        ] {
            let error = format.read(bytes).unwrap_err();
            let detail = error.detail().unwrap();
            assert!(detail.ends_with(&format!("bytes, {}", hex(bytes))), "{format:?}: {detail}");
        }
    }

    #[test]
    fn guess_prefers_text_then_numbers() {
        assert_eq!(guess(b"abcdefgh"), json!("abcdefgh"));
        assert_eq!(guess(&7_i64.to_be_bytes()), json!(7));
        assert_eq!(guess(&7_i32.to_be_bytes()), json!(7));
        assert_eq!(guess(&[0, 1, 2]), json!("000102"));
        assert_eq!(guess(b""), json!(""));
    }

    #[test]
    fn terminal_is_given_no_orders() {
        assert_eq!(shown(&json!("a\u{1b}[2Jb\n\"ü\"")), "a\\u{1b}[2Jb\\n\"ü\"");
        assert_eq!(shown(&json!({"a": "\u{1b}"})), r#"{"a":"\u001b"}"#);
    }
}
