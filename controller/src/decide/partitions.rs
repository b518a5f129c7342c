//! More partitions for a topic.

use std::collections::BTreeMap;

use highwater_records::NodeId;

use super::placement::{PartitionMaker, Placement, check_assignment};
use super::{Controller, Decision, RandomBits};
use crate::MetadataImage;
use crate::image::TopicImage;
use crate::record::MetadataRecord;
use crate::refusal::{AssignmentError, Refusal};

/// How many partitions a topic shall have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewPartitions {
    pub name: String,
    /// All partitions, old and new.
    pub count: i32,
    /// Replicas of the new ones; `None`: the controller chooses.
    pub assignments: Option<Vec<Vec<NodeId>>>,
}

/// Adds partitions; the answer has one entry for each name, in the order they first appear.
pub fn create_partitions(
    image: &MetadataImage,
    controller: &Controller<'_>,
    topics: &[NewPartitions],
    validate_only: bool,
    random: &mut RandomBits<'_>,
) -> Decision<Vec<(String, Result<(), Refusal>)>> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for topic in topics {
        *counts.entry(&topic.name).or_default() += 1;
    }
    let mut maker = PartitionMaker::new(image, controller.full_directories);
    let mut records = Vec::new();
    let mut answer = Vec::new();
    for wanted in topics {
        let result = match counts.remove(wanted.name.as_str()) {
            None => continue,
            Some(1) => grow(image, controller, wanted, &mut maker, random),
            Some(_) => Err(Refusal::DuplicateTopic { name: wanted.name.clone() }),
        };
        let result = result.map(|new| records.extend(new));
        answer.push((wanted.name.clone(), result));
    }
    if validate_only {
        records.clear();
    }
    Decision { records, answer }
}

fn grow(
    image: &MetadataImage,
    controller: &Controller<'_>,
    wanted: &NewPartitions,
    maker: &mut PartitionMaker<'_>,
    random: &mut RandomBits<'_>,
) -> Result<Vec<MetadataRecord>, Refusal> {
    let topic = image
        .topics()
        .get(&wanted.name)
        .ok_or_else(|| Refusal::UnknownTopic { name: wanted.name.clone() })?;
    let current = topic.partitions.len();
    let count = usize::try_from(wanted.count).unwrap_or(0);
    if count <= current {
        let name = topic.name.clone();
        return Err(Refusal::PartitionsMustGrow { name, current, count: wanted.count });
    }
    let limit = controller.partitions_max(image);
    let brokers = image.alive_brokers().count().max(1);
    if count - current > limit.saturating_mul(brokers) {
        return Err(Refusal::TooManyPartitions { node: controller.node, count, limit });
    }
    let assignments = match &wanted.assignments {
        Some(assignments) => explicit(image, topic, count, assignments)?,
        None => {
            let factor = topic.partitions.first().map_or(1, |first| first.replicas.len());
            let factor = i16::try_from(factor).unwrap_or(i16::MAX);
            let placement = Placement::new(image, random());
            (current..count)
                .map(|partition| placement.replicas(partition, factor))
                .collect::<Result<_, _>>()?
        }
    };
    maker.reserve(&assignments, limit)?;
    let first = i32::try_from(current).unwrap_or(i32::MAX);
    let numbered = (first..).zip(&assignments);
    let make = |(partition, replicas): (i32, &Vec<NodeId>)| MetadataRecord::Partition {
        topic_id: topic.id,
        partition,
        state: maker.make(replicas),
    };
    Ok(numbered.map(make).collect())
}

fn explicit(
    image: &MetadataImage,
    topic: &TopicImage,
    count: usize,
    assignments: &[Vec<NodeId>],
) -> Result<Vec<Vec<NodeId>>, Refusal> {
    let current = topic.partitions.len();
    let expected = count - current;
    if assignments.len() != expected {
        return Err(Refusal::AssignmentCount { expected, found: assignments.len() });
    }
    let factor = topic.partitions.first().map_or(0, |first| first.replicas.len());
    let first = i32::try_from(current).unwrap_or(i32::MAX);
    for (partition, replicas) in (first..).zip(assignments) {
        let wrong = |reason: AssignmentError| Refusal::Assignment { reason };
        check_assignment(image, partition, replicas, factor).map_err(wrong)?;
    }
    Ok(assignments.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigMap;
    use crate::fixture::{apply, broker, image_with, with_topic};

    fn nodes(ids: &[i32]) -> Vec<NodeId> {
        ids.iter().copied().map(NodeId::new).collect()
    }

    fn check(wanted: &[NewPartitions], expected: &[Result<usize, &str>]) {
        let mut image = image_with(&[broker(1), broker(2)]);
        with_topic(&mut image, "t", 3, 2);
        let file = ConfigMap::from([("highwater.partitions.max".to_owned(), "10".to_owned())]);
        let controller = Controller { node: NodeId::new(1), file: &file, full_directories: &[] };
        let decision = create_partitions(&image, &controller, wanted, false, &mut || 5);
        apply(&mut image, &decision.records);
        let count = |name: &str| image.topics().get(name).unwrap().partitions.len();
        assert_eq!(decision.answer.len(), expected.len());
        for ((name, result), expected) in decision.answer.iter().zip(expected) {
            match (result, expected) {
                (Ok(()), Ok(partitions)) => assert_eq!(count(name), *partitions),
                (Err(refusal), Err(part)) => {
                    assert!(refusal.to_string().contains(part), "{refusal}");
                }
                (result, expected) => panic!("{result:?} instead of {expected:?}"),
            }
        }
        let dry = create_partitions(&image, &controller, wanted, true, &mut || 5);
        assert!(dry.records.is_empty());
    }

    fn to(count: i32, assignments: Option<Vec<Vec<NodeId>>>) -> NewPartitions {
        NewPartitions { name: "t".to_owned(), count, assignments }
    }

    #[test]
    fn partition_count_grows_and_never_shrinks() {
        check(&[to(5, None)], &[Ok(5)]);
        check(&[to(3, None)], &[Err("can only grow")]);
        check(&[to(0, None)], &[Err("can only grow")]);
        check(&[to(-5, None)], &[Err("can only grow")]);
        check(&[to(4, None), to(5, None)], &[Err("stands twice")]);
        check(&[to(11, None)], &[Err("highwater.partitions.max allows 10")]);
        check(&[to(i32::MAX, None)], &[Err("highwater.partitions.max allows 10")]);
        let unknown = NewPartitions { name: "x".to_owned(), count: 9, assignments: None };
        check(&[unknown], &[Err("does not exist")]);
    }

    #[test]
    fn explicit_replicas_are_checked() {
        check(&[to(5, Some(vec![nodes(&[1, 2]), nodes(&[2, 1])]))], &[Ok(5)]);
        check(&[to(5, Some(vec![nodes(&[1, 2])]))], &[Err("1 assignments for 2 new")]);
        check(&[to(4, Some(vec![nodes(&[1])]))], &[Err("the others have 2")]);
        check(&[to(4, Some(vec![nodes(&[1, 1])]))], &[Err("names broker 1 twice")]);
        check(&[to(4, Some(vec![nodes(&[1, 7])]))], &[Err("broker 7, which is not registered")]);
        check(&[to(4, Some(vec![vec![]]))], &[Err("has no replicas")]);
    }
}
