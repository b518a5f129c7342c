use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use highwater_client::retry::RetryPolicy;
use highwater_consumer::{ConsumeError, Consumer, OffsetReset, SeekTo, TopicPartition};
use highwater_protocol::messages::api_versions::ApiVersionsRequest;
use highwater_protocol::messages::fetch::{
    FetchRequest, FetchResponse, ResponseResponse, ResponseResponsePartition,
};
use highwater_protocol::messages::list_offsets::{
    ListOffsetsRequest, ListOffsetsResponse, ResponseTopic, ResponseTopicPartition,
};
use highwater_protocol::messages::metadata::MetadataRequest;
use highwater_protocol::{ApiKey, Records};
use highwater_records::{BatchBuilder, Codec, ErrorCode, Offset, Timestamp};

use crate::fake_broker::{Asked, FakeBroker, Reply, all_versions, metadata};

/// Long enough never to be reached.
const LONG: Duration = Duration::from_secs(60);

/// A partition whose records are its offsets, from `start` to `end`, in batches of three.
struct Served {
    start: i64,
    end: i64,
    /// Given to the next fetches instead of records.
    refusals: Vec<ErrorCode>,
    /// Where each fetch began.
    fetches: Vec<i64>,
}

impl Served {
    fn fetch(&mut self, asked: &Asked) -> Reply {
        let request: FetchRequest = asked.request();
        assert_eq!((request.session_id, request.session_epoch), (0, -1));
        let topic = &request.topics[0];
        let partitions = topic.partitions.iter().map(|partition| {
            self.fetches.push(partition.fetch_offset);
            let (error_code, records) = self.records(partition.fetch_offset);
            ResponseResponsePartition {
                partition_index: partition.partition,
                error_code,
                high_watermark: self.end,
                records: records.map(Records::from),
                ..ResponseResponsePartition::default()
            }
        });
        let partitions = partitions.collect();
        let answer =
            ResponseResponse { topic: topic.topic.clone(), topic_id: topic.topic_id, partitions };
        let response = FetchResponse { responses: vec![answer], ..FetchResponse::default() };
        asked.answer::<FetchRequest>(&response)
    }

    fn records(&mut self, from: i64) -> (ErrorCode, Option<Bytes>) {
        if let Some(code) = self.refusals.pop() {
            return (code, None);
        }
        if from < self.start || from > self.end {
            return (ErrorCode::OffsetOutOfRange, None);
        }
        // A whole batch, even if the position is inside it.
        let base = from - from.rem_euclid(3);
        let mut builder = BatchBuilder::new(Codec::Lz4);
        builder.base_offset(Offset::new(base));
        let range = base..self.end.min(base + 3);
        if range.is_empty() {
            return (ErrorCode::None, None);
        }
        for offset in range {
            let value = offset.to_string();
            builder.append(Timestamp::new(offset), None, Some(value.as_bytes()), &[]);
        }
        (ErrorCode::None, Some(builder.build().into_bytes()))
    }

    fn list_offsets(&self, asked: &Asked) -> Reply {
        let request: ListOffsetsRequest = asked.request();
        let topics = request.topics.iter().map(|topic| ResponseTopic {
            name: topic.name.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|partition| ResponseTopicPartition {
                    partition_index: partition.partition_index,
                    offset: match partition.timestamp {
                        -2 => self.start,
                        -1 => self.end,
                        time if time < self.end => time,
                        _ => -1,
                    },
                    ..ResponseTopicPartition::default()
                })
                .collect(),
        });
        let topics = topics.collect();
        let response = ListOffsetsResponse { topics, ..ListOffsetsResponse::default() };
        asked.answer::<ListOffsetsRequest>(&response)
    }
}

struct Cluster {
    broker: FakeBroker,
    served: Arc<Mutex<Served>>,
}

impl Cluster {
    async fn start(start: i64, end: i64, refusals: Vec<ErrorCode>) -> Self {
        let served = Served { start, end, refusals, fetches: Vec::new() };
        let served = Arc::new(Mutex::new(served));
        let shared = Arc::clone(&served);
        let (tell, told) = std::sync::mpsc::channel();
        let mut port = 0;
        let broker = FakeBroker::start(move |asked| {
            if port == 0 {
                port = told.recv().unwrap();
            }
            let mut served = shared.lock().unwrap();
            match asked.key {
                ApiKey::ApiVersions => asked.answer::<ApiVersionsRequest>(&all_versions()),
                ApiKey::Metadata => {
                    asked.answer::<MetadataRequest>(&metadata(&asked.request(), port, 2))
                }
                ApiKey::ListOffsets => served.list_offsets(asked),
                ApiKey::Fetch => served.fetch(asked),
                other => panic!("unexpected {other:?}"),
            }
        })
        .await;
        tell.send(broker.port).unwrap();
        Self { broker, served }
    }

    fn consumer(&self, reset: OffsetReset, to: SeekTo) -> Consumer {
        let retry =
            RetryPolicy { initial: Duration::from_millis(1), max: Duration::from_millis(5) };
        let mut consumer = Consumer::builder(&self.broker.address())
            .auto_offset_reset(reset)
            .client_options(|options| options.retry = retry)
            .build()
            .unwrap();
        consumer.assign([(partition(), to)]);
        consumer
    }
}

fn partition() -> TopicPartition {
    TopicPartition::new("t".parse().unwrap(), 0)
}

