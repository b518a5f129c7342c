//! The in-sync replicas, committed and proposed.

use std::collections::BTreeSet;

use highwater_records::NodeId;

/// The in-sync replicas as the controller committed them, and a change that is under way.
///
/// **Invariant:** the committed set is never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Isr {
    committed: BTreeSet<NodeId>,
    proposed: Option<BTreeSet<NodeId>>,
}

impl Isr {
    /// The ISR as committed by the controller.
    pub fn new(committed: BTreeSet<NodeId>) -> Self {
        assert!(!committed.is_empty(), "the controller never commits an empty ISR to a leader");
        Self { committed, proposed: None }
    }

    /// Remembers a change that was sent to the controller and may or may not be committed.
    pub fn propose(&mut self, members: BTreeSet<NodeId>) {
        self.proposed = Some(members);
    }

    /// Number of committed members; this is what `min.insync.replicas` looks at.
    pub fn committed_count(&self) -> usize {
        self.committed.len()
    }

    /// The committed members in ascending order.
    pub fn committed(&self) -> &BTreeSet<NodeId> {
        &self.committed
    }

    /// Every node that is a member if the proposal is committed *or* if it is not: the high watermark waits for all.
    pub fn maximal(&self) -> impl Iterator<Item = NodeId> + '_ {
        let added = self.proposed.iter().flatten();
        let added = added.filter(|node| !self.committed.contains(node));
        self.committed.iter().chain(added).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(ids: &[i32]) -> BTreeSet<NodeId> {
        ids.iter().map(|id| NodeId::new(*id)).collect()
    }

    #[test]
    fn maximal_isr_holds_members_leaving_and_members_joining() {
        let mut isr = Isr::new(nodes(&[1, 2]));
        isr.propose(nodes(&[1, 3]));
        assert_eq!(isr.maximal().collect::<BTreeSet<_>>(), nodes(&[1, 2, 3]));
        assert_eq!(isr.committed_count(), 2);
    }

    #[test]
    fn maximal_isr_without_a_proposal_is_the_committed_one() {
        let isr = Isr::new(nodes(&[4, 2]));
        assert_eq!(isr.maximal().collect::<BTreeSet<_>>(), *isr.committed());
    }
}
