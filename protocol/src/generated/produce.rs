//! Produce (0): versions 3-13, flexible from 9.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProduceRequest {
    pub transactional_id: Option<Str>,
    pub acks: i16,
    pub timeout_ms: i32,
    pub topic_data: Vec<RequestTopicData>,
}

impl Message for ProduceRequest {
    const LEAST_BYTES: usize = 9;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ProduceRequest", v, 3..=13)?;
        let f = v >= 9;
        let transactional_id = r.nullable_string(f)?;
        let acks = r.i16()?;
        let timeout_ms = r.i32()?;
        let topic_data = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { transactional_id, acks, timeout_ms, topic_data })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ProduceRequest", v, 3..=13)?;
        let f = v >= 9;
        w.nullable_string(f, &self.transactional_id)?;
        w.i16(self.acks);
        w.i32(self.timeout_ms);
        w.array(f, v, &self.topic_data)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestTopicData {
    /// Versions 0-12.
    pub name: Str,
    /// Versions 13+.
    pub topic_id: Uuid,
    pub partition_data: Vec<RequestTopicDataPartitionData>,
}

impl Message for RequestTopicData {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 9;
        let name = if v <= 12 { r.string(f)? } else { Default::default() };
        let topic_id = if v >= 13 { r.uuid()? } else { Default::default() };
        let partition_data = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { name, topic_id, partition_data })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 9;
        if v <= 12 {
            w.string(f, &self.name)?;
        }
        if v >= 13 {
            w.uuid(self.topic_id);
        }
        w.array(f, v, &self.partition_data)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestTopicDataPartitionData {
    pub index: i32,
    pub records: Option<Records>,
}

