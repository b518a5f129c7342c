//! The way a broker stops.

use highwater_protocol::messages::api_versions::ApiVersionsRequest;
use tempfile::TempDir;

use crate::harness::{Client, TestBroker, bytes_of, start_on};

#[tokio::test]
async fn stop_answers_what_was_asked_then_frees_port_and_directory() {
    let broker = TestBroker::start(&[]).await;
    let address = broker.address();
    let mut client = broker.connect().await;
    // The broker has this connection before it is told to stop.
    client.call(0, &ApiVersionsRequest::default()).await;
    let many: Vec<u8> =
        (0..50).flat_map(|id| bytes_of(0, id, &ApiVersionsRequest::default())).collect();
    client.raw(&many).await;
    let mut answered = 0;
    let (dir, ()) = tokio::join!(broker.stop(), async {
        while client.frame().await.is_some() {
            answered += 1;
        }
    });
    // Those that had arrived are answered, in whole frames; the others see the end of the connection.
    assert!(answered <= 50);
    let listener = format!("listeners=PLAINTEXT://{address}");
    let again = start_on(dir.path(), &[&listener]).await.unwrap();
    Client::connect(address).await.call(0, &ApiVersionsRequest::default()).await;
    assert!(again.stop().await.is_clean);
}

#[tokio::test]
async fn stop_does_not_wait_for_idle_connections() {
    let broker = TestBroker::start(&[]).await;
    let mut idle = broker.connect().await;
    idle.call(0, &ApiVersionsRequest::default()).await;
    let (_dir, ()) = tokio::join!(broker.stop(), idle.expect_closed());
}

#[tokio::test]
async fn abort_leaves_a_directory_that_starts_again() {
    let dir = TempDir::new().unwrap();
    for _ in 0..3 {
        let server = start_on(dir.path(), &[]).await.unwrap();
        let mut client = Client::connect(server.local_addrs()[0]).await;
        client.call(0, &ApiVersionsRequest::default()).await;
        server.abort().await;
        client.expect_closed().await;
    }
    assert!(start_on(dir.path(), &[]).await.unwrap().stop().await.is_clean);
}

#[tokio::test]
async fn broker_stops_and_starts_many_times_in_one_process() {
    let dir = TempDir::new().unwrap();
    for _ in 0..5 {
        let server = start_on(dir.path(), &[]).await.unwrap();
        assert_eq!(server.panic_count(), 0);
        assert!(server.stop().await.is_clean);
    }
}
