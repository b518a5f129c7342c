//! Tables of what a client's bytes become.

use highwater_controller::config::CleanupPolicy;
use highwater_records::{BatchBuilder, Header, Offset, ProducerEpoch, ProducerId, Sequence};

use super::*;

const NOW: Timestamp = Timestamp::new(1_700_000_000_000);

const LIMITS: RecordLimits = RecordLimits { headers_max: 1000, decompressed_bytes_max: 64 << 20 };

fn builder(codec: Codec) -> BatchBuilder {
    let mut builder = BatchBuilder::new(codec);
    for number in 0..20_i64 {
        let value = format!("value {number}, much like the others");
        builder.append(NOW.saturating_plus_ms(number), Some(b"k"), Some(value.as_bytes()), &[]);
    }
    builder
}

fn settings() -> TopicSettings {
    TopicSettings::default()
}

fn take(records: Bytes, settings: &TopicSettings) -> Result<ValidatedBatch, IntakeRefusal> {
    take_in(records, &IntakeRules { settings, now: NOW, zstd_allowed: true, limits: LIMITS })
}

/// The batch as it will lie in the log, parsed again: its CRC must be right.
fn stored(batch: &ValidatedBatch) -> RecordBatch {
    let ValidatedBatch { header, body } = batch;
    RecordBatch::parse(Bytes::from([&header.write()[..], body].concat())).unwrap()
}

fn records(batch: &RecordBatch) -> Vec<highwater_records::Record> {
    batch.records().unwrap().map(Result::unwrap).collect()
}

#[test]
fn good_batch_is_stored_untouched_and_its_records_are_not_copied() {
    let batch = builder(Codec::Lz4).build();
    let intake = take(batch.bytes().clone(), &settings()).unwrap();
    assert_eq!(stored(&intake).bytes(), batch.bytes());
    assert_eq!(intake.body.as_ptr(), batch.body().as_ptr());
}

#[test]
fn bytes_that_are_not_exactly_one_batch_are_refused() {
    let one = builder(Codec::None).build().into_bytes();
    let two = Bytes::from([&one[..], &one[..]].concat());
    let cut = one.slice(..one.len() - 1);
    for bytes in [Bytes::new(), two, cut, one.slice(..60)] {
        assert_eq!(take(bytes, &settings()).unwrap_err(), IntakeRefusal::NotOneBatch);
    }
}

#[test]
fn configured_limits_of_records_are_those_that_count() {
    let batch = |headers: usize, value: &str| {
        let headers = vec![Header { key: Bytes::from_static(b"h"), value: None }; headers];
        let mut builder = BatchBuilder::new(Codec::Gzip);
        builder.append(NOW, Some(b"k"), Some(value.as_bytes()), &headers).build().into_bytes()
    };
    let limits = RecordLimits { headers_max: 2, decompressed_bytes_max: 10_000 };
    let settings = TopicSettings { compression_type: CompressionType::Lz4, ..settings() };
    let rules = IntakeRules { settings: &settings, now: NOW, zstd_allowed: true, limits };
    assert!(take_in(batch(2, "small"), &rules).is_ok());
    for bytes in [batch(3, "small"), batch(0, &"x".repeat(20_000))] {
        let refusal = take_in(bytes, &rules).unwrap_err();
        let invalid = matches!(refusal, IntakeRefusal::Batch(BatchRefusal::InvalidRecord { .. }));
        assert!(invalid, "{refusal:?}");
    }
}

#[test]
fn old_magic_and_wrong_crc_are_refused_each_in_its_way() {
    let batch = builder(Codec::None).build().into_bytes();
    let changed = |at: usize, byte: u8| {
        let mut bytes = batch.to_vec();
        bytes[at] = byte;
        take(Bytes::from(bytes), &settings()).unwrap_err()
    };
    assert_eq!(changed(16, 1), IntakeRefusal::UnsupportedMagic);
    assert!(matches!(changed(100, b'#'), IntakeRefusal::Corrupt(BatchError::WrongCrc { .. })));
}

#[test]
fn zstd_is_refused_in_versions_that_do_not_know_it() {
    let mut header = builder(Codec::None).build().header().clone();
    header.attributes = header.attributes.with_codec(Codec::Zstd);
    let body = builder(Codec::None).build().body();
    let bytes = Bytes::from([&header.seal(&body)[..], &body].concat());
    let settings = settings();
    let rules = IntakeRules { settings: &settings, now: NOW, zstd_allowed: false, limits: LIMITS };
    let refused = take_in(bytes, &rules).unwrap_err();
    let codec_id = Codec::Zstd.id();
    assert_eq!(refused, BatchRefusal::UnsupportedCompression { codec_id }.into());
}

