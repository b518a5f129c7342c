//! Records of `__consumer_offsets`, byte for byte Apache Kafka's.
//!
//! Their keys and values are defined in `protocol/definitions/records`; here is what a group
//! coordinator makes of them.

mod codec;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use highwater_protocol::records::{
    ConsumerGroupCurrentMemberAssignmentValue, ConsumerGroupMemberMetadataValue,
    ConsumerGroupMetadataValue, ConsumerGroupPartitionMetadataValue,
    ConsumerGroupRegularExpressionValue, ConsumerGroupTargetAssignmentMemberValue,
    ConsumerGroupTargetAssignmentMetadataValue, GroupMetadataValue, OffsetCommitValue,
};
use highwater_protocol::{DecodeError, EncodeError, Str};
use highwater_records::{ProducerEpoch, ProducerId, Timestamp};

/// One record of `__consumer_offsets`, or the end of a transaction in it.
///
/// Where a value is `None`, the record is a tombstone.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupRecord {
    /// Types 0 and 1: a committed offset.
    Offset(OffsetRecord),
    /// Types 0 and 1 in a transactional batch: counts once the transaction commits.
    TxnOffset { producer_id: ProducerId, producer_epoch: ProducerEpoch, record: OffsetRecord },
    /// A control batch: the end of a producer's transaction. Replayed, never encoded here.
    TxnEnd { producer_id: ProducerId, producer_epoch: ProducerEpoch, is_commit: bool },
    /// Type 2.
    ClassicGroup { group_id: Str, value: Option<GroupMetadataValue> },
    /// Type 3.
    ConsumerGroup { group_id: Str, value: Option<ConsumerGroupMetadataValue> },
    /// Type 4; only its tombstone is still written.
    ConsumerPartitions { group_id: Str, value: Option<ConsumerGroupPartitionMetadataValue> },
    /// Type 5.
    ConsumerMember {
        group_id: Str,
        member_id: Str,
        value: Option<ConsumerGroupMemberMetadataValue>,
    },
    /// Type 6.
    TargetAssignment { group_id: Str, value: Option<ConsumerGroupTargetAssignmentMetadataValue> },
    /// Type 7.
    TargetMember {
        group_id: Str,
        member_id: Str,
        value: Option<ConsumerGroupTargetAssignmentMemberValue>,
    },
    /// Type 8.
    CurrentAssignment {
        group_id: Str,
        member_id: Str,
        value: Option<ConsumerGroupCurrentMemberAssignmentValue>,
    },
    /// Type 16.
    RegularExpression {
        group_id: Str,
        expression: Str,
        value: Option<ConsumerGroupRegularExpressionValue>,
    },
}

/// Offset of one group for one partition.
#[derive(Clone, Debug, PartialEq)]
pub struct OffsetRecord {
    pub group_id: Str,
    pub topic: Str,
    pub partition: i32,
    pub value: Option<OffsetCommitValue>,
}

/// Why a record could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordDecodeError {
    /// A record without a key.
    #[error("the record has no key")]
    NoKey,
    /// A value of a version that this release cannot read, or bytes that are not what their version
    /// says.
    #[error("a record of type {record_type} cannot be read")]
    Malformed {
        record_type: i16,
        #[source]
        source: DecodeError,
    },
}

impl GroupRecord {
    /// The group it belongs to; the end of a transaction belongs to all.
    #[must_use]
    pub fn group_id(&self) -> Option<&Str> {
        match self {
            Self::Offset(record) | Self::TxnOffset { record, .. } => Some(&record.group_id),
            Self::TxnEnd { .. } => None,
            Self::ClassicGroup { group_id, .. }
            | Self::ConsumerGroup { group_id, .. }
            | Self::ConsumerPartitions { group_id, .. }
            | Self::ConsumerMember { group_id, .. }
            | Self::TargetAssignment { group_id, .. }
            | Self::TargetMember { group_id, .. }
            | Self::CurrentAssignment { group_id, .. }
            | Self::RegularExpression { group_id, .. } => Some(group_id),
        }
    }

    /// The producer in whose transaction it is written. All records of one outcome have the same.
    #[must_use]
    pub fn producer(&self) -> Option<(ProducerId, ProducerEpoch)> {
        match self {
            Self::TxnOffset { producer_id, producer_epoch, .. }
            | Self::TxnEnd { producer_id, producer_epoch, .. } => {
                Some((*producer_id, *producer_epoch))
            }
            Self::Offset(_)
            | Self::ClassicGroup { .. }
            | Self::ConsumerGroup { .. }
            | Self::ConsumerPartitions { .. }
            | Self::ConsumerMember { .. }
            | Self::TargetAssignment { .. }
            | Self::TargetMember { .. }
            | Self::CurrentAssignment { .. }
            | Self::RegularExpression { .. } => None,
        }
    }

    /// Whether it ends something. Several of them need not be written as one: what a crash leaves
    /// undone can be done again.
    #[must_use]
    pub const fn is_tombstone(&self) -> bool {
        match self {
            Self::Offset(record) | Self::TxnOffset { record, .. } => record.value.is_none(),
            Self::TxnEnd { .. } => false,
            Self::ClassicGroup { value, .. } => value.is_none(),
            Self::ConsumerGroup { value, .. } => value.is_none(),
            Self::ConsumerPartitions { value, .. } => value.is_none(),
            Self::ConsumerMember { value, .. } => value.is_none(),
            Self::TargetAssignment { value, .. } => value.is_none(),
            Self::TargetMember { value, .. } => value.is_none(),
            Self::CurrentAssignment { value, .. } => value.is_none(),
            Self::RegularExpression { value, .. } => value.is_none(),
        }
    }

    /// The record as Kafka writes it: key and value (`None`: a tombstone).
    ///
    /// Errors: text that does not fit its length field, or the end of a transaction, which is a
    /// control record and made by whoever writes the marker.
    pub fn encode(&self) -> Result<(Bytes, Option<Bytes>), EncodeError> {
        codec::encode(self)
    }

    /// Reads a record; `None` is a type that this release has no use for.
    ///
    /// Offsets of a transactional batch are read as [`GroupRecord::Offset`]; see
    /// [`GroupRecord::in_transaction`].
    ///
    /// Errors: any [`RecordDecodeError`].
    pub fn decode(
        key: Option<&Bytes>,
        value: Option<&Bytes>,
    ) -> Result<Option<Self>, RecordDecodeError> {
        codec::decode(key, value)
    }

    /// The same record inside a transaction, which only an offset can be.
    #[must_use]
    pub fn in_transaction(self, producer_id: ProducerId, producer_epoch: ProducerEpoch) -> Self {
        if let Self::Offset(record) = self {
            Self::TxnOffset { producer_id, producer_epoch, record }
        } else {
            self
        }
    }
}

/// When an offset expires, if the commit said so (OffsetCommit 2 to 4).
///
/// It is written in a version that has room for neither a leader epoch nor a topic id.
#[must_use]
pub fn expire_timestamp(value: &OffsetCommitValue) -> Option<Timestamp> {
    let at = Timestamp::new(value.expire_timestamp);
    (!at.is_none()).then_some(at)
}
