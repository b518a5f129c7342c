//! EndTxn (26): versions 0-5, flexible from 3.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndTxnRequest {
    pub transactional_id: Str,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub committed: bool,
}

impl Message for EndTxnRequest {
    const LEAST_BYTES: usize = 13;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("EndTxnRequest", v, 0..=5)?;
        let f = v >= 3;
        let transactional_id = r.string(f)?;
        let producer_id = r.i64()?;
        let producer_epoch = r.i16()?;
        let committed = r.bool()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { transactional_id, producer_id, producer_epoch, committed })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("EndTxnRequest", v, 0..=5)?;
        let f = v >= 3;
        w.string(f, &self.transactional_id)?;
        w.i64(self.producer_id);
        w.i16(self.producer_epoch);
        w.bool(self.committed);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct EndTxnResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    /// Versions 5+, default -1.
    pub producer_id: i64,
    /// Versions 5+, default -1.
    pub producer_epoch: i16,
}

impl Default for EndTxnResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            producer_id: -1,
            producer_epoch: -1,
        }
    }
}

impl Message for EndTxnResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("EndTxnResponse", v, 0..=5)?;
        let f = v >= 3;
        let throttle_time_ms = r.i32()?;
        let error_code = r.error_code()?;
        let producer_id = if v >= 5 { r.i64()? } else { -1 };
        let producer_epoch = if v >= 5 { r.i16()? } else { -1 };
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, error_code, producer_id, producer_epoch })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("EndTxnResponse", v, 0..=5)?;
        let f = v >= 3;
        w.i32(self.throttle_time_ms);
        w.error_code(self.error_code);
        if v >= 5 {
            w.i64(self.producer_id);
        }
        if v >= 5 {
            w.i16(self.producer_epoch);
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for EndTxnRequest {
    const KEY: ApiKey = ApiKey::EndTxn;
    type Response = EndTxnResponse;
}
