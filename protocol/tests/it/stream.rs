//! Frames on a stream, and what leaves us as frames.

use bytes::{Bytes, BytesMut};
use highwater_protocol::messages::fetch::{
    FetchResponse, ResponseResponse, ResponseResponsePartition,
};
use highwater_protocol::messages::heartbeat::HeartbeatRequest;
use highwater_protocol::{
    ApiKey, FrameError, FrameReader, Message, Reader, Records, RequestHeader, ResponseHeader,
    request_frame, response_frame,
};
use proptest::prelude::{ProptestConfig, any};
use proptest::{collection, prop_assert_eq, proptest};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn frames_in_pieces_are_the_frames_sent(
        frames in collection::vec(collection::vec(any::<u8>(), 0..40), 0..8),
        cuts in collection::vec(1_usize..30, 1..20),
    ) {
        let stream: Vec<u8> = frames
            .iter()
            .flat_map(|frame| [&u32::try_from(frame.len()).unwrap().to_be_bytes()[..], frame].concat())
            .collect();
        let reader = FrameReader::new(40);
        let mut buffer = BytesMut::new();
        let mut received: Vec<Vec<u8>> = Vec::new();
        let mut rest = stream.as_slice();
        for cut in cuts.iter().cycle() {
            while let Some(frame) = reader.next_frame(&mut buffer).unwrap() {
                received.push(frame.to_vec());
            }
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            buffer.extend_from_slice(piece);
            rest = after;
        }
        prop_assert_eq!(received, frames);
        prop_assert_eq!(buffer.len(), 0);
    }
}

#[test]
fn frame_over_the_limit_is_refused_by_its_size_alone() {
    let reader = FrameReader::new(100);
    let mut buffer = BytesMut::from(&[0, 0, 0, 101][..]);
    let refused = reader.next_frame(&mut buffer);
    assert_eq!(refused, Err(FrameError::TooLarge { size: 101, max: 100 }));
    let mut buffer = BytesMut::from(&[0xff, 0xff, 0xff, 0xff][..]);
    assert_eq!(reader.next_frame(&mut buffer), Err(FrameError::NegativeSize { size: -1 }));
    let mut buffer = BytesMut::from(&[0, 0, 0][..]);
    assert_eq!(reader.next_frame(&mut buffer), Ok(None));
}

#[test]
fn response_frame_shares_large_records_and_says_its_size() {
    let large = Bytes::from(vec![1; 10_000]);
    let small = Bytes::from(vec![2; 10]);
    let partition = |records: Records| ResponseResponsePartition {
        records: Some(records),
        ..Default::default()
    };
    let response = FetchResponse {
        responses: vec![ResponseResponse {
            topic: "orders".into(),
            partitions: vec![
                partition([large.clone(), small.clone()].into_iter().collect()),
                partition(large.clone().into()),
            ],
            ..Default::default()
        }],
        ..Default::default()
    };
    let frame = response_frame(ApiKey::Fetch, 11, 42, &response).unwrap();
    let shared = frame.segments.iter().filter(|segment| segment.as_ptr() == large.as_ptr());
    assert_eq!(shared.count(), 2, "the same bytes and no copy");
    assert_eq!(frame.segments.len(), 4, "ours, large, ours with the small one, large");
    assert_eq!(frame.segments.iter().map(Bytes::len).sum::<usize>(), frame.len);

    let bytes = frame.into_bytes();
    assert_eq!(bytes[..4], u32::try_from(bytes.len() - 4).unwrap().to_be_bytes());
    let mut reader = Reader::new(bytes.slice(4..));
    let header = ResponseHeader::decode(&mut reader, ApiKey::Fetch, 11).unwrap();
    assert_eq!(header.correlation_id, 42);
    assert_eq!(FetchResponse::decode(&mut reader, 11).unwrap(), response);
    reader.expect_end().unwrap();
}

#[test]
fn decoded_records_are_the_bytes_of_the_frame() {
    let partition = ResponseResponsePartition {
        records: Some(Bytes::from(vec![1; 500]).into()),
        ..Default::default()
    };
    let response = FetchResponse {
        responses: vec![ResponseResponse { partitions: vec![partition], ..Default::default() }],
        ..Default::default()
    };
    let frame = response_frame(ApiKey::Fetch, 4, 1, &response).unwrap().into_bytes();
    let mut reader = Reader::new(frame.slice(8..));
    let decoded = FetchResponse::decode(&mut reader, 4).unwrap();
    let records = decoded.responses[0].partitions[0].records.as_ref().unwrap();
    assert!(frame.as_ptr_range().contains(&records.chunks()[0].as_ptr()));
}

#[test]
fn request_frame_is_read_back_as_header_and_body() {
    let header = RequestHeader {
        api_key: ApiKey::Heartbeat.code(),
        api_version: 4,
        correlation_id: -5,
        client_id: None,
    };
    let request = HeartbeatRequest { group_id: "g".into(), ..Default::default() };
    let bytes = request_frame(&header, &request).unwrap().into_bytes();
    let mut buffer = BytesMut::from(&bytes[..]);
    let frame = FrameReader::new(1000).next_frame(&mut buffer).unwrap().unwrap();
    let mut reader = Reader::new(frame);
    assert_eq!(RequestHeader::decode(&mut reader).unwrap(), header);
    assert_eq!(HeartbeatRequest::decode(&mut reader, 4).unwrap(), request);
    reader.expect_end().unwrap();
}

#[test]
fn api_versions_from_the_future_still_gives_a_header() {
    // Version 9, correlation id 7, then bytes that no header of ours begins with.
    for rest in [&b"\x00\x02me"[..], b"\x7f\xff", b"", b"\x00\x01\xff"] {
        let mut bytes = vec![0, 18, 0, 9, 0, 0, 0, 7];
        bytes.extend_from_slice(rest);
        let header = RequestHeader::decode(&mut Reader::new(bytes.into())).unwrap();
        assert_eq!((header.api_version, header.correlation_id), (9, 7));
    }
}
