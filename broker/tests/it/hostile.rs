//! Bytes that no honest client sends.

use bytes::Bytes;
use highwater_protocol::messages::api_versions::{ApiVersionsRequest, ResponseApiKey};
use highwater_protocol::messages::metadata::MetadataRequest;
use highwater_protocol::{AnyRequest, ApiKey, Reader, RequestHeader, Str, Writer};
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

/// What our own codec makes of a frame. The broker must come to the same.
enum Fate {
    /// Its body is one of a request.
    Request(ApiKey),
    /// A decoder of bodies has refused it.
    BadBody,
    /// It does not get as far as a body.
    BadHeader,
}

fn fate(frame: &[u8], served: &[ResponseApiKey]) -> Fate {
    let mut reader = Reader::new(Bytes::copy_from_slice(frame));
    let Ok(header) = RequestHeader::decode(&mut reader) else { return Fate::BadHeader };
    let Some(key) = ApiKey::from_code(header.api_key) else { return Fate::BadHeader };
    let version = header.api_version;
    let is_served = served.iter().any(|api| {
        api.api_key == key.code() && (api.min_version..=api.max_version).contains(&version)
    });
    // Some versions are advertised for old clients, and no codec has them.
    if !is_served || !key.has_version(version) {
        return Fate::BadHeader;
    }
    match AnyRequest::decode(key, version, &mut reader) {
        Ok(_) => Fate::Request(key),
        Err(_) => Fate::BadBody,
    }
}

/// A header that is right, for one of the APIs that are `served`; a body that is noise.
fn noisy_request(random: &mut impl FnMut() -> u64, served: &[ResponseApiKey]) -> Vec<u8> {
    let mut below = |bound: usize| usize::try_from(random() >> 8).unwrap() % bound;
    let api = &served[below(served.len())];
    let key = ApiKey::from_code(api.api_key).unwrap();
    let versions: Vec<i16> = key.versions().filter(|version| *version <= api.max_version).collect();
    let api_version = versions[below(versions.len())];
    let client_id = [None, Some(Str::from_static("")), Some(Str::from_static("noise"))];
    let header = RequestHeader {
        api_key: api.api_key,
        api_version,
        correlation_id: 7,
        client_id: client_id[below(3)].clone(),
    };
    let mut writer = Writer::new();
    header.encode(&mut writer).unwrap();
    let mut frame = writer.into_bytes().unwrap().to_vec();
    // Small numbers are counts and lengths that can be, and lead deeper than noise of all bytes does.
    let (length, bound) = (below(200), [3, 20, 256][below(3)]);
    frame.extend((0..length).map(|_| u8::try_from(below(bound)).unwrap()));
    frame
}

#[tokio::test]
async fn random_frames_meet_their_decoder_and_never_hurt_the_others() {
    let broker = TestBroker::start(&["max.connection.creation.rate=0"]).await;
    let served = broker.connect().await.call(0, &ApiVersionsRequest::default()).await.api_keys;
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let (mut good, mut bad_bodies, mut bad_headers) = (0, 0, 0);
    for turn in 0..2000 {
        let mut client = Client::connect_from("127.0.0.2", broker.address()).await.unwrap();
        let frame = if turn % 10 == 0 {
            let length = usize::try_from(random() % 200).unwrap();
            (0..length).map(|_| random().to_be_bytes()[0]).collect()
        } else {
            noisy_request(&mut random, &served)
        };
        let size = i32::try_from(frame.len()).unwrap();
        client.raw(&[&size.to_be_bytes()[..], &frame].concat()).await;
        client.stream.shutdown().await.unwrap();
        let answer = client.frame().await;
        match fate(&frame, &served) {
            // Nobody is left to read the answer of a fetch that waits, and acks=0 has none.
            Fate::Request(ApiKey::Fetch | ApiKey::Produce) => good += 1,
            Fate::Request(key) => {
                assert!(answer.is_some(), "{key:?} {frame:?} is not answered");
                good += 1;
            }
            Fate::BadBody => {
                assert_eq!(answer, None, "{frame:?} is answered");
                bad_bodies += 1;
            }
            Fate::BadHeader => bad_headers += 1,
        }
    }
    println!("{good} requests, {bad_bodies} bad bodies, {bad_headers} bad headers");
    assert!(bad_bodies >= 1000, "only {bad_bodies} frames were refused by a decoder of bodies");
    assert!(good >= 100, "only {good} frames were requests");
    expect_served(&broker).await;
    broker.stop().await;
}
