//! The 61 bytes before a batch's records.
//!
//! | at | bytes | field |
//! | --- | --- | --- |
//! | 0 | 8 | base offset |
//! | 8 | 4 | batch length: bytes after this field, at least 49 |
//! | 12 | 4 | partition leader epoch |
//! | 16 | 1 | magic, 2 |
//! | 17 | 4 | CRC-32C over everything from byte 21 |
//! | 21 | 2 | attributes |
//! | 23 | 4 | last offset delta |
//! | 27 | 8 | base timestamp |
//! | 35 | 8 | max timestamp |
//! | 43 | 8 | producer id |
//! | 51 | 2 | producer epoch |
//! | 53 | 4 | base sequence |
//! | 57 | 4 | records count |
//!
//! Base offset and leader epoch lie before the CRC, so a leader stamps both without reading the
//! records again.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use std::fmt;

use crate::batch::BatchError;
use crate::compression::{Codec, UnknownCodec};
use crate::crc::crc32c_of_two;
use crate::epoch::{LeaderEpoch, ProducerEpoch};
use crate::ids::{ProducerId, Sequence};
use crate::offset::Offset;
use crate::time::Timestamp;

/// Size of a batch before its records.
pub const BATCH_HEADER_BYTES: usize = 61;
/// Bytes of a batch that its length field does not count: base offset and the field itself.
pub const BATCH_PREFIX_BYTES: usize = 12;
/// Where the part begins that the CRC covers.
pub const BATCH_CRC_START: usize = 21;
/// Least value of the length field: a header and no records.
pub const BATCH_LENGTH_MIN: i32 = 49;
/// The one format of batch that is read and written here.
pub const BATCH_MAGIC: i8 = 2;

const _: () = assert!(BATCH_HEADER_BYTES == BATCH_PREFIX_BYTES + 49);

/// Who set the timestamps of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer, one for each record.
    #[default]
    CreateTime,
    /// The leader, one for all records of the batch: its max timestamp.
    LogAppendTime,
}

/// The bits of a batch.
///
/// | bits | meaning |
/// | --- | --- |
/// | 0-2 | codec |
/// | 3 | timestamp type, 1 = log append time |
/// | 4 | transactional |
/// | 5 | control |
/// | 6 | base timestamp is the delete horizon |
/// | 7-15 | unused, zero |
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Attributes(i16);

impl Attributes {
    const CODEC: i16 = 0b111;
    const LOG_APPEND_TIME: i16 = 1 << 3;
    const TRANSACTIONAL: i16 = 1 << 4;
    const CONTROL: i16 = 1 << 5;
    const DELETE_HORIZON: i16 = 1 << 6;
    const UNUSED: i16 = !0b111_1111;

    /// Any bits.
    #[must_use]
    pub const fn new(bits: i16) -> Self {
        Self(bits)
    }

    /// The bits on the wire and on disk.
    #[must_use]
    pub const fn value(self) -> i16 {
        self.0
    }

    /// How the records are compressed.
    ///
    /// # Errors
    /// If the three bits name no codec.
    pub const fn codec(self) -> Result<Codec, UnknownCodec> {
        Codec::from_id(self.codec_id())
    }

    /// The number of the codec, known or not.
    #[must_use]
    pub const fn codec_id(self) -> u8 {
        (self.0 & Self::CODEC).to_be_bytes()[1]
    }

    /// The same with another codec.
    #[must_use]
    pub const fn with_codec(self, codec: Codec) -> Self {
        Self((self.0 & !Self::CODEC) | i16::from_be_bytes([0, codec.id()]))
    }

    /// Who set the timestamps.
    #[must_use]
    pub const fn timestamp_type(self) -> TimestampType {
        if self.has(Self::LOG_APPEND_TIME) {
            TimestampType::LogAppendTime
        } else {
            TimestampType::CreateTime
        }
    }

    /// The same with another timestamp type.
    #[must_use]
    pub const fn with_timestamp_type(self, timestamp_type: TimestampType) -> Self {
        match timestamp_type {
            TimestampType::CreateTime => Self(self.0 & !Self::LOG_APPEND_TIME),
            TimestampType::LogAppendTime => Self(self.0 | Self::LOG_APPEND_TIME),
        }
    }

    /// Whether the batch belongs to a transaction.
    #[must_use]
    pub const fn is_transactional(self) -> bool {
        self.has(Self::TRANSACTIONAL)
    }

    /// The same as part of a transaction.
    #[must_use]
    pub const fn with_transactional(self) -> Self {
        Self(self.0 | Self::TRANSACTIONAL)
    }

    /// Whether the records are the broker's own and not shown to clients.
    #[must_use]
    pub const fn is_control(self) -> bool {
        self.has(Self::CONTROL)
    }

    /// The same as a control batch.
    #[must_use]
    pub const fn with_control(self) -> Self {
        Self(self.0 | Self::CONTROL)
    }

    /// Whether the base timestamp is the time from which tombstones may go.
    #[must_use]
    pub const fn has_delete_horizon(self) -> bool {
        self.has(Self::DELETE_HORIZON)
    }

