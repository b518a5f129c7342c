//! A record batch as it came: checked once, then shared and never copied.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use bytes::Bytes;

use crate::compression::{
    Codec, CompressionError, DECOMPRESSED_BYTES_MAX, UnknownCodec, decompress,
};
use crate::crc::crc32c;
use crate::header::{BATCH_CRC_START, BATCH_HEADER_BYTES, BATCH_LENGTH_MIN, BatchHeader};
use crate::offset::Offset;
use crate::record::Records;
use crate::time::Timestamp;

/// Why bytes are no batch, or a batch's records cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The bytes end before the batch does; normal at the end of a fetch answer and of a log that
    /// was cut by a crash.
    #[error("batch needs {expected_bytes} bytes, {found_bytes} are there")]
    Partial {
        /// Bytes the batch needs, as far as known.
        expected_bytes: usize,
        /// Bytes that are there.
        found_bytes: usize,
    },
    /// Another format than v2.
    #[error("batch has magic {magic}, only 2 is supported")]
    UnsupportedMagic {
        /// Its format.
        magic: i8,
    },
    /// A length too small for a header.
    #[error("batch length {batch_length} is less than a header")]
    InvalidLength {
        /// What the length field says.
        batch_length: i32,
    },
    /// Offsets that pass the last possible one.
    #[error("batch with base offset {base_offset} passes the last possible offset")]
    InvalidBaseOffset {
        /// What the field says.
        base_offset: Offset,
    },
    /// A last offset before the first.
    #[error("batch has last offset delta {delta}")]
    InvalidLastOffsetDelta {
        /// What the field says.
        delta: i32,
    },
    /// Fewer than no records.
    #[error("batch has record count {count}")]
    InvalidRecordCount {
        /// What the field says.
        count: i32,
    },
    /// The batch is not what was written.
    #[error("batch CRC is {found:08x}, header says {expected:08x}")]
    WrongCrc {
        /// The CRC in the header.
        expected: u32,
        /// The CRC of the bytes.
        found: u32,
    },
    /// The attributes name no codec.
    #[error(transparent)]
    UnknownCodec(#[from] UnknownCodec),
    /// The records cannot be decompressed.
    #[error("cannot decompress the records")]
    Decompression(#[from] CompressionError),
    /// A record is not what the format says.
    #[error("record {index}: {reason}")]
    InvalidRecord {
        /// Which one, counted from 0.
        index: i32,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// One whole batch whose length, magic and CRC are right. Cheap to clone; its bytes are shared.
///
/// What is inside the records is not known to be right: see [`validate`](crate::validate()).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordBatch {
    header: BatchHeader,
    bytes: Bytes,
}

impl RecordBatch {
    /// Takes the first batch of `bytes`, without copying it; what follows it is not looked at.
    ///
    /// # Errors
    /// [`BatchError::Partial`] if `bytes` end before the batch does, else what is wrong with it.
    pub fn parse(bytes: Bytes) -> Result<Self, BatchError> {
        let header = BatchHeader::read(&bytes)?;
        let size = header.size_bytes();
        let mut bytes = bytes;
        if bytes.len() < size {
            let found_bytes = bytes.len();
            return Err(BatchError::Partial { expected_bytes: size, found_bytes });
        }
        bytes.truncate(size);
        let found = crc32c(bytes.get(BATCH_CRC_START..).unwrap_or_default());
        if found != header.crc {
            return Err(BatchError::WrongCrc { expected: header.crc, found });
        }
        Ok(Self { header, bytes })
    }

    /// Joins a sealed header and its records; only for what this crate has just made.
    pub(crate) fn from_parts(header: BatchHeader, bytes: Bytes) -> Self {
        assert_eq!(header.size_bytes(), bytes.len(), "a batch is as long as its header says");
        Self { header, bytes }
    }

    /// What stands before the records.
    #[must_use]
    pub const fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The whole batch.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The whole batch, given away.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// This batch without its records: what compaction leaves of it where its offsets, or its producer's sequences,
    /// must stay known. Uncompressed, without a base timestamp and without a delete horizon.
    ///
    /// Source: KIP-98 (the last sequences of a producer outlive its records).
    #[must_use]
    pub fn emptied(&self) -> Self {
        let mut header = self.header.clone();
        header.attributes = header.attributes.with_codec(Codec::None).without_delete_horizon();
        header.batch_length = BATCH_LENGTH_MIN;
        header.base_timestamp = Timestamp::NONE;
        header.record_count = 0;
        let bytes = Bytes::copy_from_slice(&header.seal(&[]));
        Self::from_parts(header, bytes)
    }

    /// The records as they lie in the batch: compressed if it is. Shared, not copied.
    #[must_use]
    pub fn body(&self) -> Bytes {
        self.bytes.slice(BATCH_HEADER_BYTES..)
    }

    /// Size of the whole batch.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Walks the records: those of an uncompressed batch share its bytes, those of a compressed one
    /// share one buffer.
    ///
    /// # Errors
    /// If the records cannot be decompressed, or not within 64 MiB (and a ratio of 1,000 past
    /// 16 MiB). What is wrong with a single record comes from the iterator, which then ends.
    pub fn records(&self) -> Result<Records, BatchError> {
        let records = match self.header.codec()? {
            Codec::None => self.body(),
            codec @ (Codec::Gzip | Codec::Snappy | Codec::Lz4 | Codec::Zstd) => {
                Bytes::from(decompress(codec, &self.body(), DECOMPRESSED_BYTES_MAX)?)
            }
        };
        Ok(Records::new(&self.header, records))
    }
}

/// Walks the batches of one partition's record data without copying them.
///
/// A partial batch at the end ends the iteration without an error, as Kafka's clients do it: an
/// answer is cut at a byte count. Any other error is given once and then the iteration ends.
#[must_use]
pub fn batches(records: &Bytes) -> Batches {
    Batches { rest: records.clone() }
}

/// Iterator of [`batches`].
#[derive(Clone, Debug)]
pub struct Batches {
    rest: Bytes,
}

impl Batches {
    /// The bytes that were not yet given out: at the end of the iteration, a partial batch or what
    /// failed.
    #[must_use]
    pub const fn rest(&self) -> &Bytes {
        &self.rest
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match RecordBatch::parse(self.rest.clone()) {
            Ok(batch) => {
                self.rest = self.rest.split_off(batch.size_bytes());
                Some(Ok(batch))
            }
            Err(BatchError::Partial { .. }) => None,
            Err(error) => {
                self.rest.clear();
                Some(Err(error))
            }
        }
    }
}
