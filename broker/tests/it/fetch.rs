//! Fetch over a real socket.

use highwater_protocol::messages::delete_topics::{DeleteTopicsRequest, RequestTopic};
use highwater_protocol::messages::fetch::{FetchRequest, RequestForgottenTopicsData};
use highwater_records::{
    BatchBuilder, Codec, EndTransactionMarker, ErrorCode, Offset, ProducerEpoch, ProducerId,
    Sequence, Timestamp,
};
use tempfile::TempDir;

use crate::data::{
    Topic, batch, create, fetch, partitions, produce, send, values, wait_until_started,
};
use crate::harness::{Client, TestBroker, start_on};

/// Far longer than the harness waits for an answer: what is not woken before its time is never seen.
const FOR_EVER_MS: i32 = i32::MAX;

#[tokio::test]
async fn every_version_returns_what_was_produced() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "t", 1, &[]).await;
    send(&mut client, &topic, &["a", "b"]).await;
    send(&mut client, &topic, &["c"]).await;
    for version in 4..=18 {
        let response = client.call(version, &fetch(&topic, &[(0, 0)])).await;
        let partition = partitions(&response)[0];
        assert_eq!(partition.error_code, ErrorCode::None);
        assert_eq!((partition.high_watermark, partition.last_stable_offset), (3, 3));
        let expected = [(0, "a"), (1, "b"), (2, "c")].map(|(offset, value)| (offset, value.into()));
        assert_eq!(values(partition), expected, "version {version}");
        assert_eq!(partition.aborted_transactions, None);
    }
    broker.stop().await;
}

#[tokio::test]
async fn data_of_an_earlier_run_is_read_from_the_disk() {
    let dir = TempDir::new().unwrap();
    let server = start_on(dir.path(), &[]).await.unwrap();
    let mut client = Client::connect(server.local_addrs()[0]).await;
    let topic = create(&mut client, "t", 1, &[]).await;
    for number in 0..200 {
        send(&mut client, &topic, &[&format!("{number}-{}", "x".repeat(1000))]).await;
    }
    assert!(server.stop().await.is_clean);
    for is_clean in [false, true] {
        let server = start_on(dir.path(), &[]).await.unwrap();
        let mut client = Client::connect(server.local_addrs()[0]).await;
        for (from, count) in [(0, 200), (150, 50), (199, 1), (200, 0)] {
            let response = client.call(13, &fetch(&topic, &[(0, from)])).await;
            assert_eq!(values(partitions(&response)[0]).len(), count, "from {from}");
        }
        if is_clean {
            assert!(server.stop().await.is_clean);
        } else {
            server.abort().await;
        }
    }
}

#[tokio::test]
async fn fetch_waits_for_data_and_is_woken_by_it() {
    let broker = TestBroker::start(&[]).await;
    let mut producer = broker.connect().await;
    let mut consumer = broker.connect().await;
    let topic = create(&mut producer, "t", 2, &[]).await;
    let marker = create(&mut producer, "marker", 1, &[]).await;
    let waiting = FetchRequest { max_wait_ms: FOR_EVER_MS, ..fetch(&topic, &[(0, 0), (1, 0)]) };
    consumer.send(13, &waiting).await;
    wait_until_started(&mut consumer, &mut producer, &marker).await;
    send(&mut producer, &topic, &["a"]).await;
    let (_, response) = consumer.receive::<FetchRequest>(13).await;
    assert_eq!(values(partitions(&response)[0]), [(0, "a".to_owned())]);
    assert_eq!(values(partitions(&response)[1]), []);
    broker.stop().await;
}

