#![allow(
    unused_variables,
    unused_mut,
    unused_imports,
    clippy::all,
    clippy::too_many_lines,
    reason = "generated"
)]
//! Records of internal topics, one module each, written by `cargo xtask codegen` from
//! `definitions/records`.

pub mod consumer_group_current_member_assignment;
pub mod consumer_group_member_metadata;
pub mod consumer_group_metadata;
pub mod consumer_group_partition_metadata;
pub mod consumer_group_regular_expression;
pub mod consumer_group_target_assignment_member;
pub mod consumer_group_target_assignment_metadata;
pub mod group_metadata;
pub mod offset_commit;
pub mod transaction_log;

pub use self::consumer_group_current_member_assignment::{
    ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupCurrentMemberAssignmentValue,
};
pub use self::consumer_group_member_metadata::{
    ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue,
};
pub use self::consumer_group_metadata::{ConsumerGroupMetadataKey, ConsumerGroupMetadataValue};
pub use self::consumer_group_partition_metadata::{
    ConsumerGroupPartitionMetadataKey, ConsumerGroupPartitionMetadataValue,
};
pub use self::consumer_group_regular_expression::{
    ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue,
};
pub use self::consumer_group_target_assignment_member::{
    ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMemberValue,
};
pub use self::consumer_group_target_assignment_metadata::{
    ConsumerGroupTargetAssignmentMetadataKey, ConsumerGroupTargetAssignmentMetadataValue,
};
pub use self::group_metadata::{GroupMetadataKey, GroupMetadataValue};
pub use self::offset_commit::{OffsetCommitKey, OffsetCommitValue};
pub use self::transaction_log::{TransactionLogKey, TransactionLogValue};

mod prelude {
    pub(super) use crate::reader::fits_record_budget;
    pub(super) use crate::{
        CoordinatorKey, CoordinatorValue, DecodeError, EncodeError, Message, Reader, Str, Writer,
        reader, writer,
    };
    pub(super) use bytes::Bytes;
    pub(super) use highwater_records::Uuid;
    pub(super) use std::ops::RangeInclusive;
}
