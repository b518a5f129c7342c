//! XXH32 with seed 0, the checksum of LZ4 frames.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

const PRIME_1: u32 = 0x9e37_79b1;
const PRIME_2: u32 = 0x85eb_ca77;
const PRIME_3: u32 = 0xc2b2_ae3d;
const PRIME_4: u32 = 0x27d4_eb2f;
const PRIME_5: u32 = 0x1656_67b1;
const STRIPE_BYTES: usize = 16;

/// The checksum of what has been given so far.
#[derive(Clone, Debug)]
pub(super) struct Xxh32 {
    lanes: [u32; 4],
    /// What does not fill a stripe yet: the first `pending_bytes` bytes.
    pending: [u8; STRIPE_BYTES],
    pending_bytes: usize,
    total_bytes: u64,
}

impl Xxh32 {
    pub(super) const fn new() -> Self {
        Self {
            lanes: [PRIME_1.wrapping_add(PRIME_2), PRIME_2, 0, 0_u32.wrapping_sub(PRIME_1)],
            pending: [0; STRIPE_BYTES],
            pending_bytes: 0,
            total_bytes: 0,
        }
    }

    /// The checksum of `bytes` alone.
    pub(super) fn of(bytes: &[u8]) -> u32 {
        let mut whole = Self::new();
        whole.update(bytes);
        whole.finish()
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.total_bytes = self.total_bytes.wrapping_add(bytes.len() as u64);
        let mut rest = bytes;
        if self.pending_bytes > 0 {
            rest = self.fill_pending(rest);
        }
        let (stripes, tail) = rest.as_chunks::<STRIPE_BYTES>();
        for stripe in stripes {
            self.lanes = mix_stripe(self.lanes, stripe);
        }
        // Either the pending bytes were used up above, or nothing is left.
        self.fill_pending(tail);
    }

    /// Moves bytes to the pending ones until those are a stripe; returns what is left over.
    fn fill_pending<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let count = STRIPE_BYTES.saturating_sub(self.pending_bytes).min(bytes.len());
        let (moved, rest) = bytes.split_at(count);
        for (to, from) in self.pending.iter_mut().skip(self.pending_bytes).zip(moved) {
            *to = *from;
        }
        self.pending_bytes = self.pending_bytes.saturating_add(count);
        if self.pending_bytes == STRIPE_BYTES {
            self.lanes = mix_stripe(self.lanes, &self.pending);
            self.pending_bytes = 0;
        }
        rest
    }

    pub(super) fn finish(&self) -> u32 {
        let [a, b, c, d] = self.lanes;
        let mut hash = if self.total_bytes >= STRIPE_BYTES as u64 {
            let high = a.rotate_left(1).wrapping_add(b.rotate_left(7));
            high.wrapping_add(c.rotate_left(12)).wrapping_add(d.rotate_left(18))
        } else {
            PRIME_5
        };
        let [.., b0, b1, b2, b3] = self.total_bytes.to_be_bytes();
        hash = hash.wrapping_add(u32::from_be_bytes([b0, b1, b2, b3]));
        let tail = self.pending.get(..self.pending_bytes).unwrap_or_default();
        let (words, bytes) = tail.as_chunks::<4>();
        for word in words {
            hash = hash.wrapping_add(read_word(*word).wrapping_mul(PRIME_3));
            hash = hash.rotate_left(17).wrapping_mul(PRIME_4);
        }
        for byte in bytes {
            hash = hash.wrapping_add(u32::from(*byte).wrapping_mul(PRIME_5));
            hash = hash.rotate_left(11).wrapping_mul(PRIME_1);
        }
        hash = (hash ^ (hash >> 15)).wrapping_mul(PRIME_2);
        hash = (hash ^ (hash >> 13)).wrapping_mul(PRIME_3);
        hash ^ (hash >> 16)
    }
}

fn mix_stripe(lanes: [u32; 4], stripe: &[u8; STRIPE_BYTES]) -> [u32; 4] {
    let (words, _) = stripe.as_chunks::<4>();
    let mut mixed = lanes;
    for (lane, word) in mixed.iter_mut().zip(words) {
        let sum = lane.wrapping_add(read_word(*word).wrapping_mul(PRIME_2));
        *lane = sum.rotate_left(13).wrapping_mul(PRIME_1);
    }
    mixed
}

#[expect(clippy::little_endian_bytes, reason = "XXH32 reads little-endian words")]
const fn read_word(bytes: [u8; 4]) -> u32 {
    u32::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values_come_out() {
        assert_eq!(Xxh32::of(b""), 0x02cc_5d05);
        assert_eq!(Xxh32::of(b"a"), 0x550d_7456);
        assert_eq!(Xxh32::of(b"abc"), 0x32d1_53ff);
        assert_eq!(Xxh32::of(b"Nobody inspects the spammish repetition"), 0xe229_3b2f);
    }

    #[test]
    fn pieces_give_the_checksum_of_the_whole() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for piece_bytes in [1, 3, 15, 16, 17, 64, 999] {
            let mut pieces = Xxh32::new();
            bytes.chunks(piece_bytes).for_each(|piece| pieces.update(piece));
            assert_eq!(pieces.finish(), Xxh32::of(&bytes), "{piece_bytes}");
        }
    }
}