#[tokio::test]
async fn fetch_waits_for_min_bytes_over_all_partitions() {
    let broker = TestBroker::start(&[]).await;
    let mut producer = broker.connect().await;
    let mut consumer = broker.connect().await;
    let topic = create(&mut producer, "t", 2, &[]).await;
    let marker = create(&mut producer, "marker", 1, &[]).await;
    let one_batch = i32::try_from(batch(&["a"]).size_bytes()).unwrap();
    let waiting = FetchRequest {
        max_wait_ms: FOR_EVER_MS,
        min_bytes: 2 * one_batch,
        ..fetch(&topic, &[(0, 0), (1, 0)])
    };
    consumer.send(13, &waiting).await;
    wait_until_started(&mut consumer, &mut producer, &marker).await;
    for partition in [0, 1] {
        producer.call(13, &produce(&topic, partition, -1, &batch(&["a"]))).await;
    }
    let (_, response) = consumer.receive::<FetchRequest>(13).await;
    assert!(partitions(&response).iter().all(|partition| values(partition).len() == 1));
    broker.stop().await;
}

#[tokio::test]
async fn fetch_gives_up_after_its_time_with_nothing() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "t", 1, &[]).await;
    let response =
        client.call(13, &FetchRequest { max_wait_ms: 20, ..fetch(&topic, &[(0, 0)]) }).await;
    assert_eq!(values(partitions(&response)[0]), []);
    assert_eq!(partitions(&response)[0].error_code, ErrorCode::None);
    broker.stop().await;
}

#[tokio::test]
async fn waiting_fetch_ends_when_its_topic_is_deleted_and_when_the_broker_stops() {
    let broker = TestBroker::start(&[]).await;
    let mut admin = broker.connect().await;
    let mut consumer = broker.connect().await;
    let topic = create(&mut admin, "t", 1, &[]).await;
    let marker = create(&mut admin, "marker", 1, &[]).await;
    let waiting = FetchRequest { max_wait_ms: FOR_EVER_MS, ..fetch(&topic, &[(0, 0)]) };
    consumer.send(13, &waiting).await;
    wait_until_started(&mut consumer, &mut admin, &marker).await;
    let named = RequestTopic { name: None, topic_id: topic.id };
    let delete =
        DeleteTopicsRequest { topics: vec![named], timeout_ms: 30_000, ..Default::default() };
    assert_eq!(admin.call(6, &delete).await.responses[0].error_code, ErrorCode::None);
    let (_, response) = consumer.receive::<FetchRequest>(13).await;
    assert_ne!(partitions(&response)[0].error_code, ErrorCode::None);

    let topic = create(&mut admin, "u", 1, &[]).await;
    let marker = create(&mut admin, "second-marker", 1, &[]).await;
    consumer.send(13, &FetchRequest { max_wait_ms: FOR_EVER_MS, ..fetch(&topic, &[(0, 0)]) }).await;
    wait_until_started(&mut consumer, &mut admin, &marker).await;
    let (_, (_, response)) =
        tokio::join!(broker.stop(), async { consumer.receive::<FetchRequest>(13).await });
    assert_eq!(partitions(&response)[0].error_code, ErrorCode::None);
    assert_eq!(values(partitions(&response)[0]), []);
}

#[tokio::test]
async fn errors_of_partitions_are_told_at_once() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "t", 1, &[]).await;
    send(&mut client, &topic, &["a"]).await;
    let missing = Topic { name: "missing".into(), id: highwater_records::Uuid::from_random(3) };
    let patient = |request: FetchRequest| FetchRequest { max_wait_ms: FOR_EVER_MS, ..request };
    let at_epoch = |epoch: i32, last_fetched_epoch: i32| {
        let mut request = fetch(&topic, &[(0, 0)]);
        let partition = &mut request.topics[0].partitions[0];
        partition.current_leader_epoch = epoch;
        partition.last_fetched_epoch = last_fetched_epoch;
        request
    };
    let follower = |replica_id| FetchRequest { replica_id, ..fetch(&topic, &[(0, 0)]) };
    let table = [
        (12, fetch(&missing, &[(0, 0)]), ErrorCode::UnknownTopicOrPartition),
        (13, fetch(&missing, &[(0, 0)]), ErrorCode::UnknownTopicId),
        (13, fetch(&topic, &[(1, 0)]), ErrorCode::UnknownTopicOrPartition),
        (13, fetch(&topic, &[(0, 2)]), ErrorCode::OffsetOutOfRange),
        (13, fetch(&topic, &[(0, -1)]), ErrorCode::OffsetOutOfRange),
        (13, at_epoch(1000, -1), ErrorCode::UnknownLeaderEpoch),
        (13, follower(5), ErrorCode::NotLeaderOrFollower),
        (13, follower(1), ErrorCode::NotLeaderOrFollower),
    ];
    for (version, request, expected) in table {
        let response = client.call(version, &patient(request.clone())).await;
        let partition = partitions(&response)[0];
        assert_eq!(partition.error_code, expected, "{request:?}");
        assert_eq!(partition.high_watermark, -1);
    }
    broker.stop().await;
}

