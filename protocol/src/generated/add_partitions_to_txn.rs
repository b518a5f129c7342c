//! AddPartitionsToTxn (24): versions 0-5, flexible from 3.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnRequest {
    /// Versions 4+.
    pub transactions: Vec<RequestTransaction>,
    /// Versions 0-3.
    pub v3_and_below_transactional_id: Str,
    /// Versions 0-3.
    pub v3_and_below_producer_id: i64,
    /// Versions 0-3.
    pub v3_and_below_producer_epoch: i16,
    /// Versions 0-3.
    pub v3_and_below_topics: Vec<RequestV3AndBelowTopic>,
}

impl Message for AddPartitionsToTxnRequest {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("AddPartitionsToTxnRequest", v, 0..=5)?;
        let f = v >= 3;
        let transactions = if v >= 4 { r.array(f, v)? } else { Default::default() };
        let v3_and_below_transactional_id = if v <= 3 { r.string(f)? } else { Default::default() };
        let v3_and_below_producer_id = if v <= 3 { r.i64()? } else { Default::default() };
        let v3_and_below_producer_epoch = if v <= 3 { r.i16()? } else { Default::default() };
        let v3_and_below_topics = if v <= 3 { r.array(f, v)? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self {
            transactions,
            v3_and_below_transactional_id,
            v3_and_below_producer_id,
            v3_and_below_producer_epoch,
            v3_and_below_topics,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("AddPartitionsToTxnRequest", v, 0..=5)?;
        let f = v >= 3;
        if v >= 4 {
            w.array(f, v, &self.transactions)?;
        }
        if v <= 3 {
            w.string(f, &self.v3_and_below_transactional_id)?;
        }
        if v <= 3 {
            w.i64(self.v3_and_below_producer_id);
        }
        if v <= 3 {
            w.i16(self.v3_and_below_producer_epoch);
        }
        if v <= 3 {
            w.array(f, v, &self.v3_and_below_topics)?;
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestTransaction {
    pub transactional_id: Str,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub verify_only: bool,
    pub topics: Vec<RequestTransactionTopic>,
}

impl Message for RequestTransaction {
    const LEAST_BYTES: usize = 14;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let transactional_id = r.string(f)?;
        let producer_id = r.i64()?;
        let producer_epoch = r.i16()?;
        let verify_only = r.bool()?;
        let topics = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { transactional_id, producer_id, producer_epoch, verify_only, topics })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.transactional_id)?;
        w.i64(self.producer_id);
        w.i16(self.producer_epoch);
        w.bool(self.verify_only);
        w.array(f, v, &self.topics)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestTransactionTopic {
    pub name: Str,
    pub partitions: Vec<i32>,
}

impl Message for RequestTransactionTopic {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let name = r.string(f)?;
        let partitions = r.primitives(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { name, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.name)?;
        w.primitives(f, &self.partitions)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestV3AndBelowTopic {
    pub name: Str,
    pub partitions: Vec<i32>,
}

impl Message for RequestV3AndBelowTopic {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 3;
        let name = r.string(f)?;
        let partitions = r.primitives(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { name, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 3;
        w.string(f, &self.name)?;
        w.primitives(f, &self.partitions)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnResponse {
    pub throttle_time_ms: i32,
    /// Versions 4+.
    pub error_code: ErrorCode,
    /// Versions 4+.
    pub results_by_transaction: Vec<ResponseResultsByTransaction>,
    /// Versions 0-3.
    pub results_by_topic_v3_and_below: Vec<ResponseResultsByTopicV3AndBelow>,
}

impl Message for AddPartitionsToTxnResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("AddPartitionsToTxnResponse", v, 0..=5)?;
        let f = v >= 3;
        let throttle_time_ms = r.i32()?;
        let error_code = if v >= 4 { r.error_code()? } else { Default::default() };
        let results_by_transaction = if v >= 4 { r.array(f, v)? } else { Default::default() };
        let results_by_topic_v3_and_below =
            if v <= 3 { r.array(f, v)? } else { Default::default() };
        if f {
            r.skip_tags()?;
        }
        Ok(Self {
            throttle_time_ms,
            error_code,
            results_by_transaction,
            results_by_topic_v3_and_below,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("AddPartitionsToTxnResponse", v, 0..=5)?;
        let f = v >= 3;
        w.i32(self.throttle_time_ms);
        if v >= 4 {
            w.error_code(self.error_code);
        }
        if v >= 4 {
            w.array(f, v, &self.results_by_transaction)?;
        }
        if v <= 3 {
            w.array(f, v, &self.results_by_topic_v3_and_below)?;
        }
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseResultsByTransaction {
    pub transactional_id: Str,
    pub topic_results: Vec<ResponseResultsByTransactionTopicResult>,
}

impl Message for ResponseResultsByTransaction {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let transactional_id = r.string(f)?;
        let topic_results = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { transactional_id, topic_results })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.transactional_id)?;
        w.array(f, v, &self.topic_results)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseResultsByTransactionTopicResult {
    pub name: Str,
    pub results_by_partition: Vec<ResponseResultsByTransactionTopicResultResultsByPartition>,
}

impl Message for ResponseResultsByTransactionTopicResult {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let name = r.string(f)?;
        let results_by_partition = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { name, results_by_partition })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.name)?;
        w.array(f, v, &self.results_by_partition)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseResultsByTransactionTopicResultResultsByPartition {
    pub partition_index: i32,
    pub partition_error_code: ErrorCode,
}

impl Message for ResponseResultsByTransactionTopicResultResultsByPartition {
    const LEAST_BYTES: usize = 7;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let partition_index = r.i32()?;
        let partition_error_code = r.error_code()?;
        {
            r.skip_tags()?;
        }
        Ok(Self { partition_index, partition_error_code })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.i32(self.partition_index);
        w.error_code(self.partition_error_code);
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseResultsByTopicV3AndBelow {
    pub name: Str,
    pub results_by_partition: Vec<ResponseResultsByTopicV3AndBelowResultsByPartition>,
}

impl Message for ResponseResultsByTopicV3AndBelow {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 3;
        let name = r.string(f)?;
        let results_by_partition = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { name, results_by_partition })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 3;
        w.string(f, &self.name)?;
        w.array(f, v, &self.results_by_partition)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseResultsByTopicV3AndBelowResultsByPartition {
    pub partition_index: i32,
    pub partition_error_code: ErrorCode,
}

impl Message for ResponseResultsByTopicV3AndBelowResultsByPartition {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 3;
        let partition_index = r.i32()?;
        let partition_error_code = r.error_code()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { partition_index, partition_error_code })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 3;
        w.i32(self.partition_index);
        w.error_code(self.partition_error_code);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for AddPartitionsToTxnRequest {
    const KEY: ApiKey = ApiKey::AddPartitionsToTxn;
    type Response = AddPartitionsToTxnResponse;
}
