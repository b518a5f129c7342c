//! What must hold of a record batch and its codecs, whatever bytes come.

use bytes::Bytes;
use highwater_records::compression::{compress, decompress};
use highwater_records::{
    Attributes, BATCH_HEADER_BYTES, BATCH_LENGTH_MIN, BATCH_MAGIC, BatchHeader, BatchRefusal,
    BatchRules, Codec, CompressionError, LeaderEpoch, Offset, ProducerEpoch, ProducerId,
    RecordBatch, Sequence, Timestamp, batches, validate,
};

/// Small, so that a target spends its time on bytes and not on moving zeros.
const OUTPUT_BYTES_MAX: usize = 1 << 20;

/// Bytes as a client might send them: walked as batches, then taken as the inside of a batch whose
/// header and CRC are right, which random bytes would hardly ever get past.
pub fn batch(data: &[u8]) {
    for batch in batches(&Bytes::copy_from_slice(data)).flatten() {
        check_batch(&batch);
    }
    if let Some(([attributes, high, low], body)) = data.split_first_chunk() {
        let count = i32::from(u16::from_be_bytes([*high, *low]));
        check_batch(&sealed(i16::from(*attributes), count, body));
    }
}

pub fn gzip(data: &[u8]) {
    check_codec(Codec::Gzip, data);
}

pub fn snappy(data: &[u8]) {
    check_codec(Codec::Snappy, data);
}

pub fn lz4(data: &[u8]) {
    check_codec(Codec::Lz4, data);
}

pub fn zstd(data: &[u8]) {
    check_codec(Codec::Zstd, data);
}

/// Output stays within the limit, and what we compress comes back. Compressing is slow, so only one
/// input in eight is.
fn check_codec(codec: Codec, data: &[u8]) {
    match decompress(codec, data, OUTPUT_BYTES_MAX) {
        Ok(output) => assert!(output.len() <= OUTPUT_BYTES_MAX),
        Err(CompressionError::Unsupported { .. }) => return,
        Err(CompressionError::Corrupt { .. } | CompressionError::TooLarge { .. }) => {}
    }
    if data.last().is_some_and(|last| last % 8 != 0) {
        return;
    }
    let compressed = compress(codec, Some(1), data).expect("compressing takes any bytes");
    let back = decompress(codec, &compressed, data.len()).expect("our own output is good");
    assert_eq!(back, data);
}

/// A batch is refused, or all of it can be read and is what the walk said.
fn check_batch(batch: &RecordBatch) {
    assert_eq!(batch.header().write(), batch.bytes()[..BATCH_HEADER_BYTES]);
    assert_eq!(batch.header().size_bytes(), batch.bytes().len());
    let rules = BatchRules {
        max_message_bytes: usize::MAX,
        timestamp_after_max_ms: i64::MAX,
        decompressed_bytes_max: OUTPUT_BYTES_MAX,
        ..BatchRules::default()
    };
    let read = batch.records().map(|records| records.collect::<Vec<_>>());
    match validate(batch, &rules) {
        Ok(validated) => {
            let records: Vec<_> = read
                .expect("a good batch decompresses")
                .into_iter()
                .map(|record| record.expect("a good batch has only good records"))
                .collect();
            assert_eq!(records.len(), usize::try_from(validated.record_count).unwrap());
            assert!((0..).zip(&records).all(|(at, record)| record.offset == Offset::new(at)));
            let greatest = records.iter().map(|record| record.timestamp).max().unwrap();
            assert_eq!(greatest, validated.max_timestamp);
            let delta = usize::try_from(validated.offset_of_max_timestamp_delta).unwrap();
            assert_eq!(records[delta].timestamp, greatest);
        }
        Err(refusal) => check_refusal(batch, &refusal),
    }
}

fn check_refusal(batch: &RecordBatch, refusal: &BatchRefusal) {
    if let BatchRefusal::InvalidRecord { records, .. }
    | BatchRefusal::InvalidTimestamp { records, .. } = refusal
    {
        // What it names are records of this batch, each once and in order.
        assert!(records.is_sorted_by(|a, b| a.0 < b.0));
        assert!(records.iter().all(|&(at, _)| (0..=batch.header().record_count).contains(&at)));
    }
}

fn sealed(attributes: i16, record_count: i32, body: &[u8]) -> RecordBatch {
    let mut header = BatchHeader {
        base_offset: Offset::ZERO,
        batch_length: BATCH_LENGTH_MIN + i32::try_from(body.len()).expect("inputs are small"),
        partition_leader_epoch: LeaderEpoch::NONE,
        magic: BATCH_MAGIC,
        crc: 0,
        attributes: Attributes::new(attributes),
        last_offset_delta: (record_count - 1).max(0),
        base_timestamp: Timestamp::new(1_700_000_000_000),
        max_timestamp: Timestamp::new(1_700_000_000_000),
        producer_id: ProducerId::NONE,
        producer_epoch: ProducerEpoch::NONE,
        base_sequence: Sequence::NONE,
        record_count,
    };
    let bytes = [header.seal(body).as_slice(), body].concat();
    RecordBatch::parse(Bytes::from(bytes)).expect("the header is right")
}
