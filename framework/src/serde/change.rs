//! Updates of tables on repartition topics: old and new value in one message, so that an aggregate can take the old
//! one away and add the new one.
//!
//! | what | layout |
//! |---|---|
//! | old only | `old`, 0 |
//! | new only | `new`, 1 |
//! | both | length of `new` (varint), `new`, `old`, 2 |
//!
//! Flags 3, 4 and 5 are the same with a byte "is latest" before the flag; newer releases of Kafka Streams may write
//! them. They are read and never written.

use super::primitive::{excerpt, malformed};
use super::{Datum, Format, Serde, varint};
use crate::error::{Error, ErrorKind, Result};
use crate::record::Change;
use std::sync::Arc;

impl<V: Datum> Datum for Change<V> {}

impl<V: Datum> Format<Change<V>> {
    /// Updates of a table whose values have the format `inner`.
    pub fn change(inner: Format<V>) -> Self {
        Format::new(move |context| Ok(Arc::new(ChangeSerde { inner: inner.serde(context)? }) as _))
    }
}

struct ChangeSerde<V> {
    inner: Arc<dyn Serde<V>>,
}

impl<V> Serde<Change<V>> for ChangeSerde<V> {
    fn serialize(&self, change: &Change<V>, out: &mut Vec<u8>) -> Result<()> {
        match (&change.old, &change.new) {
            (Some(old), None) => self.serialize_one(old, 0, out),
            (None, Some(new)) => self.serialize_one(new, 1, out),
            (Some(old), Some(new)) => self.serialize_both(old, new, out),
            (None, None) => {
                Err(Error::new(ErrorKind::Serialization, "an update of a table has neither an old nor a new value"))
            }
        }
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<Change<V>> {
        let Some((&flag, body)) = bytes.split_last() else {
            return Err(malformed("an update of a table has at least one byte"));
        };
        match (flag, body.split_last()) {
            (0..=2, _) => self.deserialize_parts(flag, body, true),
            (3..=5, Some((&is_latest, body))) => self.deserialize_parts(flag - 3, body, is_latest == 1),
            _ => Err(malformed(format!("{flag} is no flag of an update of a table")).with_detail(excerpt(bytes))),
        }
    }
}

impl<V> ChangeSerde<V> {
    fn serialize_one(&self, value: &V, flag: u8, out: &mut Vec<u8>) -> Result<()> {
        self.inner.serialize(value, out)?;
        out.push(flag);
        Ok(())
    }

    fn serialize_both(&self, old: &V, new: &V, out: &mut Vec<u8>) -> Result<()> {
        let mut encoded = Vec::new();
        self.inner.serialize(new, &mut encoded)?;
        let length = i32::try_from(encoded.len())
            .map_err(|_| Error::new(ErrorKind::Serialization, "a value of a table takes more than 2 GiB"))?;
        varint::put(length, out);
        out.extend_from_slice(&encoded);
        self.serialize_one(old, 2, out)
    }

    fn deserialize_parts(&self, flag: u8, body: &[u8], is_latest: bool) -> Result<Change<V>> {
        let (old, new) = match flag {
            0 => (Some(body), None),
            1 => (None, Some(body)),
            _ => split_both(body).map(|(old, new)| (Some(old), Some(new)))?,
        };
        let decode = |bytes: Option<&[u8]>| bytes.map(|bytes| self.inner.deserialize(bytes)).transpose();
        Ok(Change { new: decode(new)?, old: decode(old)?, is_latest })
    }
}

/// Old and new value of a body that has both.
fn split_both(body: &[u8]) -> Result<(&[u8], &[u8])> {
    varint::split(body)
        .and_then(|(length, rest)| rest.split_at_checked(usize::try_from(length).ok()?))
        .map(|(new, old)| (old, new))
        .ok_or_else(|| malformed("the length of the new value does not fit").with_detail(excerpt(body)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serde::testing::{context, decode, encode};
    use proptest::prelude::*;

    fn format() -> Format<Change<String>> {
        Format::change(Format::string())
    }

    fn change(old: Option<&str>, new: Option<&str>) -> Change<String> {
        Change::new(new.map(str::to_string), old.map(str::to_string))
    }

    #[test]
    fn bytes_are_those_of_kafka_streams() {
        assert_eq!(encode(&format(), &change(Some("a"), None)), b"a\0");
        assert_eq!(encode(&format(), &change(None, Some("a"))), b"a\x01");
        assert_eq!(encode(&format(), &change(Some("old"), Some("n"))), b"\x02nold\x02");
    }

    #[test]
    fn update_without_values_is_refused() {
        let serde = format().serde(&context()).unwrap();
        let error = serde.serialize(&change(None, None), &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Serialization);
    }

    #[test]
    fn flags_with_is_latest_are_read() {
        let late = decode(&format(), b"\x02nold\0\x05").unwrap();
        assert_eq!(late, Change { is_latest: false, ..change(Some("old"), Some("n")) });
        assert_eq!(decode(&format(), b"a\x01\x04").unwrap(), change(None, Some("a")));
    }

    #[test]
    fn what_is_no_update_is_refused() {
        for bytes in [&b""[..], b"\x05", b"a\x06", b"\x08abc\x02", b"\x01abc\x02"] {
            assert_eq!(decode(&format(), bytes).unwrap_err().kind(), ErrorKind::Deserialization, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn updates_come_back(old: Option<String>, new: Option<String>) {
            prop_assume!(old.is_some() || new.is_some());
            let change = Change::new(new, old);
            prop_assert_eq!(decode(&format(), &encode(&format(), &change)).unwrap(), change);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = decode(&format(), &bytes);
        }
    }
}
