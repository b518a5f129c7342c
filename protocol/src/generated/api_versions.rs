//! ApiVersions (18): versions 0-4, flexible from 3.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApiVersionsRequest {
    /// Versions 3+.
    pub client_software_name: Str,
    /// Versions 3+.
    pub client_software_version: Str,
}

impl Message for ApiVersionsRequest {
    const LEAST_BYTES: usize = 1;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ApiVersionsRequest", v, 0..=4)?;
        let f = v >= 3;
        let client_software_name = if v >= 3 { r.string(f)? } else { Default::default() };
        let client_software_version = if v >= 3 { r.string(f)? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self { client_software_name, client_software_version })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ApiVersionsRequest", v, 0..=4)?;
        let f = v >= 3;
        if v >= 3 {
            w.string(f, &self.client_software_name)?;
        }
        if v >= 3 {
            w.string(f, &self.client_software_version)?;
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ApiVersionsResponse {
    pub error_code: ErrorCode,
    pub api_keys: Vec<ResponseApiKey>,
    /// Versions 1+.
    pub throttle_time_ms: i32,
    /// Versions 3+, tag 0.
    pub supported_features: Vec<ResponseSupportedFeature>,
    /// Versions 3+, tag 1, default -1.
    pub finalized_features_epoch: i64,
    /// Versions 3+, tag 2.
    pub finalized_features: Vec<ResponseFinalizedFeature>,
    /// Versions 3+, tag 3.
    pub zk_migration_ready: bool,
}

impl Default for ApiVersionsResponse {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            api_keys: Default::default(),
            throttle_time_ms: Default::default(),
            supported_features: Default::default(),
            finalized_features_epoch: -1,
            finalized_features: Default::default(),
            zk_migration_ready: Default::default(),
        }
    }
}

impl Message for ApiVersionsResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ApiVersionsResponse", v, 0..=4)?;
        let f = v >= 3;
        let error_code = r.error_code()?;
        let api_keys = r.array(f, v)?;
        let throttle_time_ms = if v >= 1 { r.i32()? } else { Default::default() };
        let mut supported_features = Default::default();
        let mut finalized_features_epoch = -1;
        let mut finalized_features = Default::default();
        let mut zk_migration_ready = Default::default();
        if f {
            r.tags(|r, tag| {
                match tag {
                    0 => supported_features = r.array(true, v)?,
                    1 => finalized_features_epoch = r.i64()?,
                    2 => finalized_features = r.array(true, v)?,
                    3 => zk_migration_ready = r.bool()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self {
            error_code,
            api_keys,
            throttle_time_ms,
            supported_features,
            finalized_features_epoch,
            finalized_features,
            zk_migration_ready,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ApiVersionsResponse", v, 0..=4)?;
        let f = v >= 3;
        w.error_code(self.error_code);
        w.array(f, v, &self.api_keys)?;
        if v >= 1 {
            w.i32(self.throttle_time_ms);
        }
        if f {
            let has_0 = !self.supported_features.is_empty();
            let has_1 = self.finalized_features_epoch != -1;
            let has_2 = !self.finalized_features.is_empty();
            let has_3 = self.zk_migration_ready;
            w.uvarint(u32::from(has_0) + u32::from(has_1) + u32::from(has_2) + u32::from(has_3));
            if has_0 {
                w.tagged(0, |w| {
                    w.array(true, v, &self.supported_features)?;
                    Ok(())
                })?;
            }
            if has_1 {
                w.tagged(1, |w| {
                    w.i64(self.finalized_features_epoch);
                    Ok(())
                })?;
            }
            if has_2 {
                w.tagged(2, |w| {
                    w.array(true, v, &self.finalized_features)?;
                    Ok(())
                })?;
            }
            if has_3 {
                w.tagged(3, |w| {
                    w.bool(self.zk_migration_ready);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseApiKey {
    pub api_key: i16,
    pub min_version: i16,
    pub max_version: i16,
}

impl Message for ResponseApiKey {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 3;
        let api_key = r.i16()?;
        let min_version = r.i16()?;
        let max_version = r.i16()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { api_key, min_version, max_version })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 3;
        w.i16(self.api_key);
        w.i16(self.min_version);
        w.i16(self.max_version);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseSupportedFeature {
    pub name: Str,
    pub min_version: i16,
    pub max_version: i16,
}

impl Message for ResponseSupportedFeature {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let name = r.string(f)?;
        let min_version = r.i16()?;
        let max_version = r.i16()?;
        {
            r.skip_tags()?;
        }
        Ok(Self { name, min_version, max_version })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.name)?;
        w.i16(self.min_version);
        w.i16(self.max_version);
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseFinalizedFeature {
    pub name: Str,
    pub max_version_level: i16,
    pub min_version_level: i16,
}

impl Message for ResponseFinalizedFeature {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let name = r.string(f)?;
        let max_version_level = r.i16()?;
        let min_version_level = r.i16()?;
        {
            r.skip_tags()?;
        }
        Ok(Self { name, max_version_level, min_version_level })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.name)?;
        w.i16(self.max_version_level);
        w.i16(self.min_version_level);
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for ApiVersionsRequest {
    const KEY: ApiKey = ApiKey::ApiVersions;
    type Response = ApiVersionsResponse;
}
