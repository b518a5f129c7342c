//! What happens to a client's batch before it is queued: framing, the one walk, and what the topic changes about it.

use bytes::Bytes;
use highwater_controller::config::{
    CompressionType, TimestampType as TopicTimestampType, TopicSettings,
};
use highwater_records::{
    BATCH_HEADER_BYTES, BatchError, BatchHeader, BatchRefusal, BatchRules, Codec, RecordBatch,
    Timestamp, TimestampType, compression, validate,
};
use highwater_storage::ValidatedBatch;

use crate::config::RecordLimits;

/// Bytes of a batch that its length field counts and that are no records.
const HEADER_BYTES_IN_LENGTH: usize = 49;

/// What the request and the moment say about a batch; the rest is the topic's configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IntakeRules<'a> {
    pub(crate) settings: &'a TopicSettings,
    pub(crate) now: Timestamp,
    /// Produce from version 7 on.
    pub(crate) zstd_allowed: bool,
    pub(crate) limits: RecordLimits,
}

/// Why a client's record bytes are not queued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IntakeRefusal {
    #[error("a produce request holds exactly one record batch per partition")]
    NotOneBatch,
    #[error("only record batches of magic 2 are taken")]
    UnsupportedMagic,
    #[error("the bytes are no record batch: {0}")]
    Malformed(BatchError),
    #[error("the record batch is corrupt: {0}")]
    Corrupt(BatchError),
    /// Nobody coordinates transactions here yet, so none can be open.
    #[error("the producer has no open transaction on this partition")]
    NoTransaction,
    #[error(transparent)]
    Batch(#[from] BatchRefusal),
}

/// Checks a client's batch and makes it what the topic stores.
///
/// The record bytes are not copied, unless the topic's `compression.type` asks for another codec than the batch has.
/// Errors: in Kafka's order: framing, CRC, then the walk over the records.
/// Source: `kafka-behaviour` 2.3.
pub(crate) fn take_in(
    records: Bytes,
    rules: &IntakeRules<'_>,
) -> Result<ValidatedBatch, IntakeRefusal> {
    let batch = check_framing(records, rules)?;
    if batch.header().is_transactional() {
        return Err(IntakeRefusal::NoTransaction);
    }
    let timestamp_type = match rules.settings.message_timestamp_type {
        TopicTimestampType::CreateTime => TimestampType::CreateTime,
        TopicTimestampType::LogAppendTime => TimestampType::LogAppendTime,
    };
    let max_message_bytes = usize::try_from(rules.settings.max_message_bytes).unwrap_or(0);
    let validated = validate(
        &batch,
        &BatchRules {
            now: rules.now,
            max_message_bytes,
            timestamp_type,
            timestamp_before_max_ms: rules.settings.message_timestamp_before_max_ms,
            timestamp_after_max_ms: rules.settings.message_timestamp_after_max_ms,
            keys_required: rules.settings.cleanup_policy.compact,
            zstd_allowed: rules.zstd_allowed,
            headers_max: rules.limits.headers_max,
            decompressed_bytes_max: rules.limits.decompressed_bytes_max,
        },
    )?;
    let mut header = batch.header().clone();
    let mut body = batch.body();
    let mut is_changed = false;
    if header.max_timestamp != validated.max_timestamp || header.timestamp_type() != timestamp_type
    {
        header.max_timestamp = validated.max_timestamp;
        header.attributes = header.attributes.with_timestamp_type(timestamp_type);
        is_changed = true;
    }
    if let Some(codec) = other_codec(rules.settings, &header)? {
        body = recompress(&mut header, &body, codec, rules)?;
        let size_bytes = header.size_bytes();
        if size_bytes > max_message_bytes {
            return Err(BatchRefusal::TooLarge { size_bytes, max_bytes: max_message_bytes }.into());
        }
        is_changed = true;
    }
    if is_changed {
        let _header_bytes: [u8; BATCH_HEADER_BYTES] = header.seal(&body);
    }
    Ok(ValidatedBatch { header, body })
}

