//! LeaveGroup (13): versions 0-5, flexible from 4.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaveGroupRequest {
    pub group_id: Str,
    /// Versions 0-2.
    pub member_id: Str,
    /// Versions 3+.
    pub members: Vec<RequestMember>,
}

impl Message for LeaveGroupRequest {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("LeaveGroupRequest", v, 0..=5)?;
        let f = v >= 4;
        let group_id = r.string(f)?;
        let member_id = if v <= 2 { r.string(f)? } else { Default::default() };
        let members = if v >= 3 { r.array(f, v)? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self { group_id, member_id, members })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("LeaveGroupRequest", v, 0..=5)?;
        let f = v >= 4;
        w.string(f, &self.group_id)?;
        if v <= 2 {
            w.string(f, &self.member_id)?;
        }
        if v >= 3 {
            w.array(f, v, &self.members)?;
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestMember {
    pub member_id: Str,
    pub group_instance_id: Option<Str>,
    /// Versions 5+.
    pub reason: Option<Str>,
}

impl Message for RequestMember {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 4;
        let member_id = r.string(f)?;
        let group_instance_id = r.nullable_string(f)?;
        let reason = if v >= 5 { r.nullable_string(f)? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self { member_id, group_instance_id, reason })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 4;
        w.string(f, &self.member_id)?;
        w.nullable_string(f, &self.group_instance_id)?;
        if v >= 5 {
            w.nullable_string(f, &self.reason)?;
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaveGroupResponse {
    /// Versions 1+.
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    /// Versions 3+.
    pub members: Vec<ResponseMember>,
}

impl Message for LeaveGroupResponse {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("LeaveGroupResponse", v, 0..=5)?;
        let f = v >= 4;
        let throttle_time_ms = if v >= 1 { r.i32()? } else { Default::default() };
        let error_code = r.error_code()?;
        let members = if v >= 3 { r.array(f, v)? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, error_code, members })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("LeaveGroupResponse", v, 0..=5)?;
        let f = v >= 4;
        if v >= 1 {
            w.i32(self.throttle_time_ms);
        }
        w.error_code(self.error_code);
        if v >= 3 {
            w.array(f, v, &self.members)?;
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseMember {
    pub member_id: Str,
    pub group_instance_id: Option<Str>,
    pub error_code: ErrorCode,
}

impl Message for ResponseMember {
    const LEAST_BYTES: usize = 5;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 4;
        let member_id = r.string(f)?;
        let group_instance_id = r.nullable_string(f)?;
        let error_code = r.error_code()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { member_id, group_instance_id, error_code })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 4;
        w.string(f, &self.member_id)?;
        w.nullable_string(f, &self.group_instance_id)?;
        w.error_code(self.error_code);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for LeaveGroupRequest {
    const KEY: ApiKey = ApiKey::LeaveGroup;
    type Response = LeaveGroupResponse;
}
