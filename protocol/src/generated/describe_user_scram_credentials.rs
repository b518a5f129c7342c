//! DescribeUserScramCredentials (50): versions 0, flexible from 0.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeUserScramCredentialsRequest {
    pub users: Option<Vec<RequestUser>>,
}

impl Message for DescribeUserScramCredentialsRequest {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DescribeUserScramCredentialsRequest", v, 0..=0)?;
        let f = true;
        let users = r.nullable_array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { users })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DescribeUserScramCredentialsRequest", v, 0..=0)?;
        let f = true;
        w.nullable_array(f, v, &self.users)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestUser {
    pub name: Str,
}

impl Message for RequestUser {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let name = r.string(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { name })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.name)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeUserScramCredentialsResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub results: Vec<ResponseResult>,
}

impl Message for DescribeUserScramCredentialsResponse {
    const LEAST_BYTES: usize = 9;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DescribeUserScramCredentialsResponse", v, 0..=0)?;
        let f = true;
        let throttle_time_ms = r.i32()?;
        let error_code = r.error_code()?;
        let error_message = r.nullable_string(f)?;
        let results = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, error_code, error_message, results })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DescribeUserScramCredentialsResponse", v, 0..=0)?;
        let f = true;
        w.i32(self.throttle_time_ms);
        w.error_code(self.error_code);
        w.nullable_string(f, &self.error_message)?;
        w.array(f, v, &self.results)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseResult {
    pub user: Str,
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub credential_infos: Vec<ResponseResultCredentialInfo>,
}

impl Message for ResponseResult {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let user = r.string(f)?;
        let error_code = r.error_code()?;
        let error_message = r.nullable_string(f)?;
        let credential_infos = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { user, error_code, error_message, credential_infos })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.user)?;
        w.error_code(self.error_code);
        w.nullable_string(f, &self.error_message)?;
        w.array(f, v, &self.credential_infos)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseResultCredentialInfo {
    pub mechanism: i8,
    pub iterations: i32,
}

impl Message for ResponseResultCredentialInfo {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let mechanism = r.i8()?;
        let iterations = r.i32()?;
        {
            r.skip_tags()?;
        }
        Ok(Self { mechanism, iterations })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.i8(self.mechanism);
        w.i32(self.iterations);
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for DescribeUserScramCredentialsRequest {
    const KEY: ApiKey = ApiKey::DescribeUserScramCredentials;
    type Response = DescribeUserScramCredentialsResponse;
}
