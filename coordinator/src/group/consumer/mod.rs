//! KIP-848 groups: the seam that `group/mod.rs` calls.
//!
//! A group with members of the new protocol is `GroupKind::Consumer`; classic calls on it come
//! here too. Functions that need to change the kind of a group take the whole [`Group`]; as
//! everywhere, that happens in [`replay`] only: upgrade and downgrade propose records (tombstones
//! of one kind, values of the other) whose replay changes the kind.

use highwater_protocol::Str;
use highwater_protocol::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;
use highwater_protocol::messages::heartbeat::HeartbeatRequest;
use highwater_protocol::messages::join_group::JoinGroupRequest;
use highwater_protocol::messages::leave_group::LeaveGroupRequest;
use highwater_protocol::messages::sync_group::SyncGroupRequest;
use highwater_records::{Offset, Uuid};

use super::context::Context;
use super::timers::TimerKind;
use super::topics::Topics;
use super::{
    Answer, Caller, DescribedConsumerGroup, DescribedGroup, Group, GroupKind, GroupRecord, Refusal,
};

/// A KIP-848 group.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConsumerGroup {}

/// What an offset commit says of its caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CommitCaller<'a> {
    /// Of OffsetCommit; of TxnOffsetCommit if `is_transactional`.
    pub(crate) version: i16,
    pub(crate) is_transactional: bool,
    pub(crate) member_id: &'a Str,
    pub(crate) instance_id: Option<&'a Str>,
    /// Generation of a classic member, epoch of a new one.
    pub(crate) epoch: i32,
}

impl ConsumerGroup {
    /// Kafka's name of the state.
    pub(crate) fn state(&self) -> &'static str {
        "Empty"
    }

    /// Members of both protocols.
    pub(crate) fn member_count(&self) -> usize {
        0
    }

    /// Whether nothing would be lost with it: no record, nobody waits.
    pub(crate) fn is_vacant(&self) -> bool {
        true
    }

    /// Whether a member reads the topic, by name or by expression.
    pub(crate) fn is_subscribed_to(&self, _topic: &Str) -> bool {
        false
    }

    /// Whether the caller may commit to these partitions (topic id, partition); called with the
    /// ones that exist.
    pub(crate) fn check_commit(
        &self,
        _caller: CommitCaller<'_>,
        _partitions: &[(Uuid, i32)],
    ) -> Result<(), Refusal> {
        Ok(())
    }

    /// Whether the caller may read offsets: `member_id` is given from version 9 on, by members.
    pub(crate) fn check_fetch(
        &self,
        _member_id: Option<&Str>,
        _member_epoch: i32,
    ) -> Result<(), Refusal> {
        Ok(())
    }

    /// The records that end the group: tombstones of all it has written.
    pub(crate) fn tombstones(&self, _group_id: &Str, _records: &mut Vec<GroupRecord>) {}

    /// As ConsumerGroupDescribe shows it.
    pub(crate) fn describe(&self, _topics: &Topics) -> Result<DescribedConsumerGroup, Refusal> {
        Err(Refusal::GroupIdNotFound)
    }

    /// As DescribeGroups shows it: [`Refusal::GroupIdNotFound`], Kafka says, for it is not classic.
    pub(crate) fn describe_as_classic(&self) -> Result<DescribedGroup, Refusal> {
        Err(Refusal::GroupIdNotFound)
    }
}

/// ConsumerGroupHeartbeat on any group. One that nobody has is an empty classic group, and is
/// dropped again if nothing comes of the call.
pub(crate) fn heartbeat(
    cx: &mut Context<'_>,
    _group: &mut Group,
    caller: &Caller,
    _request: ConsumerGroupHeartbeatRequest,
    _uuid: Uuid,
) {
    cx.answer(caller.request, Answer::ConsumerHeartbeat(Err(Refusal::UnsupportedVersion)));
}

/// JoinGroup on a consumer group.
pub(crate) fn classic_join(
    cx: &mut Context<'_>,
    _group: &mut Group,
    caller: &Caller,
    _request: JoinGroupRequest,
    _uuid: Uuid,
) {
    cx.answer(caller.request, Answer::Join(Err(Refusal::InconsistentGroupProtocol)));
}

/// SyncGroup on a consumer group.
pub(crate) fn classic_sync(
    cx: &mut Context<'_>,
    _group: &mut Group,
    caller: &Caller,
    _request: SyncGroupRequest,
) {
    cx.answer(caller.request, Answer::Sync(Err(Refusal::UnknownMemberId)));
}

/// Heartbeat on a consumer group.
pub(crate) fn classic_heartbeat(
    cx: &mut Context<'_>,
    _group: &mut Group,
    caller: &Caller,
    _request: HeartbeatRequest,
) {
    cx.answer(caller.request, Answer::Heartbeat(Err(Refusal::UnknownMemberId)));
}

/// LeaveGroup on a consumer group.
pub(crate) fn classic_leave(
    cx: &mut Context<'_>,
    _group: &mut Group,
    caller: &Caller,
    _request: LeaveGroupRequest,
) {
    cx.answer(caller.request, Answer::Leave(Err(Refusal::UnknownMemberId)));
}

/// A deadline of kind `Consumer*` has passed.
pub(crate) fn on_timer(_cx: &mut Context<'_>, _group: &mut Group, _kind: TimerKind, _member: &Str) {
}

/// The peer closed the connection on which the member was last heard (the disconnect rule).
pub(crate) fn on_disconnected(_cx: &mut Context<'_>, _group: &mut Group, _member: &Str) {}

/// The whole log was replayed: sessions start now. Called for groups of kind consumer.
pub(crate) fn on_loaded(_cx: &mut Context<'_>, _group: &mut Group) {}

/// Takes a record of types 3 to 8 and 16, on a group of any kind.
pub(crate) fn replay(group: &mut Group, _offset: Offset, _record: &GroupRecord) {
    debug_assert!(!matches!(group.kind, GroupKind::Consumer(_)), "nothing makes one yet");
}
