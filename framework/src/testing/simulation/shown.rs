//! Bytes for people. What they are is guessed: nothing here knows of types.

use crate::record::Outgoing;

/// Characters of a key or a value in a story.
const SHORT_MAX: usize = 40;

/// Text as it is, a number where there are as many bytes as in one, everything else in hexadecimal digits.
pub(super) fn bytes(bytes: Option<&[u8]>) -> String {
    let Some(bytes) = bytes else { return String::from("null") };
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => return format!("{text:?}"),
        _ => {}
    }
    match (<[u8; 8]>::try_from(bytes), <[u8; 4]>::try_from(bytes)) {
        (Ok(long), _) => i64::from_be_bytes(long).to_string(),
        (_, Ok(short)) => i32::from_be_bytes(short).to_string(),
        _ => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// A message, its key and value cut where they are long.
pub(super) fn message(key: Option<&[u8]>, value: Option<&[u8]>, timestamp: i64) -> String {
    format!("{} = {} at {timestamp}", short(key), short(value))
}

/// A message on its way to the log.
pub(super) fn outgoing(message: &Outgoing<'_>) -> String {
    match message.timestamp {
        Some(timestamp) => self::message(message.key, message.value, timestamp),
        None => format!("{} = {}", short(message.key), short(message.value)),
    }
}

fn short(bytes: Option<&[u8]>) -> String {
    cut(self::bytes(bytes), SHORT_MAX)
}

/// At most so many characters, the last an ellipsis where there were more.
pub(super) fn cut(text: String, characters_max: usize) -> String {
    match text.chars().count() > characters_max {
        true => text.chars().take(characters_max - 1).chain(['…']).collect(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_as_what_they_seem_to_be() {
        assert_eq!(bytes(None), "null");
        assert_eq!(bytes(Some(b"Clark/Lake")), "\"Clark/Lake\"");
        assert_eq!(bytes(Some(&7_i64.to_be_bytes())), "7");
        assert_eq!(bytes(Some(&(-7_i32).to_be_bytes())), "-7");
        assert_eq!(bytes(Some(&[0, 255, 16])), "00ff10");
    }

    #[test]
    fn what_is_long_ends_with_an_ellipsis() {
        let long = "é".repeat(100);
        let shown = message(Some(long.as_bytes()), Some(&1_i64.to_be_bytes()), 5);
        assert_eq!(shown, format!("\"{}… = 1 at 5", "é".repeat(38)));
    }
}