    /// The same with a base timestamp that is the delete horizon.
    #[must_use]
    pub const fn with_delete_horizon(self) -> Self {
        Self(self.0 | Self::DELETE_HORIZON)
    }

    /// The same without a delete horizon.
    #[must_use]
    pub const fn without_delete_horizon(self) -> Self {
        Self(self.0 & !Self::DELETE_HORIZON)
    }

    /// Whether a bit is set that has no meaning.
    #[must_use]
    pub const fn has_unused_bits(self) -> bool {
        self.has(Self::UNUSED)
    }

    const fn has(self, bits: i16) -> bool {
        self.0 & bits != 0
    }
}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attributes({:#04x})", self.0)
    }
}

/// What stands before the records of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record, even after compaction took that record away.
    pub base_offset: Offset,
    /// Bytes after this field.
    pub batch_length: i32,
    /// Epoch of the leader that appended the batch.
    pub partition_leader_epoch: LeaderEpoch,
    /// Format; always 2 in what was read.
    pub magic: i8,
    /// CRC-32C of all that follows this field.
    pub crc: u32,
    /// Codec and kind.
    pub attributes: Attributes,
    /// Distance from the base offset to the last one, inclusive.
    pub last_offset_delta: i32,
    /// What the timestamps of the records are relative to; the delete horizon if that bit is set.
    pub base_timestamp: Timestamp,
    /// Greatest timestamp of the records; the append time for [`TimestampType::LogAppendTime`].
    pub max_timestamp: Timestamp,
    /// Who produced it.
    pub producer_id: ProducerId,
    /// In which of the producer's epochs.
    pub producer_epoch: ProducerEpoch,
    /// The producer's number of the first record.
    pub base_sequence: Sequence,
    /// Records in the batch; fewer than offsets after compaction.
    pub record_count: i32,
}

impl BatchHeader {
    /// Reads the header at the start of `bytes` and checks its structure: enough bytes, magic 2, a
    /// length, count and last offset that can be. The CRC is not looked at.
    ///
    /// # Errors
    /// [`BatchError::Partial`] if `bytes` end inside the header, else what is wrong with it.
    pub fn read(bytes: &[u8]) -> Result<Self, BatchError> {
        let Some(fixed) = bytes.first_chunk::<BATCH_HEADER_BYTES>() else {
            return Err(Self::too_short(bytes));
        };
        let header = Self {
            base_offset: Offset::new(i64::from_be_bytes(field::<0, 8>(fixed))),
            batch_length: i32::from_be_bytes(field::<8, 4>(fixed)),
            partition_leader_epoch: LeaderEpoch::new(i32::from_be_bytes(field::<12, 4>(fixed))),
            magic: i8::from_be_bytes(field::<16, 1>(fixed)),
            crc: u32::from_be_bytes(field::<17, 4>(fixed)),
            attributes: Attributes::new(i16::from_be_bytes(field::<21, 2>(fixed))),
            last_offset_delta: i32::from_be_bytes(field::<23, 4>(fixed)),
            base_timestamp: Timestamp::new(i64::from_be_bytes(field::<27, 8>(fixed))),
            max_timestamp: Timestamp::new(i64::from_be_bytes(field::<35, 8>(fixed))),
            producer_id: ProducerId::new(i64::from_be_bytes(field::<43, 8>(fixed))),
            producer_epoch: ProducerEpoch::new(i16::from_be_bytes(field::<51, 2>(fixed))),
            base_sequence: Sequence::new(i32::from_be_bytes(field::<53, 4>(fixed))),
            record_count: i32::from_be_bytes(field::<57, 4>(fixed)),
        };
        header.check_structure()?;
        Ok(header)
    }

    /// What is wrong with less than a header: the end of what arrived, or already its beginning.
    fn too_short(bytes: &[u8]) -> BatchError {
        if let Some(&magic) = bytes.get(16)
            && magic.cast_signed() != BATCH_MAGIC
        {
            return BatchError::UnsupportedMagic { magic: magic.cast_signed() };
        }
        BatchError::Partial { expected_bytes: BATCH_HEADER_BYTES, found_bytes: bytes.len() }
    }

    fn check_structure(&self) -> Result<(), BatchError> {
        // The old formats have a length of their own kind, so the magic is looked at first.
        if self.magic != BATCH_MAGIC {
            return Err(BatchError::UnsupportedMagic { magic: self.magic });
        }
        if self.batch_length < BATCH_LENGTH_MIN {
            return Err(BatchError::InvalidLength { batch_length: self.batch_length });
        }
        if self.last_offset_delta < 0 {
            let delta = self.last_offset_delta;
            return Err(BatchError::InvalidLastOffsetDelta { delta });
        }
        let last_offset = self.base_offset.checked_plus(i64::from(self.last_offset_delta));
        if last_offset.and_then(|last| last.checked_plus(1)).is_none() {
            return Err(BatchError::InvalidBaseOffset { base_offset: self.base_offset });
        }
        if self.record_count < 0 {
            return Err(BatchError::InvalidRecordCount { count: self.record_count });
        }
        Ok(())
    }

