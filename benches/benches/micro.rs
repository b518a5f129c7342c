//! What one frame costs: decode of a Produce, the walk over its batch, CRC-32C.
//!
//! Targets: a one-partition Produce v9 decodes in at most 150 ns; CRC at the speed of `crc-fast`.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use highwater_protocol::messages::produce::ProduceRequest;
use highwater_protocol::{Message, Reader, Writer};
use highwater_tests::honest::produce_request;

const PRODUCE_VERSION: i16 = 9;

fn body(value_bytes: usize) -> Bytes {
    let value = vec![b'x'; value_bytes];
    let mut writer = Writer::new();
    let request = produce_request("benchmark", 0, 1, &[&value]);
    request.encode(&mut writer, PRODUCE_VERSION).expect("a legal request");
    writer.into_bytes().expect("a small request")
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("produce_v9_decode");
    for (name, value_bytes) in [("1KiB", 1 << 10), ("1MiB", 1_000_000)] {
        let bytes = body(value_bytes);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut reader = Reader::new(black_box(&bytes).clone());
                ProduceRequest::decode(&mut reader, PRODUCE_VERSION).expect("it was encoded above")
            });
        });
    }
    group.finish();
}

fn crc(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("crc32c");
    for size in [64, 1 << 10, 16 << 10, 1 << 20] {
        let bytes = vec![0xa5_u8; size];
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(format!("ours/{size}"), |bencher| {
            bencher.iter(|| highwater_records::crc32c(black_box(&bytes)));
        });
        group.bench_function(format!("crc-fast/{size}"), |bencher| {
            let algorithm = crc_fast::CrcAlgorithm::Crc32Iscsi;
            bencher.iter(|| crc_fast::checksum(algorithm, black_box(&bytes)));
        });
    }
    group.finish();
}

criterion_group!(benches, decode, crc);
criterion_main!(benches);
