//! CreateAcls (30): versions 1-3, flexible from 2.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateAclsRequest {
    pub creations: Vec<RequestCreation>,
}

impl Message for CreateAclsRequest {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("CreateAclsRequest", v, 1..=3)?;
        let f = v >= 2;
        let creations = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { creations })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("CreateAclsRequest", v, 1..=3)?;
        let f = v >= 2;
        w.array(f, v, &self.creations)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct RequestCreation {
    pub resource_type: i8,
    pub resource_name: Str,
    /// Default 3.
    pub resource_pattern_type: i8,
    pub principal: Str,
    pub host: Str,
    pub operation: i8,
    pub permission_type: i8,
}

impl Default for RequestCreation {
    fn default() -> Self {
        Self {
            resource_type: Default::default(),
            resource_name: Default::default(),
            resource_pattern_type: 3,
            principal: Default::default(),
            host: Default::default(),
            operation: Default::default(),
            permission_type: Default::default(),
        }
    }
}

impl Message for RequestCreation {
    const LEAST_BYTES: usize = 8;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let resource_type = r.i8()?;
        let resource_name = r.string(f)?;
        let resource_pattern_type = r.i8()?;
        let principal = r.string(f)?;
        let host = r.string(f)?;
        let operation = r.i8()?;
        let permission_type = r.i8()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self {
            resource_type,
            resource_name,
            resource_pattern_type,
            principal,
            host,
            operation,
            permission_type,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.i8(self.resource_type);
        w.string(f, &self.resource_name)?;
        w.i8(self.resource_pattern_type);
        w.string(f, &self.principal)?;
        w.string(f, &self.host)?;
        w.i8(self.operation);
        w.i8(self.permission_type);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateAclsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<ResponseResult>,
}

impl Message for CreateAclsResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("CreateAclsResponse", v, 1..=3)?;
        let f = v >= 2;
        let throttle_time_ms = r.i32()?;
        let results = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, results })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("CreateAclsResponse", v, 1..=3)?;
        let f = v >= 2;
        w.i32(self.throttle_time_ms);
        w.array(f, v, &self.results)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseResult {
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
}

impl Message for ResponseResult {
    const LEAST_BYTES: usize = 4;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let error_code = r.error_code()?;
        let error_message = r.nullable_string(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { error_code, error_message })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.error_code(self.error_code);
        w.nullable_string(f, &self.error_message)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for CreateAclsRequest {
    const KEY: ApiKey = ApiKey::CreateAcls;
    type Response = CreateAclsResponse;
}
