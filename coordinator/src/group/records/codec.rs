//! Between records and bytes: which type is which, and which version is written. What stands in
//! them say the definitions in `protocol`.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use bytes::Bytes;
use highwater_protocol::records::{
    ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupMemberMetadataKey,
    ConsumerGroupMetadataKey, ConsumerGroupPartitionMetadataKey, ConsumerGroupRegularExpressionKey,
    ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMetadataKey,
    GroupMetadataKey, GroupMetadataValue, OffsetCommitKey,
};
use highwater_protocol::{
    CoordinatorKey, CoordinatorValue, DecodeError, EncodeError, Message, Reader,
};

use super::{GroupRecord, OffsetRecord, RecordDecodeError, expire_timestamp};

/// The type of offsets that is read and no longer written.
const LEGACY_OFFSET: i16 = 0;

/// The version of an offset...
const OFFSET_VERSION: i16 = 4;
/// ... and of one with an expire timestamp, which leaves no room for leader epoch and topic id.
const EXPIRING_OFFSET_VERSION: i16 = 1;
const CLASSIC_GROUP_VERSION: i16 = 3;
/// Of all records of KIP-848 groups.
const CONSUMER_VERSION: i16 = 0;

/// A classic member's rebalance timeout where there is none.
const NO_REBALANCE_TIMEOUT: i32 = -1;

pub(super) fn encode(record: &GroupRecord) -> Result<(Bytes, Option<Bytes>), EncodeError> {
    match record {
        GroupRecord::Offset(record) | GroupRecord::TxnOffset { record, .. } => offset_pair(record),
        GroupRecord::TxnEnd { .. } => {
            Err(EncodeError::Null { field: "the key of a control record" })
        }
        GroupRecord::ClassicGroup { group_id, value } => {
            let key = GroupMetadataKey { group: group_id.clone() };
            pair(&key, value, CLASSIC_GROUP_VERSION)
        }
        GroupRecord::ConsumerGroup { group_id, value } => {
            let key = ConsumerGroupMetadataKey { group_id: group_id.clone() };
            pair(&key, value, CONSUMER_VERSION)
        }
        GroupRecord::ConsumerPartitions { group_id, value } => {
            let key = ConsumerGroupPartitionMetadataKey { group_id: group_id.clone() };
            pair(&key, value, CONSUMER_VERSION)
        }
        GroupRecord::ConsumerMember { group_id, member_id, value } => {
            let (group_id, member_id) = (group_id.clone(), member_id.clone());
            let key = ConsumerGroupMemberMetadataKey { group_id, member_id };
            pair(&key, value, CONSUMER_VERSION)
        }
        GroupRecord::TargetAssignment { group_id, value } => {
            let key = ConsumerGroupTargetAssignmentMetadataKey { group_id: group_id.clone() };
            pair(&key, value, CONSUMER_VERSION)
        }
        GroupRecord::TargetMember { group_id, member_id, value } => {
            let (group_id, member_id) = (group_id.clone(), member_id.clone());
            let key = ConsumerGroupTargetAssignmentMemberKey { group_id, member_id };
            pair(&key, value, CONSUMER_VERSION)
        }
        GroupRecord::CurrentAssignment { group_id, member_id, value } => {
            let (group_id, member_id) = (group_id.clone(), member_id.clone());
            let key = ConsumerGroupCurrentMemberAssignmentKey { group_id, member_id };
            pair(&key, value, CONSUMER_VERSION)
        }
        GroupRecord::RegularExpression { group_id, expression, value } => {
            let (group_id, regular_expression) = (group_id.clone(), expression.clone());
            let key = ConsumerGroupRegularExpressionKey { group_id, regular_expression };
            pair(&key, value, CONSUMER_VERSION)
        }
    }
}

fn offset_pair(record: &OffsetRecord) -> Result<(Bytes, Option<Bytes>), EncodeError> {
    let OffsetRecord { group_id, topic, partition, value } = record;
    let key =
        OffsetCommitKey { group: group_id.clone(), topic: topic.clone(), partition: *partition };
    let is_expiring = value.as_ref().and_then(expire_timestamp).is_some();
    pair(&key, value, if is_expiring { EXPIRING_OFFSET_VERSION } else { OFFSET_VERSION })
}

