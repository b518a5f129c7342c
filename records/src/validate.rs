//! The one walk over what a client sent, before it is appended.
//!
//! A batch with a good CRC and rubbish inside would poison every consumer and the cleaner, so the
//! leader walks all its records once: lengths, offsets, timestamps, keys and header counts. The
//! walk allocates nothing for an uncompressed batch and one block for a compressed one.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use std::cell::Cell;

use crate::batch::RecordBatch;
use crate::compression::{Codec, CompressionError, DECOMPRESSED_BYTES_MAX, Decompressor, Output};
use crate::header::{BATCH_HEADER_BYTES, BatchHeader, TimestampType};
use crate::time::Timestamp;
use crate::varint::{CUT_OFF, Raw, read_raw, unzigzag_32, unzigzag_64};

/// Most headers of one record; past it the record is invalid.
pub const HEADERS_PER_RECORD_MAX: usize = 1_000;
/// Most records that a refusal names; more bad ones are refused without their names.
pub const NAMED_RECORDS_MAX: usize = 1_000;
/// Largest block that a thread keeps for its next compressed batch.
const SPARE_BLOCK_BYTES_MAX: usize = 256 << 10;

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
/// Differs from Kafka: a batch with unused attribute bits or a delete horizon, one that is
/// transactional without a producer id, and one whose offset deltas are not 0 to n-1 is refused as
/// an invalid record (Kafka stores the first two and renumbers the last); no client makes them.
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
        Codec::None => walk(Plain { records: body }, header, rules),
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
    let mut cursor = Cursor { blocks, at: 0, before: 0 };
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

/// Why the walk cannot go on.
enum Stop {
    Invalid(&'static str),
    Decompression(CompressionError),
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

/// Record bytes that come in pieces; records may lie across them.
trait Blocks {
    fn current(&self) -> &[u8];
    /// Replaces the current piece by the next, or says that there is none.
    fn refill(&mut self) -> Result<bool, CompressionError>;
}

/// Uncompressed: one piece, not copied.
struct Plain<'a> {
    records: &'a [u8],
}

impl Blocks for Plain<'_> {
    #[inline]
    fn current(&self) -> &[u8] {
        self.records
    }

    fn refill(&mut self) -> Result<bool, CompressionError> {
        Ok(false)
    }
}

thread_local! {
    /// What a block was decompressed into, for the next batch.
    static SPARE_BLOCK: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Compressed: one block at a time, so that a batch needs no more memory than its largest block.
struct Compressed<'a> {
    decompressor: Decompressor<'a>,
    block: Output,
}

impl<'a> Compressed<'a> {
    fn new(codec: Codec, body: &'a [u8], max_bytes: usize) -> Result<Self, BatchRefusal> {
        let decompressor = Decompressor::new(codec, body, max_bytes)?;
        Ok(Self { decompressor, block: Output::reusing(SPARE_BLOCK.take()) })
    }

    fn keep_memory(self) {
        let memory = self.block.into_memory();
        if memory.capacity() <= SPARE_BLOCK_BYTES_MAX {
            SPARE_BLOCK.set(memory);
        }
    }
}

impl Blocks for &mut Compressed<'_> {
    #[inline]
    fn current(&self) -> &[u8] {
        self.block.filled()
    }

    fn refill(&mut self) -> Result<bool, CompressionError> {
        self.block.clear();
        self.decompressor.produce(&mut self.block)
    }
}

/// What the walk needs to know of a record.
struct RecordFacts {
    timestamp_delta: i64,
    has_key: bool,
    header_count: usize,
}

/// A position in record bytes.
struct Cursor<B> {
    blocks: B,
    /// Position in the current piece.
    at: usize,
    /// Bytes of the pieces before it.
    before: u64,
}

impl<B: Blocks> Cursor<B> {
    /// Takes a good record that lies whole in the current piece, which nearly all do. Everything
    /// else, also what is wrong with a record, is left to [`Cursor::record`].
    #[inline]
    fn whole_record(&mut self, index: i32) -> Option<RecordFacts> {
        let piece = self.blocks.current();
        let (length, rest) = split_varint::<32>(piece.get(self.at..)?)?;
        let length = usize::try_from(unzigzag_32(length)).ok()?;
        let (record, after) = rest.split_at_checked(length)?;
        let (_attributes, rest) = record.split_first()?;
        let (timestamp_delta, rest) = split_varint::<64>(rest)?;
        let (offset_delta, rest) = split_varint::<32>(rest)?;
        if unzigzag_32(offset_delta) != index {
            return None;
        }
        let (has_key, rest) = split_nullable(rest)?;
        let (_has_value, rest) = split_nullable(rest)?;
        let (header_count, mut rest) = split_varint::<32>(rest)?;
        let header_count = usize::try_from(unzigzag_32(header_count)).ok()?;
        for _ in 0..header_count {
            let (true, after_key) = split_nullable(rest)? else { return None };
            (_, rest) = split_nullable(after_key)?;
        }
        if !rest.is_empty() {
            return None;
        }
        self.at = piece.len().saturating_sub(after.len());
        let timestamp_delta = unzigzag_64(timestamp_delta);
        Some(RecordFacts { timestamp_delta, has_key, header_count })
    }

