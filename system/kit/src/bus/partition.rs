//! Which partition a key lies in: Kafka's rule, bit for bit, so that moving to Kafka moves no key.

const SEED: u32 = 0x9747_b28c;
const MULTIPLIER: u32 = 0x5bd1_e995;
const ROTATION: u32 = 24;

/// The partition of `key` among `partitions`: `(murmur2(key) & 0x7fffffff) mod partitions` (Kafka:
/// `BuiltInPartitioner.partitionForKey`). Changing the number of partitions moves keys.
///
/// # Panics
/// When there are no partitions: no topic is made without.
pub fn partition_of(key: &str, partitions: u32) -> u32 {
    assert!(partitions > 0, "a topic has at least one partition");
    (murmur2(key.as_bytes()) & 0x7fff_ffff) % partitions
}

/// Kafka's variant of `MurmurHash2` (Kafka: `Utils.murmur2`), as unsigned.
fn murmur2(bytes: &[u8]) -> u32 {
    // Kafka reads the length as a 32-bit integer; a longer key wraps there as it does here.
    #[expect(clippy::cast_possible_truncation, reason = "as Kafka does")]
    let length = bytes.len() as u32;
    let mut hash = SEED ^ length;
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        let mut word = u32::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        word ^= word >> ROTATION;
        hash = hash.wrapping_mul(MULTIPLIER) ^ word.wrapping_mul(MULTIPLIER);
    }
    if !rest.is_empty() {
        for (place, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * place);
        }
        hash = hash.wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::{murmur2, partition_of};

    /// platform §7, T: Kafka's own vectors (Kafka: `UtilsTest.testMurmur2`).
    #[test]
    fn kafkas_own_vectors_hold() {
        for (key, expected) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            (
                "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                -58_897_971,
            ),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), expected, "{key}");
        }
    }

    /// platform §7, T: computed with the same function.
    #[test]
    fn keys_fall_where_kafka_puts_them() {
        for (key, of_three, of_four) in [("order-1", 1, 2), ("order-2", 0, 3), ("42", 1, 0)] {
            assert_eq!(partition_of(key, 3), of_three, "{key} of 3");
            assert_eq!(partition_of(key, 4), of_four, "{key} of 4");
        }
    }
}
