//! DescribeGroups (15): versions 0-6, flexible from 5.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeGroupsRequest {
    pub groups: Vec<Str>,
    /// Versions 3+.
    pub include_authorized_operations: bool,
}

impl Message for DescribeGroupsRequest {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DescribeGroupsRequest", v, 0..=6)?;
        let f = v >= 5;
        let groups = r.primitives(f)?;
        let include_authorized_operations = if v >= 3 { r.bool()? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self { groups, include_authorized_operations })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DescribeGroupsRequest", v, 0..=6)?;
        let f = v >= 5;
        w.primitives(f, &self.groups)?;
        if v >= 3 {
            w.bool(self.include_authorized_operations);
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeGroupsResponse {
    /// Versions 1+.
    pub throttle_time_ms: i32,
    pub groups: Vec<ResponseGroup>,
}

impl Message for DescribeGroupsResponse {
    const LEAST_BYTES: usize = 4;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DescribeGroupsResponse", v, 0..=6)?;
        let f = v >= 5;
        let throttle_time_ms = if v >= 1 { r.i32()? } else { Default::default() };
        let groups = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, groups })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DescribeGroupsResponse", v, 0..=6)?;
        let f = v >= 5;
        if v >= 1 {
            w.i32(self.throttle_time_ms);
        }
        w.array(f, v, &self.groups)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResponseGroup {
    pub error_code: ErrorCode,
    /// Versions 6+.
    pub error_message: Option<Str>,
    pub group_id: Str,
    pub group_state: Str,
    pub protocol_type: Str,
    pub protocol_data: Str,
    pub members: Vec<ResponseGroupMember>,
    /// Versions 3+, default i32min.
    pub authorized_operations: i32,
}

impl Default for ResponseGroup {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            error_message: Default::default(),
            group_id: Default::default(),
            group_state: Default::default(),
            protocol_type: Default::default(),
            protocol_data: Default::default(),
            members: Default::default(),
            authorized_operations: i32::MIN,
        }
    }
}

impl Message for ResponseGroup {
    const LEAST_BYTES: usize = 12;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 5;
        let error_code = r.error_code()?;
        let error_message = if v >= 6 { r.nullable_string(f)? } else { Default::default() };
        let group_id = r.string(f)?;
        let group_state = r.string(f)?;
        let protocol_type = r.string(f)?;
        let protocol_data = r.string(f)?;
        let members = r.array(f, v)?;
        let authorized_operations = if v >= 3 { r.i32()? } else { i32::MIN };
        if f {
            r.skip_tags()?;
        }
        Ok(Self {
            error_code,
            error_message,
            group_id,
            group_state,
            protocol_type,
            protocol_data,
            members,
            authorized_operations,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 5;
        w.error_code(self.error_code);
        if v >= 6 {
            w.nullable_string(f, &self.error_message)?;
        }
        w.string(f, &self.group_id)?;
        w.string(f, &self.group_state)?;
        w.string(f, &self.protocol_type)?;
        w.string(f, &self.protocol_data)?;
        w.array(f, v, &self.members)?;
        if v >= 3 {
            w.i32(self.authorized_operations);
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseGroupMember {
    pub member_id: Str,
    /// Versions 4+.
    pub group_instance_id: Option<Str>,
    pub client_id: Str,
    pub client_host: Str,
    pub member_metadata: Bytes,
    pub member_assignment: Bytes,
}

impl Message for ResponseGroupMember {
    const LEAST_BYTES: usize = 7;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 5;
        let member_id = r.string(f)?;
        let group_instance_id = if v >= 4 { r.nullable_string(f)? } else { Default::default() };
        let client_id = r.string(f)?;
        let client_host = r.string(f)?;
        let member_metadata = r.bytes(f)?;
        let member_assignment = r.bytes(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self {
            member_id,
            group_instance_id,
            client_id,
            client_host,
            member_metadata,
            member_assignment,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 5;
        w.string(f, &self.member_id)?;
        if v >= 4 {
            w.nullable_string(f, &self.group_instance_id)?;
        }
        w.string(f, &self.client_id)?;
        w.string(f, &self.client_host)?;
        w.bytes(f, &self.member_metadata)?;
        w.bytes(f, &self.member_assignment)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for DescribeGroupsRequest {
    const KEY: ApiKey = ApiKey::DescribeGroups;
    type Response = DescribeGroupsResponse;
}
