//! Bytes that no honest client sends.

use highwater_protocol::messages::api_versions::ApiVersionsRequest;
use highwater_protocol::messages::metadata::MetadataRequest;
use highwater_records::ErrorCode;
use tokio::io::AsyncWriteExt;

use crate::harness::{Client, TestBroker, bytes_of};

/// Somebody honest is served as if nothing had happened.
async fn expect_served(broker: &TestBroker) {
    let response = broker.connect().await.call(0, &ApiVersionsRequest::default()).await;
    assert_eq!(response.error_code, ErrorCode::None);
    assert_eq!(broker.server.panic_count(), 0);
}

fn header(api_key: i16, api_version: i16) -> Vec<u8> {
    let mut frame = [0, 0, 0, 10].to_vec();
    frame.extend_from_slice(&api_key.to_be_bytes());
    frame.extend_from_slice(&api_version.to_be_bytes());
    frame.extend_from_slice(&[0, 0, 0, 1, 0xff, 0xff]);
    frame
}

#[tokio::test]
async fn unknown_keys_and_versions_close_the_connection() {
    let broker = TestBroker::start(&[]).await;
    for (api_key, api_version) in [
        (-1, 0),
        (4, 0),
        (11, 0),
        (999, 0),
        (i16::MAX, 1),
        (3, 14),
        (3, -1),
        (0, 0),
        (0, 2),
        (0, 14),
        (1, 3),
    ] {
        let mut client = broker.connect().await;
        client.raw(&header(api_key, api_version)).await;
        client.expect_closed().await;
    }
    expect_served(&broker).await;
    broker.stop().await;
}

#[tokio::test]
async fn absurd_lengths_close_the_connection() {
    let broker = TestBroker::start(&[]).await;
    for size in [-1, i32::MIN, i32::MAX, (16 << 20) + 1, 0, 1, 9] {
        let mut client = broker.connect().await;
        client.raw(&[&i32::to_be_bytes(size)[..], &[0; 9]].concat()).await;
        if size >= 0 {
            // A length that could be: the rest never comes.
            client.stream.shutdown().await.unwrap();
        }
        client.expect_closed().await;
    }
    expect_served(&broker).await;
    broker.stop().await;
}

#[tokio::test]
async fn request_cut_at_every_byte_leaves_others_served() {
    let broker = TestBroker::start(&[]).await;
    let request = bytes_of(12, 1, &MetadataRequest::default());
    for end in 0..request.len() {
        // Cut by the end of the connection.
        let mut client = broker.connect().await;
        client.raw(&request[..end]).await;
        client.stream.shutdown().await.unwrap();
        client.expect_closed().await;
        // Cut inside a frame that claims to be whole.
        if end >= 4 {
            let size = i32::try_from(end - 4).unwrap();
            let mut client = broker.connect().await;
            client.raw(&[&size.to_be_bytes()[..], &request[4..end]].concat()).await;
            client.expect_closed().await;
        }
    }
    expect_served(&broker).await;
    broker.stop().await;
}

#[tokio::test]
async fn random_frames_never_hurt_the_others() {
    let broker = TestBroker::start(&["max.connection.creation.rate=0"]).await;
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..2000 {
        let mut client = Client::connect_from("127.0.0.2", broker.address()).await.unwrap();
        let length = usize::try_from(random() % 200).unwrap() + 8;
        let mut frame: Vec<u8> = (0..length).map(|_| random().to_be_bytes()[0]).collect();
        // A key and a version that get as far as a decoder.
        let key = i16::try_from(random() % 80).unwrap();
        let version = i16::try_from(random() % 14).unwrap();
        frame[..2].copy_from_slice(&key.to_be_bytes());
        frame[2..4].copy_from_slice(&version.to_be_bytes());
        let size = i32::try_from(length).unwrap();
        client.raw(&[&size.to_be_bytes()[..], &frame].concat()).await;
        client.stream.shutdown().await.unwrap();
    }
    expect_served(&broker).await;
    broker.stop().await;
}
