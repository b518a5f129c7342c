//! Types 0 and 1: a committed offset.
//!
//! | version | fields after the version (i16) |
//! |---|---|
//! | 0, 2 | offset i64, metadata, commit timestamp i64 |
//! | 1 | offset i64, metadata, commit timestamp i64, expire timestamp i64 |
//! | 3 | offset i64, leader epoch i32, metadata, commit timestamp i64 |
//! | 4 (flexible) | as 3, and tag 0: topic id, unless zero |

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use highwater_protocol::{DecodeError, EncodeError, Reader, Str, Writer};
use highwater_records::{Timestamp, Uuid};

use super::codec::Value;

const NO_LEADER_EPOCH: i32 = -1;
const TOPIC_ID_TAG: u32 = 0;

/// Offset of one group for one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetRecord {
    pub group_id: Str,
    pub topic: Str,
    pub partition: i32,
    pub value: Option<OffsetValue>,
}

/// What was committed.
///
/// With an expire timestamp it is written as version 1, which has room for neither a leader epoch
/// nor a topic id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetValue {
    /// As the client gave it: any number.
    pub offset: i64,
    /// -1: not given.
    pub leader_epoch: i32,
    pub metadata: Str,
    pub commit_timestamp: Timestamp,
    /// When it expires, if the commit said so (OffsetCommit 2 to 4).
    pub expire_timestamp: Option<Timestamp>,
    /// Zero: not known.
    pub topic_id: Uuid,
}

impl Value for OffsetValue {
    fn read(r: &mut Reader, version: i16) -> Result<Option<Self>, DecodeError> {
        if !(0..=4).contains(&version) {
            return Ok(None);
        }
        let flexible = version >= 4;
        let offset = r.i64()?;
        let leader_epoch = if version >= 3 { r.i32()? } else { NO_LEADER_EPOCH };
        let metadata = r.string(flexible)?;
        let commit_timestamp = Timestamp::new(r.i64()?);
        let expire_timestamp =
            if version == 1 { Timestamp::new(r.i64()?) } else { Timestamp::NONE };
        let mut topic_id = Uuid::ZERO;
        if flexible {
            r.tags(|r, tag| {
                let known = tag == TOPIC_ID_TAG;
                if known {
                    topic_id = r.uuid()?;
                }
                Ok(known)
            })?;
        }
        let expire_timestamp = (!expire_timestamp.is_none()).then_some(expire_timestamp);
        Ok(Some(Self {
            offset,
            leader_epoch,
            metadata,
            commit_timestamp,
            expire_timestamp,
            topic_id,
        }))
    }

    fn write(&self, w: &mut Writer) -> Result<(), EncodeError> {
        if let Some(expire_timestamp) = self.expire_timestamp {
            w.i16(1);
            w.i64(self.offset);
            w.string(false, &self.metadata)?;
            w.i64(self.commit_timestamp.value());
            w.i64(expire_timestamp.value());
            return Ok(());
        }
        w.i16(4);
        w.i64(self.offset);
        w.i32(self.leader_epoch);
        w.string(true, &self.metadata)?;
        w.i64(self.commit_timestamp.value());
        if self.topic_id.is_zero() {
            w.uvarint(0);
            return Ok(());
        }
        w.uvarint(1);
        w.tagged(TOPIC_ID_TAG, |w| {
            w.uuid(self.topic_id);
            Ok(())
        })
    }
}
