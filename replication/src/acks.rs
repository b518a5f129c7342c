//! How much an append waits for, and what counts as stored.

use highwater_records::Offset;

/// What a producer asked to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// `acks=0`: no answer at all.
    None,
    /// `acks=1`: the leader has appended.
    Leader,
    /// `acks=all` (-1): the high watermark has passed the batch.
    All,
}

impl Acks {
    /// Reads the field of a Produce request; other numbers are `INVALID_REQUIRED_ACKS`.
    pub fn from_wire(acks: i16) -> Option<Self> {
        match acks {
            0 => Some(Self::None),
            1 => Some(Self::Leader),
            -1 => Some(Self::All),
            _ => None,
        }
    }

    /// Says what the answer to an append that ends at `end` (exclusive) has to wait for.
    pub fn wait_for(self, end: Offset) -> WaitFor {
        match self {
            Self::None | Self::Leader => WaitFor::LocalAppend,
            Self::All => WaitFor::HighWatermark { at_least: end },
        }
    }
}

/// The event that completes an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitFor {
    /// The append itself.
    LocalAppend,
    /// The high watermark at or above an offset (exclusive end of the batch).
    HighWatermark {
        /// First high watermark at which the append is committed.
        at_least: Offset,
    },
}

/// `highwater.durability`: which end offset of a replica counts for the high watermark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The synced end offset: what survives a power loss.
    #[default]
    Fsync,
    /// The log end offset: Kafka's own default, what is in the page cache.
    Os,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acks_other_than_minus_one_zero_one_are_unknown() {
        let known: Vec<i16> =
            (i16::MIN..=i16::MAX).filter(|acks| Acks::from_wire(*acks).is_some()).collect();
        assert_eq!(known, [-1, 0, 1]);
    }

    #[test]
    fn acks_all_waits_for_the_exclusive_end() {
        let end = Offset::new(7);
        assert_eq!(Acks::All.wait_for(end), WaitFor::HighWatermark { at_least: end });
        assert_eq!(Acks::Leader.wait_for(end), WaitFor::LocalAppend);
    }
}
