//! Windowed keys: the layouts Kafka Streams uses on topics, in stores and on changelogs.
//!
//! | what | layout |
//! |---|---|
//! | window, on a topic | `key`, start (8) |
//! | window, in a store and on its changelog | `key`, start (8), sequence number (4) |
//! | session, everywhere | `key`, end (8), start (8) |
//!
//! All numbers are big-endian. A window's end is not written: readers of topics must know the size.

use super::primitive::{excerpt, malformed};
use super::{Datum, Format, Serde, Wire};
use crate::error::Result;
use crate::record::{Session, Window, Windowed};
use std::sync::Arc;

impl<K: Datum> Datum for Windowed<K> {}
impl<K: Datum> Datum for Windowed<K, Session> {}

/// Writes `key`, start. Reading needs the size, which the type does not know: name
/// [`Format::time_windowed`] where windowed keys are read from a topic.
impl<K: Wire> Wire for Windowed<K> {
    fn format() -> Format<Self> {
        Format::windowed(K::format(), Tail::Start { size_ms: None })
    }
}

impl<K: Wire> Wire for Windowed<K, Session> {
    fn format() -> Format<Self> {
        Format::session_windowed(K::format())
    }
}

impl<K: Datum> Format<Windowed<K>> {
    /// Windows of one size as they are written to topics: the key in its format, then the start.
    /// Kafka Streams: `WindowedSerdes.timeWindowedSerdeFrom`.
    ///
    /// ```
    /// use kstreams::serde::{Format, Wire};
    /// use kstreams::window::Windowed;
    ///
    /// let per_minute: Format<Windowed<String>> = Format::time_windowed(String::format(), 60_000);
    /// # let _ = per_minute;
    /// ```
    pub fn time_windowed(inner: Format<K>, size_ms: i64) -> Self {
        Format::windowed(inner, Tail::Start { size_ms: Some(size_ms) })
    }

    /// Windows of one size as they are written to stores and changelogs: the key, the start, and a sequence number
    /// that is 0 on the way out and ignored on the way in.
    pub fn time_windowed_changelog(inner: Format<K>, size_ms: i64) -> Self {
        Format::windowed(inner, Tail::StartAndSequence { size_ms })
    }

    fn windowed(inner: Format<K>, tail: Tail) -> Self {
        Format::new(move |context| Ok(Arc::new(WindowedSerde { inner: inner.serde(context)?, tail }) as _))
    }
}

impl<K: Datum> Format<Windowed<K, Session>> {
    /// Sessions: the key in its format, then end and start. Kafka Streams:
    /// `WindowedSerdes.sessionWindowedSerdeFrom`.
    pub fn session_windowed(inner: Format<K>) -> Self {
        Format::new(move |context| Ok(Arc::new(SessionSerde { inner: inner.serde(context)? }) as _))
    }
}

/// Appends what follows the key on a topic.
pub fn put_start(start_ms: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&start_ms.to_be_bytes());
}

/// Appends what follows the key in a window store.
pub fn put_start_and_sequence(start_ms: i64, sequence: u32, out: &mut Vec<u8>) {
    put_start(start_ms, out);
    out.extend_from_slice(&sequence.to_be_bytes());
}

/// Appends what follows the key of a session.
pub fn put_session(session: Session, out: &mut Vec<u8>) {
    out.extend_from_slice(&session.end_ms.to_be_bytes());
    out.extend_from_slice(&session.start_ms.to_be_bytes());
}

/// The key's bytes and the start, of a windowed key on a topic.
///
/// # Errors
/// `Deserialization` if there are fewer than 8 bytes.
pub fn split_start(bytes: &[u8]) -> Result<(&[u8], i64)> {
    let (key, start) = bytes.split_last_chunk().ok_or_else(|| too_short(bytes, 8))?;
    Ok((key, i64::from_be_bytes(*start)))
}

/// The key's bytes, the start and the sequence number, of a key in a window store.
///
/// # Errors
/// `Deserialization` if there are fewer than 12 bytes.
pub fn split_start_and_sequence(bytes: &[u8]) -> Result<(&[u8], i64, u32)> {
    let (rest, sequence) = bytes.split_last_chunk().ok_or_else(|| too_short(bytes, 12))?;
    let (key, start) = rest.split_last_chunk().ok_or_else(|| too_short(bytes, 12))?;
    Ok((key, i64::from_be_bytes(*start), u32::from_be_bytes(*sequence)))
}

/// The key's bytes and the session, of a session's key.
///
/// # Errors
/// `Deserialization` if there are fewer than 16 bytes.
pub fn split_session(bytes: &[u8]) -> Result<(&[u8], Session)> {
    let (rest, start) = bytes.split_last_chunk().ok_or_else(|| too_short(bytes, 16))?;
    let (key, end) = rest.split_last_chunk().ok_or_else(|| too_short(bytes, 16))?;
    Ok((key, Session::new(i64::from_be_bytes(*start), i64::from_be_bytes(*end))))
}

#[cold]
fn too_short(bytes: &[u8], least: usize) -> crate::error::Error {
    malformed(format!("a windowed key takes at least {least} bytes, not {}", bytes.len())).with_detail(excerpt(bytes))
}

/// What follows the key.
#[derive(Clone, Copy)]
enum Tail {
    Start { size_ms: Option<i64> },
    StartAndSequence { size_ms: i64 },
}

struct WindowedSerde<K> {
    inner: Arc<dyn Serde<K>>,
    tail: Tail,
}

