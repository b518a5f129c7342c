//! Metadata (3): versions 0-13, flexible from 9.

use super::prelude::*;

#[derive(Clone, Debug, PartialEq)]
pub struct MetadataRequest {
    /// Null in 1+.
    pub topics: Option<Vec<RequestTopic>>,
    /// Versions 4+, default true.
    pub allow_auto_topic_creation: bool,
    /// Versions 8-10.
    pub include_cluster_authorized_operations: bool,
    /// Versions 8+.
    pub include_topic_authorized_operations: bool,
}

impl Default for MetadataRequest {
    fn default() -> Self {
        Self {
            topics: Some(Default::default()),
            allow_auto_topic_creation: true,
            include_cluster_authorized_operations: Default::default(),
            include_topic_authorized_operations: Default::default(),
        }
    }
}

impl Message for MetadataRequest {
    const LEAST_BYTES: usize = 4;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("MetadataRequest", v, 0..=13)?;
        let f = v >= 9;
        let topics = reader::null_only_if(v >= 1, r.nullable_array(f, v)?)?;
        let allow_auto_topic_creation = if v >= 4 { r.bool()? } else { true };
        let include_cluster_authorized_operations =
            if (8..=10).contains(&v) { r.bool()? } else { Default::default() };
        let include_topic_authorized_operations =
            if v >= 8 { r.bool()? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self {
            topics,
            allow_auto_topic_creation,
            include_cluster_authorized_operations,
            include_topic_authorized_operations,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("MetadataRequest", v, 0..=13)?;
        let f = v >= 9;
        writer::null_only_if(v >= 1, &self.topics, "Topics")?;
        w.nullable_array(f, v, &self.topics)?;
        if v >= 4 {
            w.bool(self.allow_auto_topic_creation);
        }
        if (8..=10).contains(&v) {
            w.bool(self.include_cluster_authorized_operations);
        }
        if v >= 8 {
            w.bool(self.include_topic_authorized_operations);
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct RequestTopic {
    /// Versions 10+.
    pub topic_id: Uuid,
    /// Null in 10+.
    pub name: Option<Str>,
}

impl Default for RequestTopic {
    fn default() -> Self {
        Self { topic_id: Default::default(), name: Some(Default::default()) }
    }
}

impl Message for RequestTopic {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 9;
        let topic_id = if v >= 10 { r.uuid()? } else { Default::default() };
        let name = reader::null_only_if(v >= 10, r.nullable_string(f)?)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { topic_id, name })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 9;
        if v >= 10 {
            w.uuid(self.topic_id);
        }
        writer::null_only_if(v >= 10, &self.name, "Name")?;
        w.nullable_string(f, &self.name)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct MetadataResponse {
    /// Versions 3+.
    pub throttle_time_ms: i32,
    pub brokers: Vec<ResponseBroker>,
    /// Versions 2+.
    pub cluster_id: Option<Str>,
    /// Versions 1+, default -1.
    pub controller_id: i32,
    pub topics: Vec<ResponseTopic>,
    /// Versions 8-10, default i32min.
    pub cluster_authorized_operations: i32,
    /// Versions 13+.
    pub error_code: ErrorCode,
}

impl Default for MetadataResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            brokers: Default::default(),
            cluster_id: Default::default(),
            controller_id: -1,
            topics: Default::default(),
            cluster_authorized_operations: i32::MIN,
            error_code: Default::default(),
        }
    }
}

impl Message for MetadataResponse {
    const LEAST_BYTES: usize = 8;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("MetadataResponse", v, 0..=13)?;
        let f = v >= 9;
        let throttle_time_ms = if v >= 3 { r.i32()? } else { Default::default() };
        let brokers = r.array(f, v)?;
        let cluster_id = if v >= 2 { r.nullable_string(f)? } else { Default::default() };
        let controller_id = if v >= 1 { r.i32()? } else { -1 };
        let topics = r.array(f, v)?;
        let cluster_authorized_operations = if (8..=10).contains(&v) { r.i32()? } else { i32::MIN };
        let error_code = if v >= 13 { r.error_code()? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self {
            throttle_time_ms,
            brokers,
            cluster_id,
            controller_id,
            topics,
            cluster_authorized_operations,
            error_code,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("MetadataResponse", v, 0..=13)?;
        let f = v >= 9;
        if v >= 3 {
            w.i32(self.throttle_time_ms);
        }
        w.array(f, v, &self.brokers)?;
        if v >= 2 {
            w.nullable_string(f, &self.cluster_id)?;
        }
        if v >= 1 {
            w.i32(self.controller_id);
        }
        w.array(f, v, &self.topics)?;
        if (8..=10).contains(&v) {
            w.i32(self.cluster_authorized_operations);
        }
        if v >= 13 {
            w.error_code(self.error_code);
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseBroker {
    pub node_id: i32,
    pub host: Str,
    pub port: i32,
    /// Versions 1+.
    pub rack: Option<Str>,
}

impl Message for ResponseBroker {
    const LEAST_BYTES: usize = 10;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 9;
        let node_id = r.i32()?;
        let host = r.string(f)?;
        let port = r.i32()?;
        let rack = if v >= 1 { r.nullable_string(f)? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self { node_id, host, port, rack })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 9;
        w.i32(self.node_id);
        w.string(f, &self.host)?;
        w.i32(self.port);
        if v >= 1 {
            w.nullable_string(f, &self.rack)?;
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResponseTopic {
    pub error_code: ErrorCode,
    /// Null in 12+.
    pub name: Option<Str>,
    /// Versions 10+.
    pub topic_id: Uuid,
    /// Versions 1+.
    pub is_internal: bool,
    pub partitions: Vec<ResponseTopicPartition>,
    /// Versions 8+, default i32min.
    pub topic_authorized_operations: i32,
}

impl Default for ResponseTopic {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            name: Some(Default::default()),
            topic_id: Default::default(),
            is_internal: Default::default(),
            partitions: Default::default(),
            topic_authorized_operations: i32::MIN,
        }
    }
}

impl Message for ResponseTopic {
    const LEAST_BYTES: usize = 8;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 9;
        let error_code = r.error_code()?;
        let name = reader::null_only_if(v >= 12, r.nullable_string(f)?)?;
        let topic_id = if v >= 10 { r.uuid()? } else { Default::default() };
        let is_internal = if v >= 1 { r.bool()? } else { Default::default() };
        let partitions = r.array(f, v)?;
        let topic_authorized_operations = if v >= 8 { r.i32()? } else { i32::MIN };
        if f {
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
        let f = v >= 9;
        w.error_code(self.error_code);
        writer::null_only_if(v >= 12, &self.name, "Name")?;
        w.nullable_string(f, &self.name)?;
        if v >= 10 {
            w.uuid(self.topic_id);
        }
        if v >= 1 {
            w.bool(self.is_internal);
        }
        w.array(f, v, &self.partitions)?;
        if v >= 8 {
            w.i32(self.topic_authorized_operations);
        }
        if f {
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
    /// Versions 7+, default -1.
    pub leader_epoch: i32,
    pub replica_nodes: Vec<i32>,
    pub isr_nodes: Vec<i32>,
    /// Versions 5+.
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
            offline_replicas: Default::default(),
        }
    }
}

impl Message for ResponseTopicPartition {
    const LEAST_BYTES: usize = 18;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 9;
        let error_code = r.error_code()?;
        let partition_index = r.i32()?;
        let leader_id = r.i32()?;
        let leader_epoch = if v >= 7 { r.i32()? } else { -1 };
        let replica_nodes = r.primitives(f)?;
        let isr_nodes = r.primitives(f)?;
        let offline_replicas = if v >= 5 { r.primitives(f)? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self {
            error_code,
            partition_index,
            leader_id,
            leader_epoch,
            replica_nodes,
            isr_nodes,
            offline_replicas,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 9;
        w.error_code(self.error_code);
        w.i32(self.partition_index);
        w.i32(self.leader_id);
        if v >= 7 {
            w.i32(self.leader_epoch);
        }
        w.primitives(f, &self.replica_nodes)?;
        w.primitives(f, &self.isr_nodes)?;
        if v >= 5 {
            w.primitives(f, &self.offline_replicas)?;
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for MetadataRequest {
    const KEY: ApiKey = ApiKey::Metadata;
    type Response = MetadataResponse;
}
