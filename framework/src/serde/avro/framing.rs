//! Confluent's framing: a zero byte, the schema's id (4 bytes, big-endian), the Avro body.

use crate::error::Result;
use crate::serde::primitive::{excerpt, malformed};

const MAGIC: u8 = 0;

/// Appends what comes before a body written with the schema `id`.
pub fn put_frame(id: u32, out: &mut Vec<u8>) {
    out.push(MAGIC);
    out.extend_from_slice(&id.to_be_bytes());
}

/// The schema's id, and the body.
///
/// # Errors
/// `Deserialization` if this is not framed.
pub fn split_frame(bytes: &[u8]) -> Result<(u32, &[u8])> {
    match bytes.split_first_chunk::<5>() {
        Some(([MAGIC, id @ ..], body)) => Ok((u32::from_be_bytes(*id), body)),
        Some(([other, ..], _)) => Err(malformed(format!("Avro from a registry begins with byte 0, not {other}"))
            .with_detail(excerpt(bytes))
            .with_hint("the writer did not use a schema registry")),
        None => Err(malformed(format!("Avro from a registry takes at least 5 bytes, not {}", bytes.len()))
            .with_detail(excerpt(bytes))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_framed_is_refused() {
        assert!(split_frame(&[1, 0, 0, 0, 1]).unwrap_err().message().contains("not 1"));
        assert!(split_frame(&[0, 0, 0, 1]).unwrap_err().message().contains("at least 5"));
    }

    proptest! {
        #[test]
        fn frames_come_back(id: u32, body: Vec<u8>) {
            let mut out = Vec::new();
            put_frame(id, &mut out);
            out.extend(&body);
            prop_assert_eq!(split_frame(&out).unwrap(), (id, &body[..]));
        }
    }
}