fn pair<K: CoordinatorKey>(
    key: &K,
    value: &Option<K::Value>,
    version: i16,
) -> Result<(Bytes, Option<Bytes>), EncodeError> {
    let value = value.as_ref().map(|value| value.to_bytes(version)).transpose()?;
    Ok((key.to_bytes()?, value))
}

pub(super) fn decode(
    key: Option<&Bytes>,
    value: Option<&Bytes>,
) -> Result<Option<GroupRecord>, RecordDecodeError> {
    let mut key = Reader::of_record(key.ok_or(RecordDecodeError::NoKey)?.clone());
    let record_type =
        key.i16().map_err(|source| RecordDecodeError::Malformed { record_type: -1, source })?;
    decode_type(record_type, &mut key, value)
        .map_err(|source| RecordDecodeError::Malformed { record_type, source })
}

fn decode_type(
    record_type: i16,
    key: &mut Reader,
    value: Option<&Bytes>,
) -> Result<Option<GroupRecord>, DecodeError> {
    let record = match record_type {
        LEGACY_OFFSET | OffsetCommitKey::TYPE => {
            let OffsetCommitKey { group, topic, partition } = Message::decode(key, record_type)?;
            let value = value_of(value)?;
            GroupRecord::Offset(OffsetRecord { group_id: group, topic, partition, value })
        }
        GroupMetadataKey::TYPE => {
            let GroupMetadataKey { group } = Message::decode(key, record_type)?;
            let value = value_of(value)?.map(with_rebalance_timeouts);
            GroupRecord::ClassicGroup { group_id: group, value }
        }
        ConsumerGroupMetadataKey::TYPE => {
            let ConsumerGroupMetadataKey { group_id } = Message::decode(key, record_type)?;
            GroupRecord::ConsumerGroup { group_id, value: value_of(value)? }
        }
        ConsumerGroupPartitionMetadataKey::TYPE => {
            let ConsumerGroupPartitionMetadataKey { group_id } = Message::decode(key, record_type)?;
            GroupRecord::ConsumerPartitions { group_id, value: value_of(value)? }
        }
        ConsumerGroupMemberMetadataKey::TYPE => {
            let ConsumerGroupMemberMetadataKey { group_id, member_id } =
                Message::decode(key, record_type)?;
            GroupRecord::ConsumerMember { group_id, member_id, value: value_of(value)? }
        }
        ConsumerGroupTargetAssignmentMetadataKey::TYPE => {
            let ConsumerGroupTargetAssignmentMetadataKey { group_id } =
                Message::decode(key, record_type)?;
            GroupRecord::TargetAssignment { group_id, value: value_of(value)? }
        }
        ConsumerGroupTargetAssignmentMemberKey::TYPE => {
            let ConsumerGroupTargetAssignmentMemberKey { group_id, member_id } =
                Message::decode(key, record_type)?;
            GroupRecord::TargetMember { group_id, member_id, value: value_of(value)? }
        }
        ConsumerGroupCurrentMemberAssignmentKey::TYPE => {
            let ConsumerGroupCurrentMemberAssignmentKey { group_id, member_id } =
                Message::decode(key, record_type)?;
            GroupRecord::CurrentAssignment { group_id, member_id, value: value_of(value)? }
        }
        ConsumerGroupRegularExpressionKey::TYPE => {
            let ConsumerGroupRegularExpressionKey { group_id, regular_expression } =
                Message::decode(key, record_type)?;
            GroupRecord::RegularExpression {
                group_id,
                expression: regular_expression,
                value: value_of(value)?,
            }
        }
        // Share groups, streams groups, and what is not invented yet.
        _ => return Ok(None),
    };
    Ok(Some(record))
}

fn value_of<V: CoordinatorValue>(value: Option<&Bytes>) -> Result<Option<V>, DecodeError> {
    value.map(|value| V::from_bytes(value.clone())).transpose()
}

/// Where a member has no rebalance timeout, as in version 0, it is the session timeout.
fn with_rebalance_timeouts(mut value: GroupMetadataValue) -> GroupMetadataValue {
    for member in &mut value.members {
        if member.rebalance_timeout == NO_REBALANCE_TIMEOUT {
            member.rebalance_timeout = member.session_timeout;
        }
    }
    value
}
