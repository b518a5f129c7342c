//! TxnOffsetCommit (28): versions 0-5, flexible from 3.

use super::prelude::*;

#[derive(Clone, Debug, PartialEq)]
pub struct TxnOffsetCommitRequest {
    pub transactional_id: Str,
    pub group_id: Str,
    pub producer_id: i64,
    pub producer_epoch: i16,
    /// Versions 3+, default -1.
    pub generation_id_or_member_epoch: i32,
    /// Versions 3+.
    pub member_id: Str,
    /// Versions 3+.
    pub group_instance_id: Option<Str>,
    pub topics: Vec<RequestTopic>,
}

impl Default for TxnOffsetCommitRequest {
    fn default() -> Self {
        Self {
            transactional_id: Default::default(),
            group_id: Default::default(),
            producer_id: Default::default(),
            producer_epoch: Default::default(),
            generation_id_or_member_epoch: -1,
            member_id: Default::default(),
            group_instance_id: Default::default(),
            topics: Default::default(),
        }
    }
}

impl Message for TxnOffsetCommitRequest {
    const LEAST_BYTES: usize = 18;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("TxnOffsetCommitRequest", v, 0..=5)?;
        let f = v >= 3;
        let transactional_id = r.string(f)?;
        let group_id = r.string(f)?;
        let producer_id = r.i64()?;
        let producer_epoch = r.i16()?;
        let generation_id_or_member_epoch = if v >= 3 { r.i32()? } else { -1 };
        let member_id = if v >= 3 { r.string(f)? } else { Default::default() };
        let group_instance_id = if v >= 3 { r.nullable_string(f)? } else { Default::default() };
        let topics = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self {
            transactional_id,
            group_id,
            producer_id,
            producer_epoch,
            generation_id_or_member_epoch,
            member_id,
            group_instance_id,
            topics,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("TxnOffsetCommitRequest", v, 0..=5)?;
        let f = v >= 3;
        w.string(f, &self.transactional_id)?;
        w.string(f, &self.group_id)?;
        w.i64(self.producer_id);
        w.i16(self.producer_epoch);
        if v >= 3 {
            w.i32(self.generation_id_or_member_epoch);
        }
        if v >= 3 {
            w.string(f, &self.member_id)?;
        }
        if v >= 3 {
            w.nullable_string(f, &self.group_instance_id)?;
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
    pub name: Str,
    pub partitions: Vec<RequestTopicPartition>,
}

impl Message for RequestTopic {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 3;
        let name = r.string(f)?;
        let partitions = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { name, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 3;
        w.string(f, &self.name)?;
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
    /// Versions 2+, default -1.
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
        let f = v >= 3;
        let partition_index = r.i32()?;
        let committed_offset = r.i64()?;
        let committed_leader_epoch = if v >= 2 { r.i32()? } else { -1 };
        let committed_metadata = r.nullable_string(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { partition_index, committed_offset, committed_leader_epoch, committed_metadata })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 3;
        w.i32(self.partition_index);
        w.i64(self.committed_offset);
        if v >= 2 {
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
pub struct TxnOffsetCommitResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<ResponseTopic>,
}

impl Message for TxnOffsetCommitResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("TxnOffsetCommitResponse", v, 0..=5)?;
        let f = v >= 3;
        let throttle_time_ms = r.i32()?;
        let topics = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, topics })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("TxnOffsetCommitResponse", v, 0..=5)?;
        let f = v >= 3;
        w.i32(self.throttle_time_ms);
        w.array(f, v, &self.topics)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseTopic {
    pub name: Str,
    pub partitions: Vec<ResponseTopicPartition>,
}

impl Message for ResponseTopic {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 3;
        let name = r.string(f)?;
        let partitions = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { name, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 3;
        w.string(f, &self.name)?;
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
        let f = v >= 3;
        let partition_index = r.i32()?;
        let error_code = r.error_code()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { partition_index, error_code })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 3;
        w.i32(self.partition_index);
        w.error_code(self.error_code);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for TxnOffsetCommitRequest {
    const KEY: ApiKey = ApiKey::TxnOffsetCommit;
    type Response = TxnOffsetCommitResponse;
}
