//! Brokers that start, stop and fall silent.

use highwater_records::{NodeId, Uuid};

use super::Decision;
use super::elections::elect;
use crate::MetadataImage;
use crate::image::{BrokerEndpoint, BrokerEpoch, BrokerImage, PartitionImage, SupportedFeature};
use crate::record::{MetadataRecord, PartitionChange};
use crate::refusal::Refusal;

/// What a starting broker says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    pub cluster_id: String,
    pub node: NodeId,
    /// A new id for every start of the process.
    pub incarnation: Uuid,
    pub directories: Vec<Uuid>,
    pub endpoints: Vec<BrokerEndpoint>,
    pub rack: Option<String>,
    pub features: Vec<SupportedFeature>,
}

/// Registers a broker that starts; the answer is its epoch.
///
/// The broker is unfenced at once: it holds the image before it asks. Every partition it leads or
/// can lead gets a new leader epoch, so that what the last incarnation wrote and did not keep can
/// be told from what this one writes.
pub fn register_broker(
    image: &MetadataImage,
    registration: &Registration,
) -> Decision<Result<BrokerEpoch, Refusal>> {
    if let Err(refusal) = check(image, registration) {
        return Decision::nothing(Err(refusal));
    }
    let node = registration.node;
    let epoch = image.last_broker_epoch().next();
    let mut records = Vec::new();
    if image.cluster_id().is_empty() {
        let cluster_id = registration.cluster_id.clone();
        records.push(MetadataRecord::Cluster { cluster_id });
    }
    for feature in &registration.features {
        // The first broker sets the levels of a new cluster.
        if image.brokers().next().is_none() && !image.features().contains_key(&feature.name) {
            let (name, level) = (feature.name.clone(), feature.max);
            records.push(MetadataRecord::FeatureLevel { name, level });
        }
    }
    records.push(MetadataRecord::RegisterBroker(BrokerImage {
        node,
        epoch,
        incarnation: registration.incarnation,
        directories: registration.directories.clone(),
        endpoints: registration.endpoints.clone(),
        rack: registration.rack.clone(),
        features: registration.features.clone(),
        is_fenced: false,
    }));
    let is_alive = |other: NodeId| other == node || image.is_alive(other);
    records.extend(leader_changes(image, is_alive, |partition| {
        partition.leader == node || partition.leader.is_none()
    }));
    Decision { records, answer: Ok(epoch) }
}

fn check(image: &MetadataImage, registration: &Registration) -> Result<(), Refusal> {
    let node = registration.node;
    if !image.cluster_id().is_empty() && image.cluster_id() != registration.cluster_id {
        return Err(Refusal::OtherCluster {
            expected: image.cluster_id().to_owned(),
            found: registration.cluster_id.clone(),
        });
    }
    for (feature, level) in image.features() {
        let supported = registration.features.iter().find(|known| known.name == *feature);
        let max = supported.map_or(0, |supported| supported.max);
        if max < *level {
            let (feature, level) = (feature.clone(), *level);
            return Err(Refusal::FeatureLevel { node, feature, max, level });
        }
    }
    for other in image.brokers().filter(|other| other.node != node) {
        let taken = other.directories.iter().find(|id| registration.directories.contains(id));
        if let Some(directory) = taken {
            let (directory, owner) = (*directory, other.node);
            return Err(Refusal::DirectoryTaken { directory, owner });
        }
    }
    Ok(())
}

/// Fences a broker: its partitions get another leader, or none.
pub fn fence_broker(image: &MetadataImage, node: NodeId) -> Decision<Result<(), Refusal>> {
    let Some(broker) = image.broker(node) else {
        return Decision::nothing(Err(Refusal::UnknownBroker { node }));
    };
    if broker.is_fenced {
        return Decision::nothing(Ok(()));
    }
    let mut records = vec![MetadataRecord::FenceBroker { node, is_fenced: true }];
    let is_alive = |other: NodeId| other != node && image.is_alive(other);
    records.extend(leader_changes(image, is_alive, |partition| partition.leader == node));
    Decision { records, answer: Ok(()) }
}

