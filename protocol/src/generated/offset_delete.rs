//! OffsetDelete (47): versions 0, never flexible.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetDeleteRequest {
    pub group_id: Str,
    pub topics: Vec<RequestTopic>,
}

impl Message for OffsetDeleteRequest {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("OffsetDeleteRequest", v, 0..=0)?;
        let f = false;
        let group_id = r.string(f)?;
        let topics = r.array(f, v)?;
        Ok(Self { group_id, topics })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("OffsetDeleteRequest", v, 0..=0)?;
        let f = false;
        w.string(f, &self.group_id)?;
        w.array(f, v, &self.topics)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestTopic {
    pub name: Str,
    pub partitions: Vec<RequestTopicPartition>,
}

impl Message for RequestTopic {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = false;
        let name = r.string(f)?;
        let partitions = r.array(f, v)?;
        Ok(Self { name, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = false;
        w.string(f, &self.name)?;
        w.array(f, v, &self.partitions)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestTopicPartition {
    pub partition_index: i32,
}

impl Message for RequestTopicPartition {
    const LEAST_BYTES: usize = 4;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = false;
        let partition_index = r.i32()?;
        Ok(Self { partition_index })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = false;
        w.i32(self.partition_index);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetDeleteResponse {
    pub error_code: ErrorCode,
    pub throttle_time_ms: i32,
    pub topics: Vec<ResponseTopic>,
}

impl Message for OffsetDeleteResponse {
    const LEAST_BYTES: usize = 10;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("OffsetDeleteResponse", v, 0..=0)?;
        let f = false;
        let error_code = r.error_code()?;
        let throttle_time_ms = r.i32()?;
        let topics = r.array(f, v)?;
        Ok(Self { error_code, throttle_time_ms, topics })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("OffsetDeleteResponse", v, 0..=0)?;
        let f = false;
        w.error_code(self.error_code);
        w.i32(self.throttle_time_ms);
        w.array(f, v, &self.topics)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseTopic {
    pub name: Str,
    pub partitions: Vec<ResponseTopicPartition>,
}

impl Message for ResponseTopic {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = false;
        let name = r.string(f)?;
        let partitions = r.array(f, v)?;
        Ok(Self { name, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = false;
        w.string(f, &self.name)?;
        w.array(f, v, &self.partitions)?;
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
        let f = false;
        let partition_index = r.i32()?;
        let error_code = r.error_code()?;
        Ok(Self { partition_index, error_code })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = false;
        w.i32(self.partition_index);
        w.error_code(self.error_code);
        Ok(())
    }
}

impl Request for OffsetDeleteRequest {
    const KEY: ApiKey = ApiKey::OffsetDelete;
    type Response = OffsetDeleteResponse;
}