/// Checks that the bytes are exactly one batch of a kind this version of the request may hold, then its CRC.
fn check_framing(records: Bytes, rules: &IntakeRules<'_>) -> Result<RecordBatch, IntakeRefusal> {
    let header = match BatchHeader::read(&records) {
        Ok(header) => header,
        Err(BatchError::Partial { .. }) => return Err(IntakeRefusal::NotOneBatch),
        Err(BatchError::UnsupportedMagic { .. }) => return Err(IntakeRefusal::UnsupportedMagic),
        Err(error) => return Err(IntakeRefusal::Malformed(error)),
    };
    if header.size_bytes() != records.len() {
        return Err(IntakeRefusal::NotOneBatch);
    }
    if !rules.zstd_allowed && header.codec() == Ok(Codec::Zstd) {
        let codec_id = Codec::Zstd.id();
        return Err(BatchRefusal::UnsupportedCompression { codec_id }.into());
    }
    RecordBatch::parse(records).map_err(IntakeRefusal::Corrupt)
}

/// The codec the topic wants, if the batch has another one.
fn other_codec(
    settings: &TopicSettings,
    header: &BatchHeader,
) -> Result<Option<Codec>, BatchRefusal> {
    let wanted = match settings.compression_type {
        CompressionType::Producer => return Ok(None),
        CompressionType::Uncompressed => Codec::None,
        CompressionType::Gzip => Codec::Gzip,
        CompressionType::Snappy => Codec::Snappy,
        CompressionType::Lz4 => Codec::Lz4,
        CompressionType::Zstd => Codec::Zstd,
    };
    let found = header.codec().map_err(|_| unsupported(header))?;
    Ok((wanted != found).then_some(wanted))
}

/// Compresses the records again; they stay what they are, byte for byte, as the walk found their offsets to be 0..n-1.
fn recompress(
    header: &mut BatchHeader,
    body: &Bytes,
    codec: Codec,
    rules: &IntakeRules<'_>,
) -> Result<Bytes, BatchRefusal> {
    let settings = rules.settings;
    let found = header.codec().map_err(|_| unsupported(header))?;
    let unreadable = |_| BatchRefusal::CorruptMessage { reason: "the records do not decompress" };
    let records = match found {
        Codec::None => body.clone(),
        Codec::Gzip | Codec::Snappy | Codec::Lz4 | Codec::Zstd => {
            let bytes_max = rules.limits.decompressed_bytes_max;
            let decompressed = compression::decompress(found, body, bytes_max);
            Bytes::from(decompressed.map_err(unreadable)?)
        }
    };
    let level = match codec {
        Codec::Gzip => settings.compression_gzip_level,
        Codec::Lz4 => settings.compression_lz4_level,
        Codec::Zstd => settings.compression_zstd_level,
        Codec::None | Codec::Snappy => 0,
    };
    let compressed = match codec {
        Codec::None => records,
        Codec::Gzip | Codec::Snappy | Codec::Lz4 | Codec::Zstd => {
            let compressed = compression::compress(codec, Some(level), &records)
                .map_err(|_| BatchRefusal::UnsupportedCompression { codec_id: codec.id() })?;
            Bytes::from(compressed)
        }
    };
    let length = i32::try_from(compressed.len().saturating_add(HEADER_BYTES_IN_LENGTH));
    header.batch_length = length.map_err(|_| BatchRefusal::TooLarge {
        size_bytes: compressed.len(),
        max_bytes: usize::try_from(settings.max_message_bytes).unwrap_or(0),
    })?;
    header.attributes = header.attributes.with_codec(codec);
    Ok(compressed)
}

fn unsupported(header: &BatchHeader) -> BatchRefusal {
    let codec_id = u8::try_from(header.attributes.value() & 7).expect("three bits");
    BatchRefusal::UnsupportedCompression { codec_id }
}

#[cfg(test)]
mod tests;
