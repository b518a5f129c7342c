//! What a group coordinator says.

use bytes::Bytes;
use highwater_protocol::Str;
use highwater_records::{Offset, Timestamp, Uuid};

use super::Refusal;

/// The answer to one request; the variant is that of the input.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To [`super::Input::Join`].
    Join(Result<JoinAnswer, Refusal>),
    /// To [`super::Input::Sync`].
    Sync(Result<SyncAnswer, Refusal>),
    /// To [`super::Input::Heartbeat`].
    Heartbeat(Result<(), Refusal>),
    /// To [`super::Input::Leave`]; one entry per member asked for. Below version 3 there is one,
    /// and its result is that of the call.
    Leave(Result<Vec<MemberLeft>, Refusal>),
    /// To [`super::Input::ConsumerHeartbeat`].
    ConsumerHeartbeat(Result<ConsumerHeartbeatAnswer, Refusal>),
    /// To [`super::Input::CommitOffsets`]; a refusal counts for every partition.
    CommitOffsets(Result<Vec<TopicResults>, Refusal>),
    /// To [`super::Input::CommitTxnOffsets`]; a refusal counts for every partition.
    CommitTxnOffsets(Result<Vec<TopicResults>, Refusal>),
    /// To [`super::Input::FetchOffsets`].
    FetchOffsets(Result<Vec<FetchedTopic>, Refusal>),
    /// To [`super::Input::DeleteOffsets`].
    DeleteOffsets(Result<Vec<TopicResults>, Refusal>),
    /// To [`super::Input::DeleteGroup`].
    DeleteGroup(Result<(), Refusal>),
    /// To [`super::Input::ListGroups`].
    ListGroups(Vec<ListedGroup>),
    /// To [`super::Input::DescribeGroup`]. [`Refusal::GroupIdNotFound`]: state `Dead`, no members,
    /// and from version 6 the error with its text.
    DescribeGroup(Result<DescribedGroup, Refusal>),
    /// To [`super::Input::DescribeConsumerGroup`].
    DescribeConsumerGroup(Result<DescribedConsumerGroup, Refusal>),
}

/// A join that is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinAnswer {
    pub generation_id: i32,
    pub protocol_type: Option<Str>,
    /// The protocol that was chosen.
    pub protocol_name: Option<Str>,
    /// Member id of the leader.
    pub leader: Str,
    /// KIP-814: the leader need not compute an assignment. Below version 9 never said.
    pub skip_assignment: bool,
    pub member_id: Str,
    /// Filled for the leader only.
    pub members: Vec<JoinedMember>,
}

/// One member as the leader of its group sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedMember {
    pub member_id: Str,
    pub group_instance_id: Option<Str>,
    /// What the member gave for the chosen protocol.
    pub metadata: Bytes,
}

/// An assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncAnswer {
    pub protocol_type: Option<Str>,
    pub protocol_name: Option<Str>,
    pub assignment: Bytes,
}

/// What became of one member that leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberLeft {
    /// As in the request.
    pub member_id: Str,
    /// As in the request.
    pub group_instance_id: Option<Str>,
    pub result: Result<(), Refusal>,
}

/// Where a member of a KIP-848 group stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerHeartbeatAnswer {
    pub member_id: Option<Str>,
    pub member_epoch: i32,
    pub heartbeat_interval_ms: i32,
    /// `None`: unchanged. By topic id, partitions sorted.
    pub assignment: Option<Vec<(Uuid, Vec<i32>)>>,
}

/// Results for the partitions of one topic of a request, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicResults {
    /// As in the request; empty if it named the topic by id.
    pub name: Str,
    /// As in the request; zero if it gave a name.
    pub topic_id: Uuid,
    pub partitions: Vec<(i32, Result<(), Refusal>)>,
}

/// Committed offsets of one topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchedTopic {
    pub name: Str,
    /// Zero if nothing is known of the topic.
    pub topic_id: Uuid,
    pub partitions: Vec<FetchedPartition>,
}

/// The committed offset of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedPartition {
    pub partition: i32,
    /// `Ok(None)`: nothing is committed (offset -1, epoch -1, metadata "").
    pub result: Result<Option<FetchedOffset>, Refusal>,
}

/// A committed offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedOffset {
    /// As the client gave it.
    pub offset: i64,
    /// -1: not given.
    pub leader_epoch: i32,
    pub metadata: Str,
}

/// A line of ListGroups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedGroup {
    pub group_id: Str,
    pub protocol_type: Str,
    /// Kafka's name of the state.
    pub state: &'static str,
    /// `classic` or `consumer`.
    pub group_type: &'static str,
}

/// A classic group as DescribeGroups shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedGroup {
    /// Kafka's name of the state.
    pub state: &'static str,
    pub protocol_type: Str,
    /// The chosen protocol, if Stable.
    pub protocol: Str,
    pub members: Vec<DescribedMember>,
}

/// A member as DescribeGroups shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedMember {
    pub member_id: Str,
    pub group_instance_id: Option<Str>,
    pub client_id: Str,
    pub client_host: Str,
    /// Empty unless Stable.
    pub metadata: Bytes,
    /// Empty unless Stable.
    pub assignment: Bytes,
}

/// A KIP-848 group as ConsumerGroupDescribe shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedConsumerGroup {
    /// Kafka's name of the state.
    pub state: &'static str,
    pub group_epoch: i32,
    pub assignment_epoch: i32,
    pub assignor: Str,
    pub members: Vec<DescribedConsumerMember>,
}

/// A member as ConsumerGroupDescribe shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedConsumerMember {
    pub member_id: Str,
    pub instance_id: Option<Str>,
    pub rack_id: Option<Str>,
    pub member_epoch: i32,
    pub client_id: Str,
    pub client_host: Str,
    pub subscribed_topic_names: Vec<Str>,
    pub subscribed_topic_regex: Option<Str>,
    pub assignment: Vec<DescribedTopic>,
    pub target_assignment: Vec<DescribedTopic>,
    /// Joined by JoinGroup (member type 0), not by ConsumerGroupHeartbeat (1).
    pub is_classic: bool,
}

/// Partitions of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedTopic {
    pub topic_id: Uuid,
    pub topic_name: Str,
    pub partitions: Vec<i32>,
}

/// One committed offset, for whoever computes lag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LagSource<'a> {
    pub group_id: &'a Str,
    pub topic: &'a Str,
    /// Zero if the commit did not know it.
    pub topic_id: Uuid,
    pub partition: i32,
    pub committed: Offset,
    pub commit_timestamp: Timestamp,
}

/// One group, for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSummary<'a> {
    pub group_id: &'a Str,
    /// `classic` or `consumer`.
    pub group_type: &'static str,
    /// Kafka's name of the state.
    pub state: &'static str,
    pub member_count: usize,
    /// Partitions with a committed offset.
    pub offset_count: usize,
}
