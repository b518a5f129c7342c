//! Offsets of one group: committed, and pending in open transactions.

/// Offsets of one group.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct GroupOffsets {}

impl GroupOffsets {
    pub(crate) fn is_empty(&self) -> bool {
        true
    }
}
