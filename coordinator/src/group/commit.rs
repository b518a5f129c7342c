//! OffsetCommit and TxnOffsetCommit, on groups of any kind.

use highwater_protocol::messages::offset_commit::{
    OffsetCommitRequest, RequestTopic, RequestTopicPartition,
};
use highwater_protocol::messages::txn_offset_commit::TxnOffsetCommitRequest;
use highwater_protocol::records::OffsetCommitValue;
use highwater_protocol::{STRING_BYTES_MAX, Str};
use highwater_records::{ProducerEpoch, ProducerId, Timestamp, Uuid};

use super::answer::TopicResults;
use super::consumer::CommitCaller;
use super::context::Context;
use super::input::Caller;
use super::records::{GroupRecord, OffsetRecord};
use super::topics::{Topic, Topics};
use super::{Group, GroupKind, Refusal};

/// First version of OffsetCommit in which an unknown group has an error of its own.
const GROUP_ID_NOT_FOUND_VERSION: i16 = 9;
/// Bytes of an offset's record beside its texts, about.
const RECORD_OVERHEAD_BYTES: usize = 64;
/// First version of OffsetCommit that names topics by id.
const TOPIC_ID_VERSION: i16 = 10;
/// No retention time of its own.
const DEFAULT_RETENTION_TIME: i64 = -1;

/// What OffsetCommit and TxnOffsetCommit have in common.
struct Commit {
    member_id: Str,
    instance_id: Option<Str>,
    epoch: i32,
    expire_timestamp: Option<Timestamp>,
    producer: Option<(ProducerId, ProducerEpoch)>,
    /// Whether topics go by id; the zero id is then one that nobody knows.
    has_ids: bool,
    topics: Vec<RequestTopic>,
}

/// OffsetCommit; `is_new_group`: nobody knew the group before.
pub(crate) fn commit_offsets(
    cx: &mut Context<'_>,
    group: &mut Group,
    caller: &Caller,
    request: OffsetCommitRequest,
    is_new_group: bool,
) -> Result<Vec<TopicResults>, Refusal> {
    let expire_timestamp = match request.retention_time_ms {
        DEFAULT_RETENTION_TIME => None,
        retention_ms => Some(cx.now.wall.saturating_plus_ms(retention_ms)),
    };
    let commit = Commit {
        member_id: request.member_id,
        instance_id: request.group_instance_id,
        epoch: request.generation_id_or_member_epoch,
        expire_timestamp,
        producer: None,
        has_ids: caller.version >= TOPIC_ID_VERSION,
        topics: request.topics,
    };
    commit.run(cx, group, caller, is_new_group)
}

/// TxnOffsetCommit; its records count once the transaction commits.
pub(crate) fn commit_txn_offsets(
    cx: &mut Context<'_>,
    group: &mut Group,
    caller: &Caller,
    request: TxnOffsetCommitRequest,
    is_new_group: bool,
) -> Result<Vec<TopicResults>, Refusal> {
    let producer_id = ProducerId::new(request.producer_id);
    let producer_epoch = ProducerEpoch::new(request.producer_epoch);
    if request.producer_id < 0 || request.producer_epoch < 0 {
        return Err(Refusal::InvalidRequest {
            reason: "a transaction has a producer id and epoch",
        });
    }
    let topics = request.topics.into_iter().map(|topic| RequestTopic {
        name: topic.name,
        topic_id: Uuid::ZERO,
        partitions: topic
            .partitions
            .into_iter()
            .map(|partition| RequestTopicPartition {
                partition_index: partition.partition_index,
                committed_offset: partition.committed_offset,
                committed_leader_epoch: partition.committed_leader_epoch,
                committed_metadata: partition.committed_metadata,
            })
            .collect(),
    });
    let commit = Commit {
        member_id: request.member_id,
        instance_id: request.group_instance_id,
        epoch: request.generation_id_or_member_epoch,
        expire_timestamp: None,
        producer: Some((producer_id, producer_epoch)),
        has_ids: false,
        topics: topics.collect(),
    };
    let result = commit.run(cx, group, caller, is_new_group);
    // The versions that there are have no word for it.
    if let Err(Refusal::StaleMemberEpoch { given, current }) = result {
        return Err(Refusal::IllegalGeneration { given, current });
    }
    result
}

impl Commit {
    fn run(
        self,
        cx: &mut Context<'_>,
        group: &mut Group,
        caller: &Caller,
        is_new_group: bool,
    ) -> Result<Vec<TopicResults>, Refusal> {
        self.check_size(cx, group)?;
        self.check(cx, group, caller, is_new_group)?;
        let mut results = Vec::with_capacity(self.topics.len());
        for topic in &self.topics {
            let known = known_topic(cx.topics, topic);
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            for partition in &topic.partitions {
                let result = self.check_partition(cx, known, partition);
                if let (Ok(()), Some(known)) = (&result, known) {
                    cx.propose(self.record(cx.now.wall, &group.id, known, partition));
                }
                partitions.push((partition.partition_index, result));
            }
            let (name, topic_id) = (topic.name.clone(), topic.topic_id);
            results.push(TopicResults { name, topic_id, partitions });
        }
        Ok(results)
    }

