//! AddOffsetsToTxn (25): versions 0-4, flexible from 3.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddOffsetsToTxnRequest {
    pub transactional_id: Str,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub group_id: Str,
}

impl Message for AddOffsetsToTxnRequest {
    const LEAST_BYTES: usize = 13;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("AddOffsetsToTxnRequest", v, 0..=4)?;
        let f = v >= 3;
        let transactional_id = r.string(f)?;
        let producer_id = r.i64()?;
        let producer_epoch = r.i16()?;
        let group_id = r.string(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { transactional_id, producer_id, producer_epoch, group_id })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("AddOffsetsToTxnRequest", v, 0..=4)?;
        let f = v >= 3;
        w.string(f, &self.transactional_id)?;
        w.i64(self.producer_id);
        w.i16(self.producer_epoch);
        w.string(f, &self.group_id)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddOffsetsToTxnResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
}

impl Message for AddOffsetsToTxnResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("AddOffsetsToTxnResponse", v, 0..=4)?;
        let f = v >= 3;
        let throttle_time_ms = r.i32()?;
        let error_code = r.error_code()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, error_code })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("AddOffsetsToTxnResponse", v, 0..=4)?;
        let f = v >= 3;
        w.i32(self.throttle_time_ms);
        w.error_code(self.error_code);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for AddOffsetsToTxnRequest {
    const KEY: ApiKey = ApiKey::AddOffsetsToTxn;
    type Response = AddOffsetsToTxnResponse;
}
