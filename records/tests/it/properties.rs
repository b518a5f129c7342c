//! What holds for any records and any bytes.

use bytes::Bytes;
use highwater_records::compression::{compress, decompress};
use highwater_records::{
    BatchBuilder, BatchError, BatchHeader, BatchRules, Codec, Header, Offset, Record, RecordBatch,
    Timestamp, batches, validate,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::corpus::targets;
use crate::sample::{TIME, supported};

fn blob(most: usize) -> impl Strategy<Value = Bytes> {
    prop_oneof![
        4 => vec(any::<u8>(), 0..most.min(64)).prop_map(Bytes::from),
        1 => (any::<u8>(), 0..most).prop_map(|(byte, count)| Bytes::from(vec![byte; count])),
    ]
}

fn header() -> impl Strategy<Value = Header> {
    (blob(20), option::of(blob(100))).prop_map(|(key, value)| Header { key, value })
}

fn record() -> impl Strategy<Value = Record> {
    let time = prop_oneof![
        4 => TIME - 100_000..TIME + 100_000,
        1 => Just(-1),
        1 => 0..i64::MAX / 2,
    ];
    let value = option::weighted(0.9, blob(50_000));
    (time, option::of(blob(300)), value, vec(header(), 0..4)).prop_map(
        |(time, key, value, headers)| {
            let timestamp = Timestamp::new(time);
            Record { offset: Offset::ZERO, timestamp, key, value, headers }
        },
    )
}

fn codec() -> impl Strategy<Value = Codec> {
    prop::sample::select(supported().collect::<Vec<_>>())
}

fn build(codec: Codec, records: &mut [Record]) -> RecordBatch {
    let mut builder = BatchBuilder::new(codec);
    for (at, record) in (0..).zip(records) {
        record.offset = Offset::new(at);
        let before = builder.estimated_bytes();
        let Record { timestamp, key, value, headers, .. } = record;
        let estimate =
            builder.estimated_record_bytes(*timestamp, key.as_deref(), value.as_deref(), headers);
        builder.append(*timestamp, key.as_deref(), value.as_deref(), headers);
        assert_eq!(builder.estimated_bytes(), before + estimate);
    }
    builder.build()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn records_come_back_as_they_were_built(codec in codec(), mut records in vec(record(), 1..30)) {
        let built = build(codec, &mut records);
        let parsed = RecordBatch::parse(built.bytes().clone()).unwrap();
        prop_assert_eq!(&parsed, &built);
        let back: Vec<_> =
            parsed.records().unwrap().collect::<Result<_, BatchError>>().unwrap();
        prop_assert_eq!(back, records);
    }

    #[test]
    fn what_the_builder_makes_is_taken(codec in codec(), mut records in vec(record(), 1..30)) {
        let batch = build(codec, &mut records);
        let rules = BatchRules { timestamp_after_max_ms: i64::MAX, ..BatchRules::default() };
        let validated = validate(&batch, &BatchRules { max_message_bytes: 4 << 20, ..rules });
        let validated = validated.unwrap();
        prop_assert_eq!(validated.max_timestamp, batch.header().max_timestamp);
        let greatest = records.iter().map(|record| record.timestamp).max().unwrap();
        prop_assert_eq!(validated.max_timestamp, greatest);
        let first = records.iter().position(|record| record.timestamp == greatest).unwrap();
        prop_assert_eq!(validated.offset_of_max_timestamp_delta, i32::try_from(first).unwrap());
    }

    #[test]
    fn changed_byte_under_the_crc_is_found(
        mut records in vec(record(), 1..4),
        at: prop::sample::Index,
        flip in 1..=u8::MAX,
    ) {
        let batch = build(Codec::None, &mut records);
        let mut bytes = batch.bytes().to_vec();
        let at = 17 + at.index(bytes.len() - 17);
        bytes[at] ^= flip;
        let found = RecordBatch::parse(Bytes::from(bytes));
        prop_assert!(found.is_err(), "byte {}", at);
    }

    #[test]
    fn header_reads_back_as_it_was_written(bytes in vec(any::<u8>(), 61)) {
        let mut bytes = bytes;
        bytes[16] = 2;
        if let Ok(header) = BatchHeader::read(&bytes) {
            prop_assert_eq!(header.write().to_vec(), bytes);
            prop_assert!(header.next_offset() > header.base_offset);
        }
    }

    #[test]
    fn batches_one_after_another_come_out_one_after_another(
        mut records in vec(vec(record(), 1..5), 0..5),
        codec in codec(),
    ) {
        let built: Vec<_> = records.iter_mut().map(|records| build(codec, records)).collect();
        let joined: Vec<u8> =
            built.iter().flat_map(|batch| batch.bytes().iter().copied()).collect();
        let walked: Vec<_> =
            batches(&Bytes::from(joined)).collect::<Result<_, BatchError>>().unwrap();
        prop_assert_eq!(walked, built);
    }

    #[test]
    fn any_bytes_come_back_from_any_codec(codec in codec(), bytes in blob(300_000), level in -9..3_i32) {
        let compressed = compress(codec, Some(level), &bytes).unwrap();
        prop_assert_eq!(decompress(codec, &compressed, bytes.len()).unwrap(), bytes);
    }

    #[test]
    fn damaged_compressed_bytes_never_break_a_decoder(
        bytes in blob(5_000),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        for codec in supported() {
            let mut compressed = compress(codec, None, &bytes).unwrap();
            for (at, byte) in &damage {
                if !compressed.is_empty() {
                    let at = at.index(compressed.len());
                    compressed[at] = *byte;
                }
            }
            if let Ok(output) = decompress(codec, &compressed, 1 << 20) {
                prop_assert!(output.len() <= 1 << 20);
            }
            // The same bytes inside a batch whose CRC is right.
            let inside = [&[codec.id(), 0, 1], compressed.as_slice()].concat();
            targets::batch(&inside);
        }
    }

    #[test]
    fn any_bytes_as_batches_and_as_records_are_refused_or_good(bytes in vec(any::<u8>(), 0..300)) {
        targets::batch(&bytes);
        for codec in Codec::ALL {
            targets::batch(&[&[codec.id(), 0, 1], bytes.as_slice()].concat());
        }
        targets::gzip(&bytes);
        targets::snappy(&bytes);
        targets::lz4(&bytes);
        targets::zstd(&bytes);
    }
}
