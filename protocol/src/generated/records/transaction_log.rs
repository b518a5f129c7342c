//! TransactionLog (type 0 in `__transaction_state`): versions 0-1, flexible from 1.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TransactionLogKey {
    pub transactional_id: Str,
}

impl Message for TransactionLogKey {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("TransactionLogKey", v, 0..=0)?;
        let f = false;
        let transactional_id = r.string(f)?;
        Ok(Self { transactional_id })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("TransactionLogKey", v, 0..=0)?;
        let f = false;
        w.string(f, &self.transactional_id)?;
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct TransactionLogValue {
    pub producer_id: i64,
    /// Versions 1+, tag 0, default -1.
    pub previous_producer_id: i64,
    /// Versions 1+, tag 1, default -1.
    pub next_producer_id: i64,
    pub producer_epoch: i16,
    /// Versions 1+, tag 3, default -1.
    pub next_producer_epoch: i16,
    pub transaction_timeout_ms: i32,
    pub transaction_status: i8,
    pub transaction_partitions: Option<Vec<PartitionsSchema>>,
    pub transaction_last_update_timestamp_ms: i64,
    pub transaction_start_timestamp_ms: i64,
    /// Versions 1+, tag 2, default 0.
    pub client_transaction_version: i16,
}

impl Default for TransactionLogValue {
    fn default() -> Self {
        Self {
            producer_id: Default::default(),
            previous_producer_id: -1,
            next_producer_id: -1,
            producer_epoch: Default::default(),
            next_producer_epoch: -1,
            transaction_timeout_ms: Default::default(),
            transaction_status: Default::default(),
            transaction_partitions: Default::default(),
            transaction_last_update_timestamp_ms: Default::default(),
            transaction_start_timestamp_ms: Default::default(),
            client_transaction_version: 0,
        }
    }
}

impl Message for TransactionLogValue {
    const LEAST_BYTES: usize = 33;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("TransactionLogValue", v, 0..=1)?;
        let f = v >= 1;
        let producer_id = r.i64()?;
        let producer_epoch = r.i16()?;
        let transaction_timeout_ms = r.i32()?;
        let transaction_status = r.i8()?;
        let transaction_partitions = r.nullable_array(f, v)?;
        let transaction_last_update_timestamp_ms = r.i64()?;
        let transaction_start_timestamp_ms = r.i64()?;
        let mut previous_producer_id = -1;
        let mut next_producer_id = -1;
        let mut client_transaction_version = 0;
        let mut next_producer_epoch = -1;
        if f {
            r.tags(|r, tag| {
                match tag {
                    0 => previous_producer_id = r.i64()?,
                    1 => next_producer_id = r.i64()?,
                    2 => client_transaction_version = r.i16()?,
                    3 => next_producer_epoch = r.i16()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self {
            producer_id,
            previous_producer_id,
            next_producer_id,
            producer_epoch,
            next_producer_epoch,
            transaction_timeout_ms,
            transaction_status,
            transaction_partitions,
            transaction_last_update_timestamp_ms,
            transaction_start_timestamp_ms,
            client_transaction_version,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("TransactionLogValue", v, 0..=1)?;
        let f = v >= 1;
        w.i64(self.producer_id);
        w.i16(self.producer_epoch);
        w.i32(self.transaction_timeout_ms);
        w.i8(self.transaction_status);
        w.nullable_array(f, v, &self.transaction_partitions)?;
        w.i64(self.transaction_last_update_timestamp_ms);
        w.i64(self.transaction_start_timestamp_ms);
        if f {
            let has_0 = self.previous_producer_id != -1;
            let has_1 = self.next_producer_id != -1;
            let has_2 = self.client_transaction_version != 0;
            let has_3 = self.next_producer_epoch != -1;
            w.uvarint(u32::from(has_0) + u32::from(has_1) + u32::from(has_2) + u32::from(has_3));
            if has_0 {
                w.tagged(0, |w| {
                    w.i64(self.previous_producer_id);
                    Ok(())
                })?;
            }
            if has_1 {
                w.tagged(1, |w| {
                    w.i64(self.next_producer_id);
                    Ok(())
                })?;
            }
            if has_2 {
                w.tagged(2, |w| {
                    w.i16(self.client_transaction_version);
                    Ok(())
                })?;
            }
            if has_3 {
                w.tagged(3, |w| {
                    w.i16(self.next_producer_epoch);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartitionsSchema {
    pub topic: Str,
    pub partition_ids: Vec<i32>,
}

impl Message for PartitionsSchema {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 1;
        let topic = r.string(f)?;
        let partition_ids = r.primitives(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { topic, partition_ids })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 1;
        w.string(f, &self.topic)?;
        w.primitives(f, &self.partition_ids)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

const _: () = assert!(fits_record_budget::<PartitionsSchema>());

impl CoordinatorKey for TransactionLogKey {
    const TYPE: i16 = 0;
    type Value = TransactionLogValue;
}

impl CoordinatorValue for TransactionLogValue {
    const VERSIONS: RangeInclusive<i16> = 0..=1;
}
