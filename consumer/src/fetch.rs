//! Positions into a Fetch request, and its answer back to partitions.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use highwater_client::{ClusterMetadata, LeaderHint, join_address};
use highwater_protocol::Request;
use highwater_protocol::messages::fetch::{
    FetchRequest, FetchResponse, RequestTopic, RequestTopicPartition, ResponseResponsePartition,
};
use highwater_records::{LeaderEpoch, NodeId, Offset, TopicName, TopicPartition, Uuid};

use crate::options::ConsumerBuilder;

/// The first version with topic ids instead of names.
const TOPIC_ID_VERSION: i16 = 13;
/// A fetch session that is none: every request names all its partitions.
const SESSIONLESS_EPOCH: i32 = -1;

/// One partition of a request.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) partition: TopicPartition,
    pub(crate) generation: u64,
    pub(crate) leader_epoch: LeaderEpoch,
    pub(crate) offset: Offset,
    pub(crate) last_fetched_epoch: LeaderEpoch,
}

/// A request and what is needed to read its answer.
#[derive(Clone, Debug)]
pub(crate) struct Fetching {
    pub(crate) wanted: Vec<Wanted>,
    topic_ids: BTreeMap<TopicName, Uuid>,
}

/// An answer about one partition.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) partition: TopicPartition,
    pub(crate) generation: u64,
    pub(crate) answer: ResponseResponsePartition,
}

impl Fetching {
    pub(crate) fn new(wanted: Vec<Wanted>, metadata: &ClusterMetadata) -> Self {
        let mut topic_ids = BTreeMap::new();
        for Wanted { partition, .. } in &wanted {
            let id = metadata.topics.get(&partition.topic).map_or(Uuid::ZERO, |topic| topic.id);
            topic_ids.insert(partition.topic.clone(), id);
        }
        Self { wanted, topic_ids }
    }

    /// The versions that can name these topics.
    pub(crate) fn versions(&self) -> RangeInclusive<i16> {
        let known = FetchRequest::KEY.versions();
        let has_ids = self.topic_ids.values().all(|id| !id.is_zero());
        let last = if has_ids { *known.end() } else { TOPIC_ID_VERSION - 1 };
        *known.start()..=last
    }

    pub(crate) fn request(&self, options: &ConsumerBuilder) -> FetchRequest {
        let i32_of = |bytes: usize| i32::try_from(bytes).unwrap_or(i32::MAX);
        let mut topics: Vec<RequestTopic> = Vec::new();
        for wanted in &self.wanted {
            let partition = RequestTopicPartition {
                partition: wanted.partition.partition,
                current_leader_epoch: wanted.leader_epoch.value(),
                fetch_offset: wanted.offset.value(),
                last_fetched_epoch: wanted.last_fetched_epoch.value(),
                partition_max_bytes: i32_of(options.max_partition_fetch_bytes),
                ..RequestTopicPartition::default()
            };
            let name = wanted.partition.topic.as_str();
            // Order counts: the first partition with data is served first (KIP-74).
            match topics.last_mut().filter(|topic| *topic.topic == *name) {
                Some(topic) => topic.partitions.push(partition),
                None => topics.push(RequestTopic {
                    topic: name.into(),
                    topic_id: self.topic_ids[&wanted.partition.topic],
                    partitions: vec![partition],
                }),
            }
        }
        FetchRequest {
            max_wait_ms: i32_of(usize::try_from(options.fetch_max_wait.as_millis()).unwrap_or(0)),
            min_bytes: i32_of(options.fetch_min_bytes),
            max_bytes: i32_of(options.fetch_max_bytes),
            isolation_level: options.isolation.level(),
            session_epoch: SESSIONLESS_EPOCH,
            topics,
            ..FetchRequest::default()
        }
    }

    /// The answer for each partition asked for, and the leaders that refusals named.
    pub(crate) fn answers(&self, response: FetchResponse) -> (Vec<Answered>, Vec<LeaderHint>) {
        let asked: BTreeMap<&TopicPartition, u64> =
            self.wanted.iter().map(|wanted| (&wanted.partition, wanted.generation)).collect();
        let (mut answers, mut hints) = (Vec::new(), Vec::new());
        let nodes = response.node_endpoints;
        for topic in response.responses {
            let by_id = self.topic_ids.iter().find(|(_, id)| **id == topic.topic_id);
            let name = TopicName::parse(&topic.topic).ok();
            let Some(name) = name.or_else(|| by_id.map(|(name, _)| name.clone())) else { continue };
            for answer in topic.partitions {
                let partition = TopicPartition::new(name.clone(), answer.partition_index);
                let Some(generation) = asked.get(&partition).copied() else { continue };
                let leader = &answer.current_leader;
                if !answer.error_code.is_none() && leader.leader_id >= 0 {
                    let node = nodes.iter().find(|node| node.node_id == leader.leader_id);
                    let address: Option<Arc<str>> =
                        node.map(|node| join_address(&node.host, node.port));
                    hints.push(LeaderHint {
                        topic: name.clone(),
                        partition: partition.partition,
                        leader: NodeId::new(leader.leader_id),
                        epoch: LeaderEpoch::new(leader.leader_epoch),
                        address,
                    });
                }
                answers.push(Answered { partition, generation, answer });
            }
        }
        (answers, hints)
    }
}
