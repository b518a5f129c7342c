//! How far a replica is, and what of it counts.

use highwater_records::Offset;

use crate::Durability;

/// How far one replica's log is; for a follower, what it reported with its last fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Log end offset (exclusive).
    pub end: Offset,
    /// Synced end offset (exclusive): what survives a power loss.
    pub synced: Offset,
    /// Everything below has been compacted; removal of tombstones waits for the least of all replicas.
    pub compacted: Offset,
}

impl Progress {
    /// The end offset (exclusive) of what counts for the high watermark.
    pub fn counted_end(&self, durability: Durability) -> Offset {
        match durability {
            Durability::Os => self.end,
            // A follower that reports more synced than it has is not believed.
            Durability::Fsync => self.synced.min(self.end),
        }
    }
}

/// The least counted end over the members of the maximal ISR; `None` if one of them has not been heard of.
///
/// Shapes: one item per member of the maximal ISR, the leader included.
pub(crate) fn least_counted_end(
    members: impl Iterator<Item = Option<Progress>>,
    durability: Durability,
) -> Option<Offset> {
    let mut least: Option<Offset> = None;
    for member in members {
        let counted = member?.counted_end(durability);
        least = Some(least.map_or(counted, |least| least.min(counted)));
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(end: i64, synced: i64) -> Option<Progress> {
        Some(Progress {
            end: Offset::new(end),
            synced: Offset::new(synced),
            compacted: Offset::ZERO,
        })
    }

    #[test]
    fn least_counted_end_depends_on_durability() {
        let members = [progress(10, 4), progress(8, 6)];
        let least = |durability| least_counted_end(members.into_iter(), durability);
        assert_eq!(least(Durability::Os), Some(Offset::new(8)));
        assert_eq!(least(Durability::Fsync), Some(Offset::new(4)));
    }

    #[test]
    fn least_counted_end_with_an_unheard_member_is_unknown() {
        let members = [progress(10, 4), None];
        assert_eq!(least_counted_end(members.into_iter(), Durability::Os), None);
    }

    #[test]
    fn synced_end_above_the_log_end_is_not_believed() {
        let members = [progress(3, 9)];
        assert_eq!(least_counted_end(members.into_iter(), Durability::Fsync), Some(Offset::new(3)));
    }
}
