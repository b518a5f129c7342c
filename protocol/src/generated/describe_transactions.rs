//! DescribeTransactions (65): versions 0, flexible from 0.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeTransactionsRequest {
    pub transactional_ids: Vec<Str>,
}

impl Message for DescribeTransactionsRequest {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DescribeTransactionsRequest", v, 0..=0)?;
        let f = true;
        let transactional_ids = r.primitives(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { transactional_ids })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DescribeTransactionsRequest", v, 0..=0)?;
        let f = true;
        w.primitives(f, &self.transactional_ids)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeTransactionsResponse {
    pub throttle_time_ms: i32,
    pub transaction_states: Vec<ResponseTransactionState>,
}

impl Message for DescribeTransactionsResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DescribeTransactionsResponse", v, 0..=0)?;
        let f = true;
        let throttle_time_ms = r.i32()?;
        let transaction_states = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, transaction_states })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DescribeTransactionsResponse", v, 0..=0)?;
        let f = true;
        w.i32(self.throttle_time_ms);
        w.array(f, v, &self.transaction_states)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseTransactionState {
    pub error_code: ErrorCode,
    pub transactional_id: Str,
    pub transaction_state: Str,
    pub transaction_timeout_ms: i32,
    pub transaction_start_time_ms: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub topics: Vec<ResponseTransactionStateTopic>,
}

impl Message for ResponseTransactionState {
    const LEAST_BYTES: usize = 28;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let error_code = r.error_code()?;
        let transactional_id = r.string(f)?;
        let transaction_state = r.string(f)?;
        let transaction_timeout_ms = r.i32()?;
        let transaction_start_time_ms = r.i64()?;
        let producer_id = r.i64()?;
        let producer_epoch = r.i16()?;
        let topics = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self {
            error_code,
            transactional_id,
            transaction_state,
            transaction_timeout_ms,
            transaction_start_time_ms,
            producer_id,
            producer_epoch,
            topics,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.error_code(self.error_code);
        w.string(f, &self.transactional_id)?;
        w.string(f, &self.transaction_state)?;
        w.i32(self.transaction_timeout_ms);
        w.i64(self.transaction_start_time_ms);
        w.i64(self.producer_id);
        w.i16(self.producer_epoch);
        w.array(f, v, &self.topics)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseTransactionStateTopic {
    pub topic: Str,
    pub partitions: Vec<i32>,
}

impl Message for ResponseTransactionStateTopic {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let topic = r.string(f)?;
        let partitions = r.primitives(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { topic, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.topic)?;
        w.primitives(f, &self.partitions)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for DescribeTransactionsRequest {
    const KEY: ApiKey = ApiKey::DescribeTransactions;
    type Response = DescribeTransactionsResponse;
}
