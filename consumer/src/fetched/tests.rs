use highwater_records::{
    BatchBuilder, Codec, EndTransactionMarker, ProducerEpoch, Sequence, Timestamp,
};

use super::*;

fn plain(base: i64, count: i64, codec: Codec) -> Vec<u8> {
    let mut builder = BatchBuilder::new(codec);
    builder.base_offset(Offset::new(base));
    for index in 0..count {
        let value = format!("v{}", base + index);
        builder.append(Timestamp::new(1), None, Some(value.as_bytes()), &[]);
    }
    builder.build().bytes().to_vec()
}

fn transactional(base: i64, producer: i64) -> Vec<u8> {
    let mut builder = BatchBuilder::new(Codec::None);
    builder
        .base_offset(Offset::new(base))
        .producer(ProducerId::new(producer), ProducerEpoch::ZERO, Sequence::ZERO)
        .transactional()
        .append(Timestamp::new(1), None, Some(b"t"), &[]);
    builder.build().bytes().to_vec()
}

fn marker(base: i64, producer: i64, is_commit: bool) -> Vec<u8> {
    let marker = EndTransactionMarker { is_commit, coordinator_epoch: 0 };
    let batch = marker.batch(ProducerId::new(producer), ProducerEpoch::ZERO, Timestamp::new(1));
    let mut bytes = batch.bytes().to_vec();
    // The leader stamps the offset, outside of the CRC.
    bytes[..8].copy_from_slice(&base.to_be_bytes());
    bytes
}

/// Offsets of what is given out from `position` on, and the position at the end.
fn read(
    bytes: &[Vec<u8>],
    position: i64,
    aborted: Option<Vec<(Offset, ProducerId)>>,
) -> (Vec<i64>, i64) {
    let mut fetched = Fetched::new(&Bytes::from(bytes.concat()), aborted);
    let mut position = Offset::new(position);
    let mut offsets = Vec::new();
    while let Some(step) = fetched.step(position) {
        match step.unwrap() {
            Step::Record { record, .. } => {
                offsets.push(record.offset.value());
                position = record.offset.next();
            }
            Step::BatchEnd { next_offset } => position = position.max(next_offset),
        }
    }
    (offsets, position.value())
}

#[test]
fn records_below_the_position_are_skipped_in_every_codec() {
    for codec in [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4] {
        let bytes = [plain(10, 5, codec), plain(15, 2, codec)];
        assert_eq!(read(&bytes, 12, None), (vec![12, 13, 14, 15, 16], 17), "{codec:?}");
        assert_eq!(read(&bytes, 15, None), (vec![15, 16], 17), "{codec:?}");
    }
}

#[test]
fn partial_batch_at_the_end_is_left_for_the_next_fetch() {
    let mut second = plain(2, 2, Codec::None);
    second.truncate(second.len() - 1);
    let bytes = [plain(0, 2, Codec::None), second];
    assert_eq!(read(&bytes, 0, None), (vec![0, 1], 2));
    assert_eq!(end_of(&Bytes::from(bytes.concat())).unwrap().0, Offset::new(2));
}

#[test]
fn control_batches_are_hidden_and_the_position_passes_them() {
    let bytes = [transactional(0, 7), marker(1, 7, true)];
    assert_eq!(read(&bytes, 0, None), (vec![0], 2));
    assert_eq!(read(&bytes, 0, Some(Vec::new())), (vec![0], 2));
}

#[test]
fn aborted_transaction_is_hidden_up_to_its_marker_and_others_are_not() {
    let bytes = [
        transactional(0, 7),
        transactional(1, 8),
        plain(2, 1, Codec::None),
        transactional(3, 7),
        marker(4, 7, false),
        marker(5, 8, true),
        transactional(6, 7),
        marker(7, 7, true),
    ];
    let aborted = vec![(Offset::new(0), ProducerId::new(7))];
    assert_eq!(read(&bytes, 0, Some(aborted.clone())), (vec![1, 2, 6], 8));
    assert_eq!(read(&bytes, 3, Some(aborted)), (vec![6], 8), "from the middle of it");
    assert_eq!(read(&bytes, 0, None), (vec![0, 1, 2, 3, 6], 8), "read_uncommitted");
}

#[test]
fn batch_with_a_wrong_crc_is_an_error_and_gives_out_nothing() {
    let mut damaged = plain(2, 2, Codec::None);
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    let bytes = Bytes::from([plain(0, 2, Codec::None), damaged].concat());
    let mut fetched = Fetched::new(&bytes, None);
    let mut given = 0;
    let error = loop {
        match fetched.step(Offset::ZERO.plus(given)).unwrap() {
            Ok(Step::Record { .. }) => given += 1,
            Ok(Step::BatchEnd { .. }) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(given, 2);
    assert!(matches!(error, BatchError::WrongCrc { .. }));
}
