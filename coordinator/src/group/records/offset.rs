//! Types 0 and 1: a committed offset.

use highwater_protocol::Str;
use highwater_records::{Timestamp, Uuid};

/// Offset of one group for one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetRecord {
    pub group_id: Str,
    pub topic: Str,
    pub partition: i32,
    pub value: Option<OffsetValue>,
}

/// What was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetValue {
    /// As the client gave it: any number.
    pub offset: i64,
    /// -1: not given.
    pub leader_epoch: i32,
    pub metadata: Str,
    pub commit_timestamp: Timestamp,
    /// When it expires, if the commit said so (OffsetCommit 2 to 4); written as version 1.
    pub expire_timestamp: Option<Timestamp>,
    /// Zero: not known.
    pub topic_id: Uuid,
}
