//! OffsetFetch (9): versions 1-10, flexible from 6.

use super::prelude::*;

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetFetchRequest {
    /// Versions 0-7.
    pub group_id: Str,
    /// Versions 0-7, null in 2-7.
    pub topics: Option<Vec<RequestTopic>>,
    /// Versions 8+.
    pub groups: Vec<RequestGroup>,
    /// Versions 7+.
    pub require_stable: bool,
}

impl Default for OffsetFetchRequest {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            topics: Some(Default::default()),
            groups: Default::default(),
            require_stable: Default::default(),
        }
    }
}

impl Message for OffsetFetchRequest {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("OffsetFetchRequest", v, 1..=10)?;
        let f = v >= 6;
        let group_id = if v <= 7 { r.string(f)? } else { Default::default() };
        let topics = if v <= 7 {
            reader::null_only_if(v >= 2, r.nullable_array(f, v)?)?
        } else {
            Some(Default::default())
        };
        let groups = if v >= 8 { r.array(f, v)? } else { Default::default() };
        let require_stable = if v >= 7 { r.bool()? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self { group_id, topics, groups, require_stable })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("OffsetFetchRequest", v, 1..=10)?;
        let f = v >= 6;
        if v <= 7 {
            w.string(f, &self.group_id)?;
        }
        if v <= 7 {
            writer::null_only_if(v >= 2, &self.topics, "Topics")?;
            w.nullable_array(f, v, &self.topics)?;
        }
        if v >= 8 {
            w.array(f, v, &self.groups)?;
        }
        if v >= 7 {
            w.bool(self.require_stable);
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestTopic {
    pub name: Str,
    pub partition_indexes: Vec<i32>,
}

impl Message for RequestTopic {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 6;
        let name = r.string(f)?;
        let partition_indexes = r.primitives(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { name, partition_indexes })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 6;
        w.string(f, &self.name)?;
        w.primitives(f, &self.partition_indexes)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct RequestGroup {
    pub group_id: Str,
    /// Versions 9+.
    pub member_id: Option<Str>,
    /// Versions 9+, default -1.
    pub member_epoch: i32,
    pub topics: Option<Vec<RequestGroupTopic>>,
}

impl Default for RequestGroup {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            member_id: Default::default(),
            member_epoch: -1,
            topics: Default::default(),
        }
    }
}

impl Message for RequestGroup {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let group_id = r.string(f)?;
        let member_id = if v >= 9 { r.nullable_string(f)? } else { Default::default() };
        let member_epoch = if v >= 9 { r.i32()? } else { -1 };
        let topics = r.nullable_array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { group_id, member_id, member_epoch, topics })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.group_id)?;
        if v >= 9 {
            w.nullable_string(f, &self.member_id)?;
        }
        if v >= 9 {
            w.i32(self.member_epoch);
        }
        w.nullable_array(f, v, &self.topics)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestGroupTopic {
    /// Versions 8-9.
    pub name: Str,
    /// Versions 10+.
    pub topic_id: Uuid,
    pub partition_indexes: Vec<i32>,
}

impl Message for RequestGroupTopic {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let name = if v <= 9 { r.string(f)? } else { Default::default() };
        let topic_id = if v >= 10 { r.uuid()? } else { Default::default() };
        let partition_indexes = r.primitives(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { name, topic_id, partition_indexes })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        if v <= 9 {
            w.string(f, &self.name)?;
        }
        if v >= 10 {
            w.uuid(self.topic_id);
        }
        w.primitives(f, &self.partition_indexes)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchResponse {
    /// Versions 3+.
    pub throttle_time_ms: i32,
    /// Versions 0-7.
    pub topics: Vec<ResponseTopic>,
    /// Versions 2-7.
    pub error_code: ErrorCode,
    /// Versions 8+.
    pub groups: Vec<ResponseGroup>,
}

impl Message for OffsetFetchResponse {
    const LEAST_BYTES: usize = 4;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("OffsetFetchResponse", v, 1..=10)?;
        let f = v >= 6;
        let throttle_time_ms = if v >= 3 { r.i32()? } else { Default::default() };
        let topics = if v <= 7 { r.array(f, v)? } else { Default::default() };
        let error_code = if (2..=7).contains(&v) { r.error_code()? } else { Default::default() };
        let groups = if v >= 8 { r.array(f, v)? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, topics, error_code, groups })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("OffsetFetchResponse", v, 1..=10)?;
        let f = v >= 6;
        if v >= 3 {
            w.i32(self.throttle_time_ms);
        }
        if v <= 7 {
            w.array(f, v, &self.topics)?;
        }
        if (2..=7).contains(&v) {
            w.error_code(self.error_code);
        }
        if v >= 8 {
            w.array(f, v, &self.groups)?;
        }
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
        let f = v >= 6;
        let name = r.string(f)?;
        let partitions = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { name, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 6;
        w.string(f, &self.name)?;
        w.array(f, v, &self.partitions)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResponseTopicPartition {
    pub partition_index: i32,
    pub committed_offset: i64,
    /// Versions 5-7, default -1.
    pub committed_leader_epoch: i32,
    pub metadata: Option<Str>,
    pub error_code: ErrorCode,
}

impl Default for ResponseTopicPartition {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            committed_offset: Default::default(),
            committed_leader_epoch: -1,
            metadata: Default::default(),
            error_code: Default::default(),
        }
    }
}

