//! DescribeLogDirs (35): versions 1-5, flexible from 2.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeLogDirsRequest {
    pub topics: Option<Vec<RequestTopic>>,
}

impl Message for DescribeLogDirsRequest {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DescribeLogDirsRequest", v, 1..=5)?;
        let f = v >= 2;
        let topics = r.nullable_array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { topics })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DescribeLogDirsRequest", v, 1..=5)?;
        let f = v >= 2;
        w.nullable_array(f, v, &self.topics)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestTopic {
    pub topic: Str,
    pub partitions: Vec<i32>,
}

impl Message for RequestTopic {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let topic = r.string(f)?;
        let partitions = r.primitives(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { topic, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.string(f, &self.topic)?;
        w.primitives(f, &self.partitions)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeLogDirsResponse {
    pub throttle_time_ms: i32,
    /// Versions 3+.
    pub error_code: ErrorCode,
    pub results: Vec<ResponseResult>,
}

impl Message for DescribeLogDirsResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DescribeLogDirsResponse", v, 1..=5)?;
        let f = v >= 2;
        let throttle_time_ms = r.i32()?;
        let error_code = if v >= 3 { r.error_code()? } else { Default::default() };
        let results = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, error_code, results })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DescribeLogDirsResponse", v, 1..=5)?;
        let f = v >= 2;
        w.i32(self.throttle_time_ms);
        if v >= 3 {
            w.error_code(self.error_code);
        }
        w.array(f, v, &self.results)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResponseResult {
    pub error_code: ErrorCode,
    pub log_dir: Str,
    pub topics: Vec<ResponseResultTopic>,
    /// Versions 4+, default -1.
    pub total_bytes: i64,
    /// Versions 4+, default -1.
    pub usable_bytes: i64,
    /// Versions 5+.
    pub is_cordoned: bool,
}

impl Default for ResponseResult {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            log_dir: Default::default(),
            topics: Default::default(),
            total_bytes: -1,
            usable_bytes: -1,
            is_cordoned: Default::default(),
        }
    }
}

impl Message for ResponseResult {
    const LEAST_BYTES: usize = 5;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let error_code = r.error_code()?;
        let log_dir = r.string(f)?;
        let topics = r.array(f, v)?;
        let total_bytes = if v >= 4 { r.i64()? } else { -1 };
        let usable_bytes = if v >= 4 { r.i64()? } else { -1 };
        let is_cordoned = if v >= 5 { r.bool()? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self { error_code, log_dir, topics, total_bytes, usable_bytes, is_cordoned })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.error_code(self.error_code);
        w.string(f, &self.log_dir)?;
        w.array(f, v, &self.topics)?;
        if v >= 4 {
            w.i64(self.total_bytes);
        }
        if v >= 4 {
            w.i64(self.usable_bytes);
        }
        if v >= 5 {
            w.bool(self.is_cordoned);
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseResultTopic {
    pub name: Str,
    pub partitions: Vec<ResponseResultTopicPartition>,
}

impl Message for ResponseResultTopic {
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
pub struct ResponseResultTopicPartition {
    pub partition_index: i32,
    pub partition_size: i64,
    pub offset_lag: i64,
    pub is_future_key: bool,
}

impl Message for ResponseResultTopicPartition {
    const LEAST_BYTES: usize = 21;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let partition_index = r.i32()?;
        let partition_size = r.i64()?;
        let offset_lag = r.i64()?;
        let is_future_key = r.bool()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { partition_index, partition_size, offset_lag, is_future_key })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.i32(self.partition_index);
        w.i64(self.partition_size);
        w.i64(self.offset_lag);
        w.bool(self.is_future_key);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for DescribeLogDirsRequest {
    const KEY: ApiKey = ApiKey::DescribeLogDirs;
    type Response = DescribeLogDirsResponse;
}
