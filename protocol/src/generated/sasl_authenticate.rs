//! SaslAuthenticate (36): versions 0-2, flexible from 2.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SaslAuthenticateRequest {
    pub auth_bytes: Bytes,
}

impl Message for SaslAuthenticateRequest {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("SaslAuthenticateRequest", v, 0..=2)?;
        let f = v >= 2;
        let auth_bytes = r.bytes(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { auth_bytes })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("SaslAuthenticateRequest", v, 0..=2)?;
        let f = v >= 2;
        w.bytes(f, &self.auth_bytes)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SaslAuthenticateResponse {
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub auth_bytes: Bytes,
    /// Versions 1+.
    pub session_lifetime_ms: i64,
}

impl Message for SaslAuthenticateResponse {
    const LEAST_BYTES: usize = 8;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("SaslAuthenticateResponse", v, 0..=2)?;
        let f = v >= 2;
        let error_code = r.error_code()?;
        let error_message = r.nullable_string(f)?;
        let auth_bytes = r.bytes(f)?;
        let session_lifetime_ms = if v >= 1 { r.i64()? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self { error_code, error_message, auth_bytes, session_lifetime_ms })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("SaslAuthenticateResponse", v, 0..=2)?;
        let f = v >= 2;
        w.error_code(self.error_code);
        w.nullable_string(f, &self.error_message)?;
        w.bytes(f, &self.auth_bytes)?;
        if v >= 1 {
            w.i64(self.session_lifetime_ms);
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for SaslAuthenticateRequest {
    const KEY: ApiKey = ApiKey::SaslAuthenticate;
    type Response = SaslAuthenticateResponse;
}
