//! Who: producers and their sequences, nodes, topics and log directories by id.

use std::{fmt, str};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A producer as the cluster knows it (KIP-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerId(i64);

impl ProducerId {
    /// "No producer id": the batch is not idempotent.
    pub const NONE: Self = Self(-1);

    /// Any value; negative ones mean "none" to Kafka.
    #[must_use]
    pub const fn new(value: i64) -> Self {
        Self(value)
    }

    /// The number on the wire and on disk.
    #[must_use]
    pub const fn value(self) -> i64 {
        self.0
    }

    /// Whether this names no producer.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 < 0
    }
}

impl Default for ProducerId {
    fn default() -> Self {
        Self::NONE
    }
}

impl fmt::Display for ProducerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Position of a record in what one producer sent to one partition.
///
/// Not ordered: after `i32::MAX` comes 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sequence(i32);

impl Sequence {
    /// "No sequence": the batch is not idempotent, or a coordinator wrote it.
    pub const NONE: Self = Self(-1);
    /// The sequence of a producer's first record in a partition.
    pub const ZERO: Self = Self(0);

    /// Any value; negative ones mean "none" to Kafka.
    #[must_use]
    pub const fn new(value: i32) -> Self {
        Self(value)
    }

    /// The number on the wire and on disk.
    #[must_use]
    pub const fn value(self) -> i32 {
        self.0
    }

    /// Whether this is no sequence.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 < 0
    }

    /// The sequence of the record that comes `count` records after this one: after `i32::MAX`
    /// comes 0. Nothing comes after [`Sequence::NONE`].
    ///
    /// # Panics
    /// If `count` is negative.
    #[must_use]
    pub fn next_after(self, count: i32) -> Self {
        assert!(count >= 0, "sequences only go forward: {count}");
        if self.is_none() {
            return Self::NONE;
        }
        // Both are at most 2^31 - 1, so the sum fits 32 bits without a sign.
        let sum = self.0.cast_unsigned().wrapping_add(count.cast_unsigned());
        Self((sum & i32::MAX.cast_unsigned()).cast_signed())
    }
}

impl Default for Sequence {
    fn default() -> Self {
        Self::NONE
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A broker or controller of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(i32);

impl NodeId {
    /// "No node": for example a partition without leader.
    pub const NONE: Self = Self(-1);

    /// Any value; negative ones mean "none", or a kind of consumer, to Kafka.
    #[must_use]
    pub const fn new(value: i32) -> Self {
        Self(value)
    }

    /// The number on the wire and on disk.
    #[must_use]
    pub const fn value(self) -> i32 {
        self.0
    }

    /// Whether this names no node.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 < 0
    }
}

impl Default for NodeId {
    fn default() -> Self {
        Self::NONE
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The id of a topic, a log directory or a cluster, written as URL-safe base64 without padding.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid([u8; 16]);

impl Uuid {
    /// "No id".
    pub const ZERO: Self = Self([0; 16]);
    /// The id Kafka reserves: the metadata topic, and an unassigned log directory.
    pub const ONE: Self = Self([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

    /// An id from its 16 bytes as they stand on the wire.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// A version 4 id out of 128 random bits.
    ///
    /// Ask [`Uuid::is_acceptable`] before use, and draw again if it says no.
    #[must_use]
    pub const fn from_random(bits: u128) -> Self {
        const VERSION: u128 = 0xf << 76;
        const VERSION_4: u128 = 0x4 << 76;
        const VARIANT: u128 = 0b11 << 62;
        const VARIANT_RFC: u128 = 0b10 << 62;
        Self(((bits & !(VERSION | VARIANT)) | VERSION_4 | VARIANT_RFC).to_be_bytes())
    }

    /// The 16 bytes as they stand on the wire.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// Whether this is [`Uuid::ZERO`].
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    /// Whether Kafka would hand this id out: not reserved, and its text does not begin with `-`,
    /// which command lines take for an option.
    #[must_use]
    pub fn is_acceptable(self) -> bool {
        // The first of 22 characters shows the top six bits; `-` stands for 62.
        let [first, ..] = self.0;
        self != Self::ZERO && self != Self::ONE && first >> 2 != 62
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uuid({self})")
    }
}

/// A text that is not a [`Uuid`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of 16 bytes in URL-safe base64 without padding: {text:?}")]
pub struct UuidError {
    /// What was read.
    pub text: String,
}

impl str::FromStr for Uuid {
    type Err = UuidError;

    fn from_str(text: &str) -> Result<Self, UuidError> {
        let refused = || UuidError { text: text.chars().take(64).collect() };
        let mut bytes = [0; 16];
        // The buffer is as long as an id, so a longer text does not fit.
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(16) => Ok(Self(bytes)),
            Ok(_) | Err(_) => Err(refused()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_after_the_last_continues_at_zero() {
        assert_eq!(Sequence::new(5).next_after(3), Sequence::new(8));
        assert_eq!(Sequence::new(i32::MAX).next_after(1), Sequence::ZERO);
        assert_eq!(Sequence::new(i32::MAX - 1).next_after(4), Sequence::new(2));
        assert_eq!(Sequence::new(i32::MAX).next_after(i32::MAX), Sequence::new(i32::MAX - 1));
        assert_eq!(Sequence::NONE.next_after(7), Sequence::NONE);
    }

    #[test]
    fn uuid_text_is_that_of_kafka() {
        assert_eq!(Uuid::ZERO.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(Uuid::ONE.to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
        let id: Uuid = "_-8AAAAAAAAAAAAAAAAAAA".parse().unwrap();
        assert_eq!(id.to_bytes()[..2], [0xff, 0xef]);
    }

    #[test]
    fn uuid_of_wrong_length_or_alphabet_is_refused() {
        for text in [
            "",
            "AAAA",
            "AAAAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAA==",
            "AAAAAAAAAAAAAAAAAAAAA+",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert!(text.parse::<Uuid>().is_err(), "{text}");
        }
    }

    #[test]
    fn random_uuid_has_version_4_and_reads_back() {
        for bits in [0, u128::MAX, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef] {
            let id = Uuid::from_random(bits);
            assert_eq!(id.to_bytes()[6] >> 4, 4);
            assert_eq!(id.to_bytes()[8] >> 6, 2);
            assert_eq!(id.to_string().parse::<Uuid>().unwrap(), id);
        }
    }

    #[test]
    fn uuid_whose_text_begins_with_a_dash_is_not_acceptable() {
        for first in 0..=u8::MAX {
            let mut bytes = [7; 16];
            bytes[0] = first;
            let id = Uuid::from_bytes(bytes);
            assert_eq!(id.is_acceptable(), !id.to_string().starts_with('-'), "{id}");
        }
        assert!(!Uuid::ZERO.is_acceptable());
        assert!(!Uuid::ONE.is_acceptable());
    }
}
