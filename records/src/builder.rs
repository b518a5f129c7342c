//! Making a batch.

use bytes::Bytes;

use crate::batch::RecordBatch;
use crate::compression::{Codec, UnknownCodec, compress};
use crate::epoch::{LeaderEpoch, ProducerEpoch};
use crate::header::{
    Attributes, BATCH_HEADER_BYTES, BATCH_LENGTH_MIN, BATCH_MAGIC, BatchHeader, TimestampType,
};
use crate::ids::{ProducerId, Sequence};
use crate::offset::Offset;
use crate::record::Header;
use crate::time::Timestamp;
use crate::varint::{varint_bytes, write_varint, write_varlong};

/// Collects records and makes a batch of them that any Kafka client can read.
///
/// ```
/// # use highwater_records::{BatchBuilder, Codec, Timestamp};
/// let batch = BatchBuilder::new(Codec::Lz4)
///     .append(Timestamp::new(1_700_000_000_000), Some(b"key"), Some(b"value"), &[])
///     .append(Timestamp::new(1_700_000_000_005), None, None, &[])
///     .build();
/// assert_eq!(batch.header().record_count, 2);
/// ```
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    codec: Codec,
    level: Option<i32>,
    attributes: Attributes,
    base_offset: Offset,
    leader_epoch: LeaderEpoch,
    producer_id: ProducerId,
    producer_epoch: ProducerEpoch,
    base_sequence: Sequence,
    /// Room for the header, then the records uncompressed.
    bytes: Vec<u8>,
    record_count: i32,
    last_offset_delta: i32,
    base_timestamp: Timestamp,
    max_timestamp: Timestamp,
    /// What the header says of them, whatever the records say.
    kept: Kept,
}

/// Fields of a header that do not follow from the records.
#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    last_offset_delta: Option<i32>,
    delete_horizon: Option<Timestamp>,
}

impl BatchBuilder {
    /// An empty batch at offset 0, of no producer, by no leader.
    #[must_use]
    pub fn new(codec: Codec) -> Self {
        Self {
            codec,
            level: None,
            attributes: Attributes::default(),
            base_offset: Offset::ZERO,
            leader_epoch: LeaderEpoch::NONE,
            producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch::NONE,
            base_sequence: Sequence::NONE,
            bytes: vec![0; BATCH_HEADER_BYTES],
            record_count: 0,
            last_offset_delta: 0,
            base_timestamp: Timestamp::NONE,
            max_timestamp: Timestamp::NONE,
            kept: Kept::default(),
        }
    }

    /// A batch for what compaction keeps of another one: with its codec, attributes, offsets, leader and producer, and
    /// no record yet.
    ///
    /// # Errors
    /// If the attributes name no codec.
    pub fn rewriting(header: &BatchHeader) -> Result<Self, UnknownCodec> {
        let mut builder = Self::new(header.codec()?);
        builder.attributes = header.attributes;
        builder.base_offset = header.base_offset;
        builder.leader_epoch = header.partition_leader_epoch;
        builder.producer_id = header.producer_id;
        builder.producer_epoch = header.producer_epoch;
        builder.base_sequence = header.base_sequence;
        if header.timestamp_type() == TimestampType::LogAppendTime {
            builder.max_timestamp = header.max_timestamp;
        }
        builder.kept.last_offset_delta = Some(header.last_offset_delta);
        builder.kept.delete_horizon = header.delete_horizon();
        Ok(builder)
    }

    /// Sets when the deletions in the batch may go.
    pub fn delete_horizon(&mut self, at: Timestamp) -> &mut Self {
        self.attributes = self.attributes.with_delete_horizon();
        self.kept.delete_horizon = Some(at);
        self
    }

    /// Sets how hard to compress, in the codec's own scale; codecs without one ignore it.
    pub fn level(&mut self, level: i32) -> &mut Self {
        self.level = Some(level);
        self
    }

    /// Sets who sends the batch.
    pub fn producer(
        &mut self,
        id: ProducerId,
        epoch: ProducerEpoch,
        base_sequence: Sequence,
    ) -> &mut Self {
        self.producer_id = id;
        self.producer_epoch = epoch;
        self.base_sequence = base_sequence;
        self
    }

    /// Sets the first offset, for a batch that is written to a log and not sent to a leader.
    pub fn base_offset(&mut self, base_offset: Offset) -> &mut Self {
        self.base_offset = base_offset;
        self
    }

    /// Sets the leader that stamps the batch.
    pub fn leader_epoch(&mut self, leader_epoch: LeaderEpoch) -> &mut Self {
        self.leader_epoch = leader_epoch;
        self
    }

    /// Makes the batch part of a transaction.
    pub fn transactional(&mut self) -> &mut Self {
        self.attributes = self.attributes.with_transactional();
        self
    }

    /// Makes the records the broker's own.
    pub fn control(&mut self) -> &mut Self {
        self.attributes = self.attributes.with_control();
        self
    }

    /// Makes `append_time` the time of every record, as a leader of a topic with log append time.
    pub fn log_append_time(&mut self, append_time: Timestamp) -> &mut Self {
        self.attributes = self.attributes.with_timestamp_type(TimestampType::LogAppendTime);
        self.max_timestamp = append_time;
        self
    }

