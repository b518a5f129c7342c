//! ListTransactions (66): versions 0-2, flexible from 0.

use super::prelude::*;

#[derive(Clone, Debug, PartialEq)]
pub struct ListTransactionsRequest {
    pub state_filters: Vec<Str>,
    pub producer_id_filters: Vec<i64>,
    /// Versions 1+, default -1.
    pub duration_filter: i64,
    /// Versions 2+.
    pub transactional_id_pattern: Option<Str>,
}

impl Default for ListTransactionsRequest {
    fn default() -> Self {
        Self {
            state_filters: Default::default(),
            producer_id_filters: Default::default(),
            duration_filter: -1,
            transactional_id_pattern: Default::default(),
        }
    }
}

impl Message for ListTransactionsRequest {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ListTransactionsRequest", v, 0..=2)?;
        let f = true;
        let state_filters = r.primitives(f)?;
        let producer_id_filters = r.primitives(f)?;
        let duration_filter = if v >= 1 { r.i64()? } else { -1 };
        let transactional_id_pattern =
            if v >= 2 { r.nullable_string(f)? } else { Default::default() };
        {
            r.skip_tags()?;
        }
        Ok(Self { state_filters, producer_id_filters, duration_filter, transactional_id_pattern })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ListTransactionsRequest", v, 0..=2)?;
        let f = true;
        w.primitives(f, &self.state_filters)?;
        w.primitives(f, &self.producer_id_filters)?;
        if v >= 1 {
            w.i64(self.duration_filter);
        }
        if v >= 2 {
            w.nullable_string(f, &self.transactional_id_pattern)?;
        }
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListTransactionsResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub unknown_state_filters: Vec<Str>,
    pub transaction_states: Vec<ResponseTransactionState>,
}

impl Message for ListTransactionsResponse {
    const LEAST_BYTES: usize = 9;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ListTransactionsResponse", v, 0..=2)?;
        let f = true;
        let throttle_time_ms = r.i32()?;
        let error_code = r.error_code()?;
        let unknown_state_filters = r.primitives(f)?;
        let transaction_states = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, error_code, unknown_state_filters, transaction_states })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ListTransactionsResponse", v, 0..=2)?;
        let f = true;
        w.i32(self.throttle_time_ms);
        w.error_code(self.error_code);
        w.primitives(f, &self.unknown_state_filters)?;
        w.array(f, v, &self.transaction_states)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseTransactionState {
    pub transactional_id: Str,
    pub producer_id: i64,
    pub transaction_state: Str,
}

impl Message for ResponseTransactionState {
    const LEAST_BYTES: usize = 11;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let transactional_id = r.string(f)?;
        let producer_id = r.i64()?;
        let transaction_state = r.string(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { transactional_id, producer_id, transaction_state })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.transactional_id)?;
        w.i64(self.producer_id);
        w.string(f, &self.transaction_state)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for ListTransactionsRequest {
    const KEY: ApiKey = ApiKey::ListTransactions;
    type Response = ListTransactionsResponse;
}
