//! AlterPartitionReassignments (45): versions 0-1, flexible from 0.

use super::prelude::*;

#[derive(Clone, Debug, PartialEq)]
pub struct AlterPartitionReassignmentsRequest {
    /// Default 60000.
    pub timeout_ms: i32,
    /// Versions 1+, default true.
    pub allow_replication_factor_change: bool,
    pub topics: Vec<RequestTopic>,
}

impl Default for AlterPartitionReassignmentsRequest {
    fn default() -> Self {
        Self {
            timeout_ms: 60000,
            allow_replication_factor_change: true,
            topics: Default::default(),
        }
    }
}

impl Message for AlterPartitionReassignmentsRequest {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("AlterPartitionReassignmentsRequest", v, 0..=1)?;
        let f = true;
        let timeout_ms = r.i32()?;
        let allow_replication_factor_change = if v >= 1 { r.bool()? } else { true };
        let topics = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { timeout_ms, allow_replication_factor_change, topics })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("AlterPartitionReassignmentsRequest", v, 0..=1)?;
        let f = true;
        w.i32(self.timeout_ms);
        if v >= 1 {
            w.bool(self.allow_replication_factor_change);
        }
        w.array(f, v, &self.topics)?;
        {
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
        let f = true;
        let name = r.string(f)?;
        let partitions = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { name, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.name)?;
        w.array(f, v, &self.partitions)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestTopicPartition {
    pub partition_index: i32,
    pub replicas: Option<Vec<i32>>,
}

impl Message for RequestTopicPartition {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let partition_index = r.i32()?;
        let replicas = r.nullable_primitives(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { partition_index, replicas })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.i32(self.partition_index);
        w.nullable_primitives(f, &self.replicas)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterPartitionReassignmentsResponse {
    pub throttle_time_ms: i32,
    /// Versions 1+, default true.
    pub allow_replication_factor_change: bool,
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub responses: Vec<ResponseResponse>,
}

impl Default for AlterPartitionReassignmentsResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            allow_replication_factor_change: true,
            error_code: Default::default(),
            error_message: Default::default(),
            responses: Default::default(),
        }
    }
}

impl Message for AlterPartitionReassignmentsResponse {
    const LEAST_BYTES: usize = 9;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("AlterPartitionReassignmentsResponse", v, 0..=1)?;
        let f = true;
        let throttle_time_ms = r.i32()?;
        let allow_replication_factor_change = if v >= 1 { r.bool()? } else { true };
        let error_code = r.error_code()?;
        let error_message = r.nullable_string(f)?;
        let responses = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self {
            throttle_time_ms,
            allow_replication_factor_change,
            error_code,
            error_message,
            responses,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("AlterPartitionReassignmentsResponse", v, 0..=1)?;
        let f = true;
        w.i32(self.throttle_time_ms);
        if v >= 1 {
            w.bool(self.allow_replication_factor_change);
        }
        w.error_code(self.error_code);
        w.nullable_string(f, &self.error_message)?;
        w.array(f, v, &self.responses)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseResponse {
    pub name: Str,
    pub partitions: Vec<ResponseResponsePartition>,
}

impl Message for ResponseResponse {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let name = r.string(f)?;
        let partitions = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { name, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.name)?;
        w.array(f, v, &self.partitions)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseResponsePartition {
    pub partition_index: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
}

impl Message for ResponseResponsePartition {
    const LEAST_BYTES: usize = 8;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let partition_index = r.i32()?;
        let error_code = r.error_code()?;
        let error_message = r.nullable_string(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { partition_index, error_code, error_message })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.i32(self.partition_index);
        w.error_code(self.error_code);
        w.nullable_string(f, &self.error_message)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for AlterPartitionReassignmentsRequest {
    const KEY: ApiKey = ApiKey::AlterPartitionReassignments;
    type Response = AlterPartitionReassignmentsResponse;
}
