//! DeleteAcls (31): versions 1-3, flexible from 2.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteAclsRequest {
    pub filters: Vec<RequestFilter>,
}

impl Message for DeleteAclsRequest {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DeleteAclsRequest", v, 1..=3)?;
        let f = v >= 2;
        let filters = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { filters })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DeleteAclsRequest", v, 1..=3)?;
        let f = v >= 2;
        w.array(f, v, &self.filters)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct RequestFilter {
    pub resource_type_filter: i8,
    pub resource_name_filter: Option<Str>,
    /// Default 3.
    pub pattern_type_filter: i8,
    pub principal_filter: Option<Str>,
    pub host_filter: Option<Str>,
    pub operation: i8,
    pub permission_type: i8,
}

impl Default for RequestFilter {
    fn default() -> Self {
        Self {
            resource_type_filter: Default::default(),
            resource_name_filter: Default::default(),
            pattern_type_filter: 3,
            principal_filter: Default::default(),
            host_filter: Default::default(),
            operation: Default::default(),
            permission_type: Default::default(),
        }
    }
}

impl Message for RequestFilter {
    const LEAST_BYTES: usize = 8;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let resource_type_filter = r.i8()?;
        let resource_name_filter = r.nullable_string(f)?;
        let pattern_type_filter = r.i8()?;
        let principal_filter = r.nullable_string(f)?;
        let host_filter = r.nullable_string(f)?;
        let operation = r.i8()?;
        let permission_type = r.i8()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self {
            resource_type_filter,
            resource_name_filter,
            pattern_type_filter,
            principal_filter,
            host_filter,
            operation,
            permission_type,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.i8(self.resource_type_filter);
        w.nullable_string(f, &self.resource_name_filter)?;
        w.i8(self.pattern_type_filter);
        w.nullable_string(f, &self.principal_filter)?;
        w.nullable_string(f, &self.host_filter)?;
        w.i8(self.operation);
        w.i8(self.permission_type);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteAclsResponse {
    pub throttle_time_ms: i32,
    pub filter_results: Vec<ResponseFilterResult>,
}

impl Message for DeleteAclsResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DeleteAclsResponse", v, 1..=3)?;
        let f = v >= 2;
        let throttle_time_ms = r.i32()?;
        let filter_results = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, filter_results })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DeleteAclsResponse", v, 1..=3)?;
        let f = v >= 2;
        w.i32(self.throttle_time_ms);
        w.array(f, v, &self.filter_results)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseFilterResult {
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub matching_acls: Vec<ResponseFilterResultMatchingAcl>,
}

impl Message for ResponseFilterResult {
    const LEAST_BYTES: usize = 5;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let error_code = r.error_code()?;
        let error_message = r.nullable_string(f)?;
        let matching_acls = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { error_code, error_message, matching_acls })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.error_code(self.error_code);
        w.nullable_string(f, &self.error_message)?;
        w.array(f, v, &self.matching_acls)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResponseFilterResultMatchingAcl {
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub resource_type: i8,
    pub resource_name: Str,
    /// Default 3.
    pub pattern_type: i8,
    pub principal: Str,
    pub host: Str,
    pub operation: i8,
    pub permission_type: i8,
}

impl Default for ResponseFilterResultMatchingAcl {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            error_message: Default::default(),
            resource_type: Default::default(),
            resource_name: Default::default(),
            pattern_type: 3,
            principal: Default::default(),
            host: Default::default(),
            operation: Default::default(),
            permission_type: Default::default(),
        }
    }
}

impl Message for ResponseFilterResultMatchingAcl {
    const LEAST_BYTES: usize = 11;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let error_code = r.error_code()?;
        let error_message = r.nullable_string(f)?;
        let resource_type = r.i8()?;
        let resource_name = r.string(f)?;
        let pattern_type = r.i8()?;
        let principal = r.string(f)?;
        let host = r.string(f)?;
        let operation = r.i8()?;
        let permission_type = r.i8()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self {
            error_code,
            error_message,
            resource_type,
            resource_name,
            pattern_type,
            principal,
            host,
            operation,
            permission_type,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.error_code(self.error_code);
        w.nullable_string(f, &self.error_message)?;
        w.i8(self.resource_type);
        w.string(f, &self.resource_name)?;
        w.i8(self.pattern_type);
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

impl Request for DeleteAclsRequest {
    const KEY: ApiKey = ApiKey::DeleteAcls;
    type Response = DeleteAclsResponse;
}
