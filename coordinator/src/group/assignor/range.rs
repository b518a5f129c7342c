//! `range`: each topic is cut into one range for each of its members.

use super::{Partitions, Spec};

/// Cuts each topic into ranges, the longer ones first.
///
/// Static members come first, in order of their instance ids, since they alone come back under the
/// same name; so a dynamic member that comes or goes moves fewer of their partitions.
pub(super) fn assign(spec: &Spec<'_>) -> Vec<Partitions> {
    let mut targets = vec![Partitions::default(); spec.members.len()];
    let order = members_in_order(spec);
    for (&topic_id, &partition_count) in &spec.topics {
        let subscribers: Vec<usize> = order
            .iter()
            .copied()
            .filter(|&member| {
                spec.subscriptions[spec.members[member].subscription].contains(&topic_id)
            })
            .collect();
        let partition_count = usize::try_from(partition_count).unwrap_or(0);
        let mut next = 0_i32;
        for (place, &member) in subscribers.iter().enumerate() {
            let longer = usize::from(place < partition_count % subscribers.len());
            for _ in 0..partition_count / subscribers.len() + longer {
                targets[member].insert(topic_id, next);
                next += 1;
            }
        }
    }
    targets
}

fn members_in_order(spec: &Spec<'_>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..spec.members.len()).collect();
    order.sort_by_key(|&member| {
        let member = &spec.members[member];
        (member.instance_id.is_none(), member.instance_id, member.member_id)
    });
    order
}
