//! The position of a record in its partition.

use std::fmt;

/// Position of a record in one partition; the first record ever written has offset 0.
///
/// Ranges of offsets are half-open. Answers that mean "no offset" are `-1` on the wire and
/// `Option<Offset>` in code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(i64);

impl Offset {
    /// The offset of the first record of a partition.
    pub const ZERO: Self = Self(0);

    /// Any value: a client may ask for a negative offset, and the log then refuses it.
    #[must_use]
    pub const fn new(value: i64) -> Self {
        Self(value)
    }

    /// The number on the wire and on disk.
    #[must_use]
    pub const fn value(self) -> i64 {
        self.0
    }

    /// The offset after this one.
    ///
    /// # Panics
    /// At the last possible offset; no log of ours gets there.
    #[must_use]
    pub fn next(self) -> Self {
        self.plus(1)
    }

    /// The offset `count` further on (or back, if negative).
    ///
    /// # Panics
    /// On overflow, which only a bug of ours can cause; for foreign numbers there is
    /// [`Offset::checked_plus`].
    #[must_use]
    pub fn plus(self, count: i64) -> Self {
        self.checked_plus(count).expect("offsets of a log stay far below 2^63")
    }

    /// The offset `count` further on, or `None` if there is no such offset.
    #[must_use]
    pub fn checked_plus(self, count: i64) -> Option<Self> {
        self.0.checked_add(count).map(Self)
    }

    /// How many offsets lie from `earlier` (inclusive) to `self` (exclusive); negative if `self`
    /// is the earlier one.
    ///
    /// # Panics
    /// On overflow, which only a bug of ours can cause; for foreign numbers there is
    /// [`Offset::checked_distance_from`].
    #[must_use]
    pub fn distance_from(self, earlier: Self) -> i64 {
        self.checked_distance_from(earlier).expect("offsets of a log stay far below 2^63")
    }

    /// As [`Offset::distance_from`], or `None` if the distance does not fit.
    #[must_use]
    pub fn checked_distance_from(self, earlier: Self) -> Option<i64> {
        self.0.checked_sub(earlier.0)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_the_offsets_between() {
        let earlier = Offset::new(40);
        assert_eq!(earlier.plus(2).distance_from(earlier), 2);
        assert_eq!(earlier.distance_from(earlier.plus(2)), -2);
        assert_eq!(earlier.next(), Offset::new(41));
    }

    #[test]
    fn arithmetic_past_the_last_offset_is_refused_not_wrapped() {
        assert_eq!(Offset::new(i64::MAX).checked_plus(1), None);
        assert_eq!(Offset::new(i64::MIN).checked_distance_from(Offset::new(1)), None);
    }

    #[test]
    #[should_panic(expected = "far below")]
    fn next_of_the_last_offset_panics() {
        let _offset = Offset::new(i64::MAX).next();
    }
}