impl Message for RequestTopicDataPartitionData {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 9;
        let index = r.i32()?;
        let records = r.records(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { index, records })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 9;
        w.i32(self.index);
        w.records(f, &self.records)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProduceResponse {
    pub responses: Vec<ResponseResponse>,
    pub throttle_time_ms: i32,
    /// Versions 10+, tag 0.
    pub node_endpoints: Vec<ResponseNodeEndpoint>,
}

impl Message for ProduceResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ProduceResponse", v, 3..=13)?;
        let f = v >= 9;
        let responses = r.array(f, v)?;
        let throttle_time_ms = r.i32()?;
        let mut node_endpoints = Default::default();
        if f {
            r.tags(|r, tag| {
                match tag {
                    0 if v >= 10 => node_endpoints = r.array(true, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self { responses, throttle_time_ms, node_endpoints })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ProduceResponse", v, 3..=13)?;
        let f = v >= 9;
        w.array(f, v, &self.responses)?;
        w.i32(self.throttle_time_ms);
        if f {
            let has_0 = v >= 10 && !self.node_endpoints.is_empty();
            w.uvarint(u32::from(has_0));
            if has_0 {
                w.tagged(0, |w| {
                    w.array(true, v, &self.node_endpoints)?;
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseResponse {
    /// Versions 0-12.
    pub name: Str,
    /// Versions 13+.
    pub topic_id: Uuid,
    pub partition_responses: Vec<ResponseResponsePartitionResponse>,
}

impl Message for ResponseResponse {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 9;
        let name = if v <= 12 { r.string(f)? } else { Default::default() };
        let topic_id = if v >= 13 { r.uuid()? } else { Default::default() };
        let partition_responses = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { name, topic_id, partition_responses })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 9;
        if v <= 12 {
            w.string(f, &self.name)?;
        }
        if v >= 13 {
            w.uuid(self.topic_id);
        }
        w.array(f, v, &self.partition_responses)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResponseResponsePartitionResponse {
    pub index: i32,
    pub error_code: ErrorCode,
    pub base_offset: i64,
    /// Default -1.
    pub log_append_time_ms: i64,
    /// Versions 5+, default -1.
    pub log_start_offset: i64,
    /// Versions 8+.
    pub record_errors: Vec<ResponseResponsePartitionResponseRecordError>,
    /// Versions 8+.
    pub error_message: Option<Str>,
    /// Versions 10+, tag 0.
    pub current_leader: ResponseResponsePartitionResponseCurrentLeader,
}

impl Default for ResponseResponsePartitionResponse {
    fn default() -> Self {
        Self {
            index: Default::default(),
            error_code: Default::default(),
            base_offset: Default::default(),
            log_append_time_ms: -1,
            log_start_offset: -1,
            record_errors: Default::default(),
            error_message: Default::default(),
            current_leader: Default::default(),
        }
    }
}

impl Message for ResponseResponsePartitionResponse {
    const LEAST_BYTES: usize = 22;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 9;
        let index = r.i32()?;
        let error_code = r.error_code()?;
        let base_offset = r.i64()?;
        let log_append_time_ms = r.i64()?;
        let log_start_offset = if v >= 5 { r.i64()? } else { -1 };
        let record_errors = if v >= 8 { r.array(f, v)? } else { Default::default() };
        let error_message = if v >= 8 { r.nullable_string(f)? } else { Default::default() };
        let mut current_leader = Default::default();
        if f {
            r.tags(|r, tag| {
                match tag {
                    0 if v >= 10 => current_leader = Message::decode(r, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self {
            index,
            error_code,
            base_offset,
            log_append_time_ms,
            log_start_offset,
            record_errors,
            error_message,
            current_leader,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 9;
        w.i32(self.index);
        w.error_code(self.error_code);
        w.i64(self.base_offset);
        w.i64(self.log_append_time_ms);
        if v >= 5 {
            w.i64(self.log_start_offset);
        }
        if v >= 8 {
            w.array(f, v, &self.record_errors)?;
        }
        if v >= 8 {
            w.nullable_string(f, &self.error_message)?;
        }
        if f {
            let has_0 = v >= 10
                && self.current_leader != ResponseResponsePartitionResponseCurrentLeader::default();
            w.uvarint(u32::from(has_0));
            if has_0 {
                w.tagged(0, |w| {
                    self.current_leader.encode(w, v)?;
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseResponsePartitionResponseRecordError {
    pub batch_index: i32,
    pub batch_index_error_message: Option<Str>,
}

impl Message for ResponseResponsePartitionResponseRecordError {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 9;
        let batch_index = r.i32()?;
        let batch_index_error_message = r.nullable_string(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { batch_index, batch_index_error_message })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 9;
        w.i32(self.batch_index);
        w.nullable_string(f, &self.batch_index_error_message)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResponseResponsePartitionResponseCurrentLeader {
    /// Default -1.
    pub leader_id: i32,
    /// Default -1.
    pub leader_epoch: i32,
}

impl Default for ResponseResponsePartitionResponseCurrentLeader {
    fn default() -> Self {
        Self { leader_id: -1, leader_epoch: -1 }
    }
}

impl Message for ResponseResponsePartitionResponseCurrentLeader {
    const LEAST_BYTES: usize = 9;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let leader_id = r.i32()?;
        let leader_epoch = r.i32()?;
        {
            r.skip_tags()?;
        }
        Ok(Self { leader_id, leader_epoch })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.i32(self.leader_id);
        w.i32(self.leader_epoch);
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseNodeEndpoint {
    pub node_id: i32,
    pub host: Str,
    pub port: i32,
    pub rack: Option<Str>,
}

impl Message for ResponseNodeEndpoint {
    const LEAST_BYTES: usize = 11;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let node_id = r.i32()?;
        let host = r.string(f)?;
        let port = r.i32()?;
        let rack = r.nullable_string(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { node_id, host, port, rack })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.i32(self.node_id);
        w.string(f, &self.host)?;
        w.i32(self.port);
        w.nullable_string(f, &self.rack)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for ProduceRequest {
    const KEY: ApiKey = ApiKey::Produce;
    type Response = ProduceResponse;
}
