//! Fetch (1): versions 4-18, flexible from 12.

use super::prelude::*;

#[derive(Clone, Debug, PartialEq)]
pub struct FetchRequest {
    /// Versions 12+, tag 0.
    pub cluster_id: Option<Str>,
    /// Versions 0-14, default -1.
    pub replica_id: i32,
    /// Versions 15+, tag 1.
    pub replica_state: RequestReplicaState,
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    /// Default i32max.
    pub max_bytes: i32,
    pub isolation_level: i8,
    /// Versions 7+.
    pub session_id: i32,
    /// Versions 7+, default -1.
    pub session_epoch: i32,
    pub topics: Vec<RequestTopic>,
    /// Versions 7+.
    pub forgotten_topics_data: Vec<RequestForgottenTopicsData>,
    /// Versions 11+.
    pub rack_id: Str,
}

impl Default for FetchRequest {
    fn default() -> Self {
        Self {
            cluster_id: Default::default(),
            replica_id: -1,
            replica_state: Default::default(),
            max_wait_ms: Default::default(),
            min_bytes: Default::default(),
            max_bytes: i32::MAX,
            isolation_level: Default::default(),
            session_id: Default::default(),
            session_epoch: -1,
            topics: Default::default(),
            forgotten_topics_data: Default::default(),
            rack_id: Default::default(),
        }
    }
}