impl<K> Serde<Windowed<K>> for WindowedSerde<K> {
    fn serialize(&self, value: &Windowed<K>, out: &mut Vec<u8>) -> Result<()> {
        self.inner.serialize(&value.key, out)?;
        match self.tail {
            Tail::Start { .. } => put_start(value.window.start_ms, out),
            Tail::StartAndSequence { .. } => put_start_and_sequence(value.window.start_ms, 0, out),
        }
        Ok(())
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<Windowed<K>> {
        let (key, start_ms, size_ms) = match self.tail {
            Tail::Start { size_ms: Some(size_ms) } => split_start(bytes).map(|(key, start)| (key, start, size_ms))?,
            Tail::Start { size_ms: None } => return Err(size_unknown()),
            Tail::StartAndSequence { size_ms } => {
                split_start_and_sequence(bytes).map(|(key, start, _)| (key, start, size_ms))?
            }
        };
        Ok(Windowed::new(self.inner.deserialize(key)?, Window::of_size(start_ms, size_ms)))
    }

    fn is_infallible(&self) -> bool {
        self.inner.is_infallible()
    }

    fn partition_bytes<'a>(&self, encoded: &'a [u8]) -> &'a [u8] {
        without_tail(encoded, if matches!(self.tail, Tail::Start { .. }) { 8 } else { 12 })
    }
}

/// The inner key of bytes that a serde of this module has written.
fn without_tail(encoded: &[u8], tail: usize) -> &[u8] {
    &encoded[..encoded.len().saturating_sub(tail)]
}

#[cold]
fn size_unknown() -> crate::error::Error {
    malformed("the bytes of a windowed key do not tell the window's size").with_hint(
        "name `Format::time_windowed(key_format, size_ms)` where the topic is read, in a test with `output_with`",
    )
}

struct SessionSerde<K> {
    inner: Arc<dyn Serde<K>>,
}

impl<K> Serde<Windowed<K, Session>> for SessionSerde<K> {
    fn serialize(&self, value: &Windowed<K, Session>, out: &mut Vec<u8>) -> Result<()> {
        self.inner.serialize(&value.key, out)?;
        put_session(value.window, out);
        Ok(())
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<Windowed<K, Session>> {
        let (key, session) = split_session(bytes)?;
        Ok(Windowed::new(self.inner.deserialize(key)?, session))
    }

    fn is_infallible(&self) -> bool {
        self.inner.is_infallible()
    }

    fn partition_bytes<'a>(&self, encoded: &'a [u8]) -> &'a [u8] {
        without_tail(encoded, 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serde::testing::{context, decode, encode};
    use proptest::prelude::*;

    #[test]
    fn topic_key_is_key_and_start() {
        let format = Format::time_windowed(Format::string(), 100);
        let key = Windowed::new("a".to_string(), Window::new(256, 356));
        assert_eq!(excerpt(&encode(&format, &key)), "0x610000000000000100");
        assert_eq!(decode(&format, &encode(&format, &key)).unwrap(), key);
    }

    #[test]
    fn changelog_key_ends_with_the_sequence_number() {
        let format = Format::time_windowed_changelog(Format::string(), 100);
        let key = Windowed::new("a".to_string(), Window::new(1, 101));
        assert_eq!(excerpt(&encode(&format, &key)), "0x61000000000000000100000000");
        let duplicate = b"a\0\0\0\0\0\0\0\x01\0\0\0\x07";
        assert_eq!(decode(&format, duplicate).unwrap(), key);
    }

    #[test]
    fn session_key_has_the_end_first() {
        let format = Format::session_windowed(Format::string());
        let key = Windowed::new("a".to_string(), Session::new(1, 2));
        assert_eq!(excerpt(&encode(&format, &key)), "0x6100000000000000020000000000000001");
    }

    #[test]
    fn inner_key_decides_the_partition() {
        let window = Windowed::new("ab".to_string(), Window::new(1, 101));
        for format in
            [Format::time_windowed(Format::string(), 100), Format::time_windowed_changelog(Format::string(), 100)]
        {
            assert_eq!(format.serde(&context()).unwrap().partition_bytes(&encode(&format, &window)), b"ab");
        }
        let session = Format::session_windowed(Format::string());
        let bytes = encode(&session, &Windowed::new("ab".to_string(), Session::new(1, 2)));
        assert_eq!(session.serde(&context()).unwrap().partition_bytes(&bytes), b"ab");
    }

    #[test]
    fn own_format_writes_but_cannot_read() {
        let key = Windowed::new(7_i32, Window::new(1, 2));
        let bytes = encode(&Wire::format(), &key);
        assert_eq!(bytes, encode(&Format::time_windowed(Format::i32(), 1), &key));
        assert!(
            decode::<Windowed<i32>>(&Wire::format(), &bytes).unwrap_err().hint().unwrap().contains("time_windowed")
        );
    }

    proptest! {
        #[test]
        fn keys_come_back(key: String, start in 0..i64::MAX, size in 1..1_000_000_i64, end: i64) {
            let window = Windowed::new(key.clone(), Window::of_size(start, size));
            let topic = Format::time_windowed(Format::string(), size);
            prop_assert_eq!(&decode(&topic, &encode(&topic, &window)).unwrap(), &window);
            let changelog = Format::time_windowed_changelog(Format::string(), size);
            prop_assert_eq!(&decode(&changelog, &encode(&changelog, &window)).unwrap(), &window);
            let session = Windowed::new(key, Session::new(start, end));
            let sessions = Format::session_windowed(Format::string());
            prop_assert_eq!(decode(&sessions, &encode(&sessions, &session)).unwrap(), session);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            prop_assert_eq!(split_start(&bytes).is_ok(), bytes.len() >= 8);
            prop_assert_eq!(split_start_and_sequence(&bytes).is_ok(), bytes.len() >= 12);
            prop_assert_eq!(split_session(&bytes).is_ok(), bytes.len() >= 16);
        }
    }
}
