//! What comes out.

use bytes::Bytes;
use highwater_records::{Header, LeaderEpoch, Offset, Timestamp, TimestampType, TopicName};

/// A record as it stands in its partition; its bytes share those of its batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerRecord {
    /// The topic.
    pub topic: TopicName,
    /// The partition.
    pub partition: i32,
    /// Its position in the partition.
    pub offset: Offset,
    /// Its time.
    pub timestamp: Timestamp,
    /// Whose time that is: the producer's or the leader's.
    pub timestamp_type: TimestampType,
    /// The epoch of the leader that wrote it.
    pub leader_epoch: LeaderEpoch,
    /// The key, if it has one.
    pub key: Option<Bytes>,
    /// The value; none is a tombstone in a compacted topic.
    pub value: Option<Bytes>,
    /// Names and values beside the value; names may repeat.
    pub headers: Vec<Header>,
}
