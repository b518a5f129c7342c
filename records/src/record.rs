//! One record of a batch, and the walk over all of them.
//!
//! ```text
//! length varint, attributes i8, timestamp delta varlong, offset delta varint,
//! key length varint (-1 = null), key, value length varint (-1 = null), value,
//! header count varint, each: key length varint, key, value length varint (-1 = null), value
//! ```

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use bytes::{Buf, Bytes};

use crate::batch::BatchError;
use crate::header::{BatchHeader, TimestampType};
use crate::offset::Offset;
use crate::time::Timestamp;
use crate::varint;

/// One record, sharing the bytes of its batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its position in the partition.
    pub offset: Offset,
    /// The producer's time, or the leader's with log append time.
    pub timestamp: Timestamp,
    /// The key, if it has one.
    pub key: Option<Bytes>,
    /// The value; none is a tombstone in a compacted topic.
    pub value: Option<Bytes>,
    /// Names and values beside the value, in the producer's order; names may repeat.
    pub headers: Vec<Header>,
}

/// A name and a value that travel beside a record's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name: UTF-8 by agreement, which nobody checks.
    pub key: Bytes,
    /// The value, if it has one.
    pub value: Option<Bytes>,
}

impl Header {
    /// A header with a value.
    #[must_use]
    pub fn new(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        Self { key: key.into(), value: Some(value.into()) }
    }
}

/// Iterator of [`RecordBatch::records`](crate::RecordBatch::records). After an error it ends.
#[derive(Clone, Debug)]
pub struct Records {
    base_offset: Offset,
    base_timestamp: Timestamp,
    /// Set with log append time: it holds for every record.
    append_time: Option<Timestamp>,
    /// Records still to come; after the last one, bytes must not be left over.
    left: i32,
    index: i32,
    ended: bool,
    rest: Bytes,
}

impl Records {
    pub(crate) fn new(header: &BatchHeader, records: Bytes) -> Self {
        let append_time = match header.timestamp_type() {
            TimestampType::CreateTime => None,
            TimestampType::LogAppendTime => Some(header.max_timestamp),
        };
        Self {
            base_offset: header.base_offset,
            base_timestamp: header.base_timestamp,
            append_time,
            left: header.record_count,
            index: 0,
            ended: false,
            rest: records,
        }
    }

    fn read_record(&mut self) -> Result<Record, &'static str> {
        let mut fields = Fields { rest: &self.rest };
        let record = fields.length()?;
        let record = fields.take(record).ok_or("longer than the batch")?;
        let next = self.rest.len().saturating_sub(fields.rest.len());

        let mut fields = Fields { rest: record };
        let _attributes = fields.take(1).ok_or(TOO_SHORT)?;
        let timestamp_delta = fields.varlong()?;
        let offset_delta = fields.varint()?;
        let key = fields.nullable()?.map(|key| self.rest.slice_ref(key));
        let value = fields.nullable()?.map(|value| self.rest.slice_ref(value));
        let headers = fields.headers(&self.rest)?;
        if !fields.rest.is_empty() {
            return Err("bytes left after the last header");
        }
        let offset = self.base_offset.checked_plus(i64::from(offset_delta));
        // Kafka's readers let the sum wrap; such a record exists on disks and must stay readable.
        let created = self.base_timestamp.value().wrapping_add(timestamp_delta);
        self.rest.advance(next);
        Ok(Record {
            offset: offset.ok_or("offset out of range")?,
            timestamp: self.append_time.unwrap_or(Timestamp::new(created)),
            key,
            value,
            headers,
        })
    }
}

impl Iterator for Records {
    type Item = Result<Record, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let index = self.index;
        let item = if self.left > 0 {
            self.read_record()
        } else if self.rest.is_empty() {
            return None;
        } else {
            Err("bytes left after the last record")
        };
        self.left = self.left.saturating_sub(1);
        self.index = self.index.saturating_add(1);
        self.ended = item.is_err();
        Some(item.map_err(|reason| BatchError::InvalidRecord { index, reason }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Not a promise from below: the count comes from outside.
        (0, usize::try_from(self.left).ok().map(|left| left.saturating_add(1)))
    }
}

const TOO_SHORT: &str = "field longer than the record";

/// Record bytes, read from the front.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Result<i32, &'static str> {
        let (value, used) = varint::read_varint(self.rest)?;
        self.rest = self.rest.get(used..).unwrap_or_default();
        Ok(value)
    }

    fn varlong(&mut self) -> Result<i64, &'static str> {
        let (value, used) = varint::read_varlong(self.rest)?;
        self.rest = self.rest.get(used..).unwrap_or_default();
        Ok(value)
    }

    fn length(&mut self) -> Result<usize, &'static str> {
        usize::try_from(self.varint()?).map_err(|_| "negative length")
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn nullable(&mut self) -> Result<Option<&'a [u8]>, &'static str> {
        match self.varint()? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| "negative length")?;
                self.take(length).map(Some).ok_or(TOO_SHORT)
            }
        }
    }

    fn headers(&mut self, whole: &Bytes) -> Result<Vec<Header>, &'static str> {
        let count = usize::try_from(self.varint()?).map_err(|_| "negative header count")?;
        // The least header is two bytes, so no more than that is ever made room for.
        if count > self.rest.len() / 2 {
            return Err("more headers than bytes");
        }
        let mut headers = Vec::with_capacity(count);
        for _ in 0..count {
            let key = self.nullable()?.ok_or("null header key")?;
            let value = self.nullable()?;
            let value = value.map(|value| whole.slice_ref(value));
            headers.push(Header { key: whole.slice_ref(key), value });
        }
        Ok(headers)
    }
}
