//! CreateTopics (19): versions 2-7, flexible from 5.

use super::prelude::*;

#[derive(Clone, Debug, PartialEq)]
pub struct CreateTopicsRequest {
    pub topics: Vec<RequestTopic>,
    /// Default 60000.
    pub timeout_ms: i32,
    pub validate_only: bool,
}

impl Default for CreateTopicsRequest {
    fn default() -> Self {
        Self { topics: Default::default(), timeout_ms: 60000, validate_only: Default::default() }
    }
}

impl Message for CreateTopicsRequest {
    const LEAST_BYTES: usize = 7;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("CreateTopicsRequest", v, 2..=7)?;
        let f = v >= 5;
        let topics = r.array(f, v)?;
        let timeout_ms = r.i32()?;
        let validate_only = r.bool()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { topics, timeout_ms, validate_only })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("CreateTopicsRequest", v, 2..=7)?;
        let f = v >= 5;
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
    pub num_partitions: i32,
    pub replication_factor: i16,
    pub assignments: Vec<RequestTopicAssignment>,
    pub configs: Vec<RequestTopicConfig>,
}

impl Message for RequestTopic {
    const LEAST_BYTES: usize = 10;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 5;
        let name = r.string(f)?;
        let num_partitions = r.i32()?;
        let replication_factor = r.i16()?;
        let assignments = r.array(f, v)?;
        let configs = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { name, num_partitions, replication_factor, assignments, configs })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 5;
        w.string(f, &self.name)?;
        w.i32(self.num_partitions);
        w.i16(self.replication_factor);
        w.array(f, v, &self.assignments)?;
        w.array(f, v, &self.configs)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestTopicAssignment {
    pub partition_index: i32,
    pub broker_ids: Vec<i32>,
}

impl Message for RequestTopicAssignment {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 5;
        let partition_index = r.i32()?;
        let broker_ids = r.primitives(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { partition_index, broker_ids })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 5;
        w.i32(self.partition_index);
        w.primitives(f, &self.broker_ids)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestTopicConfig {
    pub name: Str,
    pub value: Option<Str>,
}

impl Message for RequestTopicConfig {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 5;
        let name = r.string(f)?;
        let value = r.nullable_string(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { name, value })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 5;
        w.string(f, &self.name)?;
        w.nullable_string(f, &self.value)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateTopicsResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<ResponseTopic>,
}

impl Message for CreateTopicsResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("CreateTopicsResponse", v, 2..=7)?;
        let f = v >= 5;
        let throttle_time_ms = r.i32()?;
        let topics = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, topics })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("CreateTopicsResponse", v, 2..=7)?;
        let f = v >= 5;
        w.i32(self.throttle_time_ms);
        w.array(f, v, &self.topics)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResponseTopic {
    pub name: Str,
    /// Versions 7+.
    pub topic_id: Uuid,
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    /// Versions 5+, tag 0.
    pub topic_config_error_code: ErrorCode,
    /// Versions 5+, default -1.
    pub num_partitions: i32,
    /// Versions 5+, default -1.
    pub replication_factor: i16,
    /// Versions 5+.
    pub configs: Option<Vec<ResponseTopicConfig>>,
}

impl Default for ResponseTopic {
    fn default() -> Self {
        Self {
            name: Default::default(),
            topic_id: Default::default(),
            error_code: Default::default(),
            error_message: Default::default(),
            topic_config_error_code: Default::default(),
            num_partitions: -1,
            replication_factor: -1,
            configs: Default::default(),
        }
    }
}

impl Message for ResponseTopic {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 5;
        let name = r.string(f)?;
        let topic_id = if v >= 7 { r.uuid()? } else { Default::default() };
        let error_code = r.error_code()?;
        let error_message = r.nullable_string(f)?;
        let num_partitions = if v >= 5 { r.i32()? } else { -1 };
        let replication_factor = if v >= 5 { r.i16()? } else { -1 };
        let configs = if v >= 5 { r.nullable_array(f, v)? } else { Default::default() };
        let mut topic_config_error_code = Default::default();
        if f {
            r.tags(|r, tag| {
                match tag {
                    0 => topic_config_error_code = r.error_code()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self {
            name,
            topic_id,
            error_code,
            error_message,
            topic_config_error_code,
            num_partitions,
            replication_factor,
            configs,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 5;
        w.string(f, &self.name)?;
        if v >= 7 {
            w.uuid(self.topic_id);
        }
        w.error_code(self.error_code);
        w.nullable_string(f, &self.error_message)?;
        if v >= 5 {
            w.i32(self.num_partitions);
        }
        if v >= 5 {
            w.i16(self.replication_factor);
        }
        if v >= 5 {
            w.nullable_array(f, v, &self.configs)?;
        }
        if f {
            let has_0 = self.topic_config_error_code != ErrorCode::default();
            w.uvarint(u32::from(has_0));
            if has_0 {
                w.tagged(0, |w| {
                    w.error_code(self.topic_config_error_code);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResponseTopicConfig {
    pub name: Str,
    pub value: Option<Str>,
    pub read_only: bool,
    /// Default -1.
    pub config_source: i8,
    pub is_sensitive: bool,
}

impl Default for ResponseTopicConfig {
    fn default() -> Self {
        Self {
            name: Default::default(),
            value: Default::default(),
            read_only: Default::default(),
            config_source: -1,
            is_sensitive: Default::default(),
        }
    }
}

impl Message for ResponseTopicConfig {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let name = r.string(f)?;
        let value = r.nullable_string(f)?;
        let read_only = r.bool()?;
        let config_source = r.i8()?;
        let is_sensitive = r.bool()?;
        {
            r.skip_tags()?;
        }
        Ok(Self { name, value, read_only, config_source, is_sensitive })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.name)?;
        w.nullable_string(f, &self.value)?;
        w.bool(self.read_only);
        w.i8(self.config_source);
        w.bool(self.is_sensitive);
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for CreateTopicsRequest {
    const KEY: ApiKey = ApiKey::CreateTopics;
    type Response = CreateTopicsResponse;
}