/// Polls until `count` records have come; their offsets, each checked against its value.
async fn read(consumer: &mut Consumer, count: usize) -> Vec<i64> {
    let mut offsets = Vec::new();
    while offsets.len() < count {
        for record in consumer.poll(LONG).await.unwrap() {
            let offset = record.offset.value();
            assert_eq!(record.value.as_deref(), Some(offset.to_string().as_bytes()));
            offsets.push(offset);
        }
    }
    offsets
}

#[tokio::test]
async fn records_come_in_order_from_each_place() {
    for (to, first) in [
        (SeekTo::Earliest, 2),
        (SeekTo::Offset(Offset::new(4)), 4),
        (SeekTo::Time(Timestamp::new(7)), 7),
    ] {
        let cluster = Cluster::start(2, 10, Vec::new()).await;
        let mut consumer = cluster.consumer(OffsetReset::None, to);
        let expected: Vec<i64> = (first..10).collect();
        assert_eq!(read(&mut consumer, expected.len()).await, expected, "{to:?}");
        assert_eq!(consumer.position(&partition()), Some(Offset::new(10)));
        assert_eq!(consumer.high_watermark(&partition()), Some(Offset::new(10)));
    }
}

#[tokio::test]
async fn latest_gives_only_records_to_come() {
    let cluster = Cluster::start(0, 10, Vec::new()).await;
    let mut consumer = cluster.consumer(OffsetReset::None, SeekTo::Latest);
    while consumer.position(&partition()).is_none() {
        assert!(consumer.poll(Duration::from_millis(5)).await.unwrap().is_empty());
    }
    cluster.served.lock().unwrap().end = 12;
    assert_eq!(read(&mut consumer, 2).await, [10, 11]);
}

#[tokio::test]
async fn refusals_that_pass_are_not_seen() {
    let refusals = vec![
        ErrorCode::NotLeaderOrFollower,
        ErrorCode::UnknownLeaderEpoch,
        ErrorCode::FencedLeaderEpoch,
        ErrorCode::KafkaStorageError,
        ErrorCode::UnknownTopicOrPartition,
    ];
    let cluster = Cluster::start(0, 4, refusals).await;
    let mut consumer = cluster.consumer(OffsetReset::None, SeekTo::Offset(Offset::ZERO));
    assert_eq!(read(&mut consumer, 4).await, [0, 1, 2, 3]);
}

#[tokio::test]
async fn offset_out_of_range_is_reset_or_told() {
    let cluster = Cluster::start(5, 8, Vec::new()).await;
    let mut consumer = cluster.consumer(OffsetReset::Earliest, SeekTo::Offset(Offset::new(1)));
    assert_eq!(read(&mut consumer, 3).await, [5, 6, 7]);
    let mut consumer = cluster.consumer(OffsetReset::None, SeekTo::Offset(Offset::new(1)));
    let error = consumer.poll(LONG).await.unwrap_err();
    assert!(matches!(error, ConsumeError::OffsetOutOfRange { .. }), "{error}");
}

#[tokio::test]
async fn seek_discards_what_was_fetched_for_the_old_place() {
    let cluster = Cluster::start(0, 30, Vec::new()).await;
    let mut consumer = cluster.consumer(OffsetReset::None, SeekTo::Offset(Offset::ZERO));
    assert_eq!(read(&mut consumer, 3).await[..3], [0, 1, 2]);
    assert!(consumer.seek(&partition(), SeekTo::Offset(Offset::new(20))));
    assert_eq!(consumer.position(&partition()), Some(Offset::new(20)));
    let offsets = read(&mut consumer, 10).await;
    assert_eq!(offsets, (20..30).collect::<Vec<_>>());
    let other = TopicPartition::new("t".parse().unwrap(), 1);
    assert!(!consumer.seek(&other, SeekTo::Earliest));
}

#[tokio::test]
async fn poll_that_is_dropped_loses_no_record() {
    let cluster = Cluster::start(0, 30, Vec::new()).await;
    let mut consumer = cluster.consumer(OffsetReset::None, SeekTo::Offset(Offset::ZERO));
    let mut offsets = Vec::new();
    while offsets.len() < 30 {
        // Mostly dropped while it waits; then it must not have taken anything out.
        let polled = consumer.poll(LONG).now_or_never();
        let records = polled.transpose().unwrap().unwrap_or_default();
        offsets.extend(records.into_iter().map(|record| record.offset.value()));
        tokio::task::yield_now().await;
    }
    assert_eq!(offsets, (0..30).collect::<Vec<_>>());
}

#[tokio::test]
async fn stream_gives_the_same_records_as_poll() {
    let cluster = Cluster::start(0, 10, Vec::new()).await;
    let mut consumer = cluster.consumer(OffsetReset::None, SeekTo::Earliest);
    let records: Vec<_> = std::pin::pin!(consumer.stream()).take(10).collect().await;
    let offsets = records.into_iter().map(|record| record.unwrap().offset.value());
    assert_eq!(offsets.collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn poll_without_records_returns_none_when_its_time_is_over() {
    let cluster = Cluster::start(0, 0, Vec::new()).await;
    let mut consumer = cluster.consumer(OffsetReset::None, SeekTo::Earliest);
    assert!(consumer.poll(Duration::from_millis(20)).await.unwrap().is_empty());
    assert!(cluster.served.lock().unwrap().fetches.iter().all(|offset| *offset == 0));
}