/// Elections in the partitions that `concerns` picks; a partition that had and keeps no leader is
/// left alone.
fn leader_changes(
    image: &MetadataImage,
    is_alive: impl Fn(NodeId) -> bool,
    concerns: impl Fn(&PartitionImage) -> bool,
) -> Vec<MetadataRecord> {
    let mut records = Vec::new();
    for topic in image.topics().iter() {
        for (number, partition) in topic.numbered().filter(|(_, partition)| concerns(partition)) {
            let leader = elect(partition, &is_alive);
            if leader.is_none() && partition.leader.is_none() {
                continue;
            }
            let change = PartitionChange { leader: Some(leader), ..PartitionChange::default() };
            records.push(MetadataRecord::PartitionChange {
                topic_id: topic.id,
                partition: number,
                change,
            });
        }
    }
    records
}

#[cfg(test)]
mod tests {
    use highwater_records::LeaderEpoch;

    use super::*;
    use crate::fixture::{apply, broker, image_with, registration, with_topic};

    #[test]
    fn first_broker_brings_cluster_id_and_feature_levels() {
        let mut image = MetadataImage::default();
        let decision = register_broker(&image, &registration(1));
        assert_eq!(decision.answer, Ok(BrokerEpoch::new(1)));
        apply(&mut image, &decision.records);
        assert_eq!(image.cluster_id(), "test-cluster");
        assert!(image.is_alive(NodeId::new(1)));
        assert_eq!(image.features().get("metadata.version"), Some(&1));
    }

    #[test]
    fn restarted_broker_leads_again_in_a_new_epoch() {
        let mut image = image_with(&[broker(1)]);
        with_topic(&mut image, "t", 2, 1);
        let mut again = registration(1);
        again.incarnation = Uuid::from_random(77);
        let decision = register_broker(&image, &again);
        apply(&mut image, &decision.records);
        for partition in &image.topics().get("t").unwrap().partitions {
            assert_eq!(partition.leader, NodeId::new(1));
            assert_eq!(partition.leader_epoch, LeaderEpoch::new(1));
        }
    }

    #[test]
    fn fenced_broker_hands_over_and_comes_back() {
        let mut image = image_with(&[broker(1), broker(2)]);
        with_topic(&mut image, "both", 2, 2);
        with_topic(&mut image, "single", 2, 1);
        let decision = fence_broker(&image, NodeId::new(1));
        apply(&mut image, &decision.records);
        let leaders = |image: &MetadataImage, name: &str| -> Vec<i32> {
            let topic = image.topics().get(name).unwrap();
            topic.partitions.iter().map(|partition| partition.leader.value()).collect()
        };
        assert_eq!(leaders(&image, "both"), [2, 2]);
        assert!(leaders(&image, "single").contains(&-1));
        assert!(fence_broker(&image, NodeId::new(1)).records.is_empty());
        let decision = register_broker(&image, &registration(1));
        apply(&mut image, &decision.records);
        assert!(!leaders(&image, "single").contains(&-1));
        assert_eq!(leaders(&image, "both"), [2, 2]);
    }

    #[test]
    fn registration_that_does_not_fit_the_cluster_is_refused() {
        let mut image = image_with(&[broker(1)]);
        apply(&mut image, &[MetadataRecord::Cluster { cluster_id: "test-cluster".to_owned() }]);
        let refused = |registration: &Registration| {
            let decision = register_broker(&image, registration);
            assert!(decision.records.is_empty());
            decision.answer.unwrap_err().to_string()
        };
        let mut other = registration(2);
        other.cluster_id = "other".to_owned();
        assert!(refused(&other).contains("this is the cluster test-cluster"));
        let mut thief = registration(2);
        thief.directories = broker(1).directories;
        assert!(refused(&thief).contains("belongs to broker 1"));
        let level = MetadataRecord::FeatureLevel { name: "metadata.version".to_owned(), level: 9 };
        let mut newer = image.clone();
        apply(&mut newer, &[level]);
        let old = register_broker(&newer, &registration(2)).answer.unwrap_err();
        assert!(old.to_string().contains("up to level 1, the cluster is at 9"), "{old}");
    }
}
