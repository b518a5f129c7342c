//! The newest offset of each key, in memory of bounded size.

use std::fmt;
use std::hash::Hasher;

use hashbrown::HashTable;
use highwater_records::{Mutant, Mutation, Offset};
use siphasher::sip::SipHasher13;

/// Bytes by which the room for keys grows.
const KEY_ROOM_BYTES: usize = 1 << 20;

/// How keys are spread over the map.
///
/// The seed is chance of the caller's: with a known one, keys could be chosen that all meet in one
/// place and make a pass slow. They could not make it wrong, since keys themselves are compared.
#[derive(Clone, Copy)]
pub struct KeyHash {
    seed: u128,
    bits: u32,
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyHash").field("bits", &self.bits).finish_non_exhaustive()
    }
}

impl KeyHash {
    /// A hash that nobody else knows.
    #[must_use]
    pub const fn seeded(seed: u128) -> Self {
        Self { seed, bits: u64::BITS }
    }

    /// The same with only so many bits, so that keys meet.
    #[must_use]
    pub const fn cut_to(self, bits: u32) -> Self {
        Self { bits, ..self }
    }

    fn of(self, key: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.seed.to_be_bytes());
        hasher.write(key);
        hasher.finish().checked_shr(u64::BITS - self.bits).unwrap_or(0)
    }
}

/// One key: where its bytes are, and the newest offset it was seen at.
#[derive(Clone, Copy, Debug)]
struct Entry {
    key_at: u32,
    key_bytes: u32,
    offset: Offset,
}

/// The newest offset of each key of a part of a log.
pub(super) struct OffsetMap {
    hash: KeyHash,
    entries: HashTable<Entry>,
    keys: Vec<u8>,
    bytes_max: usize,
    mutant: Mutant,
}

/// The map has no room for another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

impl OffsetMap {
    /// An empty map that takes at most `bytes_max`, whatever it takes to hold one key.
    pub(super) fn new(hash: KeyHash, bytes_max: usize) -> Self {
        let bytes_max = bytes_max.min(usize::try_from(u32::MAX).unwrap_or(usize::MAX));
        Self { hash, entries: HashTable::new(), keys: Vec::new(), bytes_max, mutant: Mutant::NONE }
    }

    pub(super) fn with(self, mutant: Mutant) -> Self {
        Self { mutant, ..self }
    }

    /// Notes that `key` was seen at `offset`; offsets come in their order.
    pub(super) fn put(&mut self, key: &[u8], offset: Offset) -> Result<(), Full> {
        let hash = self.hash.of(key);
        let keys = &self.keys;
        let believes_hash = self.mutant.is(Mutation::KeysComparedByHash);
        let same = |entry: &Entry| believes_hash || key_of(keys, entry) == key;
        if let Some(known) = self.entries.find_mut(hash, same) {
            known.offset = known.offset.max(offset);
            return Ok(());
        }
        if !self.entries.is_empty() && self.bytes_with(key.len()) > self.bytes_max {
            return Err(Full);
        }
        let (Ok(key_at), Ok(key_bytes)) =
            (u32::try_from(self.keys.len()), u32::try_from(key.len()))
        else {
            return Err(Full);
        };
        if self.keys.capacity() - self.keys.len() < key.len() {
            self.keys.reserve_exact(key.len().max(KEY_ROOM_BYTES.min(self.bytes_max / 16)));
        }
        self.keys.extend_from_slice(key);
        let (keys, key_hash) = (&self.keys, self.hash);
        let entry = Entry { key_at, key_bytes, offset };
        self.entries.insert_unique(hash, entry, |entry| key_hash.of(key_of(keys, entry)));
        Ok(())
    }

    /// The newest offset that `key` was seen at.
    pub(super) fn get(&self, key: &[u8]) -> Option<Offset> {
        let believes_hash = self.mutant.is(Mutation::KeysComparedByHash);
        let same = |entry: &Entry| believes_hash || key_of(&self.keys, entry) == key;
        self.entries.find(self.hash.of(key), same).map(|entry| entry.offset)
    }

    /// Keys in it.
    pub(super) fn key_count(&self) -> usize {
        self.entries.len()
    }

    /// Bytes that the map would take with another key: while its table grows, two of them.
    fn bytes_with(&self, key_bytes: usize) -> usize {
        let table = self.entries.allocation_size();
        let grows = self.entries.len() == self.entries.capacity();
        let table = if grows { table.saturating_mul(3) } else { table };
        table.saturating_add(self.keys.len()).saturating_add(key_bytes)
    }
}

fn key_of<'a>(keys: &'a [u8], entry: &Entry) -> &'a [u8] {
    let start = entry.key_at as usize;
    &keys[start..start + entry.key_bytes as usize]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const HASH: KeyHash = KeyHash::seeded(7);

    proptest! {
        #[test]
        fn map_agrees_with_a_sorted_one_however_few_bits_the_hash_has(
            keys in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 0..300),
            bits in prop::sample::select(vec![0, 1, 8, 64]),
        ) {
            let mut map = OffsetMap::new(HASH.cut_to(bits), 1 << 20);
            let mut model = BTreeMap::new();
            for (offset, key) in (0..).zip(&keys) {
                map.put(key, Offset::new(offset)).unwrap();
                model.insert(key.clone(), Offset::new(offset));
            }
            prop_assert_eq!(map.key_count(), model.len());
            for (key, offset) in &model {
                prop_assert_eq!(map.get(key), Some(*offset));
            }
            prop_assert_eq!(map.get(b"none has five"), None);
        }
    }

    #[test]
    fn memory_is_bounded_and_one_key_always_fits() {
        let mut map = OffsetMap::new(HASH, 100_000);
        let mut count = 0;
        while map.put(format!("key {count:020}").as_bytes(), Offset::new(count)).is_ok() {
            count += 1;
            let taken = map.entries.allocation_size() + map.keys.capacity();
            assert!(taken <= 110_000, "{taken} bytes with {count} keys");
        }
        assert!(count > 1000, "{count} keys");
        map.put(b"key 00000000000000000000", Offset::new(count)).unwrap();
        let mut small = OffsetMap::new(HASH, 10);
        assert_eq!(small.put(&[1; 1000], Offset::new(0)), Ok(()));
        assert_eq!(small.put(&[2], Offset::new(1)), Err(Full));
        assert_eq!(small.put(&[1; 1000], Offset::new(2)), Ok(()));
    }
}
