//! IncrementalAlterConfigs (44): versions 0-1, flexible from 1.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncrementalAlterConfigsRequest {
    pub resources: Vec<RequestResource>,
    pub validate_only: bool,
}

impl Message for IncrementalAlterConfigsRequest {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("IncrementalAlterConfigsRequest", v, 0..=1)?;
        let f = v >= 1;
        let resources = r.array(f, v)?;
        let validate_only = r.bool()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { resources, validate_only })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("IncrementalAlterConfigsRequest", v, 0..=1)?;
        let f = v >= 1;
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
        let f = v >= 1;
        let resource_type = r.i8()?;
        let resource_name = r.string(f)?;
        let configs = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { resource_type, resource_name, configs })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 1;
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
    pub config_operation: i8,
    pub value: Option<Str>,
}

impl Message for RequestResourceConfig {
    const LEAST_BYTES: usize = 4;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 1;
        let name = r.string(f)?;
        let config_operation = r.i8()?;
        let value = r.nullable_string(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { name, config_operation, value })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 1;
        w.string(f, &self.name)?;
        w.i8(self.config_operation);
        w.nullable_string(f, &self.value)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncrementalAlterConfigsResponse {
    pub throttle_time_ms: i32,
    pub responses: Vec<ResponseResponse>,
}

impl Message for IncrementalAlterConfigsResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("IncrementalAlterConfigsResponse", v, 0..=1)?;
        let f = v >= 1;
        let throttle_time_ms = r.i32()?;
        let responses = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, responses })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("IncrementalAlterConfigsResponse", v, 0..=1)?;
        let f = v >= 1;
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
        let f = v >= 1;
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
        let f = v >= 1;
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

impl Request for IncrementalAlterConfigsRequest {
    const KEY: ApiKey = ApiKey::IncrementalAlterConfigs;
    type Response = IncrementalAlterConfigsResponse;
}
