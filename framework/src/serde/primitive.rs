//! Strings, numbers, booleans and bytes in the formats of Java's serializers.
//!
//! Numbers are big-endian and have exactly their width; strings are UTF-8 without a length; bytes are themselves.
//! Nothing here fails on the way out. On the way in a wrong width and invalid UTF-8 are errors: Java's string
//! deserializer would replace the invalid bytes silently, and the value read would not be the value written.

use super::{Datum, Format, Serde, Wire};
use crate::error::{Error, ErrorKind, Result};
use bytes::Bytes;
use std::sync::Arc;

/// The serde of numbers and booleans: one fixed width each.
struct Fixed;

/// The serde of strings.
struct Utf8;

/// The serde of bytes.
struct Raw;

macro_rules! numbers {
    ($($type:ident $java:literal $name:ident $bytes:expr;)*) => {$(
        impl Serde<$type> for Fixed {
            fn serialize(&self, value: &$type, out: &mut Vec<u8>) -> Result<()> {
                let to_bytes: fn($type) -> [u8; size_of::<$type>()] = $bytes;
                out.extend_from_slice(&to_bytes(*value));
                Ok(())
            }

            fn deserialize(&self, bytes: &[u8]) -> Result<$type> {
                match bytes.try_into() {
                    Ok(bytes) => Ok($type::from_be_bytes(bytes)),
                    Err(_) => Err(wrong_width(stringify!($type), size_of::<$type>(), bytes)),
                }
            }

            fn is_infallible(&self) -> bool {
                true
            }
        }

        impl Datum for $type {}

        impl Wire for $type {
            fn format() -> Format<$type> {
                Format::of(Fixed)
            }
        }

        impl Format<$type> {
            #[doc = concat!("The number big-endian, as Kafka's `Serdes.", $java, "()`.")]
            pub fn $name() -> Self {
                $type::format()
            }
        }
    )*};
}

numbers! {
    i16 "Short" i16 |number| number.to_be_bytes();
    i32 "Integer" i32 |number| number.to_be_bytes();
    i64 "Long" i64 |number| number.to_be_bytes();
    f32 "Float" f32 |number| number.to_be_bytes();
    f64 "Double" f64 |number| if number.is_nan() { JAVA_NAN } else { number.to_be_bytes() };
}

/// The one NaN that Java's double serializer writes, whatever the payload; its float serializer keeps payloads.
const JAVA_NAN: [u8; 8] = 0x7ff8_0000_0000_0000_u64.to_be_bytes();

impl Serde<bool> for Fixed {
    fn serialize(&self, value: &bool, out: &mut Vec<u8>) -> Result<()> {
        out.push(u8::from(*value));
        Ok(())
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<bool> {
        match bytes {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(malformed(format!("a bool is the byte 0 or 1, not {other}"))),
            _ => Err(wrong_width("bool", 1, bytes)),
        }
    }

    fn is_infallible(&self) -> bool {
        true
    }
}

impl Datum for bool {}

impl Wire for bool {
    fn format() -> Format<bool> {
        Format::of(Fixed)
    }
}

impl Format<bool> {
    /// One byte, 0 or 1, as Kafka's `Serdes.Boolean()`.
    pub fn bool() -> Self {
        bool::format()
    }
}

macro_rules! through {
    ($serde:ident, $($type:ty: $as_bytes:ident $from_bytes:ident;)*) => {$(
        impl Serde<$type> for $serde {
            fn serialize(&self, value: &$type, out: &mut Vec<u8>) -> Result<()> {
                out.extend_from_slice($as_bytes(value));
                Ok(())
            }

            fn deserialize(&self, bytes: &[u8]) -> Result<$type> {
                $from_bytes(bytes)
            }

            fn is_infallible(&self) -> bool {
                true
            }
        }

        impl Wire for $type {
            fn format() -> Format<$type> {
                Format::of($serde)
            }
        }
    )*};
}

through! { Utf8, String: text_bytes text; Arc<str>: text_bytes text; Box<str>: text_bytes text; }
through! { Raw, Vec<u8>: plain_bytes copied; Bytes: plain_bytes copied; Arc<[u8]>: plain_bytes copied; }

impl Datum for String {}
impl Datum for Arc<str> {}
impl Datum for Box<str> {}
impl Datum for Bytes {}
impl Datum for Arc<[u8]> {}

impl Format<String> {
    /// UTF-8, as Kafka's `Serdes.String()`; invalid UTF-8 is an error.
    pub fn string() -> Self {
        String::format()
    }
}

impl Format<Vec<u8>> {
    /// The bytes themselves, as Kafka's `Serdes.ByteArray()`.
    pub fn bytes() -> Self {
        Wire::format()
    }
}

fn text_bytes(text: &impl AsRef<str>) -> &[u8] {
    text.as_ref().as_bytes()
}

fn text<'a, T: From<&'a str>>(bytes: &'a [u8]) -> Result<T> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(T::from(text)),
        Err(error) => Err(malformed(format!("the string is not UTF-8 from byte {} on", error.valid_up_to()))
            .with_detail(excerpt(bytes))
            .with_source(error)),
    }
}

