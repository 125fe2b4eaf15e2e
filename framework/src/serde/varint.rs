//! Variable-length integers as Kafka writes them: seven bits a byte, lowest first, signs folded in (zigzag).

/// Appends `number` in one to five bytes.
pub(super) fn put(number: i32, out: &mut Vec<u8>) {
    let mut rest = ((number << 1) ^ (number >> 31)) as u32;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// The number at the front, and the bytes after it; `None` if there is none or it is too long.
pub(super) fn split(bytes: &[u8]) -> Option<(i32, &[u8])> {
    let mut folded = 0_u32;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        folded |= u32::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let number = (folded >> 1) as i32 ^ -((folded & 1) as i32);
            return Some((number, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_numbers_take_a_byte_whatever_their_sign() {
        for (number, bytes) in [(0, vec![0]), (-1, vec![1]), (1, vec![2]), (63, vec![126]), (64, vec![128, 1])] {
            let mut out = Vec::new();
            put(number, &mut out);
            assert_eq!(out, bytes);
        }
    }

    #[test]
    fn unfinished_number_is_none() {
        assert_eq!(split(&[]), None);
        assert_eq!(split(&[0x80]), None);
        assert_eq!(split(&[0x80; 6]), None);
    }

    proptest! {
        #[test]
        fn numbers_come_back(number: i32, rest: Vec<u8>) {
            let mut out = Vec::new();
            put(number, &mut out);
            out.extend(&rest);
            prop_assert_eq!(split(&out), Some((number, &rest[..])));
        }
    }
}
