//! Bytes that nobody should send: cut, random, mutated, and lengths beyond belief.

use bytes::Bytes;
use highwater_protocol::{AnyRequest, AnyResponse, ApiKey, DecodeError, Reader, RequestHeader};

use crate::memory::peak_bytes;
use crate::round_trip::{decode_request, decode_response, encode_request, encode_response};
use crate::sample::{self, Samples};

/// What decoding may take at most: four times the input and this.
const BASE_BYTES: usize = 64 * 1024;

/// Decodes as both messages of an API. What is accepted must come back the same after encoding,
/// and nothing may take more memory than its size allows.
fn check(key: ApiKey, version: i16, input: &Bytes) {
    let most = 4 * input.len() + BASE_BYTES;
    let (request, peak) =
        peak_bytes(|| AnyRequest::decode(key, version, &mut Reader::new(input.clone())));
    assert!(peak <= most, "{key} v{version} request: {peak} bytes for {} bytes", input.len());
    if let Ok(request) = request {
        let once = encode_request(&request, version);
        let again = decode_request(key, version, &once);
        assert_eq!(once, encode_request(&again, version), "{key} v{version} request");
    }
    let (response, peak) =
        peak_bytes(|| AnyResponse::decode(key, version, &mut Reader::new(input.clone())));
    assert!(peak <= most, "{key} v{version} response: {peak} bytes for {} bytes", input.len());
    if let Ok(response) = response {
        let once = encode_response(&response, version);
        let again = decode_response(key, version, &once);
        assert_eq!(once, encode_response(&again, version), "{key} v{version} response");
    }
}

/// The shortest of a few samples that still says something.
fn short(sample: impl Fn(u64) -> Bytes) -> Bytes {
    let mut samples: Vec<Bytes> = (0..24).map(sample).collect();
    samples.sort_by_key(Bytes::len);
    let worthwhile = samples.iter().find(|sample| sample.len() >= 120);
    worthwhile.or(samples.last()).unwrap().clone()
}

#[test]
fn every_message_cut_at_every_byte_is_an_error() {
    for (key, version) in sample::apis() {
        let whole = short(|seed| encode_request(&sample::request(key, version, seed), version));
        for end in 0..whole.len() {
            let mut reader = Reader::new(whole.slice(..end));
            let cut = AnyRequest::decode(key, version, &mut reader);
            assert!(cut.is_err(), "{key} v{version} request, {end} of {}", whole.len());
        }
        let whole = short(|seed| encode_response(&sample::response(key, version, seed), version));
        for end in 0..whole.len() {
            let mut reader = Reader::new(whole.slice(..end));
            let cut = AnyResponse::decode(key, version, &mut reader);
            assert!(cut.is_err(), "{key} v{version} response, {end} of {}", whole.len());
        }
    }
}

#[test]
fn random_bytes_are_refused_or_understood_within_their_memory() {
    for (key, version) in sample::apis() {
        let mut source = Samples::new(version, 0xbad);
        for _ in 0..200 {
            let length = source.below(120);
            let mut bytes = source.bytes(length);
            // Small numbers are more often lengths and counts that reach further in.
            for byte in &mut bytes {
                if source.below(3) == 0 {
                    *byte = source.below(4) as u8;
                }
            }
            check(key, version, &bytes.into());
        }
    }
}

#[test]
fn mutated_messages_are_refused_or_understood_within_their_memory() {
    const ABSURD: [&[u8]; 9] = [
        &[0x7f, 0xff, 0xff, 0xff],
        &[0xff, 0xff, 0xff, 0xff],
        &[0x80, 0x00, 0x00, 0x00],
        &[0x00, 0x0f, 0xff, 0xff],
        &[0x7f, 0xff],
        &[0xff, 0xfe],
        &[0xff, 0xff, 0xff, 0xff, 0x07],
        &[0xff, 0xff, 0xff, 0xff, 0xff],
        &[0xff, 0xff, 0x03],
    ];
    for (key, version) in sample::apis() {
        let mut source = Samples::new(version, 0xdead);
        for seed in 0..2 {
            let request = encode_request(&sample::request(key, version, seed), version);
            let response = encode_response(&sample::response(key, version, seed), version);
            for whole in [request, response] {
                let step = whole.len() / 60 + 1;
                for at in (0..whole.len()).step_by(step) {
                    let absurd = ABSURD[source.below(9) as usize];
                    let mut bytes = whole.to_vec();
                    let end = (at + absurd.len()).min(bytes.len());
                    bytes.splice(at..end, absurd.iter().copied());
                    check(key, version, &bytes.into());
                }
            }
        }
    }
}

#[test]
fn floods_of_least_elements_stay_within_their_memory() {
    // The patterns make long arrays of empty strings, empty arrays and nulls at many depths.
    let patterns: [&[u8]; 8] = [
        &[0x00],
        &[0x01],
        &[0x02],
        &[0xff, 0xff, 0x01],
        &[0x80, 0x80, 0x02, 0x01, 0x01, 0x01],
        &[0x00, 0x00, 0x10, 0x00],
        &[0x00, 0x00, 0x00, 0x01],
        &[0x81, 0x80, 0x01, 0x01, 0x00],
    ];
    for (key, version) in sample::apis() {
        for length in [4_000, 40_000] {
            for pattern in patterns {
                let bytes: Vec<u8> = pattern.iter().copied().cycle().take(length).collect();
                check(key, version, &bytes.into());
            }
        }
    }
}

