//! What is known of a cluster: its brokers, its topics and who leads their partitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use highwater_protocol::messages::metadata::{
    MetadataResponse, ResponseBroker, ResponseTopic, ResponseTopicPartition,
};
use highwater_records::{ErrorCode, LeaderEpoch, NodeId, TopicName, Uuid};

/// One moment's knowledge of a cluster; never changes once it is handed out.
#[derive(Clone, Debug, Default)]
pub struct ClusterMetadata {
    /// The cluster's id, if it has told.
    pub cluster_id: Option<String>,
    /// Where to send what changes the cluster.
    pub controller: Option<NodeId>,
    /// The brokers that are alive.
    pub brokers: BTreeMap<NodeId, BrokerAddress>,
    /// The topics asked for so far.
    pub topics: BTreeMap<TopicName, TopicMetadata>,
}

/// Where a broker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerAddress {
    /// `host:port`, as the broker advertises it.
    pub address: Arc<str>,
    /// The rack it stands in.
    pub rack: Option<String>,
}

/// One topic, or why nothing is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicMetadata {
    /// Its id; zero where the broker is older than topic ids.
    pub id: Uuid,
    /// Why it cannot be used, or none.
    pub error: ErrorCode,
    /// Whether it is one of Kafka's own.
    pub is_internal: bool,
    /// Its partitions, in the order of their numbers, which start at 0.
    pub partitions: Vec<PartitionMetadata>,
}

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionMetadata {
    /// Its number.
    pub partition: i32,
    /// Why it cannot be used, or none.
    pub error: ErrorCode,
    /// Who leads it, or none while there is no leader.
    pub leader: Option<NodeId>,
    /// The leader's epoch; none where the broker is older than KIP-320.
    pub leader_epoch: LeaderEpoch,
    /// Who keeps a copy, the preferred leader first.
    pub replicas: Vec<NodeId>,
    /// Who of them is in sync.
    pub isr: Vec<NodeId>,
    /// Who of them is down.
    pub offline: Vec<NodeId>,
}

impl ClusterMetadata {
    /// The partition, if it is known.
    #[must_use]
    pub fn partition(&self, topic: &TopicName, partition: i32) -> Option<&PartitionMetadata> {
        let partitions = &self.topics.get(topic)?.partitions;
        let guess = partitions.get(usize::try_from(partition).ok()?);
        match guess {
            Some(found) if found.partition == partition => Some(found),
            _ => partitions.iter().find(|known| known.partition == partition),
        }
    }

    /// Takes in an answer. `replaces_topics` says that it names all topics there are.
    ///
    /// An older leader epoch never replaces a newer one of the same topic id: a broker that lags
    /// behind must not send us back to a leader that was (KIP-320).
    #[must_use]
    pub(crate) fn updated(&self, response: &MetadataResponse, replaces_topics: bool) -> Self {
        let mut topics = BTreeMap::new();
        if !replaces_topics {
            topics.clone_from(&self.topics);
        }
        for topic in &response.topics {
            let name = topic.name.as_ref().and_then(|name| TopicName::parse(name).ok());
            let Some(name) = name else { continue };
            let known = self.topics.get(&name);
            topics.insert(name, topic_metadata(topic, known));
        }
        let brokers = response
            .brokers
            .iter()
            .map(|broker| (NodeId::new(broker.node_id), broker_address(broker)));
        Self {
            cluster_id: response.cluster_id.as_ref().map(|id| id.to_string()),
            controller: known_node(response.controller_id),
            brokers: brokers.collect(),
            topics,
        }
    }

    /// Takes in a leader that a refusal named (KIP-951); says whether that was news.
    pub(crate) fn note_leader(&mut self, hint: &LeaderHint) -> bool {
        let Some(topic) = self.topics.get_mut(&hint.topic) else { return false };
        let known = topic.partitions.iter_mut().find(|known| known.partition == hint.partition);
        let Some(known) = known.filter(|known| known.leader_epoch < hint.epoch) else {
            return false;
        };
        known.leader = Some(hint.leader);
        known.leader_epoch = hint.epoch;
        if let Some(address) = &hint.address {
            let broker = BrokerAddress { address: Arc::clone(address), rack: None };
            self.brokers.insert(hint.leader, broker);
        }
        true
    }
}

/// A leader named in a refusal (KIP-951).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderHint {
    /// The topic.
    pub topic: TopicName,
    /// The partition.
    pub partition: i32,
    /// Who leads it now.
    pub leader: NodeId,
    /// Since this epoch.
    pub epoch: LeaderEpoch,
    /// `host:port` of the leader, if the refusal named it.
    pub address: Option<Arc<str>>,
}

/// Whether a code says that we asked the wrong broker, or about something that has moved.
#[must_use]
pub fn is_stale_metadata(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::UnknownTopicOrPartition
            | ErrorCode::LeaderNotAvailable
            | ErrorCode::NotLeaderOrFollower
            | ErrorCode::ReplicaNotAvailable
            | ErrorCode::NotController
            | ErrorCode::KafkaStorageError
            | ErrorCode::ListenerNotFound
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::UnknownLeaderEpoch
            | ErrorCode::PreferredLeaderNotAvailable
            | ErrorCode::EligibleLeadersNotAvailable
            | ErrorCode::UnknownTopicId
            | ErrorCode::InconsistentTopicId
    )
}

