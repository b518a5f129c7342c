//! The only function that changes an image.

use std::collections::BTreeSet;
use std::sync::Arc;

use highwater_records::{LeaderEpoch, NodeId, TopicName, Uuid};

use crate::image::{ConfigResource, MetadataImage, PartitionImage, TopicImage};
use crate::record::{MetadataRecord, PartitionChange};

/// A record that does not fit the image: the metadata log is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    #[error("the record names the cluster {found}, but this log is of the cluster {expected}")]
    OtherCluster { expected: String, found: String },
    #[error("topic {name} ({id}) is created, but its name or its id is taken")]
    TopicExists { name: TopicName, id: Uuid },
    #[error("there is no topic with the id {id}")]
    UnknownTopic { id: Uuid },
    #[error("topic {id} has no partition {partition}")]
    UnknownPartition { id: Uuid, partition: i32 },
    #[error("partition {partition} of topic {id} leaves a hole")]
    PartitionHole { id: Uuid, partition: i32 },
    #[error("partition {partition} of topic {id} contradicts itself")]
    InconsistentPartition { id: Uuid, partition: i32 },
    #[error("there is no broker {node}")]
    UnknownBroker { node: NodeId },
    #[error("producer ids go back from {from} to {to}")]
    ProducerIdsGoBack { from: i64, to: i64 },
}

/// Applies one committed record.
///
/// Errors: the record does not fit; the image is as it was.
pub fn replay(image: &mut MetadataImage, record: &MetadataRecord) -> Result<(), ReplayError> {
    match record {
        MetadataRecord::Cluster { cluster_id } => return cluster(image, cluster_id),
        MetadataRecord::FeatureLevel { name, level: 0 } => drop(image.features.remove(name)),
        MetadataRecord::FeatureLevel { name, level } => {
            image.features.insert(name.clone(), *level);
        }
        MetadataRecord::RegisterBroker(broker) => {
            image.last_broker_epoch = image.last_broker_epoch.max(broker.epoch);
            Arc::make_mut(&mut image.brokers).insert(broker.node, broker.clone());
        }
        MetadataRecord::UnregisterBroker { node } => {
            let gone = Arc::make_mut(&mut image.brokers).remove(node);
            gone.ok_or(ReplayError::UnknownBroker { node: *node })?;
            image.configs.remove(&ConfigResource::Broker(*node));
        }
        MetadataRecord::FenceBroker { node, is_fenced } => {
            let broker = Arc::make_mut(&mut image.brokers).get_mut(node);
            broker.ok_or(ReplayError::UnknownBroker { node: *node })?.is_fenced = *is_fenced;
        }
        MetadataRecord::Topic { name, id } => return topic(image, name, *id),
        MetadataRecord::Partition { topic_id, partition, state } => {
            return replace_partition(image, *topic_id, *partition, state);
        }
        MetadataRecord::PartitionChange { topic_id, partition, change } => {
            return change_partition(image, *topic_id, *partition, change);
        }
        MetadataRecord::RemoveTopic { id } => {
            let removed = image.topics.remove(*id).ok_or(ReplayError::UnknownTopic { id: *id })?;
            image.configs.remove(&ConfigResource::Topic(removed.name.clone()));
        }
        MetadataRecord::Config { resource, key, value } => {
            image.configs.set(resource, key, value.as_deref());
        }
        MetadataRecord::ProducerIds { next } => {
            let from = image.next_producer_id;
            if *next < from {
                return Err(ReplayError::ProducerIdsGoBack { from, to: *next });
            }
            image.next_producer_id = *next;
        }
        MetadataRecord::LastBrokerEpoch { epoch } => {
            image.last_broker_epoch = image.last_broker_epoch.max(*epoch);
        }
    }
    Ok(())
}

fn cluster(image: &mut MetadataImage, cluster_id: &str) -> Result<(), ReplayError> {
    if !image.cluster_id.is_empty() && image.cluster_id != cluster_id {
        return Err(ReplayError::OtherCluster {
            expected: image.cluster_id.clone(),
            found: cluster_id.to_owned(),
        });
    }
    cluster_id.clone_into(&mut image.cluster_id);
    Ok(())
}

fn topic(image: &mut MetadataImage, name: &TopicName, id: Uuid) -> Result<(), ReplayError> {
    let topics = &mut image.topics;
    if topics.get(name.as_str()).is_some() || topics.get_by_id(id).is_some() {
        return Err(ReplayError::TopicExists { name: name.clone(), id });
    }
    topics.insert(TopicImage { name: name.clone(), id, partitions: Vec::new() });
    Ok(())
}

fn replace_partition(
    image: &mut MetadataImage,
    id: Uuid,
    partition: i32,
    state: &PartitionImage,
) -> Result<(), ReplayError> {
    if !is_consistent(state) {
        return Err(ReplayError::InconsistentPartition { id, partition });
    }
    let index = usize::try_from(partition)
        .map_err(|_negative| ReplayError::UnknownPartition { id, partition })?;
    let replaced = image.topics.change(id, |topic| {
        if index > topic.partitions.len() {
            return Err(ReplayError::PartitionHole { id, partition });
        }
        if index == topic.partitions.len() {
            topic.partitions.push(state.clone());
            return Ok(Vec::new());
        }
        Ok(std::mem::replace(&mut topic.partitions[index], state.clone()).replicas)
    });
    let before = replaced.ok_or(ReplayError::UnknownTopic { id })??;
    image.topics.count_replicas(&before, &state.replicas);
    Ok(())
}

fn change_partition(
    image: &mut MetadataImage,
    id: Uuid,
    partition: i32,
    change: &PartitionChange,
) -> Result<(), ReplayError> {
    let topic = image.topics.get_by_id(id).ok_or(ReplayError::UnknownTopic { id })?;
    let before =
        topic.partition(partition).ok_or(ReplayError::UnknownPartition { id, partition })?;
    let after = changed(before, change);
    replace_partition(image, id, partition, &after)
}

/// The partition after a change.
pub(crate) fn changed(before: &PartitionImage, change: &PartitionChange) -> PartitionImage {
    let mut after = before.clone();
    let PartitionChange {
        leader,
        isr,
        elr,
        last_known_elr,
        replicas,
        directories,
        adding,
        removing,
    } = change.clone();
    if let Some(leader) = leader {
        after.leader = leader;
        after.leader_epoch = LeaderEpoch::new(before.leader_epoch.value() + 1);
    }
    let set = |field: &mut Vec<NodeId>, new: Option<Vec<NodeId>>| {
        if let Some(new) = new {
            *field = new;
        }
    };
    set(&mut after.isr, isr);
    set(&mut after.elr, elr);
    set(&mut after.last_known_elr, last_known_elr);
    set(&mut after.replicas, replicas);
    set(&mut after.adding, adding);
    set(&mut after.removing, removing);
    if let Some(directories) = directories {
        after.directories = directories;
    }
    after.partition_epoch = before.partition_epoch.next();
    after
}

fn is_consistent(state: &PartitionImage) -> bool {
    let replicas: BTreeSet<NodeId> = state.replicas.iter().copied().collect();
    let inside = |nodes: &[NodeId]| nodes.iter().all(|node| replicas.contains(node));
    replicas.len() == state.replicas.len()
        && state.directories.len() == state.replicas.len()
        && inside(&state.isr)
        && inside(&state.elr)
        && state.isr.iter().all(|node| !state.elr.contains(node))
        && (state.leader.is_none() || replicas.contains(&state.leader))
}
