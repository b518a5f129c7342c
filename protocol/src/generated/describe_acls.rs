//! DescribeAcls (29): versions 1-3, flexible from 2.

use super::prelude::*;

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeAclsRequest {
    pub resource_type_filter: i8,
    pub resource_name_filter: Option<Str>,
    /// Default 3.
    pub pattern_type_filter: i8,
    pub principal_filter: Option<Str>,
    pub host_filter: Option<Str>,
    pub operation: i8,
    pub permission_type: i8,
}

impl Default for DescribeAclsRequest {
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

impl Message for DescribeAclsRequest {
    const LEAST_BYTES: usize = 8;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DescribeAclsRequest", v, 1..=3)?;
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
        writer::check_version("DescribeAclsRequest", v, 1..=3)?;
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
pub struct DescribeAclsResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub resources: Vec<ResponseResource>,
}

impl Message for DescribeAclsResponse {
    const LEAST_BYTES: usize = 9;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DescribeAclsResponse", v, 1..=3)?;
        let f = v >= 2;
        let throttle_time_ms = r.i32()?;
        let error_code = r.error_code()?;
        let error_message = r.nullable_string(f)?;
        let resources = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, error_code, error_message, resources })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DescribeAclsResponse", v, 1..=3)?;
        let f = v >= 2;
        w.i32(self.throttle_time_ms);
        w.error_code(self.error_code);
        w.nullable_string(f, &self.error_message)?;
        w.array(f, v, &self.resources)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResponseResource {
    pub resource_type: i8,
    pub resource_name: Str,
    /// Default 3.
    pub pattern_type: i8,
    pub acls: Vec<ResponseResourceAcl>,
}

impl Default for ResponseResource {
    fn default() -> Self {
        Self {
            resource_type: Default::default(),
            resource_name: Default::default(),
            pattern_type: 3,
            acls: Default::default(),
        }
    }
}

impl Message for ResponseResource {
    const LEAST_BYTES: usize = 5;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let resource_type = r.i8()?;
        let resource_name = r.string(f)?;
        let pattern_type = r.i8()?;
        let acls = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { resource_type, resource_name, pattern_type, acls })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
        w.i8(self.resource_type);
        w.string(f, &self.resource_name)?;
        w.i8(self.pattern_type);
        w.array(f, v, &self.acls)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseResourceAcl {
    pub principal: Str,
    pub host: Str,
    pub operation: i8,
    pub permission_type: i8,
}

impl Message for ResponseResourceAcl {
    const LEAST_BYTES: usize = 5;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 2;
        let principal = r.string(f)?;
        let host = r.string(f)?;
        let operation = r.i8()?;
        let permission_type = r.i8()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { principal, host, operation, permission_type })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 2;
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

impl Request for DescribeAclsRequest {
    const KEY: ApiKey = ApiKey::DescribeAcls;
    type Response = DescribeAclsResponse;
}