#[test]
fn array_of_empty_strings_that_would_fill_memory_is_refused() {
    // ListGroups v4: a compact array of 1,000,000 empty strings is 1 MB, and 32 MB in memory.
    let mut bytes = vec![0xc1, 0x84, 0x3d];
    bytes.resize(1_000_003, 0x01);
    bytes.push(0);
    let mut reader = Reader::new(bytes.into());
    let refused = AnyRequest::decode(ApiKey::ListGroups, 4, &mut reader);
    assert_eq!(refused, Err(DecodeError::MemoryBudget { wanted: 32_000_000 }));
}

#[test]
fn large_honest_requests_are_not_refused() {
    // 10,000 partitions of one topic, and 10,000 topics by id, as consumers of large clusters ask.
    use highwater_protocol::messages::{fetch, metadata};
    let partition = fetch::RequestTopicPartition::default();
    let topic = fetch::RequestTopic {
        topic: "orders".into(),
        partitions: vec![partition; 10_000],
        ..Default::default()
    };
    let request = fetch::FetchRequest { topics: vec![topic], ..Default::default() };
    for version in [5, 11, 12, 18] {
        let bytes = encode_request(&AnyRequest::Fetch(request.clone()), version);
        AnyRequest::decode(ApiKey::Fetch, version, &mut Reader::new(bytes)).unwrap();
    }
    let topic = metadata::RequestTopic { name: Some("orders-0001".into()), ..Default::default() };
    let request =
        metadata::MetadataRequest { topics: Some(vec![topic; 10_000]), ..Default::default() };
    for version in [10, 12, 13] {
        let bytes = encode_request(&AnyRequest::Metadata(request.clone()), version);
        AnyRequest::decode(ApiKey::Metadata, version, &mut Reader::new(bytes)).unwrap();
    }
}

#[test]
fn large_honest_answers_are_not_refused_by_a_client() {
    // 10,000 topics of one partition, and a few configurations of 5,000, all with short names.
    use highwater_protocol::messages::{describe_configs, metadata};
    let partition = metadata::ResponseTopicPartition {
        replica_nodes: vec![1],
        isr_nodes: vec![1],
        ..Default::default()
    };
    let topic = metadata::ResponseTopic {
        name: Some("t-1".into()),
        partitions: vec![partition],
        ..Default::default()
    };
    let response = metadata::MetadataResponse { topics: vec![topic; 10_000], ..Default::default() };
    for version in ApiKey::Metadata.versions() {
        let bytes = encode_response(&AnyResponse::Metadata(response.clone()), version);
        AnyResponse::decode(ApiKey::Metadata, version, &mut Reader::of_broker(bytes)).unwrap();
    }
    let config = |name: &'static str| describe_configs::ResponseResultConfig {
        name: name.into(),
        value: Some("1".into()),
        ..Default::default()
    };
    let result = describe_configs::ResponseResult {
        resource_name: "t-1".into(),
        configs: vec![config("segment.ms"), config("flush.ms"), config("cleanup.policy")],
        ..Default::default()
    };
    let response = describe_configs::DescribeConfigsResponse {
        results: vec![result; 5_000],
        ..Default::default()
    };
    for version in ApiKey::DescribeConfigs.versions() {
        let bytes = encode_response(&AnyResponse::DescribeConfigs(response.clone()), version);
        let mut reader = Reader::of_broker(bytes);
        AnyResponse::decode(ApiKey::DescribeConfigs, version, &mut reader).unwrap();
    }
}

#[test]
fn known_incidents_are_refused() {
    let refused = |bytes: &'static [u8], version| {
        let mut reader = Reader::new(Bytes::from_static(bytes));
        AnyRequest::decode(ApiKey::Metadata, version, &mut reader).unwrap_err()
    };
    // Five bytes that asked another codec for 3.9 GB.
    let absurd = refused(&[0x03, 0x3c, 0x0c, 0x00, 0xb6], 0);
    assert_eq!(absurd, DecodeError::ArrayTooLong { count: 0x033c_0c00, left: 1 });
    // Four bytes that made it reserve 2^31-1 entries.
    let absurd = refused(&[0x7f, 0xff, 0xff, 0xff], 1);
    assert_eq!(absurd, DecodeError::ArrayTooLong { count: 0x7fff_ffff, left: 0 });
    // A tagged field of 2^31 bytes.
    let absurd = refused(&[0x01, 0, 0, 0x01, 0x00, 0x80, 0x80, 0x80, 0x80, 0x08], 12);
    assert_eq!(absurd, DecodeError::TagTooLong { tag: 0, length: 1 << 31 });
}

#[test]
fn request_header_of_any_bytes_never_panics() {
    let mut source = Samples::new(0, 0xcafe);
    for _ in 0..50_000 {
        let length = source.below(40);
        let mut bytes = source.bytes(length);
        if let [_, key, ..] = bytes.as_mut_slice() {
            *key = source.below(100) as u8;
        }
        if let [high, ..] = bytes.as_mut_slice() {
            *high = 0;
        }
        let mut reader = Reader::new(bytes.into());
        let before = reader.remaining();
        if RequestHeader::decode(&mut reader).is_ok() {
            assert!(before - reader.remaining() >= 8);
        }
    }
}
