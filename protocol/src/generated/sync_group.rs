//! SyncGroup (14): versions 0-5, flexible from 4.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncGroupRequest {
    pub group_id: Str,
    pub generation_id: i32,
    pub member_id: Str,
    /// Versions 3+.
    pub group_instance_id: Option<Str>,
    /// Versions 5+.
    pub protocol_type: Option<Str>,
    /// Versions 5+.
    pub protocol_name: Option<Str>,
    pub assignments: Vec<RequestAssignment>,
}

impl Message for SyncGroupRequest {
    const LEAST_BYTES: usize = 9;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("SyncGroupRequest", v, 0..=5)?;
        let f = v >= 4;
        let group_id = r.string(f)?;
        let generation_id = r.i32()?;
        let member_id = r.string(f)?;
        let group_instance_id = if v >= 3 { r.nullable_string(f)? } else { Default::default() };
        let protocol_type = if v >= 5 { r.nullable_string(f)? } else { Default::default() };
        let protocol_name = if v >= 5 { r.nullable_string(f)? } else { Default::default() };
        let assignments = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self {
            group_id,
            generation_id,
            member_id,
            group_instance_id,
            protocol_type,
            protocol_name,
            assignments,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("SyncGroupRequest", v, 0..=5)?;
        let f = v >= 4;
        w.string(f, &self.group_id)?;
        w.i32(self.generation_id);
        w.string(f, &self.member_id)?;
        if v >= 3 {
            w.nullable_string(f, &self.group_instance_id)?;
        }
        if v >= 5 {
            w.nullable_string(f, &self.protocol_type)?;
        }
        if v >= 5 {
            w.nullable_string(f, &self.protocol_name)?;
        }
        w.array(f, v, &self.assignments)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestAssignment {
    pub member_id: Str,
    pub assignment: Bytes,
}

impl Message for RequestAssignment {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 4;
        let member_id = r.string(f)?;
        let assignment = r.bytes(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { member_id, assignment })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 4;
        w.string(f, &self.member_id)?;
        w.bytes(f, &self.assignment)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncGroupResponse {
    /// Versions 1+.
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    /// Versions 5+.
    pub protocol_type: Option<Str>,
    /// Versions 5+.
    pub protocol_name: Option<Str>,
    pub assignment: Bytes,
}

impl Message for SyncGroupResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("SyncGroupResponse", v, 0..=5)?;
        let f = v >= 4;
        let throttle_time_ms = if v >= 1 { r.i32()? } else { Default::default() };
        let error_code = r.error_code()?;
        let protocol_type = if v >= 5 { r.nullable_string(f)? } else { Default::default() };
        let protocol_name = if v >= 5 { r.nullable_string(f)? } else { Default::default() };
        let assignment = r.bytes(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, error_code, protocol_type, protocol_name, assignment })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("SyncGroupResponse", v, 0..=5)?;
        let f = v >= 4;
        if v >= 1 {
            w.i32(self.throttle_time_ms);
        }
        w.error_code(self.error_code);
        if v >= 5 {
            w.nullable_string(f, &self.protocol_type)?;
        }
        if v >= 5 {
            w.nullable_string(f, &self.protocol_name)?;
        }
        w.bytes(f, &self.assignment)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for SyncGroupRequest {
    const KEY: ApiKey = ApiKey::SyncGroup;
    type Response = SyncGroupResponse;
}
