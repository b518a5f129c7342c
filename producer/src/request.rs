//! Batches into a Produce request, and its answer into what became of each.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use highwater_client::{
    ClientError, ClusterMetadata, FaultCause, LeaderHint, is_stale_metadata, join_address,
};
use highwater_protocol::messages::produce::{
    ProduceRequest, ProduceResponse, RequestTopicData, RequestTopicDataPartitionData,
    ResponseResponsePartitionResponse,
};
use highwater_protocol::{ApiKey, Request};
use highwater_records::{
    Codec, ErrorCode, LeaderEpoch, NodeId, Offset, Timestamp, TopicName, TopicPartition, Uuid,
};

use crate::ProduceError;
use crate::delivery::Appended;
use crate::partition::{BuiltBatch, Fate, fate_of};

/// The first version with topic ids instead of names.
const TOPIC_ID_VERSION: i16 = 13;
/// The first version in which zstd is allowed.
const ZSTD_VERSION: i16 = 7;

/// A request and the batches in it.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) batches: Vec<BuiltBatch>,
    topic_ids: BTreeMap<TopicName, Uuid>,
}

impl Sending {
    pub(crate) fn new(batches: Vec<BuiltBatch>, metadata: &ClusterMetadata) -> Self {
        let mut topic_ids = BTreeMap::new();
        for batch in &batches {
            let topic = &batch.partition().topic;
            let id = metadata.topics.get(topic).map_or(Uuid::ZERO, |topic| topic.id);
            topic_ids.insert(topic.clone(), id);
        }
        Self { batches, topic_ids }
    }

    /// The versions that can carry these batches.
    pub(crate) fn versions(&self, codec: Codec) -> RangeInclusive<i16> {
        let known = ProduceRequest::KEY.versions();
        let first = if codec == Codec::Zstd { ZSTD_VERSION } else { *known.start() };
        let has_ids = self.topic_ids.values().all(|id| !id.is_zero());
        let last = if has_ids { *known.end() } else { TOPIC_ID_VERSION - 1 };
        first..=last
    }

    pub(crate) fn request(&self, acks: i16, timeout_ms: i32) -> ProduceRequest {
        let mut topics: BTreeMap<&TopicName, Vec<RequestTopicDataPartitionData>> = BTreeMap::new();
        for batch in &self.batches {
            let partition = batch.partition();
            topics.entry(&partition.topic).or_default().push(RequestTopicDataPartitionData {
                index: partition.partition,
                records: Some(batch.records()),
            });
        }
        let topic_data = topics.into_iter().map(|(name, partition_data)| RequestTopicData {
            name: name.as_str().into(),
            topic_id: self.topic_ids[name],
            partition_data,
        });
        let topic_data = topic_data.collect();
        ProduceRequest { transactional_id: None, acks, timeout_ms, topic_data }
    }

    /// What became of each batch, and the leaders that refusals named.
    pub(crate) fn fates(
        self,
        response: &ProduceResponse,
    ) -> (Vec<(BuiltBatch, Fate)>, Vec<LeaderHint>) {
        let mut answers = BTreeMap::new();
        for topic in &response.responses {
            let by_id = self.topic_ids.iter().find(|(_, id)| **id == topic.topic_id);
            let name = match TopicName::parse(&topic.name) {
                Ok(name) => name,
                Err(_) => match by_id {
                    Some((name, _)) => name.clone(),
                    None => continue,
                },
            };
            for partition in &topic.partition_responses {
                answers.insert(TopicPartition::new(name.clone(), partition.index), partition);
            }
        }
        let mut hints = Vec::new();
        let fates = self.batches.into_iter().map(|batch| {
            let partition = batch.partition().clone();
            let fate = match answers.get(&partition) {
                Some(answer) => {
                    hints.extend(hint(&partition, answer, response));
                    fate(&partition, answer)
                }
                None => Fate::Final {
                    error: ProduceError::Refused {
                        partition,
                        code: ErrorCode::UnknownServerError,
                        message: Some("the answer does not mention the partition".into()),
                    },
                    may_be_written: true,
                },
            };
            (batch, fate)
        });
        (fates.collect(), hints)
    }

    /// What became of the batches of a request that got no answer.
    pub(crate) fn fates_without_answer(self, error: &ClientError) -> Vec<(BuiltBatch, Fate)> {
        let fate = || {
            let (error, cause) = (ProduceError::Client(error.clone()), error);
            match cause {
                ClientError::Connection(fault) => {
                    let is_unreadable = matches!(fault.cause, FaultCause::Decode { .. });
                    match is_unreadable {
                        true => Fate::Final { error, may_be_written: true },
                        false => Fate::Again { error, may_be_written: true },
                    }
                }
                _ => Fate::Final { error, may_be_written: false },
            }
        };
        self.batches.into_iter().map(|batch| (batch, fate())).collect()
    }

    /// What became of batches that nobody answers for (`acks=0`).
    pub(crate) fn fates_unacknowledged(self) -> Vec<(BuiltBatch, Fate)> {
        let written = Appended { base_offset: None, log_append_time: None };
        self.batches.into_iter().map(|batch| (batch, Fate::Written(written))).collect()
    }
}

/// Whether a fate asks for fresh metadata.
pub(crate) fn wants_metadata(fate: &Fate) -> bool {
    match fate {
        Fate::Again { error: ProduceError::Refused { code, .. }, .. } => is_stale_metadata(*code),
        Fate::Again { .. } => true,
        Fate::Written(_) | Fate::Unnumbered { .. } | Fate::Final { .. } => false,
    }
}

/// Whether the broker has InitProducerId at all is found out by asking; this names the API.
pub(crate) const IDENTITY_API: ApiKey = ApiKey::InitProducerId;

fn fate(partition: &TopicPartition, answer: &ResponseResponsePartitionResponse) -> Fate {
    let known = |value: i64| (value >= 0).then_some(value);
    match answer.error_code {
        ErrorCode::None => Fate::Written(Appended {
            base_offset: known(answer.base_offset).map(Offset::new),
            log_append_time: known(answer.log_append_time_ms).map(Timestamp::new),
        }),
        // The broker has the batch, only no longer where: written is written.
        ErrorCode::DuplicateSequenceNumber => {
            Fate::Written(Appended { base_offset: None, log_append_time: None })
        }
        code => {
            let message = message(answer);
            fate_of(code, ProduceError::Refused { partition: partition.clone(), code, message })
        }
    }
}

fn message(answer: &ResponseResponsePartitionResponse) -> Option<String> {
    let overall = answer.error_message.as_ref().map(ToString::to_string);
    let Some(first) = answer.record_errors.first() else { return overall };
    let Some(why) = &first.batch_index_error_message else { return overall };
    let of_record = format!("record {} of the batch: {why}", first.batch_index);
    Some(overall.map_or(of_record.clone(), |overall| format!("{overall}; {of_record}")))
}

fn hint(
    partition: &TopicPartition,
    answer: &ResponseResponsePartitionResponse,
    response: &ProduceResponse,
) -> Option<LeaderHint> {
    let named = &answer.current_leader;
    if named.leader_id < 0 {
        return None;
    }
    let endpoint = response.node_endpoints.iter().find(|node| node.node_id == named.leader_id);
    let address: Option<Arc<str>> = endpoint.map(|node| join_address(&node.host, node.port));
    Some(LeaderHint {
        topic: partition.topic.clone(),
        partition: partition.partition,
        leader: NodeId::new(named.leader_id),
        epoch: LeaderEpoch::new(named.leader_epoch),
        address,
    })
}
