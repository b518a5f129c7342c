//! A well-behaved client: produces a record, reads it back, and expects no error.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use highwater_protocol::messages::{
    create_topics::{CreateTopicsRequest, RequestTopic as NewTopic},
    fetch::{self, FetchRequest},
    produce::{ProduceRequest, RequestTopicData, RequestTopicDataPartitionData},
};
use highwater_records::{BatchBuilder, Codec, ErrorCode, Timestamp};

use crate::RawClient;

/// One topic of one partition and the offset that comes next.
#[derive(Debug)]
pub struct Honest {
    client: RawClient,
    topic: String,
    next_offset: i64,
    round_trips: u64,
}

impl Honest {
    /// Connects and creates `topic`, which must not exist.
    pub fn connect(address: SocketAddr, topic: &str) -> Result<Self> {
        let mut client = RawClient::connect(address)?;
        create_topic(&mut client, topic, 1, &[])?;
        Ok(Self { client, topic: topic.to_owned(), next_offset: 0, round_trips: 0 })
    }

    /// Produces one record with acks=all and fetches exactly it.
    pub fn round_trip(&mut self) -> Result<()> {
        let value = format!("value {}", self.next_offset);
        let offset = produce(&mut self.client, &self.topic, 0, -1, &[value.as_bytes()])?;
        anyhow::ensure!(offset == self.next_offset, "offset {offset} after {}", self.next_offset);
        let bytes = fetch(&mut self.client, &self.topic, 0, offset)?;
        let found = bytes.windows(value.len()).any(|window| window == value.as_bytes());
        anyhow::ensure!(found, "record {offset} came back as something else");
        self.next_offset += 1;
        self.round_trips += 1;
        Ok(())
    }

    pub fn round_trips(&self) -> u64 {
        self.round_trips
    }
}

/// Creates a topic of `partitions` partitions with `configs`.
pub fn create_topic(
    client: &mut RawClient,
    topic: &str,
    partitions: i32,
    configs: &[(&str, &str)],
) -> Result<()> {
    let configs = configs.iter().map(|(name, value)| {
        highwater_protocol::messages::create_topics::RequestTopicConfig {
            name: (*name).into(),
            value: Some((*value).into()),
        }
    });
    let new = NewTopic {
        name: topic.into(),
        num_partitions: partitions,
        replication_factor: -1,
        configs: configs.collect(),
        ..NewTopic::default()
    };
    let request = CreateTopicsRequest { topics: vec![new], ..CreateTopicsRequest::default() };
    let response = client.call(5, &request)?;
    let answer = response.topics.first().context("no answer for the topic")?;
    anyhow::ensure!(answer.error_code == ErrorCode::None, "create {topic}: {answer:?}");
    Ok(())
}

/// Produces one batch of `values` and returns its base offset.
pub fn produce(
    client: &mut RawClient,
    topic: &str,
    partition: i32,
    acks: i16,
    values: &[&[u8]],
) -> Result<i64> {
    let request = produce_request(topic, partition, acks, values);
    let response = client.call(9, &request)?;
    let topic = response.responses.first().context("no topic in the answer")?;
    let answer = topic.partition_responses.first().context("no partition in the answer")?;
    anyhow::ensure!(answer.error_code == ErrorCode::None, "produce: {answer:?}");
    Ok(answer.base_offset)
}

/// The request that [`produce`] sends.
pub fn produce_request(topic: &str, partition: i32, acks: i16, values: &[&[u8]]) -> ProduceRequest {
    let mut batch = BatchBuilder::new(Codec::None);
    for value in values {
        batch.append(Timestamp::new(1_700_000_000_000), None, Some(value), &[]);
    }
    let batch = batch.build();
    let data = RequestTopicDataPartitionData {
        index: partition,
        records: Some(batch.bytes().clone().into()),
    };
    let topic = RequestTopicData {
        name: topic.into(),
        partition_data: vec![data],
        ..RequestTopicData::default()
    };
    ProduceRequest { acks, timeout_ms: 30_000, topic_data: vec![topic], ..Default::default() }
}

/// Fetches from `offset`, waiting a little for data, and returns the record bytes.
pub fn fetch(
    client: &mut RawClient,
    topic: &str,
    partition: i32,
    offset: i64,
) -> Result<bytes::Bytes> {
    let asked = fetch::RequestTopicPartition {
        partition,
        fetch_offset: offset,
        partition_max_bytes: 16 << 20,
        ..Default::default()
    };
    let topic =
        fetch::RequestTopic { topic: topic.into(), partitions: vec![asked], ..Default::default() };
    let request = FetchRequest {
        max_wait_ms: 5_000,
        min_bytes: 1,
        session_epoch: -1,
        topics: vec![topic],
        ..FetchRequest::default()
    };
    let response = client.call(11, &request)?;
    anyhow::ensure!(response.error_code == ErrorCode::None, "fetch: {:?}", response.error_code);
    let topic = response.responses.first().context("no topic in the answer")?;
    let answer = topic.partitions.first().context("no partition in the answer")?;
    anyhow::ensure!(answer.error_code == ErrorCode::None, "fetch: {:?}", answer.error_code);
    Ok(answer.records.as_ref().map(|records| records.to_bytes()).unwrap_or_default())
}
