//! Which brokers get the replicas of a new partition.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use highwater_records::{LeaderEpoch, NodeId, Uuid};

use crate::MetadataImage;
use crate::image::{BrokerImage, PartitionEpoch, PartitionImage};
use crate::refusal::{AssignmentError, Refusal};

/// Chooses replicas so that leaders and followers are spread over brokers, and the replicas of one
/// partition over racks.
pub(super) struct Placement<'a> {
    /// Alive brokers, neighbours in different racks as far as possible.
    brokers: Vec<&'a BrokerImage>,
    start: usize,
}

impl<'a> Placement<'a> {
    /// `random` decides where to begin, so that partition 0 of every topic is not on one broker.
    pub(super) fn new(image: &'a MetadataImage, random: u128) -> Self {
        let mut racks: BTreeMap<Option<&str>, VecDeque<&BrokerImage>> = BTreeMap::new();
        for broker in image.alive_brokers() {
            racks.entry(broker.rack.as_deref()).or_default().push_back(broker);
        }
        let mut brokers = Vec::new();
        while !racks.is_empty() {
            racks.retain(|_rack, waiting| {
                brokers.extend(waiting.pop_front());
                !waiting.is_empty()
            });
        }
        let count = brokers.len().max(1);
        let start = usize::try_from(random % count as u128).unwrap_or(0);
        Self { brokers, start }
    }

    /// Replicas for partition number `partition`.
    pub(super) fn replicas(&self, partition: usize, factor: i16) -> Result<Vec<NodeId>, Refusal> {
        let alive = self.brokers.len();
        let wanted = usize::try_from(factor).unwrap_or(0);
        if wanted > alive {
            return Err(Refusal::TooFewBrokers { factor, alive });
        }
        // The followers begin one further on with every round, so that they are not always the
        // leader's neighbours.
        let leader = self.brokers[(self.start + partition) % alive];
        let shift = 1 + (partition / alive) % (alive - 1).max(1);
        let others: Vec<&BrokerImage> = (0..alive)
            .map(|step| self.brokers[(self.start + partition + shift + step) % alive])
            .filter(|broker| broker.node != leader.node)
            .collect();
        let mut chosen = vec![leader];
        let mut racks = BTreeSet::from([leader.rack.as_deref()]);
        while chosen.len() < wanted {
            let is_free = |broker: &&&BrokerImage| chosen.iter().all(|c| c.node != broker.node);
            let other_rack = others
                .iter()
                .find(|broker| is_free(broker) && !racks.contains(&broker.rack.as_deref()));
            let next = other_rack.or_else(|| others.iter().find(is_free));
            let next = *next.expect("there are at least as many brokers as replicas wanted");
            racks.insert(next.rack.as_deref());
            chosen.push(next);
        }
        Ok(chosen.into_iter().map(|broker| broker.node).collect())
    }
}

/// Checks replicas that a client chose.
pub(super) fn check_assignment(
    image: &MetadataImage,
    partition: i32,
    replicas: &[NodeId],
    expected: usize,
) -> Result<(), AssignmentError> {
    if replicas.is_empty() {
        return Err(AssignmentError::Empty { partition });
    }
    for (at, node) in replicas.iter().enumerate() {
        if replicas.iter().take(at).any(|earlier| earlier == node) {
            return Err(AssignmentError::DuplicateReplica { partition, node: *node });
        }
        if image.broker(*node).is_none() {
            return Err(AssignmentError::UnknownBroker { partition, node: *node });
        }
    }
    if replicas.len() != expected {
        let found = replicas.len();
        return Err(AssignmentError::UnequalCounts { partition, expected, found });
    }
    if !replicas.iter().any(|node| image.is_alive(*node)) {
        return Err(AssignmentError::AllFenced { partition });
    }
    Ok(())
}

/// Makes new partitions: chooses the directories and counts what the brokers already have.
pub(super) struct PartitionMaker<'a> {
    image: &'a MetadataImage,
    full_directories: &'a [Uuid],
    replica_counts: BTreeMap<NodeId, usize>,
    directory_counts: BTreeMap<Uuid, usize>,
}

impl<'a> PartitionMaker<'a> {
    pub(super) fn new(image: &'a MetadataImage, full_directories: &'a [Uuid]) -> Self {
        let mut directory_counts = BTreeMap::new();
        let several = image.brokers().any(|broker| broker.directories.len() > 1);
        if several {
            let partitions = image.topics().iter().flat_map(|topic| &topic.partitions);
            for directory in partitions.flat_map(|partition| &partition.directories) {
                *directory_counts.entry(*directory).or_default() += 1;
            }
        }
        Self { image, full_directories, replica_counts: BTreeMap::new(), directory_counts }
    }

