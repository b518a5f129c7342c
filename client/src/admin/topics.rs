//! Topics: create, list, describe, grow, delete.

use std::collections::BTreeMap;

use highwater_protocol::messages::create_partitions::{
    CreatePartitionsRequest, RequestTopic as GrownTopic,
};
use highwater_protocol::messages::create_topics::{
    CreateTopicsRequest, RequestTopic, RequestTopicAssignment, RequestTopicConfig,
};
use highwater_protocol::messages::delete_topics::{
    DeleteTopicsRequest, RequestTopic as DeletedTopic,
};
use highwater_records::{ErrorCode, NodeId, TopicName, Uuid};

use super::Admin;
use crate::{ClientError, PartitionMetadata, TopicsWanted};

/// A topic to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: TopicName,
    /// How many partitions; none for the broker's default.
    pub partitions: Option<i32>,
    /// How many copies of each; none for the broker's default.
    pub replication_factor: Option<i16>,
    /// Which brokers hold each partition; empty to let the cluster choose.
    pub assignments: Vec<Vec<NodeId>>,
    /// Settings that differ from the defaults, by Kafka's names.
    pub configs: BTreeMap<String, String>,
}

impl NewTopic {
    /// A topic with the broker's defaults.
    #[must_use]
    pub fn new(name: TopicName) -> Self {
        Self {
            name,
            partitions: None,
            replication_factor: None,
            assignments: Vec::new(),
            configs: BTreeMap::new(),
        }
    }
}

/// How to create topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CreateOptions {
    /// Check everything and create nothing.
    pub validate_only: bool,
}

/// A topic that was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedTopic {
    /// Its id; zero where the broker is older than topic ids.
    pub id: Uuid,
    /// Its partitions, if the broker told.
    pub partitions: Option<i32>,
    /// Its copies, if the broker told.
    pub replication_factor: Option<i16>,
}

/// A topic as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDescription {
    /// Its name.
    pub name: TopicName,
    /// Its id; zero where the broker is older than topic ids.
    pub id: Uuid,
    /// Whether it is one of Kafka's own.
    pub is_internal: bool,
    /// Its partitions, in order.
    pub partitions: Vec<PartitionMetadata>,
}

impl Admin {
    /// Creates topics; the answer for each stands in the order of `topics`.
    pub async fn create_topics(
        &self,
        topics: &[NewTopic],
        options: CreateOptions,
    ) -> Result<Vec<Result<CreatedTopic, ClientError>>, ClientError> {
        let request = CreateTopicsRequest {
            topics: topics.iter().map(requested).collect(),
            timeout_ms: self.timeout_ms(),
            validate_only: options.validate_only,
        };
        let codes =
            |response: &highwater_protocol::messages::create_topics::CreateTopicsResponse| {
                response.topics.iter().map(|topic| topic.error_code).collect()
            };
        let (connection, response) = self.at_controller(&request, codes).await?;
        let created = topics.iter().map(|topic| {
            let operation = format!("creating topic {}", topic.name);
            let answer = response.topics.iter().find(|answer| *answer.name == *topic.name.as_str());
            let Some(answer) = answer else {
                return Err(self.unanswered(operation, &connection));
            };
            let message = answer.error_message.as_deref();
            self.outcome(operation, &connection, answer.error_code, message)?;
            Ok(CreatedTopic {
                id: answer.topic_id,
                partitions: (answer.num_partitions > 0).then_some(answer.num_partitions),
                replication_factor: (answer.replication_factor > 0)
                    .then_some(answer.replication_factor),
            })
        });
        Ok(created.collect())
    }

    /// Deletes topics; the answer for each stands in the order of `topics`.
    pub async fn delete_topics(
        &self,
        topics: &[TopicName],
    ) -> Result<Vec<Result<(), ClientError>>, ClientError> {
        let by_name = |name: &TopicName| DeletedTopic {
            name: Some(name.as_str().into()),
            ..DeletedTopic::default()
        };
        let request = DeleteTopicsRequest {
            topics: topics.iter().map(by_name).collect(),
            topic_names: topics.iter().map(|name| name.as_str().into()).collect(),
            timeout_ms: self.timeout_ms(),
        };
        let codes =
            |response: &highwater_protocol::messages::delete_topics::DeleteTopicsResponse| {
                response.responses.iter().map(|topic| topic.error_code).collect()
            };
        let (connection, response) = self.at_controller(&request, codes).await?;
        let deleted = topics.iter().map(|name| {
            let operation = format!("deleting topic {name}");
            let answer = response
                .responses
                .iter()
                .find(|answer| answer.name.as_deref() == Some(name.as_str()));
            let Some(answer) = answer else {
                return Err(self.unanswered(operation, &connection));
            };
            let message = answer.error_message.as_deref();
            self.outcome(operation, &connection, answer.error_code, message)
        });
        Ok(deleted.collect())
    }

