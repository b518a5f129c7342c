//! Shorthand for what the data tests send and read.

use bytes::Bytes;
use highwater_protocol::messages::create_topics::{
    CreateTopicsRequest, RequestTopic, RequestTopicConfig,
};
use highwater_protocol::messages::fetch::{self, FetchRequest, FetchResponse};
use highwater_protocol::messages::produce::{
    ProduceRequest, ProduceResponse, RequestTopicData, RequestTopicDataPartitionData,
    ResponseResponsePartitionResponse,
};
use highwater_protocol::{Records, Str};
use highwater_records::{
    BatchBuilder, Codec, ErrorCode, ProducerEpoch, ProducerId, RecordBatch, Sequence, Timestamp,
    Uuid, batches,
};

use crate::harness::{Client, in_time};

/// A topic that exists.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    pub(crate) name: Str,
    pub(crate) id: Uuid,
}

pub(crate) async fn create(
    client: &mut Client,
    name: &str,
    partitions: i32,
    configs: &[(&str, &str)],
) -> Topic {
    let configs = configs.iter().map(|(name, value)| RequestTopicConfig {
        name: Str::from(*name),
        value: Some(Str::from(*value)),
    });
    let topic = RequestTopic {
        name: Str::from(name),
        num_partitions: partitions,
        replication_factor: 1,
        configs: configs.collect(),
        ..Default::default()
    };
    let request = CreateTopicsRequest { topics: vec![topic], ..Default::default() };
    let response = client.call(7, &request).await;
    assert_eq!(response.topics[0].error_code, ErrorCode::None, "{:?}", response.topics[0]);
    Topic { name: Str::from(name), id: response.topics[0].topic_id }
}

/// Now, so that no timestamp is too far ahead.
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::new(i64::try_from(since.as_millis()).unwrap())
}

pub(crate) fn batch(values: &[&str]) -> RecordBatch {
    let mut builder = BatchBuilder::new(Codec::None);
    for value in values {
        builder.append(now(), Some(b"key"), Some(value.as_bytes()), &[]);
    }
    builder.build()
}

pub(crate) fn numbered(value: &str, producer_id: i64, sequence: i32) -> RecordBatch {
    BatchBuilder::new(Codec::None)
        .producer(ProducerId::new(producer_id), ProducerEpoch::new(0), Sequence::new(sequence))
        .append(now(), None, Some(value.as_bytes()), &[])
        .build()
}

pub(crate) fn produce_bytes(
    topic: &Topic,
    partition: i32,
    acks: i16,
    records: Option<Bytes>,
) -> ProduceRequest {
    let records = records.map(Records::from);
    ProduceRequest {
        acks,
        timeout_ms: 10_000,
        topic_data: vec![RequestTopicData {
            name: topic.name.clone(),
            topic_id: topic.id,
            partition_data: vec![RequestTopicDataPartitionData { index: partition, records }],
        }],
        ..Default::default()
    }
}

pub(crate) fn produce(
    topic: &Topic,
    partition: i32,
    acks: i16,
    batch: &RecordBatch,
) -> ProduceRequest {
    produce_bytes(topic, partition, acks, Some(batch.bytes().clone()))
}

pub(crate) fn only(response: &ProduceResponse) -> &ResponseResponsePartitionResponse {
    assert_eq!(response.responses.len(), 1);
    assert_eq!(response.responses[0].partition_responses.len(), 1);
    &response.responses[0].partition_responses[0]
}

/// Produces and returns the offset.
pub(crate) async fn send(client: &mut Client, topic: &Topic, values: &[&str]) -> i64 {
    let response = client.call(13, &produce(topic, 0, -1, &batch(values))).await;
    let answer = only(&response);
    assert_eq!(answer.error_code, ErrorCode::None, "{answer:?}");
    answer.base_offset
}

pub(crate) fn fetch(topic: &Topic, partitions: &[(i32, i64)]) -> FetchRequest {
    let partitions =
        partitions.iter().map(|(partition, fetch_offset)| fetch::RequestTopicPartition {
            partition: *partition,
            fetch_offset: *fetch_offset,
            partition_max_bytes: 1 << 20,
            ..Default::default()
        });
    FetchRequest {
        max_wait_ms: 0,
        min_bytes: 1,
        topics: vec![fetch::RequestTopic {
            topic: topic.name.clone(),
            topic_id: topic.id,
            partitions: partitions.collect(),
        }],
        ..Default::default()
    }
}

/// Returns once the broker has started everything that `client` sent before. `marker` is an empty topic for this use only.
pub(crate) async fn wait_until_started(client: &mut Client, observer: &mut Client, marker: &Topic) {
    // Requests of a connection take effect in their order, and this one is never answered.
    client.send(13, &produce(marker, 0, 0, &batch(&["started"]))).await;
    in_time("the marker", wait_until_holds(observer, marker, 1)).await;
}

/// Asks again and again until partition 0 holds so many records, without waiting inside the broker.
pub(crate) async fn wait_until_holds(observer: &mut Client, topic: &Topic, count: usize) {
    while values(partitions(&observer.call(13, &fetch(topic, &[(0, 0)])).await)[0]).len() < count {}
}

/// The partitions of an answer, whatever topic they are of.
pub(crate) fn partitions(response: &FetchResponse) -> Vec<&fetch::ResponseResponsePartition> {
    assert_eq!(response.error_code, ErrorCode::None);
    response.responses.iter().flat_map(|topic| &topic.partitions).collect()
}

/// Offsets and values of a partition's records.
pub(crate) fn values(partition: &fetch::ResponseResponsePartition) -> Vec<(i64, String)> {
    let bytes = partition.records.clone().unwrap_or_default().to_bytes();
    let mut values = Vec::new();
    for batch in batches(&bytes) {
        for record in batch.unwrap().records().unwrap() {
            let record = record.unwrap();
            let value = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
            values.push((record.offset.value(), value));
        }
    }
    values
}
