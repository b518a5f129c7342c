//! Produce over a real socket.

use bytes::Bytes;
use highwater_protocol::messages::produce::ProduceRequest;
use highwater_records::{
    BatchBuilder, Codec, ErrorCode, Header, RecordBatch, Timestamp, TimestampType,
};
use tempfile::TempDir;

use crate::data::{
    Topic, batch, create, fetch, now, numbered, only, partitions, produce, produce_bytes, send,
    values,
};
use crate::harness::{Client, TestBroker, start_on};

#[tokio::test]
async fn every_version_and_acks_appends_and_says_where() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "t", 1, &[]).await;
    let mut next_offset = 0;
    for version in 3..=13 {
        for acks in [1, -1] {
            let request = produce(&topic, 0, acks, &batch(&["a", "b"]));
            let response = client.call(version, &request).await;
            let answer = only(&response);
            assert_eq!(answer.error_code, ErrorCode::None, "version {version}: {answer:?}");
            assert_eq!(answer.base_offset, next_offset);
            assert_eq!(answer.log_append_time_ms, -1);
            assert_eq!(answer.log_start_offset, if version >= 5 { 0 } else { -1 });
            next_offset += 2;
        }
    }
    let fetched = client.call(13, &fetch(&topic, &[(0, 0)])).await;
    assert_eq!(partitions(&fetched)[0].high_watermark, next_offset);
    assert_eq!(values(partitions(&fetched)[0]).len(), 44);
    broker.stop().await;
}

#[tokio::test]
async fn acks_zero_is_appended_and_never_answered() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "t", 1, &[]).await;
    for _ in 0..3 {
        client.send(9, &produce(&topic, 0, 0, &batch(&["quiet"]))).await;
    }
    assert_eq!(send(&mut client, &topic, &["loud"]).await, 3);
    broker.stop().await;
}

#[tokio::test]
async fn failed_acks_zero_closes_the_connection() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "t", 1, &[]).await;
    client.send(9, &produce(&topic, 7, 0, &batch(&["nowhere"]))).await;
    client.expect_closed().await;
    broker.stop().await;
}

async fn refused(client: &mut Client, version: i16, request: &ProduceRequest) -> ErrorCode {
    let response = client.call(version, request).await;
    let answer = only(&response);
    assert_eq!(answer.base_offset, -1);
    answer.error_code
}

#[tokio::test]
async fn refusals_are_those_of_kafka() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "t", 1, &[("max.message.bytes", "1000")]).await;
    let missing = Topic { name: "missing".into(), id: highwater_records::Uuid::from_random(3) };
    let one = batch(&["a"]);
    let two = Bytes::from([&one.bytes()[..], &one.bytes()[..]].concat());
    let mut corrupt = one.bytes().to_vec();
    *corrupt.last_mut().unwrap() ^= 1;
    let large = batch(&[&"x".repeat(2000)]);
    let raw = |bytes: Option<Bytes>| produce_bytes(&topic, 0, 1, bytes);
    let table = [
        (12, produce(&missing, 0, 1, &one), ErrorCode::UnknownTopicOrPartition),
        (13, produce(&missing, 0, 1, &one), ErrorCode::UnknownTopicId),
        (13, produce(&topic, 1, 1, &one), ErrorCode::UnknownTopicOrPartition),
        (13, produce(&topic, -1, 1, &one), ErrorCode::UnknownTopicOrPartition),
        (13, produce(&topic, 0, 2, &one), ErrorCode::InvalidRequiredAcks),
        (13, raw(None), ErrorCode::InvalidRecord),
        (13, raw(Some(two)), ErrorCode::InvalidRecord),
        (13, raw(Some(Bytes::from(corrupt))), ErrorCode::CorruptMessage),
        (13, produce(&topic, 0, 1, &large), ErrorCode::MessageTooLarge),
    ];
    for (version, request, expected) in table {
        assert_eq!(refused(&mut client, version, &request).await, expected, "{request:?}");
    }
    assert_eq!(send(&mut client, &topic, &["after all of that"]).await, 0);
    broker.stop().await;
}

#[tokio::test]
async fn too_few_replicas_cannot_happen_with_one_replica() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "t", 1, &[("min.insync.replicas", "2")]).await;
    assert_eq!(send(&mut client, &topic, &["a"]).await, 0);
    broker.stop().await;
}

