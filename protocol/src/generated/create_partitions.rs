//! CreatePartitions (37): versions 0-3, flexible from 2.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreatePartitionsRequest {
    pub topics: Vec<RequestTopic>,
    pub timeout_ms: i32,
    pub validate_only: bool,
}

impl Message for CreatePartitionsRequest {
    const LEAST_BYTES: usize = 7;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("CreatePartitionsRequest", v, 0..=3)?;
        let f = v >= 2;
        let topics = r.array(f, v)?;
        let timeout_ms = r.i32()?;
        let validate_only = r.bool()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { topics, timeout_ms, validate_only })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("CreatePartitionsRequest", v, 0..=3)?;
        let f = v >= 2;
        w.array(f, v, &self.topics)?;
        w.i32(self.timeout_ms);
        w.bool(self.validate_only);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestTopic {
    pub name: Str,
    pub count: i32,
    pub assignments: Option<Vec<RequestTopicAssignment>>,
}

impl Message for RequestTopic {
    const LEAST_BYTES: usize = 7;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let name = r.string(f)?;
        let count = r.i32()?;
        let assignments = r.nullable_array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { name, count, assignments })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.string(f, &self.name)?;
        w.i32(self.count);
        w.nullable_array(f, v, &self.assignments)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestTopicAssignment {
    pub broker_ids: Vec<i32>,
}

impl Message for RequestTopicAssignment {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let broker_ids = r.primitives(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { broker_ids })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.primitives(f, &self.broker_ids)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreatePartitionsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<ResponseResult>,
}

impl Message for CreatePartitionsResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("CreatePartitionsResponse", v, 0..=3)?;
        let f = v >= 2;
        let throttle_time_ms = r.i32()?;
        let results = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, results })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("CreatePartitionsResponse", v, 0..=3)?;
        let f = v >= 2;
        w.i32(self.throttle_time_ms);
        w.array(f, v, &self.results)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseResult {
    pub name: Str,
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
}

impl Message for ResponseResult {
    const LEAST_BYTES: usize = 5;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let name = r.string(f)?;
        let error_code = r.error_code()?;
        let error_message = r.nullable_string(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { name, error_code, error_message })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.string(f, &self.name)?;
        w.error_code(self.error_code);
        w.nullable_string(f, &self.error_message)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for CreatePartitionsRequest {
    const KEY: ApiKey = ApiKey::CreatePartitions;
    type Response = CreatePartitionsResponse;
}
