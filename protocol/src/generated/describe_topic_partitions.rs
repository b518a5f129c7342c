//! DescribeTopicPartitions (75): versions 0, flexible from 0.

use super::prelude::*;

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeTopicPartitionsRequest {
    pub topics: Vec<RequestTopic>,
    /// Default 2000.
    pub response_partition_limit: i32,
    pub cursor: Option<RequestCursor>,
}

impl Default for DescribeTopicPartitionsRequest {
    fn default() -> Self {
        Self {
            topics: Default::default(),
            response_partition_limit: 2000,
            cursor: Default::default(),
        }
    }
}

impl Message for DescribeTopicPartitionsRequest {
    const LEAST_BYTES: usize = 7;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DescribeTopicPartitionsRequest", v, 0..=0)?;
        let f = true;
        let topics = r.array(f, v)?;
        let response_partition_limit = r.i32()?;
        let cursor = r.nullable_struct(v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { topics, response_partition_limit, cursor })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DescribeTopicPartitionsRequest", v, 0..=0)?;
        let f = true;
        w.array(f, v, &self.topics)?;
        w.i32(self.response_partition_limit);
        w.nullable_struct(v, &self.cursor)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestTopic {
    pub name: Str,
}

impl Message for RequestTopic {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let name = r.string(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { name })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.name)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestCursor {
    pub topic_name: Str,
    pub partition_index: i32,
}

impl Message for RequestCursor {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let topic_name = r.string(f)?;
        let partition_index = r.i32()?;
        {
            r.skip_tags()?;
        }
        Ok(Self { topic_name, partition_index })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.topic_name)?;
        w.i32(self.partition_index);
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeTopicPartitionsResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<ResponseTopic>,
    pub next_cursor: Option<ResponseNextCursor>,
}

impl Message for DescribeTopicPartitionsResponse {
    const LEAST_BYTES: usize = 7;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DescribeTopicPartitionsResponse", v, 0..=0)?;
        let f = true;
        let throttle_time_ms = r.i32()?;
        let topics = r.array(f, v)?;
        let next_cursor = r.nullable_struct(v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, topics, next_cursor })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DescribeTopicPartitionsResponse", v, 0..=0)?;
        let f = true;
        w.i32(self.throttle_time_ms);
        w.array(f, v, &self.topics)?;
        w.nullable_struct(v, &self.next_cursor)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResponseTopic {
    pub error_code: ErrorCode,
    pub name: Option<Str>,
    pub topic_id: Uuid,
    pub is_internal: bool,
    pub partitions: Vec<ResponseTopicPartition>,
    /// Default i32min.
    pub topic_authorized_operations: i32,
}

impl Default for ResponseTopic {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            name: Default::default(),
            topic_id: Default::default(),
            is_internal: Default::default(),
            partitions: Default::default(),
            topic_authorized_operations: i32::MIN,
        }
    }
}

impl Message for ResponseTopic {
    const LEAST_BYTES: usize = 26;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let error_code = r.error_code()?;
        let name = r.nullable_string(f)?;
        let topic_id = r.uuid()?;
        let is_internal = r.bool()?;
        let partitions = r.array(f, v)?;
        let topic_authorized_operations = r.i32()?;
        {
            r.skip_tags()?;
        }
        Ok(Self {
            error_code,
            name,
            topic_id,
            is_internal,
            partitions,
            topic_authorized_operations,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.error_code(self.error_code);
        w.nullable_string(f, &self.name)?;
        w.uuid(self.topic_id);
        w.bool(self.is_internal);
        w.array(f, v, &self.partitions)?;
        w.i32(self.topic_authorized_operations);
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResponseTopicPartition {
    pub error_code: ErrorCode,
    pub partition_index: i32,
    pub leader_id: i32,
    /// Default -1.
    pub leader_epoch: i32,
    pub replica_nodes: Vec<i32>,
    pub isr_nodes: Vec<i32>,
    pub eligible_leader_replicas: Option<Vec<i32>>,
    pub last_known_elr: Option<Vec<i32>>,
    pub offline_replicas: Vec<i32>,
}

impl Default for ResponseTopicPartition {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            partition_index: Default::default(),
            leader_id: Default::default(),
            leader_epoch: -1,
            replica_nodes: Default::default(),
            isr_nodes: Default::default(),
            eligible_leader_replicas: Default::default(),
            last_known_elr: Default::default(),
            offline_replicas: Default::default(),
        }
    }
}

impl Message for ResponseTopicPartition {
    const LEAST_BYTES: usize = 20;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let error_code = r.error_code()?;
        let partition_index = r.i32()?;
        let leader_id = r.i32()?;
        let leader_epoch = r.i32()?;
        let replica_nodes = r.primitives(f)?;
        let isr_nodes = r.primitives(f)?;
        let eligible_leader_replicas = r.nullable_primitives(f)?;
        let last_known_elr = r.nullable_primitives(f)?;
        let offline_replicas = r.primitives(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self {
            error_code,
            partition_index,
            leader_id,
            leader_epoch,
            replica_nodes,
            isr_nodes,
            eligible_leader_replicas,
            last_known_elr,
            offline_replicas,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.error_code(self.error_code);
        w.i32(self.partition_index);
        w.i32(self.leader_id);
        w.i32(self.leader_epoch);
        w.primitives(f, &self.replica_nodes)?;
        w.primitives(f, &self.isr_nodes)?;
        w.nullable_primitives(f, &self.eligible_leader_replicas)?;
        w.nullable_primitives(f, &self.last_known_elr)?;
        w.primitives(f, &self.offline_replicas)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseNextCursor {
    pub topic_name: Str,
    pub partition_index: i32,
}

impl Message for ResponseNextCursor {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let topic_name = r.string(f)?;
        let partition_index = r.i32()?;
        {
            r.skip_tags()?;
        }
        Ok(Self { topic_name, partition_index })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.topic_name)?;
        w.i32(self.partition_index);
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for DescribeTopicPartitionsRequest {
    const KEY: ApiKey = ApiKey::DescribeTopicPartitions;
    type Response = DescribeTopicPartitionsResponse;
}
