//! Bytes that Kafka's own code wrote, and those that its documentation promises.

use bytes::Bytes;
use highwater_records::{
    BatchBuilder, BatchError, BatchRules, Codec, ControlRecord, ControlType, EndTransactionMarker,
    Header, LeaderEpoch, Offset, ProducerEpoch, ProducerId, Record, RecordBatch, Sequence,
    Timestamp, batches, validate,
};

use crate::sample::{TIME, text};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter_map(|c| c.to_digit(16)).map(|d| u8::try_from(d).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn two_records() -> Vec<u8> {
    hex("0000000000000000 00000048 ffffffff 02 fde86579 0000 00000001 0000018bcfe56800
         0000018bcfe56805 ffffffffffffffff ffff ffffffff 00000002
         12 00 00 00 02 6b 04 7631 00
         18 00 0a 02 01 04 7632 02 02 68 02 78")
}

fn commit_marker() -> Vec<u8> {
    hex("0000000000000000 00000042 ffffffff 02 826c2320 0030 00000000 0000018bcfe56800
         0000018bcfe56800 0000000000000007 0002 ffffffff 00000001
         20 00 00 00 08 0000 0001 0c 0000 00000003 00")
}

fn record(offset: i64, timestamp: i64, key: Option<&'static str>, value: Option<Bytes>) -> Record {
    Record {
        offset: Offset::new(offset),
        timestamp: Timestamp::new(timestamp),
        key: key.map(|key| Bytes::from_static(key.as_bytes())),
        value,
        headers: Vec::new(),
    }
}

fn read_all(batch: &RecordBatch) -> Vec<Record> {
    batch.records().unwrap().collect::<Result<_, BatchError>>().unwrap()
}

#[test]
fn golden_batch_is_read() {
    let bytes = two_records();
    assert_eq!(bytes.len(), 84);
    let batch = RecordBatch::parse(Bytes::from(bytes)).unwrap();
    assert_eq!(batch.header().crc, 0xfde8_6579);
    assert_eq!(batch.header().last_offset(), Offset::new(1));
    assert_eq!(batch.header().partition_leader_epoch, LeaderEpoch::NONE);
    assert_eq!(batch.header().max_timestamp, Timestamp::new(TIME + 5));
    let mut second = record(1, TIME + 5, None, Some("v2".into()));
    second.headers.push(Header::new("h", "x"));
    assert_eq!(read_all(&batch), [record(0, TIME, Some("k"), Some("v1".into())), second]);
}

#[test]
fn golden_batch_is_built() {
    let batch = BatchBuilder::new(Codec::None)
        .append(Timestamp::new(TIME), Some(b"k"), Some(b"v1"), &[])
        .append(Timestamp::new(TIME + 5), None, Some(b"v2"), &[Header::new("h", "x")])
        .build();
    assert_eq!(*batch.bytes(), two_records());
    assert_eq!(RecordBatch::parse(batch.bytes().clone()).unwrap(), batch);
}

#[test]
fn golden_marker_is_read() {
    let batch = RecordBatch::parse(Bytes::from(commit_marker())).unwrap();
    assert!(batch.header().is_control() && batch.header().is_transactional());
    assert_eq!(batch.header().producer_id, ProducerId::new(7));
    assert_eq!(batch.header().producer_epoch, ProducerEpoch::new(2));
    assert_eq!(batch.header().base_sequence, Sequence::NONE);
    let [marker] = read_all(&batch).try_into().unwrap();
    let commit = EndTransactionMarker { is_commit: true, coordinator_epoch: 3 };
    assert_eq!(ControlRecord::read(&marker), Ok(ControlRecord::EndTransaction(commit)));
}

#[test]
fn golden_marker_is_built() {
    let commit = EndTransactionMarker { is_commit: true, coordinator_epoch: 3 };
    let batch = commit.batch(ProducerId::new(7), ProducerEpoch::new(2), Timestamp::new(TIME));
    assert_eq!(*batch.bytes(), commit_marker());
    assert_eq!(batch.size_bytes(), 78);
}

#[test]
fn control_record_of_newer_kind_is_skipped_and_cut_off_one_refused() {
    let control = |key: &'static [u8], value: Option<&'static [u8]>| {
        ControlRecord::read(&Record {
            offset: Offset::ZERO,
            timestamp: Timestamp::NONE,
            key: Some(Bytes::from_static(key)),
            value: value.map(Bytes::from_static),
            headers: Vec::new(),
        })
    };
    let unknown = ControlRecord::Other(ControlType::Unknown(99));
    assert_eq!(control(&[0, 0, 0, 99], None), Ok(unknown));
    let abort = EndTransactionMarker { is_commit: false, coordinator_epoch: 9 };
    let newer = control(&[0, 5, 0, 0, 7], Some(&[0, 1, 0, 0, 0, 9, 8, 7]));
    assert_eq!(newer, Ok(ControlRecord::EndTransaction(abort)));
    assert!(control(&[0, 0, 0], Some(&[0; 6])).is_err());
    assert!(control(&[0, 0, 0, 1], Some(&[0; 5])).is_err());
    assert!(control(&[0, 0, 0, 1], None).is_err());
}

/// `testdata/java/*.bin` were written by Kafka's Java client, version 4.0.0.
fn check_java(codec: Codec, bytes: &'static [u8]) {
    let batch = RecordBatch::parse(Bytes::from_static(bytes)).unwrap();
    assert_eq!(batch.size_bytes(), bytes.len());
    assert_eq!(batch.header().codec(), Ok(codec));
    assert_eq!(batch.header().producer_id, ProducerId::new(7));
    assert_eq!(batch.header().base_sequence, Sequence::new(40));
    assert_eq!(batch.header().last_sequence(), Sequence::new(43));
    let mut second = record(1, TIME - 3, None, Some("v2".into()));
    second.headers =
        vec![Header::new("h", "x"), Header { key: "h".into(), value: None }, Header::new("", "")];
    let expected = [
        record(0, TIME, Some("k"), Some("v1".into())),
        second,
        record(2, TIME + 5, Some(""), None),
        record(3, TIME + 4, Some("big"), Some(text().into())),
    ];
    assert_eq!(read_all(&batch), expected);
    let rules = BatchRules { now: Timestamp::new(TIME), ..BatchRules::default() };
    let validated = validate(&batch, &rules).unwrap();
    assert_eq!(validated.max_timestamp, Timestamp::new(TIME + 5));
    assert_eq!(validated.offset_of_max_timestamp_delta, 2);
    assert_eq!(validated.record_count, 4);
}

#[test]
fn gzip_batch_of_the_java_client_is_read() {
    check_java(Codec::Gzip, include_bytes!("../../testdata/java/gzip.bin"));
}

#[test]
fn snappy_batch_of_the_java_client_is_read() {
    check_java(Codec::Snappy, include_bytes!("../../testdata/java/snappy.bin"));
}

#[test]
fn lz4_batch_of_the_java_client_is_read() {
    check_java(Codec::Lz4, include_bytes!("../../testdata/java/lz4.bin"));
}

#[cfg(feature = "zstd")]
#[test]
fn zstd_batch_of_the_java_client_is_read() {
    check_java(Codec::Zstd, include_bytes!("../../testdata/java/zstd.bin"));
}

#[cfg(not(feature = "zstd"))]
#[test]
fn zstd_batch_without_the_feature_is_refused_and_not_stored_unchecked() {
    let bytes = include_bytes!("../../testdata/java/zstd.bin");
    let batch = RecordBatch::parse(Bytes::from_static(bytes)).unwrap();
    assert!(matches!(batch.records(), Err(BatchError::Decompression(_))));
    let refusal = validate(&batch, &BatchRules::default()).unwrap_err();
    assert_eq!(refusal, highwater_records::BatchRefusal::UnsupportedCompression { codec_id: 4 });
}

#[test]
fn batch_after_compaction_keeps_its_offsets() {
    let batch = BatchBuilder::new(Codec::Lz4)
        .base_offset(Offset::new(100))
        .append_at(2, Timestamp::new(TIME), Some(b"a"), Some(b"1"), &[])
        .append_at(9, Timestamp::new(TIME), Some(b"b"), Some(b"2"), &[])
        .build();
    let offsets: Vec<_> = read_all(&batch).iter().map(|record| record.offset.value()).collect();
    assert_eq!(offsets, [102, 109]);
    assert_eq!(batch.header().next_offset(), Offset::new(110));
}

#[test]
fn log_append_time_holds_for_every_record() {
    let appended = Timestamp::new(TIME + 1_000);
    let batch = BatchBuilder::new(Codec::None)
        .log_append_time(appended)
        .append(Timestamp::new(TIME), None, Some(b"1"), &[])
        .append(Timestamp::new(TIME + 5), None, Some(b"2"), &[])
        .build();
    assert_eq!(batch.header().max_timestamp, appended);
    assert!(read_all(&batch).iter().all(|record| record.timestamp == appended));
}

#[test]
fn partial_tail_is_ignored() {
    let mut bytes = two_records();
    bytes.extend(commit_marker());
    let whole = bytes.len();
    bytes.extend(two_records());
    for end in whole..bytes.len() {
        let records = Bytes::copy_from_slice(&bytes[..end]);
        let mut walk = batches(&records);
        let sizes: Vec<_> = walk.by_ref().map(|batch| batch.unwrap().size_bytes()).collect();
        assert_eq!(sizes, [84, 78], "{end}");
        assert_eq!(walk.rest().len(), end - whole);
    }
}

#[test]
fn bad_batch_is_told_once_and_ends_the_walk() {
    let mut bytes = two_records();
    bytes.extend(two_records());
    bytes[84 + 70] ^= 1;
    bytes.extend(two_records());
    let found: Vec<_> = batches(&Bytes::from(bytes)).collect();
    assert_eq!(found.len(), 2);
    assert!(matches!(found[1], Err(BatchError::WrongCrc { expected: 0xfde8_6579, .. })));
}

#[test]
fn batch_shares_the_bytes_it_was_parsed_from() {
    let bytes = Bytes::from(two_records());
    let batch = RecordBatch::parse(bytes.clone()).unwrap();
    assert_eq!(batch.bytes().as_ptr(), bytes.as_ptr());
    let [first, _] = read_all(&batch).try_into().unwrap();
    assert!(bytes.as_ptr_range().contains(&first.value.unwrap().as_ptr()));
}