#[test]
fn transactional_batch_is_refused_while_nobody_coordinates_transactions() {
    let mut builder = builder(Codec::None);
    builder.producer(ProducerId::new(1), ProducerEpoch::new(0), Sequence::new(0)).transactional();
    let refused = take(builder.build().into_bytes(), &settings()).unwrap_err();
    assert_eq!(refused, IntakeRefusal::NoTransaction);
}

#[test]
fn log_append_time_is_stamped_into_the_batch_and_told() {
    let settings =
        TopicSettings { message_timestamp_type: TopicTimestampType::LogAppendTime, ..settings() };
    for codec in [Codec::None, Codec::Gzip] {
        let intake = take(builder(codec).build().into_bytes(), &settings).unwrap();
        let batch = stored(&intake);
        assert_eq!(batch.header().timestamp_type(), TimestampType::LogAppendTime);
        assert!(records(&batch).iter().all(|record| record.timestamp == NOW));
    }
}

#[test]
fn wrong_maximum_timestamp_is_corrected() {
    let batch = builder(Codec::None).build();
    let mut header = batch.header().clone();
    header.max_timestamp = NOW.saturating_plus_ms(-5);
    let bytes = Bytes::from([&header.seal(&batch.body())[..], &batch.body()].concat());
    let intake = take(bytes, &settings()).unwrap();
    assert_eq!(stored(&intake).header().max_timestamp, NOW.saturating_plus_ms(19));
}

#[test]
fn batch_is_compressed_again_only_if_the_topic_names_another_codec() {
    let codecs = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4];
    let wanted = [
        (CompressionType::Producer, None),
        (CompressionType::Uncompressed, Some(Codec::None)),
        (CompressionType::Gzip, Some(Codec::Gzip)),
        (CompressionType::Snappy, Some(Codec::Snappy)),
        (CompressionType::Lz4, Some(Codec::Lz4)),
    ];
    for codec in codecs {
        for (compression_type, other) in wanted {
            let settings = TopicSettings { compression_type, ..settings() };
            let batch = builder(codec).build();
            let stored = stored(&take(batch.bytes().clone(), &settings).unwrap());
            assert_eq!(stored.header().codec(), Ok(other.unwrap_or(codec)));
            assert_eq!(records(&stored), records(&batch), "{codec:?} as {compression_type:?}");
            if other.is_none_or(|other| other == codec) {
                assert_eq!(stored.bytes(), batch.bytes());
            }
        }
    }
}

#[test]
fn batch_that_grows_above_the_limit_by_decompression_is_refused() {
    let batch = builder(Codec::Gzip).build();
    let settings = TopicSettings {
        compression_type: CompressionType::Uncompressed,
        max_message_bytes: i32::try_from(batch.size_bytes()).unwrap(),
        ..settings()
    };
    let refused = take(batch.into_bytes(), &settings).unwrap_err();
    assert!(matches!(refused, IntakeRefusal::Batch(BatchRefusal::TooLarge { .. })), "{refused}");
}

#[test]
fn topic_limits_are_enforced() {
    let batch = builder(Codec::None).build();
    let small = TopicSettings { max_message_bytes: 100, ..settings() };
    let refused = take(batch.bytes().clone(), &small).unwrap_err();
    assert!(matches!(refused, IntakeRefusal::Batch(BatchRefusal::TooLarge { .. })));

    let compacted = TopicSettings {
        cleanup_policy: CleanupPolicy { delete: false, compact: true },
        ..settings()
    };
    let mut keyless = BatchBuilder::new(Codec::None);
    keyless.append(NOW, Some(b"k"), None, &[]).append(NOW, None, Some(b"v"), &[]);
    let refused = take(keyless.build().into_bytes(), &compacted).unwrap_err();
    let IntakeRefusal::Batch(BatchRefusal::InvalidRecord { records, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(records.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1]);

    let old = TopicSettings { message_timestamp_before_max_ms: 1000, ..settings() };
    let mut ancient = BatchBuilder::new(Codec::None);
    ancient.append(NOW.saturating_plus_ms(-2000), None, None, &[]);
    let refused = take(ancient.build().into_bytes(), &old).unwrap_err();
    assert!(matches!(refused, IntakeRefusal::Batch(BatchRefusal::InvalidTimestamp { .. })));
}

#[test]
fn batch_that_claims_another_offset_than_zero_is_refused() {
    let mut builder = builder(Codec::None);
    builder.base_offset(Offset::new(5));
    let refused = take(builder.build().into_bytes(), &settings()).unwrap_err();
    assert!(matches!(refused, IntakeRefusal::Batch(BatchRefusal::InvalidRecord { .. })));
}
