//! The way a broker stops.

use std::collections::BTreeMap;

use highwater_protocol::ApiKey;
use highwater_protocol::messages::api_versions::ApiVersionsRequest;
use highwater_protocol::messages::fetch::FetchRequest;
use highwater_protocol::messages::produce::ProduceResponse;
use highwater_records::ErrorCode;
use tempfile::TempDir;

use crate::data::{
    batch, create, fetch, only, partitions, produce, send, values, wait_until_holds,
};
use crate::harness::{Client, TestBroker, decode, in_time, start_on};

/// So many requests that one connection may have under way; the broker allows 100.
const PRODUCED: usize = 60;

/// What a broker has taken when it is told to stop is answered before the connection ends, all of it and in order.
#[tokio::test]
async fn stop_answers_what_was_taken_then_frees_port_and_directory() {
    let broker = TestBroker::start(&[]).await;
    let address = broker.address();
    let mut client = broker.connect().await;
    let mut observer = broker.connect().await;
    let empty = create(&mut observer, "empty", 1, &[]).await;
    let topic = create(&mut observer, "t", 1, &[]).await;
    // Answers are in the order of the requests: this one keeps back all that follow.
    let waiting = FetchRequest { max_wait_ms: i32::MAX, ..fetch(&empty, &[(0, 0)]) };
    let first = client.send(13, &waiting).await;
    for number in 0..PRODUCED {
        let acks = if number % 2 == 0 { 1 } else { -1 };
        client.send(13, &produce(&topic, 0, acks, &batch(&[&number.to_string()]))).await;
    }
    // The broker has them all, and none was answered.
    in_time("the records", wait_until_holds(&mut observer, &topic, PRODUCED)).await;
    let (dir, answered) = tokio::join!(broker.stop(), async {
        let (id, response) = client.receive::<FetchRequest>(13).await;
        assert_eq!((id, response.error_code), (first, ErrorCode::None));
        answered_produces(&mut client).await
    });
    let expected: Vec<i64> = (0..).take(PRODUCED).collect();
    assert_eq!(answered, expected, "what was taken before the stop is answered");
    let listener = format!("listeners=PLAINTEXT://{address}");
    let again = start_on(dir.path(), &[&listener]).await.unwrap();
    let mut client = Client::connect(address).await;
    let stored = client.call(13, &fetch(&topic, &[(0, 0)])).await;
    let stored: Vec<i64> = values(partitions(&stored)[0]).into_iter().map(|(at, _)| at).collect();
    assert_eq!(stored, expected);
    assert!(again.stop().await.is_clean);
}

/// Whatever a stop finds on its way: a producer that sends what was not answered again stores nothing twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_stores_nothing_that_it_does_not_answer() {
    let broker = TestBroker::start(&[]).await;
    let mut admin = broker.connect().await;
    let topic = create(&mut admin, "t", 1, &[]).await;
    let value = |client: usize, request: usize| format!("{client}-{request}");
    let mut told = BTreeMap::new();
    let mut clients = Vec::new();
    for number in 0..8 {
        let mut client = broker.connect().await;
        // The broker has this connection before it is told to stop.
        told.insert(send(&mut client, &topic, &[&value(number, 0)]).await, value(number, 0));
        clients.push(client);
    }
    for (number, client) in clients.iter_mut().enumerate() {
        for request in 1..20 {
            client.send(13, &produce(&topic, 0, -1, &batch(&[&value(number, request)]))).await;
        }
    }
    let (dir, ()) = tokio::join!(broker.stop(), async {
        for (number, client) in clients.iter_mut().enumerate() {
            let offsets = answered_produces(client).await.into_iter().zip(1..);
            told.extend(offsets.map(|(offset, request)| (offset, value(number, request))));
        }
    });
    println!("{} of 160 were answered", told.len());
    let again = start_on(dir.path(), &[]).await.unwrap();
    let mut client = Client::connect(again.local_addrs()[0]).await;
    let stored = client.call(13, &fetch(&topic, &[(0, 0)])).await;
    let stored: BTreeMap<i64, String> = values(partitions(&stored)[0]).into_iter().collect();
    assert_eq!(stored, told);
    assert!(again.stop().await.is_clean);
}

/// Offsets of all produces that are answered before the end of the connection.
async fn answered_produces(client: &mut Client) -> Vec<i64> {
    let mut offsets = Vec::new();
    while let Some(frame) = client.frame().await {
        let (_, response) = decode::<ProduceResponse>(ApiKey::Produce, 13, frame);
        assert_eq!(only(&response).error_code, ErrorCode::None, "{response:?}");
        offsets.push(only(&response).base_offset);
    }
    offsets
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
