//! ListPartitionReassignments (46): versions 0, flexible from 0.

use super::prelude::*;

#[derive(Clone, Debug, PartialEq)]
pub struct ListPartitionReassignmentsRequest {
    /// Default 60000.
    pub timeout_ms: i32,
    pub topics: Option<Vec<RequestTopic>>,
}

impl Default for ListPartitionReassignmentsRequest {
    fn default() -> Self {
        Self { timeout_ms: 60000, topics: Default::default() }
    }
}

impl Message for ListPartitionReassignmentsRequest {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ListPartitionReassignmentsRequest", v, 0..=0)?;
        let f = true;
        let timeout_ms = r.i32()?;
        let topics = r.nullable_array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { timeout_ms, topics })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ListPartitionReassignmentsRequest", v, 0..=0)?;
        let f = true;
        w.i32(self.timeout_ms);
        w.nullable_array(f, v, &self.topics)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestTopic {
    pub name: Str,
    pub partition_indexes: Vec<i32>,
}

impl Message for RequestTopic {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let name = r.string(f)?;
        let partition_indexes = r.primitives(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { name, partition_indexes })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.name)?;
        w.primitives(f, &self.partition_indexes)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListPartitionReassignmentsResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub topics: Vec<ResponseTopic>,
}

impl Message for ListPartitionReassignmentsResponse {
    const LEAST_BYTES: usize = 9;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ListPartitionReassignmentsResponse", v, 0..=0)?;
        let f = true;
        let throttle_time_ms = r.i32()?;
        let error_code = r.error_code()?;
        let error_message = r.nullable_string(f)?;
        let topics = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, error_code, error_message, topics })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ListPartitionReassignmentsResponse", v, 0..=0)?;
        let f = true;
        w.i32(self.throttle_time_ms);
        w.error_code(self.error_code);
        w.nullable_string(f, &self.error_message)?;
        w.array(f, v, &self.topics)?;
        {
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
pub struct ResponseTopicPartition {
    pub partition_index: i32,
    pub replicas: Vec<i32>,
    pub adding_replicas: Vec<i32>,
    pub removing_replicas: Vec<i32>,
}

impl Message for ResponseTopicPartition {
    const LEAST_BYTES: usize = 8;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let partition_index = r.i32()?;
        let replicas = r.primitives(f)?;
        let adding_replicas = r.primitives(f)?;
        let removing_replicas = r.primitives(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { partition_index, replicas, adding_replicas, removing_replicas })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.i32(self.partition_index);
        w.primitives(f, &self.replicas)?;
        w.primitives(f, &self.adding_replicas)?;
        w.primitives(f, &self.removing_replicas)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for ListPartitionReassignmentsRequest {
    const KEY: ApiKey = ApiKey::ListPartitionReassignments;
    type Response = ListPartitionReassignmentsResponse;
}
