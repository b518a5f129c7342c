//! ListGroups (16): versions 0-5, flexible from 3.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListGroupsRequest {
    /// Versions 4+.
    pub states_filter: Vec<Str>,
    /// Versions 5+.
    pub types_filter: Vec<Str>,
}

impl Message for ListGroupsRequest {
    const LEAST_BYTES: usize = 1;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ListGroupsRequest", v, 0..=5)?;
        let f = v >= 3;
        let states_filter = if v >= 4 { r.primitives(f)? } else { Default::default() };
        let types_filter = if v >= 5 { r.primitives(f)? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self { states_filter, types_filter })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ListGroupsRequest", v, 0..=5)?;
        let f = v >= 3;
        if v >= 4 {
            w.primitives(f, &self.states_filter)?;
        }
        if v >= 5 {
            w.primitives(f, &self.types_filter)?;
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListGroupsResponse {
    /// Versions 1+.
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub groups: Vec<ResponseGroup>,
}

impl Message for ListGroupsResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ListGroupsResponse", v, 0..=5)?;
        let f = v >= 3;
        let throttle_time_ms = if v >= 1 { r.i32()? } else { Default::default() };
        let error_code = r.error_code()?;
        let groups = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, error_code, groups })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ListGroupsResponse", v, 0..=5)?;
        let f = v >= 3;
        if v >= 1 {
            w.i32(self.throttle_time_ms);
        }
        w.error_code(self.error_code);
        w.array(f, v, &self.groups)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseGroup {
    pub group_id: Str,
    pub protocol_type: Str,
    /// Versions 4+.
    pub group_state: Str,
    /// Versions 5+.
    pub group_type: Str,
}

impl Message for ResponseGroup {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 3;
        let group_id = r.string(f)?;
        let protocol_type = r.string(f)?;
        let group_state = if v >= 4 { r.string(f)? } else { Default::default() };
        let group_type = if v >= 5 { r.string(f)? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self { group_id, protocol_type, group_state, group_type })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 3;
        w.string(f, &self.group_id)?;
        w.string(f, &self.protocol_type)?;
        if v >= 4 {
            w.string(f, &self.group_state)?;
        }
        if v >= 5 {
            w.string(f, &self.group_type)?;
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for ListGroupsRequest {
    const KEY: ApiKey = ApiKey::ListGroups;
    type Response = ListGroupsResponse;
}
