//! DescribeProducers (61): versions 0, flexible from 0.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeProducersRequest {
    pub topics: Vec<RequestTopic>,
}

impl Message for DescribeProducersRequest {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DescribeProducersRequest", v, 0..=0)?;
        let f = true;
        let topics = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { topics })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DescribeProducersRequest", v, 0..=0)?;
        let f = true;
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
pub struct DescribeProducersResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<ResponseTopic>,
}

impl Message for DescribeProducersResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DescribeProducersResponse", v, 0..=0)?;
        let f = true;
        let throttle_time_ms = r.i32()?;
        let topics = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, topics })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DescribeProducersResponse", v, 0..=0)?;
        let f = true;
        w.i32(self.throttle_time_ms);
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
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub active_producers: Vec<ResponseTopicPartitionActiveProducer>,
}

impl Message for ResponseTopicPartition {
    const LEAST_BYTES: usize = 9;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let partition_index = r.i32()?;
        let error_code = r.error_code()?;
        let error_message = r.nullable_string(f)?;
        let active_producers = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { partition_index, error_code, error_message, active_producers })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.i32(self.partition_index);
        w.error_code(self.error_code);
        w.nullable_string(f, &self.error_message)?;
        w.array(f, v, &self.active_producers)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResponseTopicPartitionActiveProducer {
    pub producer_id: i64,
    pub producer_epoch: i32,
    /// Default -1.
    pub last_sequence: i32,
    /// Default -1.
    pub last_timestamp: i64,
    pub coordinator_epoch: i32,
    /// Default -1.
    pub current_txn_start_offset: i64,
}

impl Default for ResponseTopicPartitionActiveProducer {
    fn default() -> Self {
        Self {
            producer_id: Default::default(),
            producer_epoch: Default::default(),
            last_sequence: -1,
            last_timestamp: -1,
            coordinator_epoch: Default::default(),
            current_txn_start_offset: -1,
        }
    }
}

impl Message for ResponseTopicPartitionActiveProducer {
    const LEAST_BYTES: usize = 37;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let producer_id = r.i64()?;
        let producer_epoch = r.i32()?;
        let last_sequence = r.i32()?;
        let last_timestamp = r.i64()?;
        let coordinator_epoch = r.i32()?;
        let current_txn_start_offset = r.i64()?;
        {
            r.skip_tags()?;
        }
        Ok(Self {
            producer_id,
            producer_epoch,
            last_sequence,
            last_timestamp,
            coordinator_epoch,
            current_txn_start_offset,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.i64(self.producer_id);
        w.i32(self.producer_epoch);
        w.i32(self.last_sequence);
        w.i64(self.last_timestamp);
        w.i32(self.coordinator_epoch);
        w.i64(self.current_txn_start_offset);
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for DescribeProducersRequest {
    const KEY: ApiKey = ApiKey::DescribeProducers;
    type Response = DescribeProducersResponse;
}