/// `host:port`, with brackets around an IPv6 address.
#[must_use]
pub fn join_address(host: &str, port: i32) -> Arc<str> {
    if host.contains(':') && !host.starts_with('[') {
        return Arc::from(format!("[{host}]:{port}"));
    }
    Arc::from(format!("{host}:{port}"))
}

fn broker_address(broker: &ResponseBroker) -> BrokerAddress {
    BrokerAddress {
        address: join_address(&broker.host, broker.port),
        rack: broker.rack.as_ref().map(|rack| rack.to_string()),
    }
}

fn topic_metadata(topic: &ResponseTopic, known: Option<&TopicMetadata>) -> TopicMetadata {
    let known = known.filter(|known| known.id == topic.topic_id);
    let mut partitions: Vec<_> = topic
        .partitions
        .iter()
        .map(|partition| {
            let index = partition.partition_index;
            let known = known
                .and_then(|known| known.partitions.iter().find(|known| known.partition == index));
            let fresh = partition_metadata(partition);
            match known {
                Some(known) if known.leader_epoch > fresh.leader_epoch => known.clone(),
                _ => fresh,
            }
        })
        .collect();
    partitions.sort_by_key(|partition| partition.partition);
    TopicMetadata {
        id: topic.topic_id,
        error: topic.error_code,
        is_internal: topic.is_internal,
        partitions,
    }
}

fn partition_metadata(partition: &ResponseTopicPartition) -> PartitionMetadata {
    let nodes = |ids: &[i32]| ids.iter().copied().map(NodeId::new).collect();
    PartitionMetadata {
        partition: partition.partition_index,
        error: partition.error_code,
        leader: known_node(partition.leader_id),
        leader_epoch: LeaderEpoch::new(partition.leader_epoch),
        replicas: nodes(&partition.replica_nodes),
        isr: nodes(&partition.isr_nodes),
        offline: nodes(&partition.offline_replicas),
    }
}

fn known_node(id: i32) -> Option<NodeId> {
    (id >= 0).then(|| NodeId::new(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(leader: i32, epoch: i32, id: Uuid) -> MetadataResponse {
        let partition = ResponseTopicPartition {
            leader_id: leader,
            leader_epoch: epoch,
            ..ResponseTopicPartition::default()
        };
        let topic = ResponseTopic {
            name: Some("t".into()),
            topic_id: id,
            partitions: vec![partition],
            ..ResponseTopic::default()
        };
        MetadataResponse { topics: vec![topic], ..MetadataResponse::default() }
    }

    fn leader_after(answers: &[MetadataResponse]) -> Option<NodeId> {
        let mut metadata = ClusterMetadata::default();
        for answer in answers {
            metadata = metadata.updated(answer, false);
        }
        metadata.partition(&TopicName::parse("t").unwrap(), 0).unwrap().leader
    }

    #[test]
    fn older_leader_epoch_of_the_same_topic_does_not_replace_a_newer_one() {
        let id = Uuid::from_bytes([1; 16]);
        let answers = [response(1, 5, id), response(2, 4, id)];
        assert_eq!(leader_after(&answers), Some(NodeId::new(1)));
    }

    #[test]
    fn recreated_topic_starts_over_with_its_own_epochs() {
        let answers =
            [response(1, 5, Uuid::from_bytes([1; 16])), response(2, 0, Uuid::from_bytes([2; 16]))];
        assert_eq!(leader_after(&answers), Some(NodeId::new(2)));
    }

    #[test]
    fn partition_without_a_leader_has_none() {
        assert_eq!(leader_after(&[response(-1, 3, Uuid::ZERO)]), None);
    }

    #[test]
    fn leader_hint_counts_only_when_its_epoch_is_newer() {
        let topic = TopicName::parse("t").unwrap();
        let answer = response(1, 5, Uuid::ZERO);
        let mut metadata = ClusterMetadata::default().updated(&answer, false);
        let hint = |epoch| LeaderHint {
            topic: topic.clone(),
            partition: 0,
            leader: NodeId::new(9),
            epoch: LeaderEpoch::new(epoch),
            address: Some(join_address("h", 1)),
        };
        assert!(!metadata.note_leader(&hint(5)));
        assert!(metadata.note_leader(&hint(6)));
        assert_eq!(metadata.partition(&topic, 0).unwrap().leader, Some(NodeId::new(9)));
        assert_eq!(&*metadata.brokers[&NodeId::new(9)].address, "h:1");
    }

    #[test]
    fn address_of_an_ipv6_host_is_put_in_brackets() {
        assert_eq!(&*join_address("::1", 9092), "[::1]:9092");
        assert_eq!(&*join_address("broker", 9092), "broker:9092");
    }
}
