//! DeleteTopics (20): versions 1-6, flexible from 4.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteTopicsRequest {
    /// Versions 6+.
    pub topics: Vec<RequestTopic>,
    /// Versions 0-5.
    pub topic_names: Vec<Str>,
    pub timeout_ms: i32,
}

impl Message for DeleteTopicsRequest {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DeleteTopicsRequest", v, 1..=6)?;
        let f = v >= 4;
        let topics = if v >= 6 { r.array(f, v)? } else { Default::default() };
        let topic_names = if v <= 5 { r.primitives(f)? } else { Default::default() };
        let timeout_ms = r.i32()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { topics, topic_names, timeout_ms })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DeleteTopicsRequest", v, 1..=6)?;
        let f = v >= 4;
        if v >= 6 {
            w.array(f, v, &self.topics)?;
        }
        if v <= 5 {
            w.primitives(f, &self.topic_names)?;
        }
        w.i32(self.timeout_ms);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestTopic {
    pub name: Option<Str>,
    pub topic_id: Uuid,
}

impl Message for RequestTopic {
    const LEAST_BYTES: usize = 18;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let name = r.nullable_string(f)?;
        let topic_id = r.uuid()?;
        {
            r.skip_tags()?;
        }
        Ok(Self { name, topic_id })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.nullable_string(f, &self.name)?;
        w.uuid(self.topic_id);
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteTopicsResponse {
    pub throttle_time_ms: i32,
    pub responses: Vec<ResponseResponse>,
}

impl Message for DeleteTopicsResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DeleteTopicsResponse", v, 1..=6)?;
        let f = v >= 4;
        let throttle_time_ms = r.i32()?;
        let responses = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, responses })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DeleteTopicsResponse", v, 1..=6)?;
        let f = v >= 4;
        w.i32(self.throttle_time_ms);
        w.array(f, v, &self.responses)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResponseResponse {
    /// Null in 6+.
    pub name: Option<Str>,
    /// Versions 6+.
    pub topic_id: Uuid,
    pub error_code: ErrorCode,
    /// Versions 5+.
    pub error_message: Option<Str>,
}

impl Default for ResponseResponse {
    fn default() -> Self {
        Self {
            name: Some(Default::default()),
            topic_id: Default::default(),
            error_code: Default::default(),
            error_message: Default::default(),
        }
    }
}

impl Message for ResponseResponse {
    const LEAST_BYTES: usize = 4;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 4;
        let name = reader::null_only_if(v >= 6, r.nullable_string(f)?)?;
        let topic_id = if v >= 6 { r.uuid()? } else { Default::default() };
        let error_code = r.error_code()?;
        let error_message = if v >= 5 { r.nullable_string(f)? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self { name, topic_id, error_code, error_message })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 4;
        writer::null_only_if(v >= 6, &self.name, "Name")?;
        w.nullable_string(f, &self.name)?;
        if v >= 6 {
            w.uuid(self.topic_id);
        }
        w.error_code(self.error_code);
        if v >= 5 {
            w.nullable_string(f, &self.error_message)?;
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for DeleteTopicsRequest {
    const KEY: ApiKey = ApiKey::DeleteTopics;
    type Response = DeleteTopicsResponse;
}