    /// Refuses a topic whose replicas would take a broker above its limit; counts them if not.
    pub(super) fn reserve(
        &mut self,
        assignments: &[Vec<NodeId>],
        limit: usize,
    ) -> Result<(), Refusal> {
        let mut counts = self.replica_counts.clone();
        for node in assignments.iter().flatten() {
            let existing = self.image.topics().replica_count(*node);
            let count = counts.entry(*node).or_insert(existing);
            *count += 1;
            if *count > limit {
                return Err(Refusal::TooManyPartitions { node: *node, count: *count, limit });
            }
        }
        self.replica_counts = counts;
        Ok(())
    }

    /// A partition that starts its life: everyone alive is in sync, the first of them leads.
    pub(super) fn make(&mut self, replicas: &[NodeId]) -> PartitionImage {
        let directories = replicas.iter().map(|node| self.directory(*node)).collect();
        let alive = replicas.iter().copied().filter(|node| self.image.is_alive(*node));
        let isr: Vec<NodeId> = alive.collect();
        let leader = isr.first().copied().unwrap_or(NodeId::NONE);
        PartitionImage {
            replicas: replicas.to_vec(),
            directories,
            isr,
            elr: Vec::new(),
            last_known_elr: Vec::new(),
            leader,
            leader_epoch: LeaderEpoch::new(0),
            partition_epoch: PartitionEpoch::new(0),
            adding: Vec::new(),
            removing: Vec::new(),
        }
    }

    /// The directory of the broker with the fewest replicas, among those with room if there are any; zero if it has named none.
    fn directory(&mut self, node: NodeId) -> Uuid {
        let directories = self.image.broker(node).map_or(&[][..], |broker| &broker.directories);
        let count = |directory: &Uuid| self.directory_counts.get(directory).copied().unwrap_or(0);
        let rank = |directory: &Uuid| (self.full_directories.contains(directory), count(directory));
        let Some(chosen) = directories.iter().copied().min_by_key(rank) else {
            return Uuid::ZERO;
        };
        if directories.len() > 1 {
            *self.directory_counts.entry(chosen).or_default() += 1;
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{broker, image_with};

    #[test]
    fn replicas_are_distinct_and_spread_evenly() {
        let brokers: Vec<_> = (1..=5).map(broker).collect();
        let image = image_with(&brokers);
        let placement = Placement::new(&image, 3);
        let mut leaders: BTreeMap<NodeId, usize> = BTreeMap::new();
        let mut replicas: BTreeMap<NodeId, usize> = BTreeMap::new();
        for partition in 0..100 {
            let chosen = placement.replicas(partition, 3).unwrap();
            assert_eq!(chosen.iter().collect::<BTreeSet<_>>().len(), 3, "{chosen:?}");
            *leaders.entry(chosen[0]).or_default() += 1;
            chosen.iter().for_each(|node| *replicas.entry(*node).or_default() += 1);
        }
        assert!(leaders.values().all(|count| *count == 20), "{leaders:?}");
        assert!(replicas.values().all(|count| (50..=70).contains(count)), "{replicas:?}");
    }

    #[test]
    fn replicas_of_a_partition_are_in_different_racks() {
        let brokers: Vec<_> = (1..=6)
            .map(|node| {
                let mut broker = broker(node);
                broker.rack = Some(format!("rack-{}", node % 3));
                broker
            })
            .collect();
        let image = image_with(&brokers);
        let placement = Placement::new(&image, 1);
        for partition in 0..60 {
            let chosen = placement.replicas(partition, 3).unwrap();
            let racks: BTreeSet<_> =
                chosen.iter().map(|node| image.broker(*node).unwrap().rack.clone()).collect();
            assert_eq!(racks.len(), 3, "{chosen:?}");
        }
    }

    #[test]
    fn more_replicas_than_brokers_alive_is_refused() {
        let mut fenced = broker(2);
        fenced.is_fenced = true;
        let image = image_with(&[broker(1), fenced]);
        let refused = Placement::new(&image, 0).replicas(0, 2).unwrap_err();
        assert_eq!(refused, Refusal::TooFewBrokers { factor: 2, alive: 1 });
        let nobody = MetadataImage::default();
        let refused = Placement::new(&nobody, 0).replicas(0, 1).unwrap_err();
        assert_eq!(refused, Refusal::TooFewBrokers { factor: 1, alive: 0 });
    }

    #[test]
    fn partitions_go_to_the_emptiest_directory() {
        let mut two = broker(1);
        two.directories = vec![Uuid::from_random(1), Uuid::from_random(2)];
        let image = image_with(&[two.clone()]);
        let mut maker = PartitionMaker::new(&image, &[]);
        let made: Vec<Uuid> =
            (0..4).map(|_| maker.make(&[NodeId::new(1)]).directories[0]).collect();
        for directory in &two.directories {
            assert_eq!(made.iter().filter(|chosen| *chosen == directory).count(), 2);
        }
    }
}
