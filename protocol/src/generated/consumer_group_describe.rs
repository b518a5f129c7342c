//! ConsumerGroupDescribe (69): versions 0-1, flexible from 0.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupDescribeRequest {
    pub group_ids: Vec<Str>,
    pub include_authorized_operations: bool,
}

impl Message for ConsumerGroupDescribeRequest {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ConsumerGroupDescribeRequest", v, 0..=1)?;
        let f = true;
        let group_ids = r.primitives(f)?;
        let include_authorized_operations = r.bool()?;
        {
            r.skip_tags()?;
        }
        Ok(Self { group_ids, include_authorized_operations })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ConsumerGroupDescribeRequest", v, 0..=1)?;
        let f = true;
        w.primitives(f, &self.group_ids)?;
        w.bool(self.include_authorized_operations);
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupDescribeResponse {
    pub throttle_time_ms: i32,
    pub groups: Vec<ResponseGroup>,
}

impl Message for ConsumerGroupDescribeResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ConsumerGroupDescribeResponse", v, 0..=1)?;
        let f = true;
        let throttle_time_ms = r.i32()?;
        let groups = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, groups })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ConsumerGroupDescribeResponse", v, 0..=1)?;
        let f = true;
        w.i32(self.throttle_time_ms);
        w.array(f, v, &self.groups)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResponseGroup {
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub group_id: Str,
    pub group_state: Str,
    pub group_epoch: i32,
    pub assignment_epoch: i32,
    pub assignor_name: Str,
    pub members: Vec<ResponseGroupMember>,
    /// Default i32min.
    pub authorized_operations: i32,
}

impl Default for ResponseGroup {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            error_message: Default::default(),
            group_id: Default::default(),
            group_state: Default::default(),
            group_epoch: Default::default(),
            assignment_epoch: Default::default(),
            assignor_name: Default::default(),
            members: Default::default(),
            authorized_operations: i32::MIN,
        }
    }
}

impl Message for ResponseGroup {
    const LEAST_BYTES: usize = 20;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let error_code = r.error_code()?;
        let error_message = r.nullable_string(f)?;
        let group_id = r.string(f)?;
        let group_state = r.string(f)?;
        let group_epoch = r.i32()?;
        let assignment_epoch = r.i32()?;
        let assignor_name = r.string(f)?;
        let members = r.array(f, v)?;
        let authorized_operations = r.i32()?;
        {
            r.skip_tags()?;
        }
        Ok(Self {
            error_code,
            error_message,
            group_id,
            group_state,
            group_epoch,
            assignment_epoch,
            assignor_name,
            members,
            authorized_operations,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.error_code(self.error_code);
        w.nullable_string(f, &self.error_message)?;
        w.string(f, &self.group_id)?;
        w.string(f, &self.group_state)?;
        w.i32(self.group_epoch);
        w.i32(self.assignment_epoch);
        w.string(f, &self.assignor_name)?;
        w.array(f, v, &self.members)?;
        w.i32(self.authorized_operations);
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResponseGroupMember {
    pub member_id: Str,
    pub instance_id: Option<Str>,
    pub rack_id: Option<Str>,
    pub member_epoch: i32,
    pub client_id: Str,
    pub client_host: Str,
    pub subscribed_topic_names: Vec<Str>,
    pub subscribed_topic_regex: Option<Str>,
    pub assignment: ResponseGroupMemberAssignment,
    pub target_assignment: ResponseGroupMemberTargetAssignment,
    /// Versions 1+, default -1.
    pub member_type: i8,
}

impl Default for ResponseGroupMember {
    fn default() -> Self {
        Self {
            member_id: Default::default(),
            instance_id: Default::default(),
            rack_id: Default::default(),
            member_epoch: Default::default(),
            client_id: Default::default(),
            client_host: Default::default(),
            subscribed_topic_names: Default::default(),
            subscribed_topic_regex: Default::default(),
            assignment: Default::default(),
            target_assignment: Default::default(),
            member_type: -1,
        }
    }
}

impl Message for ResponseGroupMember {
    const LEAST_BYTES: usize = 16;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let member_id = r.string(f)?;
        let instance_id = r.nullable_string(f)?;
        let rack_id = r.nullable_string(f)?;
        let member_epoch = r.i32()?;
        let client_id = r.string(f)?;
        let client_host = r.string(f)?;
        let subscribed_topic_names = r.primitives(f)?;
        let subscribed_topic_regex = r.nullable_string(f)?;
        let assignment = Message::decode(r, v)?;
        let target_assignment = Message::decode(r, v)?;
        let member_type = if v >= 1 { r.i8()? } else { -1 };
        {
            r.skip_tags()?;
        }
        Ok(Self {
            member_id,
            instance_id,
            rack_id,
            member_epoch,
            client_id,
            client_host,
            subscribed_topic_names,
            subscribed_topic_regex,
            assignment,
            target_assignment,
            member_type,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.member_id)?;
        w.nullable_string(f, &self.instance_id)?;
        w.nullable_string(f, &self.rack_id)?;
        w.i32(self.member_epoch);
        w.string(f, &self.client_id)?;
        w.string(f, &self.client_host)?;
        w.primitives(f, &self.subscribed_topic_names)?;
        w.nullable_string(f, &self.subscribed_topic_regex)?;
        self.assignment.encode(w, v)?;
        self.target_assignment.encode(w, v)?;
        if v >= 1 {
            w.i8(self.member_type);
        }
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseGroupMemberAssignment {
    pub topic_partitions: Vec<ResponseGroupMemberAssignmentTopicPartition>,
}

impl Message for ResponseGroupMemberAssignment {
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
pub struct ResponseGroupMemberAssignmentTopicPartition {
    pub topic_id: Uuid,
    pub topic_name: Str,
    pub partitions: Vec<i32>,
}

impl Message for ResponseGroupMemberAssignmentTopicPartition {
    const LEAST_BYTES: usize = 19;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let topic_id = r.uuid()?;
        let topic_name = r.string(f)?;
        let partitions = r.primitives(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { topic_id, topic_name, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.uuid(self.topic_id);
        w.string(f, &self.topic_name)?;
        w.primitives(f, &self.partitions)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseGroupMemberTargetAssignment {
    pub topic_partitions: Vec<ResponseGroupMemberTargetAssignmentTopicPartition>,
}

impl Message for ResponseGroupMemberTargetAssignment {
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
pub struct ResponseGroupMemberTargetAssignmentTopicPartition {
    pub topic_id: Uuid,
    pub topic_name: Str,
    pub partitions: Vec<i32>,
}

impl Message for ResponseGroupMemberTargetAssignmentTopicPartition {
    const LEAST_BYTES: usize = 19;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let topic_id = r.uuid()?;
        let topic_name = r.string(f)?;
        let partitions = r.primitives(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { topic_id, topic_name, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.uuid(self.topic_id);
        w.string(f, &self.topic_name)?;
        w.primitives(f, &self.partitions)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for ConsumerGroupDescribeRequest {
    const KEY: ApiKey = ApiKey::ConsumerGroupDescribe;
    type Response = ConsumerGroupDescribeResponse;
}
