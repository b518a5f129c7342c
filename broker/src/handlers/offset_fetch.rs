//! OffsetFetch: the committed offsets of groups.
//!
//! Source: KIP-447 (stable offsets), KIP-709 (several groups, from version 8 on).

use std::sync::Arc;

use highwater_coordinator::group::{FetchedPartition, FetchedTopic, Input};
use highwater_protocol::Str;
use highwater_protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchResponse, RequestGroup, RequestGroupTopic, RequestTopic,
    ResponseGroup, ResponseGroupTopic, ResponseGroupTopicPartition, ResponseTopic,
    ResponseTopicPartition,
};
use highwater_records::{ErrorCode, Uuid};

use super::answer_room::AnswerRoom;
use super::group_answer::{Refused, answer};
use crate::broker::Broker;
use crate::context::RequestContext;
use crate::error_map::group_code;

/// From this version on an error of the group stands beside the topics.
const GROUP_ERROR_FROM: i16 = 2;
/// From this version on several groups are asked for.
const BATCH_FROM: i16 = 8;

/// Answers group by group, each on its own merits and as far as there is room; a group that is named twice, perhaps for other topics, is
/// answered twice, as in Kafka.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: OffsetFetchRequest,
) -> OffsetFetchResponse {
    let require_stable = request.require_stable;
    if context.api_version < BATCH_FROM {
        return one_group(broker, context, request).await;
    }
    let mut groups = Vec::with_capacity(request.groups.len());
    let mut room = AnswerRoom::new();
    for group in request.groups {
        let group_id = group.group_id.clone();
        let fetched = if room.is_used_up() {
            Err(Refused::NoRoom)
        } else {
            fetch(broker, context, group, require_stable).await
        };
        room.take(fetched.iter().flatten().map(bytes_of).sum());
        groups.push(match fetched {
            Ok(topics) => ResponseGroup {
                group_id,
                topics: topics.into_iter().map(group_topic).collect(),
                ..ResponseGroup::default()
            },
            Err(refused) => {
                ResponseGroup { group_id, error_code: refused.code(), ..ResponseGroup::default() }
            }
        });
    }
    OffsetFetchResponse { groups, ..OffsetFetchResponse::default() }
}

/// About what a topic takes in the answer.
fn bytes_of(topic: &FetchedTopic) -> usize {
    let metadata_bytes = |partition: &FetchedPartition| match &partition.result {
        Ok(Some(offset)) => offset.metadata.len(),
        Ok(None) | Err(_) => 0,
    };
    let partitions =
        topic.partitions.iter().map(|partition| size_of::<[i32; 6]>() + metadata_bytes(partition));
    topic.name.len() + size_of::<Uuid>() + partitions.sum::<usize>()
}

async fn one_group(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: OffsetFetchRequest,
) -> OffsetFetchResponse {
    let group = RequestGroup {
        group_id: request.group_id,
        topics: request.topics.clone().map(|topics| topics.into_iter().map(asked).collect()),
        ..RequestGroup::default()
    };
    match fetch(broker, context, group, request.require_stable).await {
        Ok(topics) => OffsetFetchResponse {
            topics: topics.into_iter().map(topic).collect(),
            ..OffsetFetchResponse::default()
        },
        Err(refused) => refused_group(request.topics, refused.code(), context.api_version),
    }
}

/// The answer where there is no coordinator to ask, or not yet.
///
/// Differs from Kafka: an error of the group also stands at each partition that was asked for, where Kafka answers without partitions
/// from version 2 on. aiokafka looks at partitions only: it takes none for a group that never committed and starts over.
fn refused_group(
    topics: Option<Vec<RequestTopic>>,
    error_code: ErrorCode,
    api_version: i16,
) -> OffsetFetchResponse {
    let refuse = |topic| refused_topic(topic, error_code);
    let topics = topics.into_iter().flatten().map(refuse).collect();
    let of_group = if api_version < GROUP_ERROR_FROM { ErrorCode::None } else { error_code };
    OffsetFetchResponse { topics, error_code: of_group, ..OffsetFetchResponse::default() }
}