    /// Takes a record wherever it lies, or says what is wrong with it.
    #[cold]
    fn record(&mut self, index: i32) -> Result<RecordFacts, Stop> {
        let length = self.length()?;
        let end = self.position().saturating_add(length);
        self.skip(1)?; // attributes, unused
        let timestamp_delta = self.varlong()?;
        if self.varint()? != index {
            return Err(Stop::Invalid("offset deltas are not consecutive from 0"));
        }
        let has_key = self.skip_nullable()?;
        self.skip_nullable()?;
        let header_count = self.varint()?;
        let header_count =
            usize::try_from(header_count).map_err(|_| Stop::Invalid("negative header count"))?;
        for _ in 0..header_count {
            let key_length = self.length()?;
            self.skip(key_length)?;
            self.skip_nullable()?;
        }
        if self.position() != end {
            return Err(Stop::Invalid("fields do not fill the record"));
        }
        Ok(RecordFacts { timestamp_delta, has_key, header_count })
    }

    fn position(&self) -> u64 {
        self.before.saturating_add(self.at as u64)
    }

    fn varint(&mut self) -> Result<i32, Stop> {
        self.raw::<32>().map(unzigzag_32)
    }

    fn varlong(&mut self) -> Result<i64, Stop> {
        self.raw::<64>().map(unzigzag_64)
    }

    fn raw<const BITS: u32>(&mut self) -> Result<u64, Stop> {
        let mut raw = Raw::<BITS>::default();
        loop {
            if let Some(&byte) = self.blocks.current().get(self.at) {
                self.at = self.at.saturating_add(1);
                if raw.push(byte).map_err(Stop::Invalid)? {
                    return Ok(raw.value);
                }
            } else if !self.next_block()? {
                return Err(Stop::Invalid(CUT_OFF));
            }
        }
    }

    /// A length that may not be null.
    fn length(&mut self) -> Result<u64, Stop> {
        u64::try_from(self.varint()?).map_err(|_| Stop::Invalid("negative length"))
    }

    /// Passes a field that may be null; says whether it was there.
    fn skip_nullable(&mut self) -> Result<bool, Stop> {
        match self.varint()? {
            -1 => Ok(false),
            length => {
                let length = u64::try_from(length).map_err(|_| Stop::Invalid("negative length"))?;
                self.skip(length)?;
                Ok(true)
            }
        }
    }

    fn skip(&mut self, count: u64) -> Result<(), Stop> {
        let mut left = count;
        loop {
            let here = self.blocks.current().len().saturating_sub(self.at);
            let step = usize::try_from(left).unwrap_or(usize::MAX).min(here);
            self.at = self.at.saturating_add(step);
            left = left.saturating_sub(step as u64);
            if left == 0 {
                return Ok(());
            }
            if !self.next_block()? {
                return Err(Stop::Invalid("longer than the batch"));
            }
        }
    }

    fn is_at_end(&mut self) -> Result<bool, Stop> {
        loop {
            if self.at < self.blocks.current().len() {
                return Ok(false);
            }
            if !self.next_block()? {
                return Ok(true);
            }
        }
    }

    /// Goes on to the next piece once the current one is used up.
    fn next_block(&mut self) -> Result<bool, Stop> {
        let passed = self.blocks.current().len() as u64;
        let more = self.blocks.refill().map_err(Stop::Decompression)?;
        if more {
            self.before = self.before.saturating_add(passed);
            self.at = 0;
        }
        Ok(more)
    }
}

#[inline]
fn split_varint<const BITS: u32>(bytes: &[u8]) -> Option<(u64, &[u8])> {
    match bytes {
        [first @ ..0x80, rest @ ..] => Some((u64::from(*first), rest)),
        [first, second @ ..0x80, rest @ ..] => {
            Some((u64::from(*first & 0x7f) | u64::from(*second) << 7, rest))
        }
        [first, second, third @ ..0x80, rest @ ..] => {
            let low = u64::from(*first & 0x7f) | u64::from(*second & 0x7f) << 7;
            Some((low | u64::from(*third) << 14, rest))
        }
        longer => {
            let (raw, used) = read_raw::<BITS>(longer).ok()?;
            Some((raw, longer.get(used..)?))
        }
    }
}

/// Passes a field that may be null; says whether it was there.
#[inline]
fn split_nullable(bytes: &[u8]) -> Option<(bool, &[u8])> {
    let (length, rest) = split_varint::<32>(bytes)?;
    match unzigzag_32(length) {
        -1 => Some((false, rest)),
        length => Some((true, rest.get(usize::try_from(length).ok()?..)?)),
    }
}