#[tokio::test]
async fn first_batch_is_returned_whole_whatever_the_limits() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "t", 2, &[]).await;
    for partition in [0, 1] {
        let value = "x".repeat(5000);
        client.call(13, &produce(&topic, partition, -1, &batch(&[&value]))).await;
    }
    let mut tiny = FetchRequest { max_bytes: 1, ..fetch(&topic, &[(0, 0), (1, 0)]) };
    tiny.topics[0].partitions.iter_mut().for_each(|partition| partition.partition_max_bytes = 1);
    let response = client.call(13, &tiny).await;
    let counts: Vec<usize> = partitions(&response).into_iter().map(|p| values(p).len()).collect();
    assert_eq!(counts, [1, 0]);
    broker.stop().await;
}

#[tokio::test]
async fn incremental_session_tells_only_what_is_new() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "t", 3, &[]).await;
    let full = FetchRequest { session_epoch: 0, ..fetch(&topic, &[(0, 0), (1, 0), (2, 0)]) };
    let response = client.call(13, &full).await;
    let session_id = response.session_id;
    assert_ne!(session_id, 0);
    assert_eq!(partitions(&response).len(), 3);
    let next = |session_epoch: i32, changes: &[(i32, i64)]| {
        let mut request = FetchRequest { session_id, session_epoch, ..fetch(&topic, changes) };
        request.topics.retain(|topic| !topic.partitions.is_empty());
        request
    };
    let response = client.call(13, &next(1, &[])).await;
    assert_eq!((response.session_id, partitions(&response).len()), (session_id, 0));

    client.call(13, &produce(&topic, 1, -1, &batch(&["a"]))).await;
    let response = client.call(13, &next(2, &[])).await;
    let told: Vec<i32> = partitions(&response).iter().map(|p| p.partition_index).collect();
    assert_eq!(told, [1]);
    let response = client.call(13, &next(3, &[(1, 1)])).await;
    assert_eq!(partitions(&response).len(), 0, "asked from the end, and nothing changed");

    let refused = client.call(13, &next(3, &[])).await;
    assert_eq!(refused.error_code, ErrorCode::InvalidFetchSessionEpoch);
    let refused = client.call(12, &next(4, &[])).await;
    assert_eq!(refused.error_code, ErrorCode::FetchSessionTopicIdError);

    let mut forget = next(4, &[]);
    forget.forgotten_topics_data = vec![RequestForgottenTopicsData {
        topic_id: topic.id,
        partitions: vec![0, 1, 2],
        ..Default::default()
    }];
    let response = client.call(13, &forget).await;
    assert_eq!((response.session_id, response.error_code), (0, ErrorCode::None));
    let refused = client.call(13, &next(5, &[])).await;
    assert_eq!(refused.error_code, ErrorCode::FetchSessionIdNotFound);
    broker.stop().await;
}

