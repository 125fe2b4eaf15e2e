//! The bytes of an Avro body, and Avro's primitive encodings.
//!
//! Reading is safe against any bytes: lengths are checked before anything is allocated, and depth and the number
//! of items are limited.

use std::fmt;

/// How deep values may be nested.
const DEPTH_MAX: u32 = 128;

/// Items of lists and maps that one body may have beyond its length in bytes: items may take no bytes at all.
const EMPTY_ITEMS_MAX: usize = 1 << 20;

/// Why a body cannot be decoded, or a value not be encoded.
#[derive(Debug)]
pub(super) struct Malformed(pub(super) String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

impl ::serde::de::Error for Malformed {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Malformed(message.to_string())
    }
}

/// What is left of a body.
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    depth_left: u32,
    items_left: usize,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Input { bytes, depth_left: DEPTH_MAX, items_left: bytes.len() + EMPTY_ITEMS_MAX }
    }

    pub(super) fn finish(&self) -> Result<(), Malformed> {
        match self.bytes.len() {
            0 => Ok(()),
            rest => Err(Malformed(format!("{rest} bytes follow the value"))),
        }
    }

    /// Goes one level deeper while `read` runs.
    pub(super) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Malformed>) -> Result<T, Malformed> {
        self.depth_left = self
            .depth_left
            .checked_sub(1)
            .ok_or_else(|| Malformed(format!("it is more than {DEPTH_MAX} levels deep")))?;
        let value = read(self);
        self.depth_left += 1;
        value
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or_else(cut_off)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.bytes.split_first_chunk().ok_or_else(cut_off)?;
        self.bytes = rest;
        Ok(*taken)
    }

    pub(super) fn bool(&mut self) -> Result<bool, Malformed> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(Malformed(format!("a boolean is 0 or 1, not {other}"))),
        }
    }

    pub(super) fn float(&mut self) -> Result<f32, Malformed> {
        self.array().map(f32::from_le_bytes)
    }

    pub(super) fn double(&mut self) -> Result<f64, Malformed> {
        self.array().map(f64::from_le_bytes)
    }

    pub(super) fn int(&mut self) -> Result<i32, Malformed> {
        let number = self.long()?;
        i32::try_from(number).map_err(|_| Malformed(format!("{number} is too large for an int")))
    }

    /// Seven bits a byte, lowest first, signs folded in (zigzag).
    pub(super) fn long(&mut self) -> Result<i64, Malformed> {
        let mut folded = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            folded |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok((folded >> 1) as i64 ^ -((folded & 1) as i64));
            }
        }
        Err(Malformed("a number takes more than ten bytes".into()))
    }

    pub(super) fn index(&mut self) -> Result<usize, Malformed> {
        let index = self.long()?;
        usize::try_from(index).map_err(|_| Malformed(format!("{index} is no index")))
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.long()?;
        self.take(usize::try_from(length).map_err(|_| Malformed(format!("{length} is no length")))?)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|error| Malformed(format!("a string is not UTF-8: {error}")))
    }

    /// The number of items in the next block of a list or map; 0 ends it.
    pub(super) fn block(&mut self) -> Result<usize, Malformed> {
        let count = self.long()?;
        if count < 0 {
            self.long()?; // the block's size in bytes, for readers that skip it
        }
        let count = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        self.items_left = self.items_left.checked_sub(count).ok_or_else(cut_off)?;
        Ok(count)
    }

    /// A guess at how many items to make room for.
    pub(super) fn plausible(&self, count: usize) -> usize {
        count.min(self.bytes.len())
    }
}

#[cold]
fn cut_off() -> Malformed {
    Malformed("it is cut off".into())
}

/// Appends a number as [`Input::long`] reads it; an int is written the same way.
pub(super) fn put_long(number: i64, out: &mut Vec<u8>) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Appends bytes or a string with its length.
pub(super) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_long(bytes.len() as i64, out);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hostile_lengths_are_refused_before_anything_is_allocated() {
        let huge = |number| {
            let mut out = Vec::new();
            put_long(number, &mut out);
            out
        };
        assert!(Input::new(&huge(i64::MAX)).bytes().is_err());
        assert!(Input::new(&huge(-1)).bytes().is_err());
        assert!(Input::new(&huge(1 << 40)).block().is_err());
        assert!(Input::new(&huge(i64::MIN)).block().is_err());
        assert!(Input::new(&[0xff; 11]).long().is_err());
    }

    proptest! {
        #[test]
        fn numbers_come_back(number: i64) {
            let mut out = Vec::new();
            put_long(number, &mut out);
            let mut input = Input::new(&out);
            prop_assert_eq!(input.long().unwrap(), number);
            prop_assert!(input.finish().is_ok());
        }
    }
}
