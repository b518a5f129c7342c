//! ElectLeaders (43): versions 0-2, flexible from 2.

use super::prelude::*;

#[derive(Clone, Debug, PartialEq)]
pub struct ElectLeadersRequest {
    /// Versions 1+.
    pub election_type: i8,
    pub topic_partitions: Option<Vec<RequestTopicPartition>>,
    /// Default 60000.
    pub timeout_ms: i32,
}

impl Default for ElectLeadersRequest {
    fn default() -> Self {
        Self {
            election_type: Default::default(),
            topic_partitions: Default::default(),
            timeout_ms: 60000,
        }
    }
}

impl Message for ElectLeadersRequest {
    const LEAST_BYTES: usize = 7;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ElectLeadersRequest", v, 0..=2)?;
        let f = v >= 2;
        let election_type = if v >= 1 { r.i8()? } else { Default::default() };
        let topic_partitions = r.nullable_array(f, v)?;
        let timeout_ms = r.i32()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { election_type, topic_partitions, timeout_ms })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ElectLeadersRequest", v, 0..=2)?;
        let f = v >= 2;
        if v >= 1 {
            w.i8(self.election_type);
        }
        w.nullable_array(f, v, &self.topic_partitions)?;
        w.i32(self.timeout_ms);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestTopicPartition {
    pub topic: Str,
    pub partitions: Vec<i32>,
}

impl Message for RequestTopicPartition {
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
pub struct ElectLeadersResponse {
    pub throttle_time_ms: i32,
    /// Versions 1+.
    pub error_code: ErrorCode,
    pub replica_election_results: Vec<ResponseReplicaElectionResult>,
}

impl Message for ElectLeadersResponse {
    const LEAST_BYTES: usize = 8;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ElectLeadersResponse", v, 0..=2)?;
        let f = v >= 2;
        let throttle_time_ms = r.i32()?;
        let error_code = if v >= 1 { r.error_code()? } else { Default::default() };
        let replica_election_results = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, error_code, replica_election_results })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ElectLeadersResponse", v, 0..=2)?;
        let f = v >= 2;
        w.i32(self.throttle_time_ms);
        if v >= 1 {
            w.error_code(self.error_code);
        }
        w.array(f, v, &self.replica_election_results)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseReplicaElectionResult {
    pub topic: Str,
    pub partition_result: Vec<ResponseReplicaElectionResultPartitionResult>,
}

impl Message for ResponseReplicaElectionResult {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let topic = r.string(f)?;
        let partition_result = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { topic, partition_result })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.string(f, &self.topic)?;
        w.array(f, v, &self.partition_result)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseReplicaElectionResultPartitionResult {
    pub partition_id: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
}

impl Message for ResponseReplicaElectionResultPartitionResult {
    const LEAST_BYTES: usize = 8;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let partition_id = r.i32()?;
        let error_code = r.error_code()?;
        let error_message = r.nullable_string(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { partition_id, error_code, error_message })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.i32(self.partition_id);
        w.error_code(self.error_code);
        w.nullable_string(f, &self.error_message)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for ElectLeadersRequest {
    const KEY: ApiKey = ApiKey::ElectLeaders;
    type Response = ElectLeadersResponse;
}