    /// A few bytes of a request name a partition, and each becomes a record with the group's id.
    fn check_size(&self, cx: &Context<'_>, group: &Group) -> Result<(), Refusal> {
        let mut bytes = 0_usize;
        for topic in &self.topics {
            let name = known_topic(cx.topics, topic).map_or(&topic.name, |known| &known.name);
            let each = RECORD_OVERHEAD_BYTES + group.id.len() + name.len();
            let texts = topic.partitions.iter().flat_map(|given| &given.committed_metadata);
            bytes += each * topic.partitions.len() + texts.map(|text| text.len()).sum::<usize>();
        }
        let max_bytes = cx.config.commit_bytes_max;
        if bytes > max_bytes { Err(Refusal::CommitTooLarge { bytes, max_bytes }) } else { Ok(()) }
    }

    fn check(
        &self,
        cx: &mut Context<'_>,
        group: &mut Group,
        caller: &Caller,
        is_new_group: bool,
    ) -> Result<(), Refusal> {
        let is_transactional = self.producer.is_some();
        if is_new_group && self.epoch >= 0 {
            let has_word = !is_transactional && caller.version >= GROUP_ID_NOT_FOUND_VERSION;
            return Err(if has_word {
                Refusal::GroupIdNotFound
            } else {
                Refusal::IllegalGeneration { given: self.epoch, current: -1 }
            });
        }
        let by = CommitCaller {
            version: caller.version,
            is_transactional,
            member_id: &self.member_id,
            instance_id: self.instance_id.as_ref(),
            epoch: self.epoch,
        };
        match &mut group.kind {
            GroupKind::Classic(classic) => {
                classic.check_commit(by)?;
                if !is_transactional {
                    classic.committed(cx, &group.id, by, caller.connection);
                }
                Ok(())
            }
            GroupKind::Consumer(consumer) => {
                let mut partitions = Vec::new();
                for topic in &self.topics {
                    let Some(known) = known_topic(cx.topics, topic) else { continue };
                    let indexes = topic.partitions.iter().map(|given| given.partition_index);
                    partitions.extend(indexes.map(|partition| (known.id, partition)));
                }
                consumer.check_commit(by, &partitions)
            }
        }
    }

    fn record(
        &self,
        now: Timestamp,
        group_id: &Str,
        topic: &Topic,
        partition: &RequestTopicPartition,
    ) -> GroupRecord {
        // A record with an expire timestamp has room for neither leader epoch nor topic id.
        let is_short = self.expire_timestamp.is_some();
        let value = OffsetCommitValue {
            offset: partition.committed_offset,
            leader_epoch: if is_short { -1 } else { partition.committed_leader_epoch },
            metadata: partition.committed_metadata.clone().unwrap_or_default(),
            commit_timestamp: now.value(),
            expire_timestamp: self.expire_timestamp.unwrap_or(Timestamp::NONE).value(),
            topic_id: if is_short { Uuid::ZERO } else { topic.id },
        };
        let record = OffsetRecord {
            group_id: group_id.clone(),
            topic: topic.name.clone(),
            partition: partition.partition_index,
            value: Some(value),
        };
        match self.producer {
            Some((producer_id, producer_epoch)) => {
                GroupRecord::TxnOffset { producer_id, producer_epoch, record }
            }
            None => GroupRecord::Offset(record),
        }
    }

    fn check_partition(
        &self,
        cx: &Context<'_>,
        known: Option<&Topic>,
        partition: &RequestTopicPartition,
    ) -> Result<(), Refusal> {
        match known {
            Some(known) if (0..known.partition_count).contains(&partition.partition_index) => {}
            Some(_) => return Err(Refusal::UnknownTopicOrPartition),
            None if self.has_ids => return Err(Refusal::UnknownTopicId),
            None => return Err(Refusal::UnknownTopicOrPartition),
        }
        let Some(metadata) = &partition.committed_metadata else { return Ok(()) };
        let max_bytes = cx.config.offset_metadata_bytes_max;
        // Kafka counts UTF-16 units, and calls them bytes. Whatever the setting says, the text has to
        // fit the length field of its record.
        let bytes = metadata.as_bytes().len();
        let is_above_setting = bytes > max_bytes && metadata.encode_utf16().count() > max_bytes;
        if is_above_setting || bytes > STRING_BYTES_MAX {
            let max_bytes = max_bytes.min(STRING_BYTES_MAX);
            return Err(Refusal::OffsetMetadataTooLarge { bytes, max_bytes });
        }
        Ok(())
    }
}

fn known_topic<'a>(topics: &'a Topics, topic: &RequestTopic) -> Option<&'a Topic> {
    if topic.topic_id.is_zero() {
        topics.by_name(&topic.name)
    } else {
        topics.by_id(topic.topic_id)
    }
}
