//! SaslHandshake (17): versions 0-1, never flexible.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SaslHandshakeRequest {
    pub mechanism: Str,
}

impl Message for SaslHandshakeRequest {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("SaslHandshakeRequest", v, 0..=1)?;
        let f = false;
        let mechanism = r.string(f)?;
        Ok(Self { mechanism })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("SaslHandshakeRequest", v, 0..=1)?;
        let f = false;
        w.string(f, &self.mechanism)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SaslHandshakeResponse {
    pub error_code: ErrorCode,
    pub mechanisms: Vec<Str>,
}

impl Message for SaslHandshakeResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("SaslHandshakeResponse", v, 0..=1)?;
        let f = false;
        let error_code = r.error_code()?;
        let mechanisms = r.primitives(f)?;
        Ok(Self { error_code, mechanisms })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("SaslHandshakeResponse", v, 0..=1)?;
        let f = false;
        w.error_code(self.error_code);
        w.primitives(f, &self.mechanisms)?;
        Ok(())
    }
}

impl Request for SaslHandshakeRequest {
    const KEY: ApiKey = ApiKey::SaslHandshake;
    type Response = SaslHandshakeResponse;
}