    /// Adds a record with the next offset.
    ///
    /// # Panics
    /// If the batch would pass 2 GiB; who builds batches keeps them near a megabyte by
    /// [`BatchBuilder::estimated_bytes`].
    pub fn append(
        &mut self,
        timestamp: Timestamp,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header],
    ) -> &mut Self {
        let delta = if self.record_count == 0 { 0 } else { self.last_offset_delta + 1 };
        self.append_at(delta, timestamp, key, value, headers)
    }

    /// Adds a record so many offsets after the base offset: for a batch that lost records to
    /// compaction.
    ///
    /// # Panics
    /// If the offset is not after that of the record before; and as [`BatchBuilder::append`].
    pub fn append_at(
        &mut self,
        offset_delta: i32,
        timestamp: Timestamp,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header],
    ) -> &mut Self {
        let is_first = self.record_count == 0;
        assert!(offset_delta >= 0, "offset delta {offset_delta}");
        assert!(is_first || offset_delta > self.last_offset_delta, "offsets rise in a batch");
        if is_first {
            self.base_timestamp = self.kept.delete_horizon.unwrap_or(timestamp);
        }
        let delta = timestamp.value().wrapping_sub(self.base_timestamp.value());
        let length = record_bytes(delta, offset_delta, key, value, headers);
        self.bytes.reserve(length + varint_bytes(narrow(length).into()));
        let out = &mut self.bytes;
        write_varint(out, narrow(length));
        out.push(0);
        write_varlong(out, delta);
        write_varint(out, offset_delta);
        write_nullable(out, key);
        write_nullable(out, value);
        write_varint(out, narrow(headers.len()));
        for header in headers {
            write_nullable(out, Some(&header.key));
            write_nullable(out, header.value.as_deref());
        }
        self.record_count += 1;
        self.last_offset_delta = offset_delta;
        if self.attributes.timestamp_type() == TimestampType::CreateTime {
            self.max_timestamp =
                if is_first { timestamp } else { self.max_timestamp.max(timestamp) };
        }
        self
    }

    /// Size of the batch if it were built now; before compression, so mostly too much.
    #[must_use]
    pub fn estimated_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Size of a record as the next one of this batch, before compression.
    #[must_use]
    pub fn estimated_record_bytes(
        &self,
        timestamp: Timestamp,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header],
    ) -> usize {
        let base = if self.record_count == 0 { timestamp } else { self.base_timestamp };
        let delta = timestamp.value().wrapping_sub(base.value());
        let length = record_bytes(delta, self.record_count, key, value, headers);
        length.saturating_add(varint_bytes(i64::try_from(length).unwrap_or(i64::MAX)))
    }

    /// Records so far.
    #[must_use]
    pub const fn record_count(&self) -> i32 {
        self.record_count
    }

    /// Whether there is no record yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.record_count == 0
    }

    /// Makes the batch and leaves the builder without records, its settings as they were.
    ///
    /// # Panics
    /// If the codec is not built in (see [`Codec::is_supported`]), or the batch passes 2 GiB.
    #[must_use]
    pub fn build(&mut self) -> RecordBatch {
        let mut bytes = std::mem::replace(&mut self.bytes, vec![0; BATCH_HEADER_BYTES]);
        if self.codec != Codec::None {
            let records = bytes.split_off(BATCH_HEADER_BYTES);
            let compressed = compress(self.codec, self.level, &records)
                .expect("callers ask Codec::is_supported before they choose a codec");
            bytes.extend_from_slice(&compressed);
        }
        let mut header = BatchHeader {
            base_offset: self.base_offset,
            batch_length: narrow(bytes.len() - BATCH_HEADER_BYTES) + BATCH_LENGTH_MIN,
            partition_leader_epoch: self.leader_epoch,
            magic: BATCH_MAGIC,
            crc: 0,
            attributes: self.attributes.with_codec(self.codec),
            last_offset_delta: self.kept.last_offset_delta.unwrap_or(self.last_offset_delta),
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            base_sequence: self.base_sequence,
            record_count: self.record_count,
        };
        let (room, records) = bytes.split_at_mut(BATCH_HEADER_BYTES);
        room.copy_from_slice(&header.seal(records));
        self.record_count = 0;
        self.last_offset_delta = 0;
        self.base_timestamp = Timestamp::NONE;
        if self.attributes.timestamp_type() == TimestampType::CreateTime {
            self.max_timestamp = Timestamp::NONE;
        }
        RecordBatch::from_parts(header, Bytes::from(bytes))
    }
}

/// Bytes of a record after its length.
fn record_bytes(
    timestamp_delta: i64,
    offset_delta: i32,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: &[Header],
) -> usize {
    let headers_bytes: usize = headers
        .iter()
        .map(|header| nullable_bytes(Some(&header.key)) + nullable_bytes(header.value.as_deref()))
        .sum();
    1 + varint_bytes(timestamp_delta)
        + varint_bytes(offset_delta.into())
        + nullable_bytes(key)
        + nullable_bytes(value)
        + varint_bytes(i64::try_from(headers.len()).unwrap_or(i64::MAX))
        + headers_bytes
}

fn nullable_bytes(field: Option<&[u8]>) -> usize {
    let Some(field) = field else { return 1 };
    varint_bytes(i64::try_from(field.len()).unwrap_or(i64::MAX)) + field.len()
}

fn write_nullable(out: &mut Vec<u8>, field: Option<&[u8]>) {
    match field {
        None => write_varint(out, -1),
        Some(field) => {
            write_varint(out, narrow(field.len()));
            out.extend_from_slice(field);
        }
    }
}

fn narrow(length: usize) -> i32 {
    i32::try_from(length).expect("who builds a batch keeps it below 2 GiB")
}
