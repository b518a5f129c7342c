//! What a group coordinator is told.

use highwater_protocol::Str;
use highwater_protocol::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;
use highwater_protocol::messages::heartbeat::HeartbeatRequest;
use highwater_protocol::messages::join_group::JoinGroupRequest;
use highwater_protocol::messages::leave_group::LeaveGroupRequest;
use highwater_protocol::messages::list_groups::ListGroupsRequest;
use highwater_protocol::messages::offset_commit::OffsetCommitRequest;
use highwater_protocol::messages::offset_delete::OffsetDeleteRequest;
use highwater_protocol::messages::offset_fetch::RequestGroup;
use highwater_protocol::messages::sync_group::SyncGroupRequest;
use highwater_protocol::messages::txn_offset_commit::TxnOffsetCommitRequest;
use highwater_records::Uuid;

use crate::{ConnectionId, RequestId};

/// Who asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    /// Which answer belongs to it.
    pub request: RequestId,
    /// The connection it came on, for the disconnect rule.
    pub connection: ConnectionId,
    /// Version of the API in which it was asked.
    pub version: i16,
    /// From the request header; empty if there was none.
    pub client_id: Str,
    /// Java's address text, such as `/127.0.0.1`.
    pub client_host: Str,
}

/// One thing that happens to a group coordinator.
///
/// Requests are the decoded messages; what they may do to a topic or a group (authorization) was
/// checked before.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// JoinGroup; `uuid` becomes the member id if one is made.
    Join { caller: Caller, request: JoinGroupRequest, uuid: Uuid },
    /// SyncGroup.
    Sync { caller: Caller, request: SyncGroupRequest },
    /// Heartbeat.
    Heartbeat { caller: Caller, request: HeartbeatRequest },
    /// LeaveGroup, both shapes (one member below version 3, several from it on).
    Leave { caller: Caller, request: LeaveGroupRequest },
    /// ConsumerGroupHeartbeat; `uuid` becomes the member id if one is made (version 0).
    ConsumerHeartbeat { caller: Caller, request: ConsumerGroupHeartbeatRequest, uuid: Uuid },
    /// OffsetCommit.
    CommitOffsets { caller: Caller, request: OffsetCommitRequest },
    /// TxnOffsetCommit. Its records are appended as a transactional batch of the producer.
    CommitTxnOffsets { caller: Caller, request: TxnOffsetCommitRequest },
    /// OffsetFetch, one group of it, whatever the version.
    FetchOffsets { caller: Caller, group: RequestGroup, require_stable: bool },
    /// OffsetDelete.
    DeleteOffsets { caller: Caller, request: OffsetDeleteRequest },
    /// DeleteGroups, one group of it.
    DeleteGroup { caller: Caller, group_id: Str },
    /// ListGroups: the groups of this partition.
    ListGroups { caller: Caller, request: ListGroupsRequest },
    /// DescribeGroups, one group of it.
    DescribeGroup { caller: Caller, group_id: Str },
    /// ConsumerGroupDescribe, one group of it.
    DescribeConsumerGroup { caller: Caller, group_id: Str },
    /// Topics are gone, each with its name and id: their offsets go as well.
    TopicsDeleted { topics: Vec<(Str, Uuid)> },
    /// The peer closed this connection. Never said of closes of ours.
    ConnectionClosed { connection: ConnectionId },
    /// A deadline has passed.
    Tick,
    /// Time to look for offsets and groups to drop.
    ExpireOffsets,
}