#[tokio::test]
async fn log_append_time_is_told_and_stored() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let configs = [("message.timestamp.type", "LogAppendTime")];
    let topic = create(&mut client, "t", 1, &configs).await;
    // Minutes before any append: what is stored cannot be what the producer wrote.
    let created = Timestamp::new(now().value() - 600_000);
    let mut old = BatchBuilder::new(Codec::None);
    old.append(created, None, Some(b"a"), &[]).append(created, None, Some(b"b"), &[]);
    let before = now();
    let response = client.call(13, &produce(&topic, 0, -1, &old.build())).await;
    let told = Timestamp::new(only(&response).log_append_time_ms);
    assert!((before..=now()).contains(&told), "{before:?} {told:?}");

    let fetched = client.call(13, &fetch(&topic, &[(0, 0)])).await;
    let stored = partitions(&fetched)[0].records.clone().unwrap().to_bytes();
    // This checks the CRC too, which covers the time.
    let stored = RecordBatch::parse(stored).unwrap();
    assert_eq!(stored.header().timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!(stored.header().max_timestamp, told);
    let times = stored.records().unwrap().map(|record| record.unwrap().timestamp);
    assert_eq!(times.collect::<Vec<_>>(), [told, told]);
    broker.stop().await;
}

#[tokio::test]
async fn limits_of_records_are_those_of_the_configuration() {
    let broker =
        TestBroker::start(&["highwater.record.headers.max=1", "message.max.bytes=500"]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "t", 1, &[]).await;
    let header = Header { key: Bytes::from_static(b"h"), value: None };
    let with_headers = |count: usize| {
        let headers = vec![header.clone(); count];
        BatchBuilder::new(Codec::None).append(now(), None, Some(b"v"), &headers).build()
    };
    let late = Timestamp::new(now().value() + 7_200_000);
    let late = BatchBuilder::new(Codec::None).append(late, None, Some(b"v"), &[]).build();
    for (batch, expected, text) in [
        (with_headers(1), ErrorCode::None, ""),
        (with_headers(2), ErrorCode::InvalidRecord, ""),
        (batch(&[&"x".repeat(600)]), ErrorCode::MessageTooLarge, "max.message.bytes=500"),
        (late, ErrorCode::InvalidTimestamp, "message.timestamp.after.max.ms=3600000"),
    ] {
        let response = client.call(9, &produce(&topic, 0, -1, &batch)).await;
        assert_eq!(only(&response).error_code, expected);
        let message = only(&response).error_message.as_deref().unwrap_or_default();
        assert!(message.contains(text), "{message}");
    }
    broker.stop().await;
}

#[tokio::test]
async fn bad_records_are_named_from_version_8_on() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "t", 1, &[("cleanup.policy", "compact")]).await;
    let keyless = numbered("no key", -1, -1);
    for version in [7, 8, 13] {
        let response = client.call(version, &produce(&topic, 0, 1, &keyless)).await;
        let answer = only(&response);
        assert_eq!(answer.error_code, ErrorCode::InvalidRecord);
        let named: Vec<i32> = answer.record_errors.iter().map(|error| error.batch_index).collect();
        assert_eq!(named, if version >= 8 { vec![0] } else { vec![] });
        assert_eq!(answer.error_message.is_some(), version >= 8);
    }
    broker.stop().await;
}

#[tokio::test]
async fn duplicates_answer_the_original_offset_across_restarts_and_kills() {
    let dir = TempDir::new().unwrap();
    let mut topic = None;
    for is_clean in [true, false, true] {
        let server = start_on(dir.path(), &[]).await.unwrap();
        let mut client = Client::connect(server.local_addrs()[0]).await;
        let topic = match &topic {
            Some(topic) => Topic::clone(topic),
            None => {
                let created = create(&mut client, "t", 1, &[]).await;
                topic = Some(created.clone());
                created
            }
        };
        for sequence in 0..5 {
            let request = produce(&topic, 0, -1, &numbered("once", 4, sequence));
            let response = client.call(13, &request).await;
            assert_eq!(only(&response).error_code, ErrorCode::None, "{response:?}");
            assert_eq!(only(&response).base_offset, i64::from(sequence));
        }
        let gap = client.call(13, &produce(&topic, 0, -1, &numbered("gap", 4, 9))).await;
        assert_eq!(only(&gap).error_code, ErrorCode::OutOfOrderSequenceNumber);
        let fetched = client.call(13, &fetch(&topic, &[(0, 0)])).await;
        assert_eq!(values(partitions(&fetched)[0]).len(), 5);
        if is_clean {
            assert!(server.stop().await.is_clean);
        } else {
            server.abort().await;
        }
    }
}

#[tokio::test]
async fn pipelined_requests_are_appended_in_their_order() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "t", 1, &[]).await;
    for number in 0..80_i32 {
        let acks = [1, -1][usize::try_from(number % 2).unwrap()];
        client.send(13, &produce(&topic, 0, acks, &batch(&[&number.to_string()]))).await;
    }
    for number in 0..80 {
        let (_, response) = client.receive::<ProduceRequest>(13).await;
        assert_eq!(only(&response).base_offset, number);
    }
    let fetched = client.call(13, &fetch(&topic, &[(0, 0)])).await;
    let values = values(partitions(&fetched)[0]);
    assert!(values.iter().all(|(offset, value)| offset.to_string() == *value));
    assert_eq!(values.len(), 80);
    broker.stop().await;
}
