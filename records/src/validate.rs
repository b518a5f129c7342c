//! The one walk over what a client sent, before it is appended.
//!
//! A batch with a good CRC and rubbish inside would poison every consumer and the cleaner, so the
//! leader walks all its records once: lengths, offsets, timestamps, keys and header counts. The
//! walk allocates nothing for an uncompressed batch and one block for a compressed one.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use crate::batch::RecordBatch;
use crate::compression::{Codec, CompressionError, DECOMPRESSED_BYTES_MAX};
use crate::cursor::{Blocks, Compressed, Cursor, Plain, Stop};
use crate::header::{BATCH_HEADER_BYTES, BatchHeader, TimestampType};
use crate::time::Timestamp;

/// Most headers of one record; past it the record is invalid.
pub const HEADERS_PER_RECORD_MAX: usize = 1_000;
/// Most records that a refusal names; more bad ones are refused without their names.
pub const NAMED_RECORDS_MAX: usize = 1_000;

/// What the topic and the request's version ask of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRules {
    /// The leader's wall clock.
    pub now: Timestamp,
    /// Most bytes of the whole batch (`max.message.bytes`).
    pub max_message_bytes: usize,
    /// Who sets the timestamps (`message.timestamp.type`).
    pub timestamp_type: TimestampType,
    /// How far back a timestamp may lie (`message.timestamp.before.max.ms`).
    pub timestamp_before_max_ms: i64,
    /// How far ahead a timestamp may lie (`message.timestamp.after.max.ms`).
    pub timestamp_after_max_ms: i64,
    /// Whether each record needs a key: the topic is compacted.
    pub keys_required: bool,
    /// Whether the request's version allows zstd.
    pub zstd_allowed: bool,
    /// Most headers of one record; past it the record is invalid.
    pub headers_max: usize,
    /// Most bytes of the records once decompressed; past it the batch is invalid.
    pub decompressed_bytes_max: usize,
}

impl Default for BatchRules {
    /// Kafka's defaults at time 0, and our limits.
    fn default() -> Self {
        Self {
            now: Timestamp::new(0),
            max_message_bytes: 1_048_588,
            timestamp_type: TimestampType::CreateTime,
            timestamp_before_max_ms: i64::MAX,
            timestamp_after_max_ms: 3_600_000,
            keys_required: false,
            zstd_allowed: true,
            headers_max: HEADERS_PER_RECORD_MAX,
            decompressed_bytes_max: DECOMPRESSED_BYTES_MAX,
        }
    }
}

/// What the walk found out about a good batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validated {
    /// The true greatest timestamp, or now with log append time. Where the header says otherwise,
    /// the caller sets it and seals the header again.
    pub max_timestamp: Timestamp,
    /// Distance from the base offset to the first record with that timestamp.
    pub offset_of_max_timestamp_delta: i32,
    /// Records in the batch, at least 1.
    pub record_count: i32,
}

