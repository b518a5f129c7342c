//! DescribeConfigs (32): versions 1-4, flexible from 4.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeConfigsRequest {
    pub resources: Vec<RequestResource>,
    pub include_synonyms: bool,
    /// Versions 3+.
    pub include_documentation: bool,
}

impl Message for DescribeConfigsRequest {
    const LEAST_BYTES: usize = 4;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DescribeConfigsRequest", v, 1..=4)?;
        let f = v >= 4;
        let resources = r.array(f, v)?;
        let include_synonyms = r.bool()?;
        let include_documentation = if v >= 3 { r.bool()? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self { resources, include_synonyms, include_documentation })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DescribeConfigsRequest", v, 1..=4)?;
        let f = v >= 4;
        w.array(f, v, &self.resources)?;
        w.bool(self.include_synonyms);
        if v >= 3 {
            w.bool(self.include_documentation);
        }
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
    pub configuration_keys: Option<Vec<Str>>,
}

impl Message for RequestResource {
    const LEAST_BYTES: usize = 4;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 4;
        let resource_type = r.i8()?;
        let resource_name = r.string(f)?;
        let configuration_keys = r.nullable_primitives(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { resource_type, resource_name, configuration_keys })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 4;
        w.i8(self.resource_type);
        w.string(f, &self.resource_name)?;
        w.nullable_primitives(f, &self.configuration_keys)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeConfigsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<ResponseResult>,
}

impl Message for DescribeConfigsResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DescribeConfigsResponse", v, 1..=4)?;
        let f = v >= 4;
        let throttle_time_ms = r.i32()?;
        let results = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, results })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DescribeConfigsResponse", v, 1..=4)?;
        let f = v >= 4;
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
    pub resource_type: i8,
    pub resource_name: Str,
    pub configs: Vec<ResponseResultConfig>,
}

impl Message for ResponseResult {
    const LEAST_BYTES: usize = 7;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 4;
        let error_code = r.error_code()?;
        let error_message = r.nullable_string(f)?;
        let resource_type = r.i8()?;
        let resource_name = r.string(f)?;
        let configs = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { error_code, error_message, resource_type, resource_name, configs })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 4;
        w.error_code(self.error_code);
        w.nullable_string(f, &self.error_message)?;
        w.i8(self.resource_type);
        w.string(f, &self.resource_name)?;
        w.array(f, v, &self.configs)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResponseResultConfig {
    pub name: Str,
    pub value: Option<Str>,
    pub read_only: bool,
    /// Default -1.
    pub config_source: i8,
    pub is_sensitive: bool,
    pub synonyms: Vec<ResponseResultConfigSynonym>,
    /// Versions 3+.
    pub config_type: i8,
    /// Versions 3+.
    pub documentation: Option<Str>,
}

impl Default for ResponseResultConfig {
    fn default() -> Self {
        Self {
            name: Default::default(),
            value: Default::default(),
            read_only: Default::default(),
            config_source: -1,
            is_sensitive: Default::default(),
            synonyms: Default::default(),
            config_type: Default::default(),
            documentation: Default::default(),
        }
    }
}

impl Message for ResponseResultConfig {
    const LEAST_BYTES: usize = 9;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 4;
        let name = r.string(f)?;
        let value = r.nullable_string(f)?;
        let read_only = r.bool()?;
        let config_source = r.i8()?;
        let is_sensitive = r.bool()?;
        let synonyms = r.array(f, v)?;
        let config_type = if v >= 3 { r.i8()? } else { Default::default() };
        let documentation = if v >= 3 { r.nullable_string(f)? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self {
            name,
            value,
            read_only,
            config_source,
            is_sensitive,
            synonyms,
            config_type,
            documentation,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 4;
        w.string(f, &self.name)?;
        w.nullable_string(f, &self.value)?;
        w.bool(self.read_only);
        w.i8(self.config_source);
        w.bool(self.is_sensitive);
        w.array(f, v, &self.synonyms)?;
        if v >= 3 {
            w.i8(self.config_type);
        }
        if v >= 3 {
            w.nullable_string(f, &self.documentation)?;
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseResultConfigSynonym {
    pub name: Str,
    pub value: Option<Str>,
    pub source: i8,
}

impl Message for ResponseResultConfigSynonym {
    const LEAST_BYTES: usize = 4;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 4;
        let name = r.string(f)?;
        let value = r.nullable_string(f)?;
        let source = r.i8()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { name, value, source })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 4;
        w.string(f, &self.name)?;
        w.nullable_string(f, &self.value)?;
        w.i8(self.source);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for DescribeConfigsRequest {
    const KEY: ApiKey = ApiKey::DescribeConfigs;
    type Response = DescribeConfigsResponse;
}
