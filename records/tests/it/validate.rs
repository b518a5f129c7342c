//! What a leader takes from clients and what it refuses.

use bytes::Bytes;
use highwater_records::{
    BatchBuilder, BatchRefusal, BatchRules, Codec, Header, ProducerEpoch, ProducerId, RecordBatch,
    Sequence, Timestamp, TimestampType, Validated, validate,
};

use crate::sample::{TIME, reseal, supported, text, three, with_byte};

fn rules() -> BatchRules {
    BatchRules { now: Timestamp::new(TIME), ..BatchRules::default() }
}

fn parse(bytes: Vec<u8>) -> RecordBatch {
    RecordBatch::parse(Bytes::from(bytes)).unwrap()
}

/// The batch as a whole is refused as invalid.
fn check_invalid_batch(bytes: Vec<u8>, reason_part: &str) {
    match validate(&parse(bytes), &rules()) {
        Err(BatchRefusal::InvalidRecord { records, reason }) => {
            assert!(records.is_empty(), "{records:?}");
            assert!(reason.contains(reason_part), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

/// A batch with these records' bytes is refused at that record.
fn check_invalid_record(record_count: u8, records: &[u8], index: i32, reason_part: &str) {
    let template = three(Codec::None).build();
    let mut bytes = template.bytes()[..61].to_vec();
    bytes[26] = record_count - 1;
    bytes[60] = record_count;
    bytes.extend(records);
    match validate(&parse(reseal(bytes)), &rules()) {
        Err(BatchRefusal::InvalidRecord { records, reason }) => {
            assert_eq!(records, [(index, reason)]);
            assert!(reason.contains(reason_part), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn good_batch_is_taken_with_every_codec() {
    for codec in supported() {
        let expected = Validated {
            max_timestamp: Timestamp::new(TIME + 7),
            offset_of_max_timestamp_delta: 1,
            record_count: 3,
        };
        assert_eq!(validate(&three(codec).build(), &rules()), Ok(expected), "{codec}");
    }
}

#[test]
fn true_maximum_timestamp_is_found_when_the_header_lies() {
    let mut bytes = three(Codec::Lz4).build().bytes().to_vec();
    bytes[35..43].copy_from_slice(&i64::MAX.to_be_bytes());
    let validated = validate(&parse(reseal(bytes)), &rules()).unwrap();
    assert_eq!(validated.max_timestamp, Timestamp::new(TIME + 7));
}

#[test]
fn header_that_a_producer_may_not_send_is_refused() {
    let batch = three(Codec::None).build();
    check_invalid_batch(with_byte(&batch, 7, 1), "base offset");
    check_invalid_batch(with_byte(&batch, 60, 2), "record count");
    check_invalid_batch(with_byte(&batch, 26, 3), "record count");
    check_invalid_batch(with_byte(&batch, 22, 0x20), "control");
    check_invalid_batch(with_byte(&batch, 22, 0x10), "no producer id");
    check_invalid_batch(with_byte(&batch, 22, 0x40), "attributes");
    check_invalid_batch(with_byte(&batch, 21, 0x80), "attributes");
    let mut empty = batch.bytes()[..61].to_vec();
    empty[60] = 0;
    check_invalid_batch(reseal(empty), "no records");
    let no_sequence = three(Codec::None)
        .producer(ProducerId::new(1), ProducerEpoch::ZERO, Sequence::NONE)
        .build();
    check_invalid_batch(no_sequence.bytes().to_vec(), "base sequence");
}

#[test]
fn log_append_time_from_a_producer_is_an_invalid_timestamp() {
    let batch = parse(with_byte(&three(Codec::None).build(), 22, 0x08));
    let refusal = validate(&batch, &rules()).unwrap_err();
    assert!(
        matches!(refusal, BatchRefusal::InvalidTimestamp { records, .. } if records.is_empty())
    );
}

#[test]
fn size_limit_counts_the_whole_batch() {
    let batch = three(Codec::None).build();
    let size_bytes = batch.size_bytes();
    let exact = BatchRules { max_message_bytes: size_bytes, ..rules() };
    assert!(validate(&batch, &exact).is_ok());
    let less = BatchRules { max_message_bytes: size_bytes - 1, ..rules() };
    let refusal = BatchRefusal::TooLarge { size_bytes, max_bytes: size_bytes - 1 };
    assert_eq!(validate(&batch, &less), Err(refusal));
}

#[test]
fn records_whose_bytes_make_no_sense_are_refused() {
    let good = [0x0e, 0, 0, 0, 0x02, b'k', 0x00, 0x00];
    check_invalid_record(2, &good, 1, "cut off");
    check_invalid_record(1, &[0x01, 0, 0, 0, 1, 1, 0], 0, "negative length");
    check_invalid_record(1, &[0x10, 0, 0, 0, 0x02, b'k', 0x00, 0x00], 0, "fill the record");
    check_invalid_record(1, &[0x0c, 0, 0, 0, 0x02, b'k', 0x00, 0x00], 0, "fill the record");
    check_invalid_record(1, &[0x0e, 0, 0, 0, 0x03, b'k', 0x00, 0x00], 0, "negative length");
    check_invalid_record(1, &[0x0e, 0, 0, 0, 0x02, b'k', 0x7e, 0x00], 0, "longer than the batch");
    check_invalid_record(1, &[0x0e, 0, 0, 2, 0x02, b'k', 0x00, 0x00], 0, "offset deltas");
    check_invalid_record(1, &[0x0c, 0, 0, 0, 0x01, 0x01, 0x01], 0, "negative header count");
    check_invalid_record(1, &[0x10, 0, 0, 0, 0x01, 0x01, 0x02, 0x01, 0x01], 0, "negative length");
    check_invalid_record(1, &[0xff; 12], 0, "varint");
    let twice = [good, good].concat();
    check_invalid_record(2, &twice, 1, "offset deltas");
    let overflowing =
        [0x1e, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0, 1, 1, 0];
    check_invalid_record(1, &overflowing, 0, "overflows");
}

#[test]
fn bytes_after_the_last_record_are_refused_with_every_codec() {
    for codec in supported() {
        let mut batch = three(codec).build().bytes().to_vec();
        // The header says two, the records are three.
        batch[26] = 1;
        batch[60] = 2;
        check_invalid_batch(reseal(batch), "bytes left");
    }
}

#[test]
fn null_keys_in_a_compacted_topic_are_named() {
    let batch = BatchBuilder::new(Codec::Gzip)
        .append(Timestamp::new(TIME), None, Some(b"1"), &[])
        .append(Timestamp::new(TIME), Some(b""), Some(b"2"), &[])
        .append(Timestamp::new(TIME), None, Some(b"3"), &[])
        .build();
    assert!(validate(&batch, &rules()).is_ok());
    let compacted = BatchRules { keys_required: true, ..rules() };
    match validate(&batch, &compacted) {
        Err(BatchRefusal::InvalidRecord { records, .. }) => {
            assert_eq!(records.iter().map(|bad| bad.0).collect::<Vec<_>>(), [0, 2]);
        }
        other => panic!("{other:?}"),
    }
}

fn timed(times: &[i64]) -> RecordBatch {
    let mut builder = BatchBuilder::new(Codec::None);
    for &time in times {
        builder.append(Timestamp::new(time), None, None, &[]);
    }
    builder.build()
}

#[test]
fn timestamps_out_of_range_are_named_and_win_over_other_reasons() {
    let narrow = BatchRules {
        timestamp_before_max_ms: 10,
        timestamp_after_max_ms: 20,
        keys_required: true,
        ..rules()
    };
    match validate(&timed(&[TIME - 10, TIME - 11, TIME + 20, TIME + 21, -1]), &narrow) {
        Err(BatchRefusal::InvalidTimestamp { records, .. }) => {
            let named: Vec<_> = records.iter().map(|bad| bad.0).collect();
            assert_eq!(named, [0, 1, 2, 3, 4]);
        }
        other => panic!("{other:?}"),
    }
    let keys_optional = BatchRules { keys_required: false, ..narrow };
    match validate(&timed(&[TIME - 10, TIME - 11, TIME + 20, TIME + 21, -1]), &keys_optional) {
        Err(BatchRefusal::InvalidTimestamp { records, .. }) => {
            assert_eq!(records.iter().map(|bad| bad.0).collect::<Vec<_>>(), [1, 3]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn record_without_time_is_taken_and_an_hour_ahead_is_the_default_limit() {
    let validated = validate(&timed(&[-1, -1]), &rules()).unwrap();
    assert_eq!(validated.max_timestamp, Timestamp::NONE);
    assert!(validate(&timed(&[TIME + 3_600_000]), &rules()).is_ok());
    assert!(validate(&timed(&[TIME + 3_600_001]), &rules()).is_err());
    assert!(validate(&timed(&[0]), &rules()).is_ok());
}

#[test]
fn log_append_time_topic_takes_any_time_and_sets_its_own() {
    let appending = BatchRules { timestamp_type: TimestampType::LogAppendTime, ..rules() };
    let validated = validate(&timed(&[TIME + 9_999_999, 5]), &appending).unwrap();
    assert_eq!(validated.max_timestamp, Timestamp::new(TIME));
    assert_eq!(validated.offset_of_max_timestamp_delta, 0);
}

#[test]
fn headers_up_to_the_limit_are_taken() {
    let headers = |count| vec![Header::new("name", "value"); count];
    let batch = |count| {
        BatchBuilder::new(Codec::None).append(Timestamp::NONE, None, None, &headers(count)).build()
    };
    assert!(validate(&batch(1_000), &rules()).is_ok());
    let refusal = validate(&batch(1_001), &rules()).unwrap_err();
    assert!(matches!(refusal, BatchRefusal::InvalidRecord { records, .. } if records[0].0 == 0));
}

#[test]
fn refusal_names_no_more_than_a_thousand_records() {
    let batch = timed(&vec![i64::MAX - 5; 3_000]);
    match validate(&batch, &rules()) {
        Err(BatchRefusal::InvalidTimestamp { records, .. }) => assert_eq!(records.len(), 1_000),
        other => panic!("{other:?}"),
    }
}

#[test]
fn codec_that_is_not_allowed_or_not_known_is_refused() {
    for codec_id in [5, 6, 7] {
        let batch = parse(with_byte(&three(Codec::None).build(), 22, codec_id));
        let refusal = BatchRefusal::UnsupportedCompression { codec_id };
        assert_eq!(validate(&batch, &rules()), Err(refusal));
    }
    let zstd = parse(with_byte(&three(Codec::None).build(), 22, 4));
    let older = BatchRules { zstd_allowed: false, ..rules() };
    let refusal = BatchRefusal::UnsupportedCompression { codec_id: 4 };
    assert_eq!(validate(&zstd, &older), Err(refusal));
}

#[test]
fn records_that_do_not_decompress_are_corrupt() {
    for codec in supported().filter(|&codec| codec != Codec::None) {
        let rubbish = parse(with_byte(&three(Codec::None).build(), 22, codec.id()));
        let refusal = validate(&rubbish, &rules()).unwrap_err();
        assert!(matches!(refusal, BatchRefusal::CorruptMessage { .. }), "{codec}: {refusal:?}");
    }
}

#[test]
fn kafka_sized_record_of_equal_bytes_is_taken_and_a_bomb_is_not() {
    for codec in supported().filter(|&codec| codec != Codec::None) {
        let large = |bytes: usize| {
            BatchBuilder::new(codec)
                .append(Timestamp::NONE, None, Some(&vec![0; bytes]), &[])
                .build()
        };
        assert!(validate(&large(900_000), &rules()).is_ok(), "{codec}");
        let small_limit = BatchRules { decompressed_bytes_max: 900_000, ..rules() };
        match validate(&large(900_000), &small_limit) {
            Err(BatchRefusal::InvalidRecord { reason, .. }) => {
                assert!(reason.contains("decompressed"), "{codec}: {reason}");
            }
            other => panic!("{codec}: {other:?}"),
        }
    }
}

#[test]
fn record_across_many_blocks_is_walked() {
    for codec in supported() {
        let mut builder = BatchBuilder::new(codec);
        for at in 0..9 {
            let key = [b'k'; 33_000];
            builder.append(Timestamp::new(TIME + at), Some(&key), Some(&text()), &[]);
        }
        let validated = validate(&builder.build(), &rules()).unwrap();
        assert_eq!(validated.record_count, 9, "{codec}");
        assert_eq!(validated.offset_of_max_timestamp_delta, 8);
    }
}
