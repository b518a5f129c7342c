//! What a client asks first, and the quirks it relies on.

use highwater_protocol::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use highwater_protocol::{ApiKey, Str};
use highwater_records::ErrorCode;

use crate::harness::{TestBroker, decode};

fn request() -> ApiVersionsRequest {
    ApiVersionsRequest {
        client_software_name: Str::from_static("it"),
        client_software_version: Str::from_static("1.0"),
    }
}

#[tokio::test]
async fn every_version_gets_the_same_table() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    for version in 0..=4 {
        let response = client.call(version, &request()).await;
        assert_eq!(response.error_code, ErrorCode::None);
        let range = |key: ApiKey| {
            let found = response.api_keys.iter().find(|row| row.api_key == key.code());
            found.map(|row| (row.min_version, row.max_version))
        };
        assert_eq!(response.api_keys.len(), 30);
        assert_eq!(range(ApiKey::ApiVersions), Some((0, 4)));
        assert_eq!(range(ApiKey::Produce), Some((0, 13)));
        assert_eq!(range(ApiKey::Fetch), Some((4, 18)));
        assert_eq!(range(ApiKey::JoinGroup), Some((0, 9)));
        assert_eq!(range(ApiKey::AddPartitionsToTxn), None);
    }
    broker.stop().await;
}

#[tokio::test]
async fn newer_version_is_answered_in_version_0_and_the_connection_goes_on() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    for version in [5_i16, 6, 100, i16::MAX, -1] {
        // A header and a body of a kind that does not exist yet.
        let mut frame = Vec::new();
        frame.extend_from_slice(&18_i16.to_be_bytes());
        frame.extend_from_slice(&version.to_be_bytes());
        frame.extend_from_slice(&77_i32.to_be_bytes());
        frame.extend_from_slice(b"\0\x02me\x05\xff\xff\xff\xff\x01\x02\x03");
        let size = i32::try_from(frame.len()).unwrap();
        client.raw(&[&size.to_be_bytes()[..], &frame].concat()).await;
        let answer = client.frame().await.unwrap();
        let (correlation_id, response) =
            decode::<ApiVersionsResponse>(ApiKey::ApiVersions, 0, answer);
        assert_eq!((correlation_id, response.error_code), (77, ErrorCode::UnsupportedVersion));
        let rows: Vec<_> = response
            .api_keys
            .iter()
            .map(|row| (row.api_key, row.min_version, row.max_version))
            .collect();
        assert_eq!(rows, [(18, 0, 4)]);
    }
    assert_eq!(client.call(4, &request()).await.error_code, ErrorCode::None);
    broker.stop().await;
}

#[tokio::test]
async fn software_name_is_checked_from_version_3_on() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    for name in ["", "-", "a b", "a/"] {
        let named = ApiVersionsRequest { client_software_name: Str::from(name), ..request() };
        for (version, expected) in
            [(2, ErrorCode::None), (3, ErrorCode::InvalidRequest), (4, ErrorCode::InvalidRequest)]
        {
            assert_eq!(
                client.call(version, &named).await.error_code,
                expected,
                "{name:?} {version}"
            );
        }
    }
    broker.stop().await;
}
