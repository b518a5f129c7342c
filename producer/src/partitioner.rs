//! Which partition a record goes to: Kafka's murmur2 over the key, sticky without one.
//!
//! Differs from Kafka: the sticky choice is uniform over the partitions that have a leader; Kafka's
//! also weighs them by the length of each broker's queue (KIP-794).

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use highwater_records::TopicName;

const MURMUR2_SEED: u32 = 0x9747_b28c;
const MURMUR2_M: u32 = 0x5bd1_e995;
const MURMUR2_R: u32 = 24;

/// Hashes a key like Kafka's default partitioner, so that both put equal keys on one partition.
///
/// Source: the Java client's `Utils.murmur2`; the result is a signed 32-bit number there.
#[must_use]
pub fn murmur2(key: &[u8]) -> i32 {
    let length = u32::try_from(key.len() & 0xffff_ffff).expect("masked to 32 bits");
    let mut hash = MURMUR2_SEED ^ length;
    let mut words = key.chunks_exact(4);
    for word in &mut words {
        let bytes = [word[0], word[1], word[2], word[3]];
        let mut mixed = little_endian(bytes).wrapping_mul(MURMUR2_M);
        mixed ^= mixed >> MURMUR2_R;
        mixed = mixed.wrapping_mul(MURMUR2_M);
        hash = hash.wrapping_mul(MURMUR2_M) ^ mixed;
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        let mut bytes = [0; 4];
        bytes[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ little_endian(bytes)).wrapping_mul(MURMUR2_M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MURMUR2_M);
    hash ^= hash >> 15;
    hash.cast_signed()
}

/// The partition of a keyed record among `partition_count` partitions.
///
/// Shapes: `partition_count` at least 1; the result lies in `0..partition_count`.
#[must_use]
pub fn partition_for_key(key: &[u8], partition_count: i32) -> i32 {
    assert!(partition_count > 0, "a topic with metadata has at least one partition");
    (murmur2(key) & 0x7fff_ffff) % partition_count
}

/// Where records without a key go: one partition until about `batch_size` bytes went there, then
/// another, so that batches fill (KIP-480, KIP-794).
#[derive(Debug)]
pub(crate) struct StickyPartitions {
    topics: HashMap<TopicName, Sticky>,
    switch_after_bytes: usize,
    random: u64,
}

#[derive(Debug)]
struct Sticky {
    partition: i32,
    bytes: usize,
}

impl StickyPartitions {
    pub(crate) fn new(switch_after_bytes: usize) -> Self {
        let random = RandomState::new().hash_one(0_u8) | 1;
        Self { topics: HashMap::new(), switch_after_bytes, random }
    }

    /// The partition for the next record of `bytes` bytes; `available` are those with a leader.
    pub(crate) fn next(&mut self, topic: &TopicName, available: &[i32], bytes: usize) -> i32 {
        assert!(!available.is_empty(), "the caller falls back to all partitions");
        if let Some(sticky) = self.topics.get_mut(topic)
            && sticky.bytes < self.switch_after_bytes
            && available.contains(&sticky.partition)
        {
            sticky.bytes += bytes;
            return sticky.partition;
        }
        let previous = self.topics.get(topic).map(|sticky| sticky.partition);
        let partition = self.choose(available, previous);
        self.topics.insert(topic.clone(), Sticky { partition, bytes });
        partition
    }

    fn choose(&mut self, available: &[i32], previous: Option<i32>) -> i32 {
        let index = self.next_index(available.len());
        let chosen = available[index];
        if available.len() > 1 && Some(chosen) == previous {
            return available[(index + 1) % available.len()];
        }
        chosen
    }

    fn next_index(&mut self, count: usize) -> usize {
        // xorshift64: spreading load needs no better source of chance.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let count = u64::try_from(count).expect("usize fits in 64 bits");
        usize::try_from(self.random % count).expect("below a usize")
    }
}

fn little_endian(bytes: [u8; 4]) -> u32 {
    bytes.iter().rev().fold(0, |word, byte| (word << 8) | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn murmur2_equals_kafkas_vectors() {
        let vectors: [(&str, i32); 6] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("abc", 479_470_107),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ];
        for (key, expected) in vectors {
            assert_eq!(murmur2(key.as_bytes()), expected, "{key}");
        }
    }

    #[test]
    fn partition_of_a_negative_hash_masks_the_sign_before_the_modulo() {
        assert!(murmur2(b"foobar") < 0);
        for count in 1..50 {
            let expected = (-790_332_482_i32 & i32::MAX) % count;
            assert_eq!(partition_for_key(b"foobar", count), expected);
        }
    }

    #[test]
    fn sticky_stays_until_the_bytes_are_reached_then_moves() {
        let mut sticky = StickyPartitions::new(100);
        let topic = TopicName::parse("t").unwrap();
        let first = sticky.next(&topic, &[0, 1, 2], 60);
        assert_eq!(sticky.next(&topic, &[0, 1, 2], 60), first);
        let second = sticky.next(&topic, &[0, 1, 2], 60);
        assert_ne!(second, first);
    }

    #[test]
    fn sticky_leaves_a_partition_that_lost_its_leader() {
        let mut sticky = StickyPartitions::new(usize::MAX);
        let topic = TopicName::parse("t").unwrap();
        let first = sticky.next(&topic, &[0, 1], 1);
        let other = 1 - first;
        assert_eq!(sticky.next(&topic, &[other], 1), other);
    }

    #[test]
    fn sticky_visits_every_partition() {
        let mut sticky = StickyPartitions::new(1);
        let topic = TopicName::parse("t").unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..400 {
            seen.insert(sticky.next(&topic, &[0, 1, 2, 3], 1));
        }
        assert_eq!(seen.len(), 4);
    }
}
