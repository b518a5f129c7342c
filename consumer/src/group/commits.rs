//! Offsets as a member writes and reads them, in the version that knows member epochs and names
//! topics.

use std::collections::BTreeMap;

use highwater_client::{ClientError, Connection};
use highwater_protocol::messages::offset_commit::{
    OffsetCommitRequest, RequestTopic, RequestTopicPartition,
};
use highwater_protocol::messages::offset_fetch::{
    OffsetFetchRequest, RequestGroup, RequestGroupTopic,
};
use highwater_records::{ErrorCode, Offset, TopicName, TopicPartition};

use super::consumer::Membership;

/// OffsetCommit and OffsetFetch: the first that knows member epochs, the last that names topics.
const VERSION: i16 = 9;

/// Positions, by partition.
pub(super) type Offsets = BTreeMap<TopicPartition, Offset>;

pub(super) fn commit_request(member: &Membership, offsets: &Offsets) -> OffsetCommitRequest {
    let mut topics: BTreeMap<&TopicName, Vec<RequestTopicPartition>> = BTreeMap::new();
    for (partition, offset) in offsets {
        topics.entry(&partition.topic).or_default().push(RequestTopicPartition {
            partition_index: partition.partition,
            committed_offset: offset.value(),
            committed_metadata: Some("".into()),
            ..RequestTopicPartition::default()
        });
    }
    let topics = topics.into_iter().map(|(name, partitions)| RequestTopic {
        name: name.as_str().into(),
        partitions,
        ..RequestTopic::default()
    });
    OffsetCommitRequest {
        group_id: member.group_id().into(),
        generation_id_or_member_epoch: member.epoch(),
        member_id: member.member_id().into(),
        group_instance_id: member.settings().instance_id.as_deref().map(Into::into),
        topics: topics.collect(),
        ..OffsetCommitRequest::default()
    }
}

pub(super) fn fetch_request<'a>(
    member: &Membership,
    partitions: impl Iterator<Item = &'a TopicPartition>,
) -> OffsetFetchRequest {
    let mut topics: BTreeMap<&TopicName, Vec<i32>> = BTreeMap::new();
    for partition in partitions {
        topics.entry(&partition.topic).or_default().push(partition.partition);
    }
    let topics = topics.into_iter().map(|(name, partition_indexes)| RequestGroupTopic {
        name: name.as_str().into(),
        partition_indexes,
        ..RequestGroupTopic::default()
    });
    let group = RequestGroup {
        group_id: member.group_id().into(),
        member_id: Some(member.member_id().into()),
        member_epoch: member.epoch(),
        topics: Some(topics.collect()),
    };
    // Offsets that an open transaction is about to change are waited for.
    OffsetFetchRequest { groups: vec![group], require_stable: true, ..Default::default() }
}

/// Commits; the first refusal stands for all.
pub(super) async fn commit(
    connection: &Connection,
    request: &OffsetCommitRequest,
    timeout: std::time::Duration,
) -> Result<(), ClientError> {
    let version = connection.version_of::<OffsetCommitRequest>(&(VERSION..=VERSION))?;
    let response = connection.request_in(request, version, timeout).await?;
    let mut partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
    match partitions.find(|partition| !partition.error_code.is_none()) {
        Some(refused) => Err(refusal("committing offsets", connection, refused.error_code)),
        None => Ok(()),
    }
}

/// Looks up committed offsets; none where there is none.
pub(super) async fn fetch(
    connection: &Connection,
    request: &OffsetFetchRequest,
    timeout: std::time::Duration,
) -> Result<Offsets, ClientError> {
    let operation = "looking up committed offsets";
    let version = connection.version_of::<OffsetFetchRequest>(&(VERSION..=VERSION))?;
    let response = connection.request_in(request, version, timeout).await?;
    let group = response.groups.into_iter().next().unwrap_or_default();
    if !group.error_code.is_none() {
        return Err(refusal(operation, connection, group.error_code));
    }
    let mut offsets = Offsets::new();
    for topic in group.topics {
        let Ok(name) = TopicName::parse(&topic.name) else { continue };
        for partition in topic.partitions {
            if !partition.error_code.is_none() {
                return Err(refusal(operation, connection, partition.error_code));
            }
            if partition.committed_offset >= 0 {
                let offset = Offset::new(partition.committed_offset);
                offsets
                    .insert(TopicPartition::new(name.clone(), partition.partition_index), offset);
            }
        }
    }
    Ok(offsets)
}

fn refusal(operation: &str, connection: &Connection, code: ErrorCode) -> ClientError {
    ClientError::Refused {
        operation: operation.to_owned(),
        address: connection.address().clone(),
        code,
        message: None,
    }
}
