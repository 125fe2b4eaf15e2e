//! Variable-length numbers and nullable byte strings, as chunks keep them.

/// Appends `number`, seven bits a byte.
pub(super) fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Appends a signed number so that small ones of either sign are short.
pub(super) fn put_signed(bytes: &mut Vec<u8>, number: i64) {
    put(bytes, ((number << 1) ^ (number >> 63)) as u64);
}

/// Appends bytes with their length; `None` is null.
pub(super) fn put_bytes(bytes: &mut Vec<u8>, content: Option<&[u8]>) {
    put(bytes, content.map_or(0, |content| content.len() as u64 + 1));
    bytes.extend_from_slice(content.unwrap_or_default());
}

/// Bytes that are read from the front; `None` means that they end too early.
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl<'a> Input<'a> {
    /// The next number.
    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// The next signed number.
    pub(super) fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// The next byte string, which may be null.
    pub(super) fn bytes(&mut self) -> Option<Option<&'a [u8]>> {
        match self.number()? {
            0 => Some(None),
            length => {
                let (content, rest) = self.0.split_at_checked(usize::try_from(length - 1).ok()?)?;
                self.0 = rest;
                Some(Some(content))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_put_is_read(number: u64, signed: i64, content in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..300))) {
            let mut bytes = Vec::new();
            put(&mut bytes, number);
            put_signed(&mut bytes, signed);
            put_bytes(&mut bytes, content.as_deref());
            let mut input = Input(&bytes);
            prop_assert_eq!(input.number(), Some(number));
            prop_assert_eq!(input.signed(), Some(signed));
            prop_assert_eq!(input.bytes(), Some(content.as_deref()));
            prop_assert!(input.0.is_empty());
        }

        #[test]
        fn cut_bytes_are_noticed(content in proptest::collection::vec(any::<u8>(), 1..300)) {
            let mut bytes = Vec::new();
            put_bytes(&mut bytes, Some(&content));
            bytes.pop();
            prop_assert_eq!(Input(&bytes).bytes(), None);
        }
    }
}
