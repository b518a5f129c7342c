//! Types 3 to 8 and 16: KIP-848 groups. Fields and their order are Kafka's.

use bytes::Bytes;
use highwater_protocol::Str;
use highwater_records::{Timestamp, Uuid};

/// Type 3: the group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerGroupValue {
    pub epoch: i32,
    /// Of the subscribed topics; only its maker compares it. 0: no topics.
    pub metadata_hash: i64,
}

/// Type 4: partitions of subscribed topics, as written until 4.0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerPartitionsValue {
    pub topics: Vec<TopicRacks>,
}

/// A topic in [`ConsumerPartitionsValue`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicRacks {
    pub topic_id: Uuid,
    pub topic_name: Str,
    pub partition_count: i32,
    pub partitions: Vec<PartitionRacks>,
}

/// A partition in [`TopicRacks`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionRacks {
    pub partition: i32,
    pub racks: Vec<Str>,
}

/// Type 5: what a member said of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerMemberValue {
    pub instance_id: Option<Str>,
    pub rack_id: Option<Str>,
    pub client_id: Str,
    pub client_host: Str,
    /// Sorted.
    pub subscribed_topic_names: Vec<Str>,
    pub subscribed_topic_regex: Option<Str>,
    /// -1: not given.
    pub rebalance_timeout_ms: i32,
    pub server_assignor: Option<Str>,
    /// Of a member that speaks the classic protocol.
    pub classic: Option<ClassicMemberMetadata>,
}

/// What a classic member of a KIP-848 group joined with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassicMemberMetadata {
    pub session_timeout_ms: i32,
    pub supported_protocols: Vec<ClassicProtocol>,
}

/// One protocol of a classic member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassicProtocol {
    pub name: Str,
    pub metadata: Bytes,
}

/// Type 6: which epoch the target is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetAssignmentValue {
    pub assignment_epoch: i32,
    /// 0: not known; then not written.
    pub assignment_timestamp: Timestamp,
}

/// Type 7: what a member shall have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetMemberValue {
    pub topics: Vec<AssignedTopic>,
}

/// Partitions of one topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssignedTopic {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

/// Type 8: what a member has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CurrentAssignmentValue {
    pub member_epoch: i32,
    pub previous_member_epoch: i32,
    /// 0 stable, 1 unrevoked, 2 unreleased, 127 unknown.
    pub state: i8,
    pub assigned: Vec<CurrentTopic>,
    pub pending_revocation: Vec<CurrentTopic>,
}

/// Partitions of one topic, with the epoch in which each was assigned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CurrentTopic {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
    /// As many as partitions, or not known and then not written.
    pub assignment_epochs: Option<Vec<i32>>,
}

/// Type 16: the topics an expression stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegularExpressionValue {
    pub topics: Vec<Str>,
    pub version: i64,
    pub timestamp: Timestamp,
}