#[tokio::test]
async fn read_committed_gets_an_empty_list_of_aborted_transactions() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "t", 1, &[]).await;
    send(&mut client, &topic, &["a"]).await;
    let request = FetchRequest { isolation_level: 1, ..fetch(&topic, &[(0, 0)]) };
    let response = client.call(13, &request).await;
    assert_eq!(partitions(&response)[0].aborted_transactions, Some(Vec::new()));
    assert_eq!(values(partitions(&response)[0]).len(), 1);
    broker.stop().await;
}

/// Two producers' records, the second one's aborted at offset 4, the first one's undecided.
fn transactions() -> Vec<u8> {
    let data = |id: i64, offset: i64| {
        let mut builder = BatchBuilder::new(Codec::None);
        builder.producer(ProducerId::new(id), ProducerEpoch::new(0), Sequence::new(0));
        builder.transactional().base_offset(Offset::new(offset));
        builder.append(Timestamp::new(1), None, Some(format!("of {id}").as_bytes()), &[]);
        builder.append(Timestamp::new(1), None, Some(b"and more"), &[]);
        builder.build().into_bytes()
    };
    let marker = EndTransactionMarker { is_commit: false, coordinator_epoch: 0 };
    let marker = marker.batch(ProducerId::new(7), ProducerEpoch::new(0), Timestamp::new(1));
    let mut header = marker.header().clone();
    header.base_offset = Offset::new(2);
    let marker = [&header.write()[..], &marker.body()].concat();
    [&data(7, 0)[..], &marker, &data(8, 3)].concat()
}

#[tokio::test]
async fn reader_of_committed_records_is_told_of_transactions_that_came_with_the_directory() {
    let dir = TempDir::new().unwrap();
    let server = start_on(dir.path(), &[]).await.unwrap();
    let mut client = Client::connect(server.local_addrs()[0]).await;
    let topic = create(&mut client, "t", 1, &[]).await;
    assert!(server.stop().await.is_clean);
    let log = dir.path().join("t-0/00000000000000000000.log");
    std::fs::write(log, transactions()).unwrap();
    std::fs::remove_file(dir.path().join(".kafka_cleanshutdown")).unwrap();
    // Found by recovery first, in the index and the snapshot that it left then.
    for _ in 0..2 {
        let server = start_on(dir.path(), &[]).await.unwrap();
        let mut client = Client::connect(server.local_addrs()[0]).await;
        let request = FetchRequest { isolation_level: 1, ..fetch(&topic, &[(0, 0)]) };
        let response = client.call(13, &request).await;
        let committed = partitions(&response)[0];
        assert_eq!((committed.high_watermark, committed.last_stable_offset), (5, 3));
        let aborted = committed.aborted_transactions.as_ref().unwrap();
        let aborted: Vec<(i64, i64)> =
            aborted.iter().map(|aborted| (aborted.producer_id, aborted.first_offset)).collect();
        assert_eq!(aborted, [(7, 0)]);
        let response = client.call(13, &fetch(&topic, &[(0, 0)])).await;
        let all = partitions(&response)[0];
        assert_eq!(all.aborted_transactions, None);
        let counts = (values(committed).len(), values(all).len());
        assert_eq!(counts, (3, 5), "the undecided are held back");
        assert!(server.stop().await.is_clean);
    }
}

#[tokio::test]
async fn fetch_of_more_partitions_than_a_broker_has_is_refused_whole() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "t", 1, &[]).await;
    let many: Vec<(i32, i64)> = (0..20_001).map(|partition| (partition, 0)).collect();
    let response = client.call(13, &fetch(&topic, &many)).await;
    assert_eq!(response.error_code, ErrorCode::InvalidRequest);
    assert_eq!(response.responses, []);
    client.send(13, &fetch(&topic, &many[1..])).await;
    assert!(client.frame().await.unwrap().len() > 20_000 * 30);
    client.send(6, &fetch(&topic, &many)).await;
    client.expect_closed().await;
    broker.stop().await;
}