    /// Grows a topic to `count` partitions. Keys may then go to other partitions than before.
    pub async fn create_partitions(
        &self,
        topic: &TopicName,
        count: i32,
    ) -> Result<(), ClientError> {
        let grown = GrownTopic { name: topic.as_str().into(), count, ..GrownTopic::default() };
        let request = CreatePartitionsRequest {
            topics: vec![grown],
            timeout_ms: self.timeout_ms(),
            ..CreatePartitionsRequest::default()
        };
        let codes =
            |response: &highwater_protocol::messages::create_partitions::CreatePartitionsResponse| {
                response.results.iter().map(|result| result.error_code).collect()
            };
        let (connection, response) = self.at_controller(&request, codes).await?;
        let operation = format!("adding partitions to topic {topic}");
        match response.results.first() {
            Some(answer) => {
                let message = answer.error_message.as_deref();
                self.outcome(operation, &connection, answer.error_code, message)
            }
            None => Err(self.unanswered(operation, &connection)),
        }
    }

    /// Every topic of the cluster, in the order of their names.
    pub async fn list_topics(&self) -> Result<Vec<TopicDescription>, ClientError> {
        let operation = || "listing topics".to_owned();
        let client = self.client();
        let attempt = |_| client.refresh(TopicsWanted::All);
        let metadata = client.retry_until(client.api_deadline(), operation, attempt).await?;
        let topics = metadata.topics.iter();
        Ok(topics.map(|(name, topic)| described(name, topic)).collect())
    }

    /// What is known of each of `topics`, in their order.
    pub async fn describe_topics(
        &self,
        topics: &[TopicName],
    ) -> Result<Vec<Result<TopicDescription, ClientError>>, ClientError> {
        let operation = || "describing topics".to_owned();
        let client = self.client();
        let wanted = TopicsWanted::Named { names: topics, may_create: false };
        let attempt = |_| client.refresh(wanted);
        let metadata = client.retry_until(client.api_deadline(), operation, attempt).await?;
        let describe = |name: &TopicName| match metadata.topics.get(name) {
            Some(topic) if topic.error.is_none() => Ok(described(name, topic)),
            Some(topic) if topic.error != ErrorCode::UnknownTopicOrPartition => {
                Err(ClientError::Refused {
                    operation: format!("describing topic {name}"),
                    address: "the cluster".into(),
                    code: topic.error,
                    message: None,
                })
            }
            _ => Err(ClientError::UnknownTopic { topic: name.to_string() }),
        };
        Ok(topics.iter().map(describe).collect())
    }

    pub(super) fn unanswered(
        &self,
        operation: String,
        connection: &crate::Connection,
    ) -> ClientError {
        let message = Some("the answer does not mention it".to_owned());
        self.client.refusal(&operation, connection, ErrorCode::UnknownServerError, message)
    }
}

fn described(name: &TopicName, topic: &crate::TopicMetadata) -> TopicDescription {
    TopicDescription {
        name: name.clone(),
        id: topic.id,
        is_internal: topic.is_internal,
        partitions: topic.partitions.clone(),
    }
}

fn requested(topic: &NewTopic) -> RequestTopic {
    let assignments = topic.assignments.iter().zip(0..).map(|(brokers, partition_index)| {
        let broker_ids = brokers.iter().map(|broker| broker.value()).collect();
        RequestTopicAssignment { partition_index, broker_ids }
    });
    let configs = topic
        .configs
        .iter()
        .map(|(name, value)| RequestTopicConfig { name: name.into(), value: Some(value.into()) });
    RequestTopic {
        name: topic.name.as_str().into(),
        // Assignments say both; beside them the protocol wants -1 here.
        num_partitions: topic.partitions.unwrap_or(-1),
        replication_factor: topic.replication_factor.unwrap_or(-1),
        assignments: assignments.collect(),
        configs: configs.collect(),
    }
}
