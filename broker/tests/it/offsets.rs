//! ListOffsets, OffsetForLeaderEpoch, DeleteRecords and DescribeLogDirs over a real socket.

use highwater_protocol::Str;
use highwater_protocol::messages::delete_records::{self, DeleteRecordsRequest};
use highwater_protocol::messages::describe_log_dirs::{self, DescribeLogDirsRequest};
use highwater_protocol::messages::list_offsets::{self, ListOffsetsRequest};
use highwater_protocol::messages::offset_for_leader_epoch::{self, OffsetForLeaderEpochRequest};
use highwater_records::{BatchBuilder, Codec, ErrorCode, Timestamp};

use crate::data::{Topic, create, fetch, now, partitions, produce, send, values};
use crate::harness::{Client, TestBroker, start_on};

async fn list(
    client: &mut Client,
    version: i16,
    topic: &Topic,
    timestamp: i64,
) -> (ErrorCode, i64, i64) {
    let asked = list_offsets::RequestTopicPartition { timestamp, ..Default::default() };
    let request = ListOffsetsRequest {
        replica_id: -1,
        topics: vec![list_offsets::RequestTopic {
            name: topic.name.clone(),
            partitions: vec![asked],
        }],
        ..Default::default()
    };
    let response = client.call(version, &request).await;
    let partition = &response.topics[0].partitions[0];
    (partition.error_code, partition.offset, partition.timestamp)
}

async fn delete(client: &mut Client, topic: &Topic, offset: i64) -> (ErrorCode, i64) {
    let asked = delete_records::RequestTopicPartition { partition_index: 0, offset };
    let topics =
        vec![delete_records::RequestTopic { name: topic.name.clone(), partitions: vec![asked] }];
    let response = client.call(2, &DeleteRecordsRequest { topics, timeout_ms: 10_000 }).await;
    let partition = &response.topics[0].partitions[0];
    (partition.error_code, partition.low_watermark)
}

#[tokio::test]
async fn special_timestamps_and_times_find_their_offsets() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "t", 1, &[]).await;
    let start = now().value() - 10_000;
    for times in [[0, 500], [1000, 200], [2000, 2000]] {
        let mut builder = BatchBuilder::new(Codec::Gzip);
        for time in times {
            builder.append(Timestamp::new(start + time), None, Some(b"v"), &[]);
        }
        client.call(13, &produce(&topic, 0, -1, &builder.build())).await;
    }
    let ok = |offset, timestamp| (ErrorCode::None, offset, timestamp);
    let table = [
        (-1, ok(6, -1)),
        (-2, ok(0, -1)),
        (-3, ok(4, start + 2000)),
        (-4, ok(0, -1)),
        (-5, ok(-1, -1)),
        (-6, ok(-1, -1)),
        (0, ok(0, start)),
        (start + 1, ok(1, start + 500)),
        (start + 501, ok(2, start + 1000)),
        (start + 1001, ok(4, start + 2000)),
        (start + 2001, ok(-1, -1)),
    ];
    for (timestamp, expected) in table {
        assert_eq!(list(&mut client, 11, &topic, timestamp).await, expected, "{timestamp}");
    }
    for version in 1..=11 {
        assert_eq!(list(&mut client, version, &topic, -1).await, ok(6, -1));
        let old = list(&mut client, version, &topic, -3).await.0;
        assert_eq!(old == ErrorCode::UnsupportedVersion, version < 7);
    }
    broker.stop().await;
}

#[tokio::test]
async fn partition_asked_for_twice_is_an_invalid_request() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "t", 2, &[]).await;
    let asked = |partition_index| list_offsets::RequestTopicPartition {
        partition_index,
        timestamp: -1,
        ..Default::default()
    };
    let request = ListOffsetsRequest {
        replica_id: -1,
        topics: vec![list_offsets::RequestTopic {
            name: topic.name.clone(),
            partitions: vec![asked(0), asked(1), asked(0), asked(5)],
        }],
        ..Default::default()
    };
    let response = client.call(11, &request).await;
    let codes: Vec<ErrorCode> =
        response.topics[0].partitions.iter().map(|partition| partition.error_code).collect();
    assert_eq!(
        codes,
        [
            ErrorCode::InvalidRequest,
            ErrorCode::None,
            ErrorCode::InvalidRequest,
            ErrorCode::UnknownTopicOrPartition
        ]
    );
    broker.stop().await;
}