/// Why a batch is not appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchRefusal {
    /// The records do not decompress.
    #[error("records do not decompress: {reason}")]
    CorruptMessage {
        /// What is wrong with them.
        reason: &'static str,
    },
    /// The batch is larger than the topic allows.
    #[error("batch of {size_bytes} bytes, at most {max_bytes} are allowed")]
    TooLarge {
        /// Its size.
        size_bytes: usize,
        /// The topic's limit.
        max_bytes: usize,
    },
    /// The batch or some records are not what the format and the topic ask.
    #[error("{reason}")]
    InvalidRecord {
        /// Which records, counted from 0, and why; empty if it is the batch as a whole.
        records: Vec<(i32, &'static str)>,
        /// The reason for all.
        reason: &'static str,
    },
    /// Some timestamps are not what the topic allows.
    #[error("{reason}")]
    InvalidTimestamp {
        /// Which records, counted from 0, and why; empty if it is the batch as a whole.
        records: Vec<(i32, &'static str)>,
        /// The reason for all.
        reason: &'static str,
    },
    /// The codec is unknown, not built in, or not for this version of the request.
    #[error("compression codec {codec_id} is not supported here")]
    UnsupportedCompression {
        /// The number in the attributes.
        codec_id: u8,
    },
}

/// Checks everything about a batch that a client sent.
///
/// Differs from Kafka: a batch with unused attribute bits or a delete horizon, one that says log
/// append time, one that is transactional without a producer id or has an id without an epoch, and
/// one whose offset deltas are not 0 to n-1 is refused (Kafka stores all but the last, which it
/// renumbers); no client makes them.
///
/// # Errors
/// What to answer; the batch must not be appended. Of several reasons the first in Kafka's order.
pub fn validate(batch: &RecordBatch, rules: &BatchRules) -> Result<Validated, BatchRefusal> {
    let header = batch.header();
    check_header(batch, rules)?;
    let codec_id = header.attributes.codec_id();
    let codec = match header.codec() {
        Ok(codec) if codec.is_supported() => codec,
        Ok(_) | Err(_) => return Err(BatchRefusal::UnsupportedCompression { codec_id }),
    };
    let body = batch.bytes().get(BATCH_HEADER_BYTES..).unwrap_or_default();
    match codec {
        Codec::None => walk(Plain::new(body), header, rules),
        Codec::Zstd if !rules.zstd_allowed => {
            Err(BatchRefusal::UnsupportedCompression { codec_id })
        }
        Codec::Gzip | Codec::Snappy | Codec::Lz4 | Codec::Zstd => {
            let mut blocks = Compressed::new(codec, body, rules.decompressed_bytes_max)?;
            let validated = walk(&mut blocks, header, rules);
            blocks.keep_memory();
            validated
        }
    }
}

/// What can be said without looking at the records.
fn check_header(batch: &RecordBatch, rules: &BatchRules) -> Result<(), BatchRefusal> {
    let header = batch.header();
    if header.base_offset.value() != 0 {
        return Err(invalid_batch("base offset of a produced batch is not 0"));
    }
    if batch.size_bytes() > rules.max_message_bytes {
        let (size_bytes, max_bytes) = (batch.size_bytes(), rules.max_message_bytes);
        return Err(BatchRefusal::TooLarge { size_bytes, max_bytes });
    }
    if header.record_count <= 0 {
        return Err(invalid_batch("batch has no records"));
    }
    if header.last_offset_delta.checked_add(1) != Some(header.record_count) {
        return Err(invalid_batch("record count does not match the last offset delta"));
    }
    if header.is_control() {
        return Err(invalid_batch("clients may not write control batches"));
    }
    if header.has_producer_id() && header.base_sequence.is_none() {
        return Err(invalid_batch("batch with a producer id has no base sequence"));
    }
    if header.has_producer_id() && header.producer_epoch.is_none() {
        return Err(invalid_batch("batch with a producer id has no producer epoch"));
    }
    if header.is_transactional() && !header.has_producer_id() {
        return Err(invalid_batch("transactional batch has no producer id"));
    }
    if header.attributes.has_delete_horizon() || header.attributes.has_unused_bits() {
        return Err(invalid_batch("batch has attributes that producers may not set"));
    }
    match header.timestamp_type() {
        TimestampType::CreateTime => Ok(()),
        TimestampType::LogAppendTime => Err(BatchRefusal::InvalidTimestamp {
            records: Vec::new(),
            reason: "producers may not set log append time",
        }),
    }
}

fn invalid_batch(reason: &'static str) -> BatchRefusal {
    BatchRefusal::InvalidRecord { records: Vec::new(), reason }
}

/// Walks all records; stops at the first whose bytes make no sense, and collects those that only
/// break a rule.
fn walk<B: Blocks>(
    blocks: B,
    header: &BatchHeader,
    rules: &BatchRules,
) -> Result<Validated, BatchRefusal> {
    let mut cursor = Cursor::new(blocks);
    let mut times = Times::new(header, rules);
    let mut bad = BadRecords::default();
    for index in 0..header.record_count {
        let facts = match cursor.whole_record(index) {
            Some(facts) => facts,
            None => cursor.record(index).map_err(|stop| stop.refusal(index))?,
        };
        if facts.header_count > rules.headers_max {
            bad.note(index, "too many headers");
        }
        if rules.keys_required && !facts.has_key {
            bad.note(index, "compacted topic needs a key in every record");
        }
        match times.record(index, facts.timestamp_delta) {
            Ok(()) => {}
            Err(BadTime::OutOfRange) => bad.note_timestamp(index, "timestamp out of range"),
            Err(BadTime::Unrepresentable) => {
                return Err(Stop::Invalid("timestamp overflows").refusal(index));
            }
        }
    }
    if !cursor.is_at_end().map_err(|stop| stop.refusal(header.record_count))? {
        return Err(invalid_batch("bytes left after the last record"));
    }
    bad.into_result()?;
    let (max_timestamp, offset_of_max_timestamp_delta) = match rules.timestamp_type {
        TimestampType::CreateTime => (Timestamp::new(times.max_timestamp), times.index_of_max),
        TimestampType::LogAppendTime => (rules.now, 0),
    };
    let record_count = header.record_count;
    Ok(Validated { max_timestamp, offset_of_max_timestamp_delta, record_count })
}

/// The timestamps of a batch: which are allowed, and which is the greatest.
struct Times {
    base_timestamp: i64,
    earliest: i64,
    latest: i64,
    max_timestamp: i64,
    index_of_max: i32,
}

enum BadTime {
    OutOfRange,
    Unrepresentable,
}

impl Times {
    fn new(header: &BatchHeader, rules: &BatchRules) -> Self {
        let (earliest, latest) = match rules.timestamp_type {
            TimestampType::CreateTime => (
                rules.now.value().saturating_sub(rules.timestamp_before_max_ms),
                rules.now.value().saturating_add(rules.timestamp_after_max_ms),
            ),
            // What producers say does not count.
            TimestampType::LogAppendTime => (i64::MIN, i64::MAX),
        };
        Self {
            base_timestamp: header.base_timestamp.value(),
            earliest,
            latest,
            max_timestamp: i64::MIN,
            index_of_max: 0,
        }
    }

    #[inline]
    fn record(&mut self, index: i32, delta: i64) -> Result<(), BadTime> {
        let timestamp = self.base_timestamp.checked_add(delta).ok_or(BadTime::Unrepresentable)?;
        if timestamp > self.max_timestamp {
            self.max_timestamp = timestamp;
            self.index_of_max = index;
        }
        let is_in_range = self.earliest <= timestamp && timestamp <= self.latest;
        if is_in_range || Timestamp::new(timestamp).is_none() {
            Ok(())
        } else {
            Err(BadTime::OutOfRange)
        }
    }
}

/// Records that break a rule, each with the first reason.
#[derive(Default)]
struct BadRecords {
    records: Vec<(i32, &'static str)>,
    has_bad_timestamp: bool,
}

impl BadRecords {
    #[cold]
    fn note(&mut self, index: i32, reason: &'static str) {
        let is_noted = self.records.last().is_some_and(|&(last, _)| last == index);
        if !is_noted && self.records.len() < NAMED_RECORDS_MAX {
            self.records.push((index, reason));
        }
    }

    #[cold]
    fn note_timestamp(&mut self, index: i32, reason: &'static str) {
        self.has_bad_timestamp = true;
        self.note(index, reason);
    }

    fn into_result(self) -> Result<(), BatchRefusal> {
        let records = self.records;
        if self.has_bad_timestamp {
            let reason = "a timestamp is out of the topic's range";
            Err(BatchRefusal::InvalidTimestamp { records, reason })
        } else if records.is_empty() {
            Ok(())
        } else {
            Err(BatchRefusal::InvalidRecord { records, reason: "one or more records are invalid" })
        }
    }
}

impl Stop {
    #[cold]
    fn refusal(self, index: i32) -> BatchRefusal {
        match self {
            Self::Invalid(reason) => {
                BatchRefusal::InvalidRecord { records: vec![(index, reason)], reason }
            }
            Self::Decompression(error) => error.into(),
        }
    }
}

impl From<CompressionError> for BatchRefusal {
    fn from(error: CompressionError) -> Self {
        match error {
            CompressionError::Corrupt { reason, .. } => Self::CorruptMessage { reason },
            CompressionError::TooLarge { .. } => {
                invalid_batch("records are too large once decompressed")
            }
            CompressionError::Unsupported { codec } => {
                Self::UnsupportedCompression { codec_id: codec.id() }
            }
        }
    }
}
