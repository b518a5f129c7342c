//! AlterUserScramCredentials (51): versions 0, flexible from 0.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterUserScramCredentialsRequest {
    pub deletions: Vec<RequestDeletion>,
    pub upsertions: Vec<RequestUpsertion>,
}

impl Message for AlterUserScramCredentialsRequest {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("AlterUserScramCredentialsRequest", v, 0..=0)?;
        let f = true;
        let deletions = r.array(f, v)?;
        let upsertions = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { deletions, upsertions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("AlterUserScramCredentialsRequest", v, 0..=0)?;
        let f = true;
        w.array(f, v, &self.deletions)?;
        w.array(f, v, &self.upsertions)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestDeletion {
    pub name: Str,
    pub mechanism: i8,
}

impl Message for RequestDeletion {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let name = r.string(f)?;
        let mechanism = r.i8()?;
        {
            r.skip_tags()?;
        }
        Ok(Self { name, mechanism })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.name)?;
        w.i8(self.mechanism);
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestUpsertion {
    pub name: Str,
    pub mechanism: i8,
    pub iterations: i32,
    pub salt: Bytes,
    pub salted_password: Bytes,
}

impl Message for RequestUpsertion {
    const LEAST_BYTES: usize = 9;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let name = r.string(f)?;
        let mechanism = r.i8()?;
        let iterations = r.i32()?;
        let salt = r.bytes(f)?;
        let salted_password = r.bytes(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { name, mechanism, iterations, salt, salted_password })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.name)?;
        w.i8(self.mechanism);
        w.i32(self.iterations);
        w.bytes(f, &self.salt)?;
        w.bytes(f, &self.salted_password)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterUserScramCredentialsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<ResponseResult>,
}

impl Message for AlterUserScramCredentialsResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("AlterUserScramCredentialsResponse", v, 0..=0)?;
        let f = true;
        let throttle_time_ms = r.i32()?;
        let results = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, results })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("AlterUserScramCredentialsResponse", v, 0..=0)?;
        let f = true;
        w.i32(self.throttle_time_ms);
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
}

impl Message for ResponseResult {
    const LEAST_BYTES: usize = 5;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let user = r.string(f)?;
        let error_code = r.error_code()?;
        let error_message = r.nullable_string(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { user, error_code, error_message })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.user)?;
        w.error_code(self.error_code);
        w.nullable_string(f, &self.error_message)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for AlterUserScramCredentialsRequest {
    const KEY: ApiKey = ApiKey::AlterUserScramCredentials;
    type Response = AlterUserScramCredentialsResponse;
}
