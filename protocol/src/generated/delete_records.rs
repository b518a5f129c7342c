//! DeleteRecords (21): versions 0-2, flexible from 2.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteRecordsRequest {
    pub topics: Vec<RequestTopic>,
    pub timeout_ms: i32,
}

impl Message for DeleteRecordsRequest {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DeleteRecordsRequest", v, 0..=2)?;
        let f = v >= 2;
        let topics = r.array(f, v)?;
        let timeout_ms = r.i32()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { topics, timeout_ms })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DeleteRecordsRequest", v, 0..=2)?;
        let f = v >= 2;
        w.array(f, v, &self.topics)?;
        w.i32(self.timeout_ms);
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
        let f = v >= 2;
        let name = r.string(f)?;
        let partitions = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { name, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.string(f, &self.name)?;
        w.array(f, v, &self.partitions)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestTopicPartition {
    pub partition_index: i32,
    pub offset: i64,
}

impl Message for RequestTopicPartition {
    const LEAST_BYTES: usize = 12;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let partition_index = r.i32()?;
        let offset = r.i64()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { partition_index, offset })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.i32(self.partition_index);
        w.i64(self.offset);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteRecordsResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<ResponseTopic>,
}

impl Message for DeleteRecordsResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DeleteRecordsResponse", v, 0..=2)?;
        let f = v >= 2;
        let throttle_time_ms = r.i32()?;
        let topics = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, topics })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DeleteRecordsResponse", v, 0..=2)?;
        let f = v >= 2;
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
        let f = v >= 2;
        let name = r.string(f)?;
        let partitions = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { name, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
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
    pub low_watermark: i64,
    pub error_code: ErrorCode,
}

impl Message for ResponseTopicPartition {
    const LEAST_BYTES: usize = 14;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let partition_index = r.i32()?;
        let low_watermark = r.i64()?;
        let error_code = r.error_code()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { partition_index, low_watermark, error_code })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.i32(self.partition_index);
        w.i64(self.low_watermark);
        w.error_code(self.error_code);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for DeleteRecordsRequest {
    const KEY: ApiKey = ApiKey::DeleteRecords;
    type Response = DeleteRecordsResponse;
}