async fn fetch(
    broker: &Arc<Broker>,
    context: &RequestContext,
    group: RequestGroup,
    require_stable: bool,
) -> Result<Vec<FetchedTopic>, Refused> {
    let group_id = group.group_id.clone();
    let asked = broker.groups.ask(context, &group_id, |caller| Input::FetchOffsets {
        caller,
        group,
        require_stable,
    });
    answer!(asked.await, FetchOffsets)
}

fn asked(topic: RequestTopic) -> RequestGroupTopic {
    RequestGroupTopic {
        name: topic.name,
        partition_indexes: topic.partition_indexes,
        ..RequestGroupTopic::default()
    }
}

fn topic(fetched: FetchedTopic) -> ResponseTopic {
    let partition = |partition| {
        let ResponseGroupTopicPartition {
            partition_index,
            committed_offset,
            committed_leader_epoch,
            metadata,
            error_code,
        } = group_partition(partition);
        ResponseTopicPartition {
            partition_index,
            committed_offset,
            committed_leader_epoch,
            metadata,
            error_code,
        }
    };
    let partitions = fetched.partitions.into_iter().map(partition).collect();
    ResponseTopic { name: fetched.name, partitions }
}

fn refused_topic(topic: RequestTopic, error_code: ErrorCode) -> ResponseTopic {
    let partition = |partition_index| ResponseTopicPartition {
        partition_index,
        committed_offset: -1,
        committed_leader_epoch: -1,
        metadata: Some(Str::default()),
        error_code,
    };
    let partitions = topic.partition_indexes.into_iter().map(partition).collect();
    ResponseTopic { name: topic.name, partitions }
}

fn group_topic(fetched: FetchedTopic) -> ResponseGroupTopic {
    ResponseGroupTopic {
        name: fetched.name,
        topic_id: fetched.topic_id,
        partitions: fetched.partitions.into_iter().map(group_partition).collect(),
    }
}

fn group_partition(fetched: FetchedPartition) -> ResponseGroupTopicPartition {
    let nothing = ResponseGroupTopicPartition {
        partition_index: fetched.partition,
        committed_offset: -1,
        committed_leader_epoch: -1,
        metadata: Some(Str::default()),
        error_code: ErrorCode::None,
    };
    match fetched.result {
        Ok(None) => nothing,
        Ok(Some(offset)) => ResponseGroupTopicPartition {
            committed_offset: offset.offset,
            committed_leader_epoch: offset.leader_epoch,
            metadata: Some(offset.metadata),
            ..nothing
        },
        Err(refusal) => ResponseGroupTopicPartition { error_code: group_code(&refusal), ..nothing },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_partitions() -> Option<Vec<RequestTopic>> {
        let topic = RequestTopic { name: Str::from("t"), partition_indexes: vec![0, 1] };
        Some(vec![topic])
    }

    #[test]
    fn refused_group_is_no_group_without_commits() {
        let loading = ErrorCode::CoordinatorLoadInProgress;
        for (version, of_group) in [(1, ErrorCode::None), (2, loading), (3, loading), (7, loading)]
        {
            let response = refused_group(two_partitions(), loading, version);
            assert_eq!(response.error_code, of_group, "version {version}");
            let [topic] = response.topics.as_slice() else { panic!("{response:?}") };
            let told: Vec<_> =
                topic.partitions.iter().map(|it| (it.partition_index, it.error_code)).collect();
            assert_eq!(told, [(0, loading), (1, loading)], "version {version}");
        }
    }

    #[test]
    fn refused_request_for_all_partitions_names_none() {
        let response = refused_group(None, ErrorCode::NotCoordinator, 3);
        assert_eq!(response.error_code, ErrorCode::NotCoordinator);
        assert!(response.topics.is_empty(), "{response:?}");
    }
}