#[tokio::test]
async fn epoch_ends_are_those_of_the_log() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "t", 1, &[]).await;
    send(&mut client, &topic, &["a", "b"]).await;
    let list = list_offsets::RequestTopicPartition { timestamp: -1, ..Default::default() };
    let request = ListOffsetsRequest {
        replica_id: -1,
        topics: vec![list_offsets::RequestTopic {
            name: topic.name.clone(),
            partitions: vec![list],
        }],
        ..Default::default()
    };
    let epoch = client.call(11, &request).await.topics[0].partitions[0].leader_epoch;
    for version in 2..=4 {
        for (asked, expected) in [(epoch, (epoch, 2)), (epoch + 1, (-1, -1)), (-1, (-1, -1))] {
            let partition = offset_for_leader_epoch::RequestTopicPartition {
                partition: 0,
                current_leader_epoch: -1,
                leader_epoch: asked,
            };
            let request = OffsetForLeaderEpochRequest {
                topics: vec![offset_for_leader_epoch::RequestTopic {
                    topic: topic.name.clone(),
                    partitions: vec![partition],
                }],
                ..Default::default()
            };
            let response = client.call(version, &request).await;
            let partition = &response.topics[0].partitions[0];
            assert_eq!(partition.error_code, ErrorCode::None);
            assert_eq!((partition.leader_epoch, partition.end_offset), expected, "{asked}");
        }
    }
    broker.stop().await;
}

#[tokio::test]
async fn deleted_records_stay_deleted_across_a_kill() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "t", 1, &[]).await;
    let compacted = create(&mut client, "c", 1, &[("cleanup.policy", "compact")]).await;
    for value in ["a", "b", "c", "d"] {
        send(&mut client, &topic, &[value]).await;
    }
    assert_eq!(delete(&mut client, &topic, 2).await, (ErrorCode::None, 2));
    assert_eq!(delete(&mut client, &topic, 1).await, (ErrorCode::None, 2), "never back");
    assert_eq!(delete(&mut client, &topic, 5).await, (ErrorCode::OffsetOutOfRange, -1));
    assert_eq!(delete(&mut client, &topic, -2).await, (ErrorCode::OffsetOutOfRange, -1));
    assert_eq!(delete(&mut client, &compacted, 0).await, (ErrorCode::PolicyViolation, -1));
    let response = client.call(13, &fetch(&topic, &[(0, 1)])).await;
    assert_eq!(partitions(&response)[0].error_code, ErrorCode::OffsetOutOfRange);

    let TestBroker { server, dir } = broker;
    server.abort().await;
    let server = start_on(dir.path(), &[]).await.unwrap();
    let mut client = Client::connect(server.local_addrs()[0]).await;
    assert_eq!(list(&mut client, 11, &topic, -2).await, (ErrorCode::None, 2, -1));
    let response = client.call(13, &fetch(&topic, &[(0, 2)])).await;
    assert_eq!(values(partitions(&response)[0]).len(), 2);
    assert_eq!(delete(&mut client, &topic, -1).await, (ErrorCode::None, 4));
    assert!(server.stop().await.is_clean);
}

#[tokio::test]
async fn log_directories_show_their_partitions_and_room() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "t", 2, &[]).await;
    send(&mut client, &topic, &["a"]).await;
    for version in 1..=5 {
        let response = client.call(version, &DescribeLogDirsRequest { topics: None }).await;
        assert_eq!(response.error_code, ErrorCode::None);
        assert_eq!(response.results.len(), 1);
        let dir = &response.results[0];
        assert_eq!(&*dir.log_dir, broker.dir.path().to_str().unwrap());
        let shown = dir.topics.iter().find(|shown| shown.name == topic.name).unwrap();
        let sizes: Vec<i64> = shown.partitions.iter().map(|p| p.partition_size).collect();
        assert!(sizes[0] > 60 && sizes[1] == 0, "{sizes:?}");
        assert_eq!(dir.total_bytes > 0, version >= 4);
        assert!(!dir.is_cordoned);
    }
    let wanted = describe_log_dirs::RequestTopic { topic: Str::from("t"), partitions: vec![1] };
    let request = DescribeLogDirsRequest { topics: Some(vec![wanted]) };
    let response = client.call(5, &request).await;
    assert_eq!(response.results[0].topics.len(), 1);
    assert_eq!(response.results[0].topics[0].partitions.len(), 1);
    broker.stop().await;
}
