//! The offsets of a group: look up, set, forget.
//!
//! The versions that name topics are used; those that carry topic ids instead (10 and later) say
//! no more to an admin.

use std::collections::BTreeMap;

use highwater_protocol::Request;
use highwater_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitResponse, RequestTopic as CommittedTopic,
    RequestTopicPartition as CommittedPartition,
};
use highwater_protocol::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteResponse, RequestTopic as ForgottenTopic,
    RequestTopicPartition as ForgottenPartition,
};
use highwater_protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchResponse, RequestGroup, RequestGroupTopic, RequestTopic,
};
use highwater_records::{ErrorCode, LeaderEpoch, Offset, TopicName, TopicPartition};

use super::Admin;
use crate::{ClientError, Connection};

/// The last version that names topics.
const NEWEST_BY_NAME: i16 = 9;

/// Where a group goes on in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The next record.
    pub offset: Offset,
    /// The epoch of the record before it, if who committed knew it.
    pub leader_epoch: LeaderEpoch,
    /// What who committed wrote beside it.
    pub metadata: String,
}

impl CommittedOffset {
    /// An offset with nothing beside it.
    #[must_use]
    pub fn new(offset: Offset) -> Self {
        Self { offset, leader_epoch: LeaderEpoch::NONE, metadata: String::new() }
    }
}

/// What is said of each partition.
type PerPartition<T> = BTreeMap<TopicPartition, Result<T, ClientError>>;

impl Admin {
    /// The committed offsets of `group`, of `partitions` or of all that have one; a partition
    /// without one is not in the answer. A group that is not there has none.
    pub async fn group_offsets(
        &self,
        group: &str,
        partitions: Option<&[TopicPartition]>,
    ) -> Result<PerPartition<CommittedOffset>, ClientError> {
        let request = offset_fetch(group, partitions);
        let code = |response: &OffsetFetchResponse| {
            let code = match response.groups.first() {
                Some(group) if !group.error_code.is_none() => return group.error_code,
                _ => response.error_code,
            };
            let mut codes = fetched(response).map(|(_, _, _, code)| code);
            if code.is_none() {
                // Old brokers say it of each partition; an open transaction passes.
                codes.find(|code| code.is_retriable()).unwrap_or(code)
            } else {
                code
            }
        };
        let client = self.client();
        let (coordinator, response) =
            client.at_coordinator(group, NEWEST_BY_NAME, &request, code).await?;
        let operation = format!("looking up the offsets of group {group}");
        let connection = &coordinator.connection;
        let whole = response.groups.first().map_or(response.error_code, |group| group.error_code);
        match whole {
            ErrorCode::GroupIdNotFound => return Ok(BTreeMap::new()),
            code => self.outcome(operation.clone(), connection, code, None)?,
        }
        let mut offsets = BTreeMap::new();
        for (topic, partition, committed, code) in fetched(&response) {
            let Ok(topic) = TopicName::parse(topic) else { continue };
            let partition = TopicPartition::new(topic, partition);
            let operation = format!("{operation} in {partition}");
            let answer = match self.outcome(operation, connection, code, None) {
                Ok(()) if committed.offset < Offset::ZERO => continue,
                Ok(()) => Ok(committed),
                Err(error) => Err(error),
            };
            offsets.insert(partition, answer);
        }
        Ok(offsets)
    }

    /// Sets offsets of a group that has no members.
    ///
    /// Errors: per partition UNKNOWN_MEMBER_ID where the group has members.
    pub async fn set_group_offsets(
        &self,
        group: &str,
        offsets: &BTreeMap<TopicPartition, CommittedOffset>,
    ) -> Result<PerPartition<()>, ClientError> {
        let mut topics: BTreeMap<&TopicName, Vec<CommittedPartition>> = BTreeMap::new();
        for (partition, committed) in offsets {
            topics.entry(&partition.topic).or_default().push(CommittedPartition {
                partition_index: partition.partition,
                committed_offset: committed.offset.value(),
                committed_leader_epoch: committed.leader_epoch.value(),
                committed_metadata: Some(committed.metadata.as_str().into()),
            });
        }
        let topics = topics.into_iter().map(|(name, partitions)| CommittedTopic {
            name: name.as_str().into(),
            partitions,
            ..CommittedTopic::default()
        });
        let request = OffsetCommitRequest {
            group_id: group.into(),
            topics: topics.collect(),
            ..OffsetCommitRequest::default()
        };
        let code = |response: &OffsetCommitResponse| {
            let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
            let mut codes = partitions.map(|partition| partition.error_code);
            codes.find(|code| code.is_retriable() && !is_of_partition(*code)).unwrap_or_default()
        };
        let client = self.client();
        let (coordinator, response) =
            client.at_coordinator(group, NEWEST_BY_NAME, &request, code).await?;
        let answers = response.topics.iter().flat_map(|topic| {
            let partitions = topic.partitions.iter();
            partitions.map(|it| (&*topic.name, it.partition_index, it.error_code))
        });
        let verb = format!("setting the offset of group {group}");
        Ok(self.each_partition(&verb, &coordinator.connection, offsets.keys(), answers))
    }

