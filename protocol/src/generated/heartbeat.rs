//! Heartbeat (12): versions 0-4, flexible from 4.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeartbeatRequest {
    pub group_id: Str,
    pub generation_id: i32,
    pub member_id: Str,
    /// Versions 3+.
    pub group_instance_id: Option<Str>,
}

impl Message for HeartbeatRequest {
    const LEAST_BYTES: usize = 8;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("HeartbeatRequest", v, 0..=4)?;
        let f = v >= 4;
        let group_id = r.string(f)?;
        let generation_id = r.i32()?;
        let member_id = r.string(f)?;
        let group_instance_id = if v >= 3 { r.nullable_string(f)? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self { group_id, generation_id, member_id, group_instance_id })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("HeartbeatRequest", v, 0..=4)?;
        let f = v >= 4;
        w.string(f, &self.group_id)?;
        w.i32(self.generation_id);
        w.string(f, &self.member_id)?;
        if v >= 3 {
            w.nullable_string(f, &self.group_instance_id)?;
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeartbeatResponse {
    /// Versions 1+.
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
}

impl Message for HeartbeatResponse {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("HeartbeatResponse", v, 0..=4)?;
        let f = v >= 4;
        let throttle_time_ms = if v >= 1 { r.i32()? } else { Default::default() };
        let error_code = r.error_code()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, error_code })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("HeartbeatResponse", v, 0..=4)?;
        let f = v >= 4;
        if v >= 1 {
            w.i32(self.throttle_time_ms);
        }
        w.error_code(self.error_code);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for HeartbeatRequest {
    const KEY: ApiKey = ApiKey::Heartbeat;
    type Response = HeartbeatResponse;
}
