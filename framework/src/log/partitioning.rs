//! Which partition a key belongs to: Java's default partitioner, on both logs.

/// Java's murmur2 over the key's bytes, as Kafka's default partitioner uses it.
///
/// ```
/// assert_eq!(kstreams::log::murmur2(b"foobar"), -790_332_482);
/// ```
pub fn murmur2(bytes: &[u8]) -> i32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    // A Java array is never longer than an int; larger keys are refused by every topic's limit.
    let mut hash = SEED ^ bytes.len() as u32;
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    if !rest.is_empty() {
        for (place, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * place);
        }
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    (hash ^ (hash >> 15)) as i32
}

/// The partition of a key in a topic of `partitions` (at least 1) partitions.
///
/// ```
/// assert_eq!(kstreams::log::partition_for_key(b"foobar", 1), 0);
/// ```
pub fn partition_for_key(key: &[u8], partitions: i32) -> i32 {
    (murmur2(key) & i32::MAX) % partitions.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn murmur2_equals_java() {
        for (key, hash) in [("21", -973_932_308), ("foobar", -790_332_482), ("abc", 479_470_107)] {
            assert_eq!(murmur2(key.as_bytes()), hash, "{key}");
        }
    }

    #[test]
    fn partition_of_a_negative_hash_is_in_range() {
        assert_eq!(partition_for_key(b"21", 10), ((-973_932_308i32) & 0x7fff_ffff) % 10);
    }
}
