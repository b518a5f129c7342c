//! OffsetForLeaderEpoch (23): versions 2-4, flexible from 4.

use super::prelude::*;

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetForLeaderEpochRequest {
    /// Versions 3+, default -2.
    pub replica_id: i32,
    pub topics: Vec<RequestTopic>,
}

impl Default for OffsetForLeaderEpochRequest {
    fn default() -> Self {
        Self { replica_id: -2, topics: Default::default() }
    }
}

impl Message for OffsetForLeaderEpochRequest {
    const LEAST_BYTES: usize = 4;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("OffsetForLeaderEpochRequest", v, 2..=4)?;
        let f = v >= 4;
        let replica_id = if v >= 3 { r.i32()? } else { -2 };
        let topics = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { replica_id, topics })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("OffsetForLeaderEpochRequest", v, 2..=4)?;
        let f = v >= 4;
        if v >= 3 {
            w.i32(self.replica_id);
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
    pub topic: Str,
    pub partitions: Vec<RequestTopicPartition>,
}

impl Message for RequestTopic {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 4;
        let topic = r.string(f)?;
        let partitions = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { topic, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 4;
        w.string(f, &self.topic)?;
        w.array(f, v, &self.partitions)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct RequestTopicPartition {
    pub partition: i32,
    /// Default -1.
    pub current_leader_epoch: i32,
    pub leader_epoch: i32,
}

impl Default for RequestTopicPartition {
    fn default() -> Self {
        Self {
            partition: Default::default(),
            current_leader_epoch: -1,
            leader_epoch: Default::default(),
        }
    }
}

impl Message for RequestTopicPartition {
    const LEAST_BYTES: usize = 12;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 4;
        let partition = r.i32()?;
        let current_leader_epoch = r.i32()?;
        let leader_epoch = r.i32()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { partition, current_leader_epoch, leader_epoch })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 4;
        w.i32(self.partition);
        w.i32(self.current_leader_epoch);
        w.i32(self.leader_epoch);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetForLeaderEpochResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<ResponseTopic>,
}

impl Message for OffsetForLeaderEpochResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("OffsetForLeaderEpochResponse", v, 2..=4)?;
        let f = v >= 4;
        let throttle_time_ms = r.i32()?;
        let topics = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, topics })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("OffsetForLeaderEpochResponse", v, 2..=4)?;
        let f = v >= 4;
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
    pub topic: Str,
    pub partitions: Vec<ResponseTopicPartition>,
}

impl Message for ResponseTopic {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 4;
        let topic = r.string(f)?;
        let partitions = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { topic, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 4;
        w.string(f, &self.topic)?;
        w.array(f, v, &self.partitions)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResponseTopicPartition {
    pub error_code: ErrorCode,
    pub partition: i32,
    /// Default -1.
    pub leader_epoch: i32,
    /// Default -1.
    pub end_offset: i64,
}

impl Default for ResponseTopicPartition {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            partition: Default::default(),
            leader_epoch: -1,
            end_offset: -1,
        }
    }
}

impl Message for ResponseTopicPartition {
    const LEAST_BYTES: usize = 18;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 4;
        let error_code = r.error_code()?;
        let partition = r.i32()?;
        let leader_epoch = r.i32()?;
        let end_offset = r.i64()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { error_code, partition, leader_epoch, end_offset })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 4;
        w.error_code(self.error_code);
        w.i32(self.partition);
        w.i32(self.leader_epoch);
        w.i64(self.end_offset);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for OffsetForLeaderEpochRequest {
    const KEY: ApiKey = ApiKey::OffsetForLeaderEpoch;
    type Response = OffsetForLeaderEpochResponse;
}