impl Message for FetchRequest {
    const LEAST_BYTES: usize = 21;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("FetchRequest", v, 4..=18)?;
        let f = v >= 12;
        let replica_id = if v <= 14 { r.i32()? } else { -1 };
        let max_wait_ms = r.i32()?;
        let min_bytes = r.i32()?;
        let max_bytes = r.i32()?;
        let isolation_level = r.i8()?;
        let session_id = if v >= 7 { r.i32()? } else { Default::default() };
        let session_epoch = if v >= 7 { r.i32()? } else { -1 };
        let topics = r.array(f, v)?;
        let forgotten_topics_data = if v >= 7 { r.array(f, v)? } else { Default::default() };
        let rack_id = if v >= 11 { r.string(f)? } else { Default::default() };
        let mut cluster_id = Default::default();
        let mut replica_state = Default::default();
        if f {
            r.tags(|r, tag| {
                match tag {
                    0 => cluster_id = r.nullable_string(true)?,
                    1 if v >= 15 => replica_state = Message::decode(r, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self {
            cluster_id,
            replica_id,
            replica_state,
            max_wait_ms,
            min_bytes,
            max_bytes,
            isolation_level,
            session_id,
            session_epoch,
            topics,
            forgotten_topics_data,
            rack_id,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("FetchRequest", v, 4..=18)?;
        let f = v >= 12;
        if v <= 14 {
            w.i32(self.replica_id);
        }
        w.i32(self.max_wait_ms);
        w.i32(self.min_bytes);
        w.i32(self.max_bytes);
        w.i8(self.isolation_level);
        if v >= 7 {
            w.i32(self.session_id);
        }
        if v >= 7 {
            w.i32(self.session_epoch);
        }
        w.array(f, v, &self.topics)?;
        if v >= 7 {
            w.array(f, v, &self.forgotten_topics_data)?;
        }
        if v >= 11 {
            w.string(f, &self.rack_id)?;
        }
        if f {
            let has_0 = self.cluster_id.is_some();
            let has_1 = v >= 15 && self.replica_state != RequestReplicaState::default();
            w.uvarint(u32::from(has_0) + u32::from(has_1));
            if has_0 {
                w.tagged(0, |w| {
                    w.nullable_string(true, &self.cluster_id)?;
                    Ok(())
                })?;
            }
            if has_1 {
                w.tagged(1, |w| {
                    self.replica_state.encode(w, v)?;
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct RequestReplicaState {
    /// Default -1.
    pub replica_id: i32,
    /// Default -1.
    pub replica_epoch: i64,
}

impl Default for RequestReplicaState {
    fn default() -> Self {
        Self { replica_id: -1, replica_epoch: -1 }
    }
}

impl Message for RequestReplicaState {
    const LEAST_BYTES: usize = 13;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let replica_id = r.i32()?;
        let replica_epoch = r.i64()?;
        {
            r.skip_tags()?;
        }
        Ok(Self { replica_id, replica_epoch })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.i32(self.replica_id);
        w.i64(self.replica_epoch);
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestTopic {
    /// Versions 0-12.
    pub topic: Str,
    /// Versions 13+.
    pub topic_id: Uuid,
    pub partitions: Vec<RequestTopicPartition>,
}

impl Message for RequestTopic {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 12;
        let topic = if v <= 12 { r.string(f)? } else { Default::default() };
        let topic_id = if v >= 13 { r.uuid()? } else { Default::default() };
        let partitions = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { topic, topic_id, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 12;
        if v <= 12 {
            w.string(f, &self.topic)?;
        }
        if v >= 13 {
            w.uuid(self.topic_id);
        }
        w.array(f, v, &self.partitions)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct RequestTopicPartition {
    pub partition: i32,
    /// Versions 9+, default -1.
    pub current_leader_epoch: i32,
    pub fetch_offset: i64,
    /// Versions 12+, default -1.
    pub last_fetched_epoch: i32,
    /// Versions 5+, default -1.
    pub log_start_offset: i64,
    pub partition_max_bytes: i32,
    /// Versions 17+, tag 0.
    pub replica_directory_id: Uuid,
    /// Versions 18+, tag 1, default i64max.
    pub high_watermark: i64,
    /// Versions 12+, tag 1000, default -1.
    pub synced_end_offset: i64,
    /// Versions 12+, tag 1001, default -1.
    pub compacted_through: i64,
}

impl Default for RequestTopicPartition {
    fn default() -> Self {
        Self {
            partition: Default::default(),
            current_leader_epoch: -1,
            fetch_offset: Default::default(),
            last_fetched_epoch: -1,
            log_start_offset: -1,
            partition_max_bytes: Default::default(),
            replica_directory_id: Default::default(),
            high_watermark: i64::MAX,
            synced_end_offset: -1,
            compacted_through: -1,
        }
    }
}

impl Message for RequestTopicPartition {
    const LEAST_BYTES: usize = 16;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 12;
        let partition = r.i32()?;
        let current_leader_epoch = if v >= 9 { r.i32()? } else { -1 };
        let fetch_offset = r.i64()?;
        let last_fetched_epoch = if v >= 12 { r.i32()? } else { -1 };
        let log_start_offset = if v >= 5 { r.i64()? } else { -1 };
        let partition_max_bytes = r.i32()?;
        let mut replica_directory_id = Default::default();
        let mut high_watermark = i64::MAX;
        let mut synced_end_offset = -1;
        let mut compacted_through = -1;
        if f {
            r.tags(|r, tag| {
                match tag {
                    0 if v >= 17 => replica_directory_id = r.uuid()?,
                    1 if v >= 18 => high_watermark = r.i64()?,
                    1000 => synced_end_offset = r.i64()?,
                    1001 => compacted_through = r.i64()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self {
            partition,
            current_leader_epoch,
            fetch_offset,
            last_fetched_epoch,
            log_start_offset,
            partition_max_bytes,
            replica_directory_id,
            high_watermark,
            synced_end_offset,
            compacted_through,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 12;
        w.i32(self.partition);
        if v >= 9 {
            w.i32(self.current_leader_epoch);
        }
        w.i64(self.fetch_offset);
        if v >= 12 {
            w.i32(self.last_fetched_epoch);
        }
        if v >= 5 {
            w.i64(self.log_start_offset);
        }
        w.i32(self.partition_max_bytes);
        if f {
            let has_0 = v >= 17 && self.replica_directory_id != Uuid::default();
            let has_1 = v >= 18 && self.high_watermark != i64::MAX;
            let has_1000 = self.synced_end_offset != -1;
            let has_1001 = self.compacted_through != -1;
            w.uvarint(
                u32::from(has_0) + u32::from(has_1) + u32::from(has_1000) + u32::from(has_1001),
            );
            if has_0 {
                w.tagged(0, |w| {
                    w.uuid(self.replica_directory_id);
                    Ok(())
                })?;
            }
            if has_1 {
                w.tagged(1, |w| {
                    w.i64(self.high_watermark);
                    Ok(())
                })?;
            }
            if has_1000 {
                w.tagged(1000, |w| {
                    w.i64(self.synced_end_offset);
                    Ok(())
                })?;
            }
            if has_1001 {
                w.tagged(1001, |w| {
                    w.i64(self.compacted_through);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestForgottenTopicsData {
    /// Versions 7-12.
    pub topic: Str,
    /// Versions 13+.
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl Message for RequestForgottenTopicsData {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 12;
        let topic = if v <= 12 { r.string(f)? } else { Default::default() };
        let topic_id = if v >= 13 { r.uuid()? } else { Default::default() };
        let partitions = r.primitives(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { topic, topic_id, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 12;
        if v <= 12 {
            w.string(f, &self.topic)?;
        }
        if v >= 13 {
            w.uuid(self.topic_id);
        }
        w.primitives(f, &self.partitions)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchResponse {
    pub throttle_time_ms: i32,
    /// Versions 7+.
    pub error_code: ErrorCode,
    /// Versions 7+.
    pub session_id: i32,
    pub responses: Vec<ResponseResponse>,
    /// Versions 16+, tag 0.
    pub node_endpoints: Vec<ResponseNodeEndpoint>,
}

impl Message for FetchResponse {
    const LEAST_BYTES: usize = 8;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("FetchResponse", v, 4..=18)?;
        let f = v >= 12;
        let throttle_time_ms = r.i32()?;
        let error_code = if v >= 7 { r.error_code()? } else { Default::default() };
        let session_id = if v >= 7 { r.i32()? } else { Default::default() };
        let responses = r.array(f, v)?;
        let mut node_endpoints = Default::default();
        if f {
            r.tags(|r, tag| {
                match tag {
                    0 if v >= 16 => node_endpoints = r.array(true, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self { throttle_time_ms, error_code, session_id, responses, node_endpoints })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("FetchResponse", v, 4..=18)?;
        let f = v >= 12;
        w.i32(self.throttle_time_ms);
        if v >= 7 {
            w.error_code(self.error_code);
        }
        if v >= 7 {
            w.i32(self.session_id);
        }
        w.array(f, v, &self.responses)?;
        if f {
            let has_0 = v >= 16 && !self.node_endpoints.is_empty();
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
    pub topic: Str,
    /// Versions 13+.
    pub topic_id: Uuid,
    pub partitions: Vec<ResponseResponsePartition>,
}

impl Message for ResponseResponse {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 12;
        let topic = if v <= 12 { r.string(f)? } else { Default::default() };
        let topic_id = if v >= 13 { r.uuid()? } else { Default::default() };
        let partitions = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { topic, topic_id, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 12;
        if v <= 12 {
            w.string(f, &self.topic)?;
        }
        if v >= 13 {
            w.uuid(self.topic_id);
        }
        w.array(f, v, &self.partitions)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResponseResponsePartition {
    pub partition_index: i32,
    pub error_code: ErrorCode,
    pub high_watermark: i64,
    /// Default -1.
    pub last_stable_offset: i64,
    /// Versions 5+, default -1.
    pub log_start_offset: i64,
    /// Versions 12+, tag 0.
    pub diverging_epoch: ResponseResponsePartitionDivergingEpoch,
    /// Versions 12+, tag 1.
    pub current_leader: ResponseResponsePartitionCurrentLeader,
    /// Versions 12+, tag 2.
    pub snapshot_id: ResponseResponsePartitionSnapshotId,
    pub aborted_transactions: Option<Vec<ResponseResponsePartitionAbortedTransaction>>,
    /// Versions 11+, default -1.
    pub preferred_read_replica: i32,
    pub records: Option<Records>,
}

impl Default for ResponseResponsePartition {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            error_code: Default::default(),
            high_watermark: Default::default(),
            last_stable_offset: -1,
            log_start_offset: -1,
            diverging_epoch: Default::default(),
            current_leader: Default::default(),
            snapshot_id: Default::default(),
            aborted_transactions: Default::default(),
            preferred_read_replica: -1,
            records: Default::default(),
        }
    }
}

impl Message for ResponseResponsePartition {
    const LEAST_BYTES: usize = 30;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 12;
        let partition_index = r.i32()?;
        let error_code = r.error_code()?;
        let high_watermark = r.i64()?;
        let last_stable_offset = r.i64()?;
        let log_start_offset = if v >= 5 { r.i64()? } else { -1 };
        let aborted_transactions = r.nullable_array(f, v)?;
        let preferred_read_replica = if v >= 11 { r.i32()? } else { -1 };
        let records = r.records(f)?;
        let mut diverging_epoch = Default::default();
        let mut current_leader = Default::default();
        let mut snapshot_id = Default::default();
        if f {
            r.tags(|r, tag| {
                match tag {
                    0 => diverging_epoch = Message::decode(r, v)?,
                    1 => current_leader = Message::decode(r, v)?,
                    2 => snapshot_id = Message::decode(r, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self {
            partition_index,
            error_code,
            high_watermark,
            last_stable_offset,
            log_start_offset,
            diverging_epoch,
            current_leader,
            snapshot_id,
            aborted_transactions,
            preferred_read_replica,
            records,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 12;
        w.i32(self.partition_index);
        w.error_code(self.error_code);
        w.i64(self.high_watermark);
        w.i64(self.last_stable_offset);
        if v >= 5 {
            w.i64(self.log_start_offset);
        }
        w.nullable_array(f, v, &self.aborted_transactions)?;
        if v >= 11 {
            w.i32(self.preferred_read_replica);
        }
        w.records(f, &self.records)?;
        if f {
            let has_0 = self.diverging_epoch != ResponseResponsePartitionDivergingEpoch::default();
            let has_1 = self.current_leader != ResponseResponsePartitionCurrentLeader::default();
            let has_2 = self.snapshot_id != ResponseResponsePartitionSnapshotId::default();
            w.uvarint(u32::from(has_0) + u32::from(has_1) + u32::from(has_2));
            if has_0 {
                w.tagged(0, |w| {
                    self.diverging_epoch.encode(w, v)?;
                    Ok(())
                })?;
            }
            if has_1 {
                w.tagged(1, |w| {
                    self.current_leader.encode(w, v)?;
                    Ok(())
                })?;
            }
            if has_2 {
                w.tagged(2, |w| {
                    self.snapshot_id.encode(w, v)?;
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResponseResponsePartitionDivergingEpoch {
    /// Default -1.
    pub epoch: i32,
    /// Default -1.
    pub end_offset: i64,
}

impl Default for ResponseResponsePartitionDivergingEpoch {
    fn default() -> Self {
        Self { epoch: -1, end_offset: -1 }
    }
}

impl Message for ResponseResponsePartitionDivergingEpoch {
    const LEAST_BYTES: usize = 13;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let epoch = r.i32()?;
        let end_offset = r.i64()?;
        {
            r.skip_tags()?;
        }
        Ok(Self { epoch, end_offset })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.i32(self.epoch);
        w.i64(self.end_offset);
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResponseResponsePartitionCurrentLeader {
    /// Default -1.
    pub leader_id: i32,
    /// Default -1.
    pub leader_epoch: i32,
}

impl Default for ResponseResponsePartitionCurrentLeader {
    fn default() -> Self {
        Self { leader_id: -1, leader_epoch: -1 }
    }
}

impl Message for ResponseResponsePartitionCurrentLeader {
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

#[derive(Clone, Debug, PartialEq)]
pub struct ResponseResponsePartitionSnapshotId {
    /// Default -1.
    pub end_offset: i64,
    /// Default -1.
    pub epoch: i32,
}

impl Default for ResponseResponsePartitionSnapshotId {
    fn default() -> Self {
        Self { end_offset: -1, epoch: -1 }
    }
}

impl Message for ResponseResponsePartitionSnapshotId {
    const LEAST_BYTES: usize = 13;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let end_offset = r.i64()?;
        let epoch = r.i32()?;
        {
            r.skip_tags()?;
        }
        Ok(Self { end_offset, epoch })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.i64(self.end_offset);
        w.i32(self.epoch);
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseResponsePartitionAbortedTransaction {
    pub producer_id: i64,
    pub first_offset: i64,
}

impl Message for ResponseResponsePartitionAbortedTransaction {
    const LEAST_BYTES: usize = 16;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 12;
        let producer_id = r.i64()?;
        let first_offset = r.i64()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { producer_id, first_offset })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 12;
        w.i64(self.producer_id);
        w.i64(self.first_offset);
        if f {
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

impl Request for FetchRequest {
    const KEY: ApiKey = ApiKey::Fetch;
    type Response = FetchResponse;
}
