//! ListOffsets (2): versions 1-11, flexible from 6.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListOffsetsRequest {
    pub replica_id: i32,
    /// Versions 2+.
    pub isolation_level: i8,
    pub topics: Vec<RequestTopic>,
    /// Versions 10+.
    pub timeout_ms: i32,
}

impl Message for ListOffsetsRequest {
    const LEAST_BYTES: usize = 7;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ListOffsetsRequest", v, 1..=11)?;
        let f = v >= 6;
        let replica_id = r.i32()?;
        let isolation_level = if v >= 2 { r.i8()? } else { Default::default() };
        let topics = r.array(f, v)?;
        let timeout_ms = if v >= 10 { r.i32()? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self { replica_id, isolation_level, topics, timeout_ms })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ListOffsetsRequest", v, 1..=11)?;
        let f = v >= 6;
        w.i32(self.replica_id);
        if v >= 2 {
            w.i8(self.isolation_level);
        }
        w.array(f, v, &self.topics)?;
        if v >= 10 {
            w.i32(self.timeout_ms);
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
    pub partitions: Vec<RequestTopicPartition>,
}

impl Message for RequestTopic {
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
pub struct RequestTopicPartition {
    pub partition_index: i32,
    /// Versions 4+, default -1.
    pub current_leader_epoch: i32,
    pub timestamp: i64,
    /// Versions 6+, tag 1000, default -1.
    pub age_of: i64,
}

impl Default for RequestTopicPartition {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            current_leader_epoch: -1,
            timestamp: Default::default(),
            age_of: -1,
        }
    }
}

impl Message for RequestTopicPartition {
    const LEAST_BYTES: usize = 12;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 6;
        let partition_index = r.i32()?;
        let current_leader_epoch = if v >= 4 { r.i32()? } else { -1 };
        let timestamp = r.i64()?;
        let mut age_of = -1;
        if f {
            r.tags(|r, tag| {
                match tag {
                    1000 => age_of = r.i64()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self { partition_index, current_leader_epoch, timestamp, age_of })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 6;
        w.i32(self.partition_index);
        if v >= 4 {
            w.i32(self.current_leader_epoch);
        }
        w.i64(self.timestamp);
        if f {
            let has_1000 = self.age_of != -1;
            w.uvarint(u32::from(has_1000));
            if has_1000 {
                w.tagged(1000, |w| {
                    w.i64(self.age_of);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListOffsetsResponse {
    /// Versions 2+.
    pub throttle_time_ms: i32,
    pub topics: Vec<ResponseTopic>,
}

impl Message for ListOffsetsResponse {
    const LEAST_BYTES: usize = 4;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ListOffsetsResponse", v, 1..=11)?;
        let f = v >= 6;
        let throttle_time_ms = if v >= 2 { r.i32()? } else { Default::default() };
        let topics = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, topics })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ListOffsetsResponse", v, 1..=11)?;
        let f = v >= 6;
        if v >= 2 {
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
    pub error_code: ErrorCode,
    /// Default -1.
    pub timestamp: i64,
    /// Default -1.
    pub offset: i64,
    /// Versions 4+, default -1.
    pub leader_epoch: i32,
    /// Versions 6+, tag 1000, default -1.
    pub age_ms: i64,
}

impl Default for ResponseTopicPartition {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            error_code: Default::default(),
            timestamp: -1,
            offset: -1,
            leader_epoch: -1,
            age_ms: -1,
        }
    }
}

impl Message for ResponseTopicPartition {
    const LEAST_BYTES: usize = 22;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 6;
        let partition_index = r.i32()?;
        let error_code = r.error_code()?;
        let timestamp = r.i64()?;
        let offset = r.i64()?;
        let leader_epoch = if v >= 4 { r.i32()? } else { -1 };
        let mut age_ms = -1;
        if f {
            r.tags(|r, tag| {
                match tag {
                    1000 => age_ms = r.i64()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self { partition_index, error_code, timestamp, offset, leader_epoch, age_ms })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 6;
        w.i32(self.partition_index);
        w.error_code(self.error_code);
        w.i64(self.timestamp);
        w.i64(self.offset);
        if v >= 4 {
            w.i32(self.leader_epoch);
        }
        if f {
            let has_1000 = self.age_ms != -1;
            w.uvarint(u32::from(has_1000));
            if has_1000 {
                w.tagged(1000, |w| {
                    w.i64(self.age_ms);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

impl Request for ListOffsetsRequest {
    const KEY: ApiKey = ApiKey::ListOffsets;
    type Response = ListOffsetsResponse;
}
