//! What we write, we read; also where no other codec is at hand to compare with.

use bytes::Bytes;
use highwater_protocol::{
    AnyRequest, AnyResponse, ApiKey, EncodeError, Message, Reader, RequestHeader, Writer, messages,
};

use crate::sample;

const SEEDS: u64 = 16;

pub(crate) fn encode_request(request: &AnyRequest, version: i16) -> Bytes {
    let mut writer = Writer::new();
    request.encode(&mut writer, version).unwrap();
    writer.into_bytes().unwrap()
}

pub(crate) fn encode_response(response: &AnyResponse, version: i16) -> Bytes {
    let mut writer = Writer::new();
    response.encode(&mut writer, version).unwrap();
    writer.into_bytes().unwrap()
}

/// Decodes the whole of some bytes with room for everything a sample may hold.
pub(crate) fn decode_request(key: ApiKey, version: i16, bytes: &Bytes) -> AnyRequest {
    let mut reader = Reader::with_budget(bytes.clone(), usize::MAX);
    let request = AnyRequest::decode(key, version, &mut reader).unwrap();
    reader.expect_end().unwrap();
    request
}

/// The same for a response.
pub(crate) fn decode_response(key: ApiKey, version: i16, bytes: &Bytes) -> AnyResponse {
    let mut reader = Reader::with_budget(bytes.clone(), usize::MAX);
    let response = AnyResponse::decode(key, version, &mut reader).unwrap();
    reader.expect_end().unwrap();
    response
}

#[test]
fn every_message_decoded_and_encoded_again_gives_the_same_bytes_and_value() {
    for (key, version) in sample::apis() {
        for seed in 0..SEEDS {
            let sent = encode_request(&sample::request(key, version, seed), version);
            let request = decode_request(key, version, &sent);
            let again = encode_request(&request, version);
            assert_eq!(sent, again, "{key} v{version} request, seed {seed}");
            assert_eq!(request, decode_request(key, version, &again));

            let sent = encode_response(&sample::response(key, version, seed), version);
            let response = decode_response(key, version, &sent);
            let again = encode_response(&response, version);
            assert_eq!(sent, again, "{key} v{version} response, seed {seed}");
            assert_eq!(response, decode_response(key, version, &again));
        }
    }
}

#[test]
fn newest_version_of_every_message_loses_no_field_but_those_it_dropped() {
    // Fields that a newer version dropped cannot survive; fields of the newest must. A message
    // whose fields all exist in its newest version comes back whole.
    let whole = messages::fetch::ResponseResponsePartition {
        partition_index: 7,
        high_watermark: 12,
        diverging_epoch: messages::fetch::ResponseResponsePartitionDivergingEpoch {
            epoch: 3,
            end_offset: 9,
        },
        aborted_transactions: Some(vec![]),
        preferred_read_replica: 2,
        records: Some(Bytes::from_static(b"records").into()),
        ..Default::default()
    };
    let mut writer = Writer::new();
    whole.encode(&mut writer, 18).unwrap();
    let bytes = writer.into_bytes().unwrap();
    let mut reader = Reader::new(bytes);
    let back = messages::fetch::ResponseResponsePartition::decode(&mut reader, 18).unwrap();
    assert_eq!(back, whole);
}

#[test]
fn default_of_every_message_can_be_sent_in_every_version() {
    // A handler fills what it knows and leaves the rest; the rest must not be unsendable.
    let mut writer = Writer::new();
    for version in 0..=13 {
        messages::metadata::MetadataRequest::default().encode(&mut writer, version).unwrap();
        let topic = messages::metadata::ResponseTopic::default();
        let response =
            messages::metadata::MetadataResponse { topics: vec![topic], ..Default::default() };
        response.encode(&mut writer, version).unwrap();
    }
    for version in 0..=9 {
        messages::join_group::JoinGroupResponse::default().encode(&mut writer, version).unwrap();
    }
    for version in 1..=10 {
        messages::offset_fetch::OffsetFetchRequest::default().encode(&mut writer, version).unwrap();
    }
}

#[test]
fn null_in_a_version_without_null_is_refused_and_named() {
    let all = messages::metadata::MetadataRequest { topics: None, ..Default::default() };
    let mut writer = Writer::new();
    assert_eq!(all.encode(&mut writer, 0), Err(EncodeError::Null { field: "Topics" }));
    assert_eq!(all.encode(&mut writer, 1), Ok(()));
}

#[test]
fn follower_fetch_carries_what_it_synced_and_compacted_in_private_tags() {
    let partition = messages::fetch::RequestTopicPartition {
        synced_end_offset: 41,
        compacted_through: 17,
        ..Default::default()
    };
    for version in 12..=18 {
        let mut writer = Writer::new();
        partition.encode(&mut writer, version).unwrap();
        let mut reader = Reader::new(writer.into_bytes().unwrap());
        let back = messages::fetch::RequestTopicPartition::decode(&mut reader, version).unwrap();
        assert_eq!((back.synced_end_offset, back.compacted_through), (41, 17));
    }
}

#[test]
fn consumer_fetch_has_no_private_tags() {
    let partition = messages::fetch::RequestTopicPartition::default();
    let mut writer = Writer::new();
    partition.encode(&mut writer, 18).unwrap();
    assert_eq!(writer.into_bytes().unwrap().last(), Some(&0), "an empty tag section");
}

#[test]
fn request_header_of_every_version_comes_back() {
    for (key, version) in sample::apis() {
        for client_id in [None, Some("".into()), Some("console-producer".into())] {
            let header = RequestHeader {
                api_key: key.code(),
                api_version: version,
                correlation_id: 77,
                client_id,
            };
            let mut writer = Writer::new();
            header.encode(&mut writer).unwrap();
            writer.raw(b"body");
            let mut reader = Reader::new(writer.into_bytes().unwrap());
            assert_eq!(RequestHeader::decode(&mut reader).unwrap(), header);
            assert_eq!(reader.remaining(), 4, "{key} v{version}");
        }
    }
}
