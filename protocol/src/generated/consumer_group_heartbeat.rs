//! ConsumerGroupHeartbeat (68): versions 0-1, flexible from 0.

use super::prelude::*;

#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerGroupHeartbeatRequest {
    pub group_id: Str,
    pub member_id: Str,
    pub member_epoch: i32,
    pub instance_id: Option<Str>,
    pub rack_id: Option<Str>,
    /// Default -1.
    pub rebalance_timeout_ms: i32,
    pub subscribed_topic_names: Option<Vec<Str>>,
    /// Versions 1+.
    pub subscribed_topic_regex: Option<Str>,
    pub server_assignor: Option<Str>,
    pub topic_partitions: Option<Vec<RequestTopicPartition>>,
}

impl Default for ConsumerGroupHeartbeatRequest {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            member_id: Default::default(),
            member_epoch: Default::default(),
            instance_id: Default::default(),
            rack_id: Default::default(),
            rebalance_timeout_ms: -1,
            subscribed_topic_names: Default::default(),
            subscribed_topic_regex: Default::default(),
            server_assignor: Default::default(),
            topic_partitions: Default::default(),
        }
    }
}

impl Message for ConsumerGroupHeartbeatRequest {
    const LEAST_BYTES: usize = 16;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ConsumerGroupHeartbeatRequest", v, 0..=1)?;
        let f = true;
        let group_id = r.string(f)?;
        let member_id = r.string(f)?;
        let member_epoch = r.i32()?;
        let instance_id = r.nullable_string(f)?;
        let rack_id = r.nullable_string(f)?;
        let rebalance_timeout_ms = r.i32()?;
        let subscribed_topic_names = r.nullable_primitives(f)?;
        let subscribed_topic_regex =
            if v >= 1 { r.nullable_string(f)? } else { Default::default() };
        let server_assignor = r.nullable_string(f)?;
        let topic_partitions = r.nullable_array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self {
            group_id,
            member_id,
            member_epoch,
            instance_id,
            rack_id,
            rebalance_timeout_ms,
            subscribed_topic_names,
            subscribed_topic_regex,
            server_assignor,
            topic_partitions,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ConsumerGroupHeartbeatRequest", v, 0..=1)?;
        let f = true;
        w.string(f, &self.group_id)?;
        w.string(f, &self.member_id)?;
        w.i32(self.member_epoch);
        w.nullable_string(f, &self.instance_id)?;
        w.nullable_string(f, &self.rack_id)?;
        w.i32(self.rebalance_timeout_ms);
        w.nullable_primitives(f, &self.subscribed_topic_names)?;
        if v >= 1 {
            w.nullable_string(f, &self.subscribed_topic_regex)?;
        }
        w.nullable_string(f, &self.server_assignor)?;
        w.nullable_array(f, v, &self.topic_partitions)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestTopicPartition {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl Message for RequestTopicPartition {
    const LEAST_BYTES: usize = 18;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let topic_id = r.uuid()?;
        let partitions = r.primitives(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { topic_id, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.uuid(self.topic_id);
        w.primitives(f, &self.partitions)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupHeartbeatResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub member_id: Option<Str>,
    pub member_epoch: i32,
    pub heartbeat_interval_ms: i32,
    pub assignment: Option<ResponseAssignment>,
}

impl Message for ConsumerGroupHeartbeatResponse {
    const LEAST_BYTES: usize = 18;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ConsumerGroupHeartbeatResponse", v, 0..=1)?;
        let f = true;
        let throttle_time_ms = r.i32()?;
        let error_code = r.error_code()?;
        let error_message = r.nullable_string(f)?;
        let member_id = r.nullable_string(f)?;
        let member_epoch = r.i32()?;
        let heartbeat_interval_ms = r.i32()?;
        let assignment = r.nullable_struct(v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self {
            throttle_time_ms,
            error_code,
            error_message,
            member_id,
            member_epoch,
            heartbeat_interval_ms,
            assignment,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ConsumerGroupHeartbeatResponse", v, 0..=1)?;
        let f = true;
        w.i32(self.throttle_time_ms);
        w.error_code(self.error_code);
        w.nullable_string(f, &self.error_message)?;
        w.nullable_string(f, &self.member_id)?;
        w.i32(self.member_epoch);
        w.i32(self.heartbeat_interval_ms);
        w.nullable_struct(v, &self.assignment)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseAssignment {
    pub topic_partitions: Vec<ResponseAssignmentTopicPartition>,
}

impl Message for ResponseAssignment {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let topic_partitions = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { topic_partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.array(f, v, &self.topic_partitions)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseAssignmentTopicPartition {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl Message for ResponseAssignmentTopicPartition {
    const LEAST_BYTES: usize = 18;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let topic_id = r.uuid()?;
        let partitions = r.primitives(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { topic_id, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.uuid(self.topic_id);
        w.primitives(f, &self.partitions)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for ConsumerGroupHeartbeatRequest {
    const KEY: ApiKey = ApiKey::ConsumerGroupHeartbeat;
    type Response = ConsumerGroupHeartbeatResponse;
}
