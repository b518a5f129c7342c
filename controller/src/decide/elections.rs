//! Who leads a partition.

use highwater_records::NodeId;

use crate::image::PartitionImage;

/// The replica that should lead: the first assigned one that is alive and in the ISR, else the
/// first alive one of the ELR; [`NodeId::NONE`] when there is neither.
///
/// Source: KIP-966. Unclean elections are not here: a replica outside both sets may miss records.
pub fn elect(partition: &PartitionImage, is_alive: impl Fn(NodeId) -> bool) -> NodeId {
    let candidate = |set: &[NodeId]| {
        let mut replicas = partition.replicas.iter().copied();
        replicas.find(|node| set.contains(node) && is_alive(*node))
    };
    candidate(&partition.isr).or_else(|| candidate(&partition.elr)).unwrap_or(NodeId::NONE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::partition;

    #[test]
    fn isr_goes_before_elr_and_assignment_order_decides() {
        let node = NodeId::new;
        let mut state = partition(&[1, 2, 3]);
        state.isr = vec![node(3), node(2)];
        state.elr = vec![node(1)];
        assert_eq!(elect(&state, |_| true), node(2));
        assert_eq!(elect(&state, |alive| alive != node(2)), node(3));
        assert_eq!(elect(&state, |alive| alive == node(1)), node(1));
        state.elr.clear();
        assert_eq!(elect(&state, |alive| alive == node(1)), NodeId::NONE);
    }
}
