//! InitProducerId (22): versions 0-5, flexible from 2.

use super::prelude::*;

#[derive(Clone, Debug, PartialEq)]
pub struct InitProducerIdRequest {
    pub transactional_id: Option<Str>,
    pub transaction_timeout_ms: i32,
    /// Versions 3+, default -1.
    pub producer_id: i64,
    /// Versions 3+, default -1.
    pub producer_epoch: i16,
}

impl Default for InitProducerIdRequest {
    fn default() -> Self {
        Self {
            transactional_id: Default::default(),
            transaction_timeout_ms: Default::default(),
            producer_id: -1,
            producer_epoch: -1,
        }
    }
}

impl Message for InitProducerIdRequest {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("InitProducerIdRequest", v, 0..=5)?;
        let f = v >= 2;
        let transactional_id = r.nullable_string(f)?;
        let transaction_timeout_ms = r.i32()?;
        let producer_id = if v >= 3 { r.i64()? } else { -1 };
        let producer_epoch = if v >= 3 { r.i16()? } else { -1 };
        if f {
            r.skip_tags()?;
        }
        Ok(Self { transactional_id, transaction_timeout_ms, producer_id, producer_epoch })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("InitProducerIdRequest", v, 0..=5)?;
        let f = v >= 2;
        w.nullable_string(f, &self.transactional_id)?;
        w.i32(self.transaction_timeout_ms);
        if v >= 3 {
            w.i64(self.producer_id);
        }
        if v >= 3 {
            w.i16(self.producer_epoch);
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct InitProducerIdResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    /// Default -1.
    pub producer_id: i64,
    pub producer_epoch: i16,
}

impl Default for InitProducerIdResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            producer_id: -1,
            producer_epoch: Default::default(),
        }
    }
}

impl Message for InitProducerIdResponse {
    const LEAST_BYTES: usize = 16;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("InitProducerIdResponse", v, 0..=5)?;
        let f = v >= 2;
        let throttle_time_ms = r.i32()?;
        let error_code = r.error_code()?;
        let producer_id = r.i64()?;
        let producer_epoch = r.i16()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, error_code, producer_id, producer_epoch })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("InitProducerIdResponse", v, 0..=5)?;
        let f = v >= 2;
        w.i32(self.throttle_time_ms);
        w.error_code(self.error_code);
        w.i64(self.producer_id);
        w.i16(self.producer_epoch);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for InitProducerIdRequest {
    const KEY: ApiKey = ApiKey::InitProducerId;
    type Response = InitProducerIdResponse;
}
