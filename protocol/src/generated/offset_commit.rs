//! OffsetCommit (8): versions 2-10, flexible from 8.

use super::prelude::*;

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetCommitRequest {
    pub group_id: Str,
    /// Default -1.
    pub generation_id_or_member_epoch: i32,
    pub member_id: Str,
    /// Versions 7+.
    pub group_instance_id: Option<Str>,
    /// Versions 0-4, default -1.
    pub retention_time_ms: i64,
    pub topics: Vec<RequestTopic>,
}

impl Default for OffsetCommitRequest {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            generation_id_or_member_epoch: -1,
            member_id: Default::default(),
            group_instance_id: Default::default(),
            retention_time_ms: -1,
            topics: Default::default(),
        }
    }
}

impl Message for OffsetCommitRequest {
    const LEAST_BYTES: usize = 9;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("OffsetCommitRequest", v, 2..=10)?;
        let f = v >= 8;
        let group_id = r.string(f)?;
        let generation_id_or_member_epoch = r.i32()?;
        let member_id = r.string(f)?;
        let group_instance_id = if v >= 7 { r.nullable_string(f)? } else { Default::default() };
        let retention_time_ms = if v <= 4 { r.i64()? } else { -1 };
        let topics = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self {
            group_id,
            generation_id_or_member_epoch,
            member_id,
            group_instance_id,
            retention_time_ms,
            topics,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("OffsetCommitRequest", v, 2..=10)?;
        let f = v >= 8;
        w.string(f, &self.group_id)?;
        w.i32(self.generation_id_or_member_epoch);
        w.string(f, &self.member_id)?;
        if v >= 7 {
            w.nullable_string(f, &self.group_instance_id)?;
        }
        if v <= 4 {
            w.i64(self.retention_time_ms);
        }
        w.array(f, v, &self.topics)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestTopic {
    /// Versions 0-9.
    pub name: Str,
    /// Versions 10+.
    pub topic_id: Uuid,
    pub partitions: Vec<RequestTopicPartition>,
}

impl Message for RequestTopic {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 8;
        let name = if v <= 9 { r.string(f)? } else { Default::default() };
        let topic_id = if v >= 10 { r.uuid()? } else { Default::default() };
        let partitions = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { name, topic_id, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 8;
        if v <= 9 {
            w.string(f, &self.name)?;
        }
        if v >= 10 {
            w.uuid(self.topic_id);
        }
        w.array(f, v, &self.partitions)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct RequestTopicPartition {
    pub partition_index: i32,
    pub committed_offset: i64,
    /// Versions 6+, default -1.
    pub committed_leader_epoch: i32,
    pub committed_metadata: Option<Str>,
}

impl Default for RequestTopicPartition {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            committed_offset: Default::default(),
            committed_leader_epoch: -1,
            committed_metadata: Default::default(),
        }
    }
}

impl Message for RequestTopicPartition {
    const LEAST_BYTES: usize = 14;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 8;
        let partition_index = r.i32()?;
        let committed_offset = r.i64()?;
        let committed_leader_epoch = if v >= 6 { r.i32()? } else { -1 };
        let committed_metadata = r.nullable_string(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { partition_index, committed_offset, committed_leader_epoch, committed_metadata })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 8;
        w.i32(self.partition_index);
        w.i64(self.committed_offset);
        if v >= 6 {
            w.i32(self.committed_leader_epoch);
        }
        w.nullable_string(f, &self.committed_metadata)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetCommitResponse {
    /// Versions 3+.
    pub throttle_time_ms: i32,
    pub topics: Vec<ResponseTopic>,
}

impl Message for OffsetCommitResponse {
    const LEAST_BYTES: usize = 4;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("OffsetCommitResponse", v, 2..=10)?;
        let f = v >= 8;
        let throttle_time_ms = if v >= 3 { r.i32()? } else { Default::default() };
        let topics = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, topics })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("OffsetCommitResponse", v, 2..=10)?;
        let f = v >= 8;
        if v >= 3 {
            w.i32(self.throttle_time_ms);
        }
        w.array(f, v, &self.topics)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseTopic {
    /// Versions 0-9.
    pub name: Str,
    /// Versions 10+.
    pub topic_id: Uuid,
    pub partitions: Vec<ResponseTopicPartition>,
}

impl Message for ResponseTopic {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 8;
        let name = if v <= 9 { r.string(f)? } else { Default::default() };
        let topic_id = if v >= 10 { r.uuid()? } else { Default::default() };
        let partitions = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { name, topic_id, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 8;
        if v <= 9 {
            w.string(f, &self.name)?;
        }
        if v >= 10 {
            w.uuid(self.topic_id);
        }
        w.array(f, v, &self.partitions)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseTopicPartition {
    pub partition_index: i32,
    pub error_code: ErrorCode,
}

impl Message for ResponseTopicPartition {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 8;
        let partition_index = r.i32()?;
        let error_code = r.error_code()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { partition_index, error_code })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 8;
        w.i32(self.partition_index);
        w.error_code(self.error_code);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for OffsetCommitRequest {
    const KEY: ApiKey = ApiKey::OffsetCommit;
    type Response = OffsetCommitResponse;
}
