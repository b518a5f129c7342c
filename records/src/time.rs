//! Time as a value: nothing here reads a clock.

use std::fmt;
use std::time::Duration;

/// Milliseconds since 1970-01-01 UTC, as records carry them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// "No time": a record whose producer gave none.
    pub const NONE: Self = Self(-1);

    /// Any value in milliseconds; -1 means "none".
    #[must_use]
    pub const fn new(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn value(self) -> i64 {
        self.0
    }

    /// Whether this is [`Timestamp::NONE`]; other negative values are times before 1970.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == -1
    }

    /// This time moved by so many milliseconds, or the nearest time that can be said.
    #[must_use]
    pub const fn saturating_plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to `self`, negative if `self` is the earlier one; at the ends
    /// of the range the nearest number that can be said.
    #[must_use]
    pub const fn saturating_ms_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Default for Timestamp {
    fn default() -> Self {
        Self::NONE
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Time since the process started; it never jumps, so deadlines and leases are made of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monotonic(Duration);

impl Monotonic {
    /// The start of the process.
    pub const ZERO: Self = Self(Duration::ZERO);
    /// A deadline that never comes.
    pub const MAX: Self = Self(Duration::MAX);

    /// The moment so long after the start.
    #[must_use]
    pub const fn new(since_start: Duration) -> Self {
        Self(since_start)
    }

    /// Time since the start.
    #[must_use]
    pub const fn value(self) -> Duration {
        self.0
    }

    /// The moment `duration` later; too far ahead is [`Monotonic::MAX`].
    #[must_use]
    pub const fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }

    /// How long after `earlier` this is; zero if it is not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// The time a machine is told: one clock that never jumps and one that people read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For deadlines, leases and sessions.
    pub monotonic: Monotonic,
    /// For record times and retention.
    pub wall: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_at_the_ends_of_their_range_do_not_wrap() {
        let last = Timestamp::new(i64::MAX);
        assert_eq!(last.saturating_plus_ms(1), last);
        assert_eq!(last.saturating_ms_since(Timestamp::new(i64::MIN)), i64::MAX);
        assert_eq!(Timestamp::new(7).saturating_ms_since(Timestamp::new(9)), -2);
    }

    #[test]
    fn only_minus_one_means_no_time() {
        assert!(Timestamp::NONE.is_none());
        assert!(!Timestamp::new(-2).is_none());
    }

    #[test]
    fn deadline_past_the_end_of_time_never_comes() {
        assert_eq!(Monotonic::new(Duration::from_secs(1)).plus(Duration::MAX), Monotonic::MAX);
        assert_eq!(Monotonic::ZERO.since(Monotonic::MAX), Duration::ZERO);
    }
}
