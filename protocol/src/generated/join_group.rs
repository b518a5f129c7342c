//! JoinGroup (11): versions 0-9, flexible from 6.

use super::prelude::*;

#[derive(Clone, Debug, PartialEq)]
pub struct JoinGroupRequest {
    pub group_id: Str,
    pub session_timeout_ms: i32,
    /// Versions 1+, default -1.
    pub rebalance_timeout_ms: i32,
    pub member_id: Str,
    /// Versions 5+.
    pub group_instance_id: Option<Str>,
    pub protocol_type: Str,
    pub protocols: Vec<RequestProtocol>,
    /// Versions 8+.
    pub reason: Option<Str>,
}

impl Default for JoinGroupRequest {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            session_timeout_ms: Default::default(),
            rebalance_timeout_ms: -1,
            member_id: Default::default(),
            group_instance_id: Default::default(),
            protocol_type: Default::default(),
            protocols: Default::default(),
            reason: Default::default(),
        }
    }
}

impl Message for JoinGroupRequest {
    const LEAST_BYTES: usize = 14;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("JoinGroupRequest", v, 0..=9)?;
        let f = v >= 6;
        let group_id = r.string(f)?;
        let session_timeout_ms = r.i32()?;
        let rebalance_timeout_ms = if v >= 1 { r.i32()? } else { -1 };
        let member_id = r.string(f)?;
        let group_instance_id = if v >= 5 { r.nullable_string(f)? } else { Default::default() };
        let protocol_type = r.string(f)?;
        let protocols = r.array(f, v)?;
        let reason = if v >= 8 { r.nullable_string(f)? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self {
            group_id,
            session_timeout_ms,
            rebalance_timeout_ms,
            member_id,
            group_instance_id,
            protocol_type,
            protocols,
            reason,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("JoinGroupRequest", v, 0..=9)?;
        let f = v >= 6;
        w.string(f, &self.group_id)?;
        w.i32(self.session_timeout_ms);
        if v >= 1 {
            w.i32(self.rebalance_timeout_ms);
        }
        w.string(f, &self.member_id)?;
        if v >= 5 {
            w.nullable_string(f, &self.group_instance_id)?;
        }
        w.string(f, &self.protocol_type)?;
        w.array(f, v, &self.protocols)?;
        if v >= 8 {
            w.nullable_string(f, &self.reason)?;
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestProtocol {
    pub name: Str,
    pub metadata: Bytes,
}

impl Message for RequestProtocol {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 6;
        let name = r.string(f)?;
        let metadata = r.bytes(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { name, metadata })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 6;
        w.string(f, &self.name)?;
        w.bytes(f, &self.metadata)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct JoinGroupResponse {
    /// Versions 2+.
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    /// Default -1.
    pub generation_id: i32,
    /// Versions 7+.
    pub protocol_type: Option<Str>,
    /// Null in 7+.
    pub protocol_name: Option<Str>,
    pub leader: Str,
    /// Versions 9+.
    pub skip_assignment: bool,
    pub member_id: Str,
    pub members: Vec<ResponseMember>,
}

impl Default for JoinGroupResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            generation_id: -1,
            protocol_type: Default::default(),
            protocol_name: Some(Default::default()),
            leader: Default::default(),
            skip_assignment: Default::default(),
            member_id: Default::default(),
            members: Default::default(),
        }
    }
}

impl Message for JoinGroupResponse {
    const LEAST_BYTES: usize = 15;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("JoinGroupResponse", v, 0..=9)?;
        let f = v >= 6;
        let throttle_time_ms = if v >= 2 { r.i32()? } else { Default::default() };
        let error_code = r.error_code()?;
        let generation_id = r.i32()?;
        let protocol_type = if v >= 7 { r.nullable_string(f)? } else { Default::default() };
        let protocol_name = reader::null_only_if(v >= 7, r.nullable_string(f)?)?;
        let leader = r.string(f)?;
        let skip_assignment = if v >= 9 { r.bool()? } else { Default::default() };
        let member_id = r.string(f)?;
        let members = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self {
            throttle_time_ms,
            error_code,
            generation_id,
            protocol_type,
            protocol_name,
            leader,
            skip_assignment,
            member_id,
            members,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("JoinGroupResponse", v, 0..=9)?;
        let f = v >= 6;
        if v >= 2 {
            w.i32(self.throttle_time_ms);
        }
        w.error_code(self.error_code);
        w.i32(self.generation_id);
        if v >= 7 {
            w.nullable_string(f, &self.protocol_type)?;
        }
        writer::null_only_if(v >= 7, &self.protocol_name, "ProtocolName")?;
        w.nullable_string(f, &self.protocol_name)?;
        w.string(f, &self.leader)?;
        if v >= 9 {
            w.bool(self.skip_assignment);
        }
        w.string(f, &self.member_id)?;
        w.array(f, v, &self.members)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseMember {
    pub member_id: Str,
    /// Versions 5+.
    pub group_instance_id: Option<Str>,
    pub metadata: Bytes,
}

impl Message for ResponseMember {
    const LEAST_BYTES: usize = 4;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 6;
        let member_id = r.string(f)?;
        let group_instance_id = if v >= 5 { r.nullable_string(f)? } else { Default::default() };
        let metadata = r.bytes(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { member_id, group_instance_id, metadata })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 6;
        w.string(f, &self.member_id)?;
        if v >= 5 {
            w.nullable_string(f, &self.group_instance_id)?;
        }
        w.bytes(f, &self.metadata)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for JoinGroupRequest {
    const KEY: ApiKey = ApiKey::JoinGroup;
    type Response = JoinGroupResponse;
}
