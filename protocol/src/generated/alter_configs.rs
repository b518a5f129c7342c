//! AlterConfigs (33): versions 0-2, flexible from 2.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterConfigsRequest {
    pub resources: Vec<RequestResource>,
    pub validate_only: bool,
}

impl Message for AlterConfigsRequest {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("AlterConfigsRequest", v, 0..=2)?;
        let f = v >= 2;
        let resources = r.array(f, v)?;
        let validate_only = r.bool()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { resources, validate_only })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("AlterConfigsRequest", v, 0..=2)?;
        let f = v >= 2;
        w.array(f, v, &self.resources)?;
        w.bool(self.validate_only);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestResource {
    pub resource_type: i8,
    pub resource_name: Str,
    pub configs: Vec<RequestResourceConfig>,
}

impl Message for RequestResource {
    const LEAST_BYTES: usize = 4;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let resource_type = r.i8()?;
        let resource_name = r.string(f)?;
        let configs = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { resource_type, resource_name, configs })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.i8(self.resource_type);
        w.string(f, &self.resource_name)?;
        w.array(f, v, &self.configs)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestResourceConfig {
    pub name: Str,
    pub value: Option<Str>,
}

impl Message for RequestResourceConfig {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let name = r.string(f)?;
        let value = r.nullable_string(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { name, value })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.string(f, &self.name)?;
        w.nullable_string(f, &self.value)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterConfigsResponse {
    pub throttle_time_ms: i32,
    pub responses: Vec<ResponseResponse>,
}

impl Message for AlterConfigsResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("AlterConfigsResponse", v, 0..=2)?;
        let f = v >= 2;
        let throttle_time_ms = r.i32()?;
        let responses = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, responses })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("AlterConfigsResponse", v, 0..=2)?;
        let f = v >= 2;
        w.i32(self.throttle_time_ms);
        w.array(f, v, &self.responses)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseResponse {
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub resource_type: i8,
    pub resource_name: Str,
}

impl Message for ResponseResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let error_code = r.error_code()?;
        let error_message = r.nullable_string(f)?;
        let resource_type = r.i8()?;
        let resource_name = r.string(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { error_code, error_message, resource_type, resource_name })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.error_code(self.error_code);
        w.nullable_string(f, &self.error_message)?;
        w.i8(self.resource_type);
        w.string(f, &self.resource_name)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for AlterConfigsRequest {
    const KEY: ApiKey = ApiKey::AlterConfigs;
    type Response = AlterConfigsResponse;
}
