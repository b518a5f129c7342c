//! Many requests at once on one connection.

use highwater_protocol::messages::api_versions::ApiVersionsRequest;
use tokio::io::AsyncWriteExt;

use crate::harness::{TestBroker, bytes_of};

#[tokio::test]
async fn thousand_requests_are_answered_in_order_however_they_are_cut() {
    let broker = TestBroker::start(&[]).await;
    for piece_bytes in [1, 7, 1000, 1_000_000] {
        let client = broker.connect().await;
        let count = if piece_bytes == 1 { 100 } else { 1000 };
        let mut bytes = Vec::new();
        for correlation_id in 0..count {
            bytes.extend(bytes_of(0, correlation_id, &ApiVersionsRequest::default()));
        }
        let (mut reader, mut writer) = client.stream.into_split();
        let sending = async {
            for piece in bytes.chunks(piece_bytes) {
                writer.write_all(piece).await.unwrap();
            }
        };
        let receiving = async {
            for expected in 0..count {
                let size = tokio::io::AsyncReadExt::read_i32(&mut reader).await.unwrap();
                let mut frame = vec![0; usize::try_from(size).unwrap()];
                tokio::io::AsyncReadExt::read_exact(&mut reader, &mut frame).await.unwrap();
                assert_eq!(frame[..4], i32::to_be_bytes(expected));
            }
        };
        tokio::join!(sending, receiving);
    }
    broker.stop().await;
}