    /// Forgets offsets of a group, of topics that none of its members reads.
    ///
    /// Errors: GROUP_ID_NOT_FOUND; per partition GROUP_SUBSCRIBED_TO_TOPIC.
    pub async fn delete_group_offsets(
        &self,
        group: &str,
        partitions: &[TopicPartition],
    ) -> Result<PerPartition<()>, ClientError> {
        let mut topics: BTreeMap<&TopicName, Vec<ForgottenPartition>> = BTreeMap::new();
        for partition in partitions {
            let forgotten = ForgottenPartition { partition_index: partition.partition };
            topics.entry(&partition.topic).or_default().push(forgotten);
        }
        let topics = topics
            .into_iter()
            .map(|(name, partitions)| ForgottenTopic { name: name.as_str().into(), partitions });
        let request = OffsetDeleteRequest { group_id: group.into(), topics: topics.collect() };
        let newest = *OffsetDeleteRequest::KEY.versions().end();
        let code = |response: &OffsetDeleteResponse| response.error_code;
        let client = self.client();
        let (coordinator, response) = client.at_coordinator(group, newest, &request, code).await?;
        let verb = format!("forgetting the offset of group {group}");
        self.outcome(verb.clone(), &coordinator.connection, response.error_code, None)?;
        let answers = response.topics.iter().flat_map(|topic| {
            let partitions = topic.partitions.iter();
            partitions.map(|it| (&*topic.name, it.partition_index, it.error_code))
        });
        Ok(self.each_partition(&verb, &coordinator.connection, partitions, answers))
    }

    /// Every partition asked about gets an answer, also one that the broker left out.
    fn each_partition<'a>(
        &self,
        verb: &str,
        connection: &Connection,
        asked: impl IntoIterator<Item = &'a TopicPartition>,
        answers: impl Iterator<Item = (&'a str, i32, ErrorCode)>,
    ) -> PerPartition<()> {
        let operation = |partition: &TopicPartition| format!("{verb} in {partition}");
        let codes: BTreeMap<(&str, i32), ErrorCode> =
            answers.map(|(topic, partition, code)| ((topic, partition), code)).collect();
        let answer = |partition: &TopicPartition| match codes
            .get(&(partition.topic.as_str(), partition.partition))
        {
            Some(code) => self.outcome(operation(partition), connection, *code, None),
            None => Err(self.unanswered(operation(partition), connection)),
        };
        asked.into_iter().map(|partition| (partition.clone(), answer(partition))).collect()
    }
}

/// Whether a retriable code is about one partition, so that the others must not wait for it.
fn is_of_partition(code: ErrorCode) -> bool {
    code == ErrorCode::UnknownTopicOrPartition
}

/// One of the two shapes is written, as the version has it.
fn offset_fetch(group: &str, partitions: Option<&[TopicPartition]>) -> OffsetFetchRequest {
    let by_topic = partitions.map(|partitions| {
        let mut topics: BTreeMap<&TopicName, Vec<i32>> = BTreeMap::new();
        for partition in partitions {
            topics.entry(&partition.topic).or_default().push(partition.partition);
        }
        topics
    });
    let old = by_topic.as_ref().map(|topics| {
        let topic = |(name, indexes): (&&TopicName, &Vec<i32>)| RequestTopic {
            name: name.as_str().into(),
            partition_indexes: indexes.clone(),
        };
        topics.iter().map(topic).collect()
    });
    let new = by_topic.map(|topics| {
        let topic = |(name, partition_indexes): (&TopicName, Vec<i32>)| RequestGroupTopic {
            name: name.as_str().into(),
            partition_indexes,
            ..RequestGroupTopic::default()
        };
        topics.into_iter().map(topic).collect()
    });
    OffsetFetchRequest {
        group_id: group.into(),
        topics: old,
        groups: vec![RequestGroup {
            group_id: group.into(),
            topics: new,
            ..RequestGroup::default()
        }],
        require_stable: false,
    }
}

/// Topic, partition, offset and error of each partition, from either shape of answer.
fn fetched(
    response: &OffsetFetchResponse,
) -> impl Iterator<Item = (&str, i32, CommittedOffset, ErrorCode)> {
    let committed = |offset: i64, epoch: i32, metadata: Option<&str>| CommittedOffset {
        offset: Offset::new(offset),
        leader_epoch: LeaderEpoch::new(epoch),
        metadata: metadata.unwrap_or_default().to_owned(),
    };
    let old = response.topics.iter().flat_map(move |topic| {
        topic.partitions.iter().map(move |it| {
            let metadata = it.metadata.as_deref();
            let offset = committed(it.committed_offset, it.committed_leader_epoch, metadata);
            (&*topic.name, it.partition_index, offset, it.error_code)
        })
    });
    let topics = response.groups.iter().flat_map(|group| &group.topics);
    let new = topics.flat_map(move |topic| {
        topic.partitions.iter().map(move |it| {
            let metadata = it.metadata.as_deref();
            let offset = committed(it.committed_offset, it.committed_leader_epoch, metadata);
            (&*topic.name, it.partition_index, offset, it.error_code)
        })
    });
    old.chain(new)
}
