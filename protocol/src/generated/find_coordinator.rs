//! FindCoordinator (10): versions 0-6, flexible from 3.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FindCoordinatorRequest {
    /// Versions 0-3.
    pub key: Str,
    /// Versions 1+.
    pub key_type: i8,
    /// Versions 4+.
    pub coordinator_keys: Vec<Str>,
}

impl Message for FindCoordinatorRequest {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("FindCoordinatorRequest", v, 0..=6)?;
        let f = v >= 3;
        let key = if v <= 3 { r.string(f)? } else { Default::default() };
        let key_type = if v >= 1 { r.i8()? } else { Default::default() };
        let coordinator_keys = if v >= 4 { r.primitives(f)? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self { key, key_type, coordinator_keys })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("FindCoordinatorRequest", v, 0..=6)?;
        let f = v >= 3;
        if v <= 3 {
            w.string(f, &self.key)?;
        }
        if v >= 1 {
            w.i8(self.key_type);
        }
        if v >= 4 {
            w.primitives(f, &self.coordinator_keys)?;
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FindCoordinatorResponse {
    /// Versions 1+.
    pub throttle_time_ms: i32,
    /// Versions 0-3.
    pub error_code: ErrorCode,
    /// Versions 1-3.
    pub error_message: Option<Str>,
    /// Versions 0-3.
    pub node_id: i32,
    /// Versions 0-3.
    pub host: Str,
    /// Versions 0-3.
    pub port: i32,
    /// Versions 4+.
    pub coordinators: Vec<ResponseCoordinator>,
}

impl Message for FindCoordinatorResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("FindCoordinatorResponse", v, 0..=6)?;
        let f = v >= 3;
        let throttle_time_ms = if v >= 1 { r.i32()? } else { Default::default() };
        let error_code = if v <= 3 { r.error_code()? } else { Default::default() };
        let error_message =
            if (1..=3).contains(&v) { r.nullable_string(f)? } else { Default::default() };
        let node_id = if v <= 3 { r.i32()? } else { Default::default() };
        let host = if v <= 3 { r.string(f)? } else { Default::default() };
        let port = if v <= 3 { r.i32()? } else { Default::default() };
        let coordinators = if v >= 4 { r.array(f, v)? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, error_code, error_message, node_id, host, port, coordinators })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("FindCoordinatorResponse", v, 0..=6)?;
        let f = v >= 3;
        if v >= 1 {
            w.i32(self.throttle_time_ms);
        }
        if v <= 3 {
            w.error_code(self.error_code);
        }
        if (1..=3).contains(&v) {
            w.nullable_string(f, &self.error_message)?;
        }
        if v <= 3 {
            w.i32(self.node_id);
        }
        if v <= 3 {
            w.string(f, &self.host)?;
        }
        if v <= 3 {
            w.i32(self.port);
        }
        if v >= 4 {
            w.array(f, v, &self.coordinators)?;
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseCoordinator {
    pub key: Str,
    pub node_id: i32,
    pub host: Str,
    pub port: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
}

impl Message for ResponseCoordinator {
    const LEAST_BYTES: usize = 14;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let key = r.string(f)?;
        let node_id = r.i32()?;
        let host = r.string(f)?;
        let port = r.i32()?;
        let error_code = r.error_code()?;
        let error_message = r.nullable_string(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { key, node_id, host, port, error_code, error_message })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.key)?;
        w.i32(self.node_id);
        w.string(f, &self.host)?;
        w.i32(self.port);
        w.error_code(self.error_code);
        w.nullable_string(f, &self.error_message)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for FindCoordinatorRequest {
    const KEY: ApiKey = ApiKey::FindCoordinator;
    type Response = FindCoordinatorResponse;
}