impl Message for ResponseTopicPartition {
    const LEAST_BYTES: usize = 16;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 6;
        let partition_index = r.i32()?;
        let committed_offset = r.i64()?;
        let committed_leader_epoch = if v >= 5 { r.i32()? } else { -1 };
        let metadata = r.nullable_string(f)?;
        let error_code = r.error_code()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { partition_index, committed_offset, committed_leader_epoch, metadata, error_code })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 6;
        w.i32(self.partition_index);
        w.i64(self.committed_offset);
        if v >= 5 {
            w.i32(self.committed_leader_epoch);
        }
        w.nullable_string(f, &self.metadata)?;
        w.error_code(self.error_code);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseGroup {
    pub group_id: Str,
    pub topics: Vec<ResponseGroupTopic>,
    pub error_code: ErrorCode,
}

impl Message for ResponseGroup {
    const LEAST_BYTES: usize = 5;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let group_id = r.string(f)?;
        let topics = r.array(f, v)?;
        let error_code = r.error_code()?;
        {
            r.skip_tags()?;
        }
        Ok(Self { group_id, topics, error_code })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.group_id)?;
        w.array(f, v, &self.topics)?;
        w.error_code(self.error_code);
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseGroupTopic {
    /// Versions 8-9.
    pub name: Str,
    /// Versions 10+.
    pub topic_id: Uuid,
    pub partitions: Vec<ResponseGroupTopicPartition>,
}

impl Message for ResponseGroupTopic {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let name = if v <= 9 { r.string(f)? } else { Default::default() };
        let topic_id = if v >= 10 { r.uuid()? } else { Default::default() };
        let partitions = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { name, topic_id, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        if v <= 9 {
            w.string(f, &self.name)?;
        }
        if v >= 10 {
            w.uuid(self.topic_id);
        }
        w.array(f, v, &self.partitions)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResponseGroupTopicPartition {
    pub partition_index: i32,
    pub committed_offset: i64,
    /// Default -1.
    pub committed_leader_epoch: i32,
    pub metadata: Option<Str>,
    pub error_code: ErrorCode,
}

impl Default for ResponseGroupTopicPartition {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            committed_offset: Default::default(),
            committed_leader_epoch: -1,
            metadata: Default::default(),
            error_code: Default::default(),
        }
    }
}

impl Message for ResponseGroupTopicPartition {
    const LEAST_BYTES: usize = 20;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let partition_index = r.i32()?;
        let committed_offset = r.i64()?;
        let committed_leader_epoch = r.i32()?;
        let metadata = r.nullable_string(f)?;
        let error_code = r.error_code()?;
        {
            r.skip_tags()?;
        }
        Ok(Self { partition_index, committed_offset, committed_leader_epoch, metadata, error_code })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.i32(self.partition_index);
        w.i64(self.committed_offset);
        w.i32(self.committed_leader_epoch);
        w.nullable_string(f, &self.metadata)?;
        w.error_code(self.error_code);
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for OffsetFetchRequest {
    const KEY: ApiKey = ApiKey::OffsetFetch;
    type Response = OffsetFetchResponse;
}
