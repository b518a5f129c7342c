//! Terms: of a partition leader, and of a producer.

use std::fmt;

/// Term of a partition's leader; each new leader has a greater one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaderEpoch(i32);

impl LeaderEpoch {
    /// "No epoch": in a batch that no leader has stamped, and from clients that do not know.
    pub const NONE: Self = Self(-1);
    /// The epoch of a partition's first leader.
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

    /// Whether this names no epoch.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 < 0
    }

    /// The epoch as an option: what comes from the wire, without its "none" value.
    #[must_use]
    pub const fn known(self) -> Option<Self> {
        if self.is_none() { None } else { Some(self) }
    }

    /// The epoch of the next leader.
    ///
    /// # Panics
    /// After 2^31 elections of one partition.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("a partition has fewer than 2^31 elections"))
    }
}

impl Default for LeaderEpoch {
    fn default() -> Self {
        Self::NONE
    }
}

impl fmt::Display for LeaderEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Term of a producer id; a greater one fences the producer that held the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerEpoch(i16);

impl ProducerEpoch {
    /// "No epoch": the batch has no producer id either.
    pub const NONE: Self = Self(-1);
    /// The epoch that a new producer id begins with.
    pub const ZERO: Self = Self(0);

    /// Any value; negative ones mean "none" to Kafka.
    #[must_use]
    pub const fn new(value: i16) -> Self {
        Self(value)
    }

    /// The number on the wire and on disk.
    #[must_use]
    pub const fn value(self) -> i16 {
        self.0
    }

    /// Whether this names no epoch.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 < 0
    }
}

impl Default for ProducerEpoch {
    fn default() -> Self {
        Self::NONE
    }
}

impl fmt::Display for ProducerEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_is_below_every_real_epoch_and_is_not_known() {
        assert!(LeaderEpoch::NONE < LeaderEpoch::ZERO);
        assert_eq!(LeaderEpoch::default().known(), None);
        assert_eq!(LeaderEpoch::new(7).known(), Some(LeaderEpoch::new(7)));
        assert!(ProducerEpoch::default().is_none());
        assert!(!ProducerEpoch::ZERO.is_none());
    }
}
