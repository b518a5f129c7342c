//! Many requests at once on one connection.

use highwater_protocol::messages::api_versions::ApiVersionsRequest;
use tokio::io::AsyncWriteExt;

use crate::data::{batch, create, fetch, produce, send};
use crate::harness::{TestBroker, bytes_of};

#[tokio::test]
async fn thousand_requests_are_answered_in_order_however_they_are_cut() {
    let broker = TestBroker::start(&[]).await;
    let mut other = broker.connect().await;
    let topic = create(&mut other, "pipelined", 2, &[]).await;
    let mut produced = 0;
    for piece_bytes in [1, 7, 1000, 1_000_000] {
        let client = broker.connect().await;
        let count = if piece_bytes == 1 { 100 } else { 1000 };
        let mut bytes = Vec::new();
        for id in 0..count {
            produced += i64::from(id % 7 < 4 && id % 2 == 0);
            // Answers that wait for a sync, that are there at once, and that nothing may stand beside.
            bytes.extend(match id % 7 {
                0 | 1 => bytes_of(13, id, &produce(&topic, id % 2, -1, &batch(&["waits"]))),
                2 | 3 => bytes_of(13, id, &produce(&topic, id % 2, 1, &batch(&["does not"]))),
                4 | 5 => bytes_of(13, id, &fetch(&topic, &[(id % 2, 0)])),
                _ => bytes_of(0, id, &ApiVersionsRequest::default()),
            });
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
    assert_eq!(send(&mut other, &topic, &["last"]).await, produced, "none was refused");
    broker.stop().await;
}