fn plain_bytes(bytes: &impl AsRef<[u8]>) -> &[u8] {
    bytes.as_ref()
}

fn copied<'a, T: FromBytes<'a>>(bytes: &'a [u8]) -> Result<T> {
    Ok(T::from_bytes(bytes))
}

/// What `From<&[u8]>` would be: `Bytes` has it for static slices only.
trait FromBytes<'a> {
    fn from_bytes(bytes: &'a [u8]) -> Self;
}

impl<'a> FromBytes<'a> for Vec<u8> {
    fn from_bytes(bytes: &'a [u8]) -> Self {
        bytes.to_vec()
    }
}

impl<'a> FromBytes<'a> for Bytes {
    fn from_bytes(bytes: &'a [u8]) -> Self {
        Bytes::copy_from_slice(bytes)
    }
}

impl<'a> FromBytes<'a> for Arc<[u8]> {
    fn from_bytes(bytes: &'a [u8]) -> Self {
        bytes.into()
    }
}

#[cold]
fn wrong_width(type_name: &str, width: usize, bytes: &[u8]) -> Error {
    malformed(format!("{type_name} takes {width} bytes, not {}", bytes.len())).with_detail(excerpt(bytes))
}

#[cold]
pub(super) fn malformed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Deserialization, message)
}

/// The first bytes in hex, for the log.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    const SHOWN: usize = 32;
    let hex: String = bytes.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
    if bytes.len() > SHOWN { format!("0x{hex}… ({} bytes)", bytes.len()) } else { format!("0x{hex}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serde::testing::{decode, encode};
    use proptest::prelude::*;
    use std::fmt::Debug;

    fn check<T: Wire + Debug + PartialEq>(value: T, hex: &str) {
        let bytes = encode(&T::format(), &value);
        assert_eq!(excerpt(&bytes), format!("0x{hex}"));
        assert_eq!(decode(&T::format(), &bytes).expect("its own bytes"), value);
    }

    #[test]
    fn bytes_are_those_of_the_java_serializers() {
        check(0x0102_i16, "0102");
        check(-2_i32, "fffffffe");
        check(1_i64, "0000000000000001");
        check(1.5_f32, "3fc00000");
        check(-2.5_f64, "c004000000000000");
        check(true, "01");
        check("größe".to_string(), "6772c3b6c39f65");
        check(Arc::<str>::from("ab"), "6162");
        check(String::new(), "");
        check(vec![0xff_u8, 0x00], "ff00");
        check(Bytes::from_static(b"\x01"), "01");
    }

    #[test]
    fn every_nan_is_written_as_javas() {
        let bytes = encode(&Format::f64(), &f64::from_bits(0xfff0_0000_0000_0001));
        assert_eq!(excerpt(&bytes), "0x7ff8000000000000");
    }

    #[test]
    fn wrong_width_names_both_widths() {
        let error = decode(&Format::i64(), &[1, 2, 3]).unwrap_err();
        assert_eq!(error.to_string(), "i64 takes 8 bytes, not 3: 0x010203");
        assert_eq!(error.class(), "org.apache.kafka.common.errors.SerializationException");
        assert_eq!(decode(&Format::bool(), &[2]).unwrap_err().message(), "a bool is the byte 0 or 1, not 2");
    }

    #[test]
    fn invalid_utf8_is_refused() {
        let error = decode(&Format::string(), b"ab\xff").unwrap_err();
        assert_eq!(error.message(), "the string is not UTF-8 from byte 2 on");
        assert_eq!(error.kind(), ErrorKind::Deserialization);
    }

    proptest! {
        #[test]
        fn values_come_back(number: i64, small: i16, text: String, raw: Vec<u8>, float in proptest::num::f64::ANY) {
            prop_assert_eq!(decode(&Format::i64(), &encode(&Format::i64(), &number)).unwrap(), number);
            prop_assert_eq!(decode(&Format::i16(), &encode(&Format::i16(), &small)).unwrap(), small);
            prop_assert_eq!(decode(&Format::string(), &encode(&Format::string(), &text)).unwrap(), text);
            prop_assert_eq!(decode(&Format::bytes(), &encode(&Format::bytes(), &raw)).unwrap(), raw);
            let back = decode(&Format::f64(), &encode(&Format::f64(), &float)).unwrap();
            prop_assert!(back == float || back.is_nan() && float.is_nan());
        }

        #[test]
        fn arbitrary_bytes_decode_or_are_refused(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&Format::i32(), &bytes).is_ok(), bytes.len() == 4);
            prop_assert_eq!(decode(&Format::string(), &bytes).is_ok(), std::str::from_utf8(&bytes).is_ok());
            prop_assert_eq!(decode(&Format::bool(), &bytes).is_ok(), bytes == [0] || bytes == [1]);
        }
    }
}
