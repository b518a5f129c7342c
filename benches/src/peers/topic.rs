//! Topics of either broker, by the same requests.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use highwater_protocol::messages::create_topics::{
    CreateTopicsRequest, RequestTopic as NewTopic, RequestTopicConfig,
};
use highwater_protocol::messages::delete_topics::DeleteTopicsRequest;
use highwater_protocol::messages::list_offsets::{self, ListOffsetsRequest};
use highwater_records::ErrorCode;
use highwater_tests::RawClient;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const CREATE_TIMEOUT_MS: i32 = 120_000;

/// A topic to make.
#[derive(Clone, Copy, Debug)]
pub struct Topic<'a> {
    pub name: &'a str,
    pub partitions: u32,
    pub configs: &'a [(&'a str, &'a str)],
}

impl Topic<'_> {
    pub fn create(&self, address: SocketAddr) -> Result<()> {
        let configs = self.configs.iter().map(|(name, value)| RequestTopicConfig {
            name: (*name).into(),
            value: Some((*value).into()),
        });
        let new = NewTopic {
            name: self.name.into(),
            num_partitions: i32::try_from(self.partitions)?,
            replication_factor: -1,
            configs: configs.collect(),
            ..NewTopic::default()
        };
        let request = CreateTopicsRequest {
            topics: vec![new],
            timeout_ms: CREATE_TIMEOUT_MS,
            ..CreateTopicsRequest::default()
        };
        let response = RawClient::connect(address)?.call(5, &request)?;
        let answer = response.topics.first().context("no answer for the topic")?;
        anyhow::ensure!(answer.error_code == ErrorCode::None, "create {}: {answer:?}", self.name);
        self.await_leaders(address)
    }

    pub fn delete(&self, address: SocketAddr) -> Result<()> {
        let request = DeleteTopicsRequest {
            topic_names: vec![self.name.into()],
            timeout_ms: CREATE_TIMEOUT_MS,
            ..DeleteTopicsRequest::default()
        };
        let response = RawClient::connect(address)?.call(5, &request)?;
        let answer = response.responses.first().context("no answer for the topic")?;
        anyhow::ensure!(answer.error_code == ErrorCode::None, "delete {}: {answer:?}", self.name);
        Ok(())
    }

    /// Kafka answers before the partitions have a leader.
    fn await_leaders(&self, address: SocketAddr) -> Result<()> {
        let mut last = None;
        for _ in 0..600 {
            match record_count(address, self.name, self.partitions) {
                Ok(_) => return Ok(()),
                Err(error) => last = Some(error),
            }
            std::thread::park_timeout(std::time::Duration::from_millis(100));
        }
        Err(last.context("no attempt")?.context(format!("{} has no leaders", self.name)))
    }
}

/// Records in all partitions of a topic, as the broker counts them.
pub fn record_count(address: SocketAddr, topic: &str, partitions: u32) -> Result<u64> {
    let mut client = RawClient::connect(address)?;
    let ends = offsets(&mut client, topic, partitions, LATEST)?;
    let starts = offsets(&mut client, topic, partitions, EARLIEST)?;
    Ok(u64::try_from(ends - starts)?)
}

/// The sum over all partitions.
fn offsets(client: &mut RawClient, topic: &str, partitions: u32, timestamp: i64) -> Result<i64> {
    let asked = (0..partitions).map(|index| {
        Ok(list_offsets::RequestTopicPartition {
            partition_index: i32::try_from(index)?,
            timestamp,
            current_leader_epoch: -1,
            ..Default::default()
        })
    });
    let topic = list_offsets::RequestTopic {
        name: topic.into(),
        partitions: asked.collect::<Result<_>>()?,
    };
    let request =
        ListOffsetsRequest { replica_id: -1, topics: vec![topic], ..ListOffsetsRequest::default() };
    let response = client.call(5, &request)?;
    let answers = &response.topics.first().context("no topic in the answer")?.partitions;
    let mut sum = 0;
    for answer in answers {
        anyhow::ensure!(answer.error_code == ErrorCode::None, "list offsets: {answer:?}");
        sum += answer.offset;
    }
    Ok(sum)
}
