//! What stands before a request and before a response.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use crate::{ApiKey, DecodeError, EncodeError, Reader, Str, Writer};

/// Who asks what, in which version, and under which number the answer is expected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHeader {
    /// Which API; may be one that nobody knows.
    pub api_key: i16,
    /// In which version; may be one that nobody knows.
    pub api_version: i16,
    /// Comes back in the answer.
    pub correlation_id: i32,
    /// What the client calls itself.
    pub client_id: Option<Str>,
}

impl RequestHeader {
    /// Reads a header; the reader then stands at the body.
    ///
    /// The version of the header follows from key and version of the request. A key that is not
    /// known gets version 1. ApiVersions in a version that is not known is read no further than
    /// the client id, and that only if it is one: the answer needs the correlation id alone
    /// (KIP-511), and a newer header may differ after it.
    ///
    /// The client id has a 16-bit length even where everything else is compact.
    ///
    /// Errors: any [`DecodeError`]; the connection cannot go on.
    pub fn decode(reader: &mut Reader) -> Result<Self, DecodeError> {
        let api_key = reader.i16()?;
        let api_version = reader.i16()?;
        let correlation_id = reader.i32()?;
        let key = ApiKey::from_code(api_key);
        if key == Some(ApiKey::ApiVersions) && !ApiKey::ApiVersions.has_version(api_version) {
            let client_id = reader.nullable_string(false).unwrap_or_default();
            return Ok(Self { api_key, api_version, correlation_id, client_id });
        }
        let client_id = reader.nullable_string(false)?;
        if key.is_some_and(|key| key.is_flexible(api_version)) {
            reader.skip_tags()?;
        }
        Ok(Self { api_key, api_version, correlation_id, client_id })
    }

    /// Writes a header.
    ///
    /// Errors: [`EncodeError::TooLong`] for the client id.
    pub fn encode(&self, writer: &mut Writer) -> Result<(), EncodeError> {
        writer.i16(self.api_key);
        writer.i16(self.api_version);
        writer.i32(self.correlation_id);
        writer.nullable_string(false, &self.client_id)?;
        let key = ApiKey::from_code(self.api_key);
        if key.is_some_and(|key| key.is_flexible(self.api_version)) {
            writer.uvarint(0);
        }
        Ok(())
    }
}

/// Which request an answer belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponseHeader {
    /// As it stood in the request.
    pub correlation_id: i32,
}

impl ResponseHeader {
    /// Reads the header of an answer to `key` in `version`; the reader then stands at the body.
    ///
    /// Errors: any [`DecodeError`].
    pub fn decode(reader: &mut Reader, key: ApiKey, version: i16) -> Result<Self, DecodeError> {
        let correlation_id = reader.i32()?;
        if key.response_header_version(version) >= 1 {
            reader.skip_tags()?;
        }
        Ok(Self { correlation_id })
    }

    /// Writes the header of an answer to `key` in `version`.
    pub fn encode(&self, writer: &mut Writer, key: ApiKey, version: i16) {
        writer.i32(self.correlation_id);
        if key.response_header_version(version) >= 1 {
            writer.uvarint(0);
        }
    }
}