    /// The 61 bytes, with the CRC that the header says.
    #[must_use]
    pub fn write(&self) -> [u8; BATCH_HEADER_BYTES] {
        let mut out = [0; BATCH_HEADER_BYTES];
        put::<0, 8>(&mut out, self.base_offset.value().to_be_bytes());
        put::<8, 4>(&mut out, self.batch_length.to_be_bytes());
        put::<12, 4>(&mut out, self.partition_leader_epoch.value().to_be_bytes());
        put::<16, 1>(&mut out, self.magic.to_be_bytes());
        put::<17, 4>(&mut out, self.crc.to_be_bytes());
        put::<21, 2>(&mut out, self.attributes.value().to_be_bytes());
        put::<23, 4>(&mut out, self.last_offset_delta.to_be_bytes());
        put::<27, 8>(&mut out, self.base_timestamp.value().to_be_bytes());
        put::<35, 8>(&mut out, self.max_timestamp.value().to_be_bytes());
        put::<43, 8>(&mut out, self.producer_id.value().to_be_bytes());
        put::<51, 2>(&mut out, self.producer_epoch.value().to_be_bytes());
        put::<53, 4>(&mut out, self.base_sequence.value().to_be_bytes());
        put::<57, 4>(&mut out, self.record_count.to_be_bytes());
        out
    }

    /// Sets the CRC to that of this header with `body`, the bytes after it, and returns the 61
    /// bytes. Needed after a change of attributes, timestamps or producer; not after stamping base
    /// offset and leader epoch.
    #[must_use]
    pub fn seal(&mut self, body: &[u8]) -> [u8; BATCH_HEADER_BYTES] {
        let (_, covered) = split_crc(&self.write());
        self.crc = crc32c_of_two(&covered, body);
        self.write()
    }

    /// Size of the whole batch.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let length = usize::try_from(self.batch_length).unwrap_or(0);
        length.saturating_add(BATCH_PREFIX_BYTES)
    }

    /// Offset of the last record, even after compaction took that record away.
    ///
    /// # Panics
    /// If the offsets pass 2^63, which `read` has refused.
    #[must_use]
    pub fn last_offset(&self) -> Offset {
        self.base_offset.plus(i64::from(self.last_offset_delta))
    }

    /// The offset after the batch.
    ///
    /// # Panics
    /// As [`BatchHeader::last_offset`].
    #[must_use]
    pub fn next_offset(&self) -> Offset {
        self.last_offset().next()
    }

    /// The producer's number of the last record; [`Sequence::NONE`] if the batch has none.
    #[must_use]
    pub fn last_sequence(&self) -> Sequence {
        self.base_sequence.next_after(self.last_offset_delta.max(0))
    }

    /// Whether the records are the broker's own and not shown to clients.
    #[must_use]
    pub const fn is_control(&self) -> bool {
        self.attributes.is_control()
    }

    /// Whether the batch belongs to a transaction.
    #[must_use]
    pub const fn is_transactional(&self) -> bool {
        self.attributes.is_transactional()
    }

    /// Whether a producer with an id sent it.
    #[must_use]
    pub const fn has_producer_id(&self) -> bool {
        !self.producer_id.is_none()
    }

    /// How the records are compressed.
    ///
    /// # Errors
    /// If the attributes name no codec.
    pub const fn codec(&self) -> Result<Codec, UnknownCodec> {
        self.attributes.codec()
    }

    /// Who set the timestamps.
    #[must_use]
    pub const fn timestamp_type(&self) -> TimestampType {
        self.attributes.timestamp_type()
    }

    /// When the cleaner may drop the batch's tombstones, if that is decided.
    #[must_use]
    pub const fn delete_horizon(&self) -> Option<Timestamp> {
        if self.attributes.has_delete_horizon() { Some(self.base_timestamp) } else { None }
    }
}

/// Bytes `AT..AT + N` of a header; a range outside it does not compile.
fn field<const AT: usize, const N: usize>(header: &[u8; BATCH_HEADER_BYTES]) -> [u8; N] {
    const { assert!(AT + N <= BATCH_HEADER_BYTES) };
    let (_, from) = header.split_at(AT);
    from.first_chunk().copied().unwrap_or([0; N])
}

/// Sets bytes `AT..AT + N` of a header; a range outside it does not compile.
fn put<const AT: usize, const N: usize>(header: &mut [u8; BATCH_HEADER_BYTES], value: [u8; N]) {
    const { assert!(AT + N <= BATCH_HEADER_BYTES) };
    for (to, from) in header.iter_mut().skip(AT).zip(value) {
        *to = from;
    }
}

/// A header's bytes before and after the end of its CRC field.
fn split_crc(header: &[u8; BATCH_HEADER_BYTES]) -> ([u8; BATCH_CRC_START], [u8; 40]) {
    (field::<0, BATCH_CRC_START>(header), field::<BATCH_CRC_START, 40>(header))
}
