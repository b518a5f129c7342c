//! OffsetCommit (type 0-1 in `__consumer_offsets`): versions 0-4, flexible from 4.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetCommitKey {
    pub group: Str,
    pub topic: Str,
    pub partition: i32,
}

impl Message for OffsetCommitKey {
    const LEAST_BYTES: usize = 8;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("OffsetCommitKey", v, 0..=1)?;
        let f = false;
        let group = r.string(f)?;
        let topic = r.string(f)?;
        let partition = r.i32()?;
        Ok(Self { group, topic, partition })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("OffsetCommitKey", v, 0..=1)?;
        let f = false;
        w.string(f, &self.group)?;
        w.string(f, &self.topic)?;
        w.i32(self.partition);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetCommitValue {
    pub offset: i64,
    /// Versions 3+, default -1.
    pub leader_epoch: i32,
    pub metadata: Str,
    pub commit_timestamp: i64,
    /// Versions 1, default -1.
    pub expire_timestamp: i64,
    /// Versions 4+, tag 0.
    pub topic_id: Uuid,
}

impl Default for OffsetCommitValue {
    fn default() -> Self {
        Self {
            offset: Default::default(),
            leader_epoch: -1,
            metadata: Default::default(),
            commit_timestamp: Default::default(),
            expire_timestamp: -1,
            topic_id: Default::default(),
        }
    }
}

impl Message for OffsetCommitValue {
    const LEAST_BYTES: usize = 18;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("OffsetCommitValue", v, 0..=4)?;
        let f = v >= 4;
        let offset = r.i64()?;
        let leader_epoch = if v >= 3 { r.i32()? } else { -1 };
        let metadata = r.string(f)?;
        let commit_timestamp = r.i64()?;
        let expire_timestamp = if v == 1 { r.i64()? } else { -1 };
        let mut topic_id = Default::default();
        if f {
            r.tags(|r, tag| {
                match tag {
                    0 => topic_id = r.uuid()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self { offset, leader_epoch, metadata, commit_timestamp, expire_timestamp, topic_id })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("OffsetCommitValue", v, 0..=4)?;
        let f = v >= 4;
        w.i64(self.offset);
        if v >= 3 {
            w.i32(self.leader_epoch);
        }
        w.string(f, &self.metadata)?;
        w.i64(self.commit_timestamp);
        if v == 1 {
            w.i64(self.expire_timestamp);
        }
        if f {
            let has_0 = self.topic_id != Uuid::default();
            w.uvarint(u32::from(has_0));
            if has_0 {
                w.tagged(0, |w| {
                    w.uuid(self.topic_id);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

impl CoordinatorKey for OffsetCommitKey {
    const TYPE: i16 = 1;
    type Value = OffsetCommitValue;
}

impl CoordinatorValue for OffsetCommitValue {
    const VERSIONS: RangeInclusive<i16> = 0..=4;
}
