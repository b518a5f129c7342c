//! Configs of topics and brokers: read and changed one key at a time (KIP-339).

use highwater_protocol::messages::describe_configs::{
    DescribeConfigsRequest, RequestResource, ResponseResultConfig,
};
use highwater_protocol::messages::incremental_alter_configs::{
    IncrementalAlterConfigsRequest, RequestResource as AlteredResource, RequestResourceConfig,
};
use highwater_records::{ErrorCode, NodeId, TopicName};

use super::Admin;
use crate::client::Lane;
use crate::{ClientError, Connection};

/// What has configs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigResource {
    /// A topic.
    Topic(TopicName),
    /// One broker.
    Broker(NodeId),
    /// What all brokers share.
    BrokerDefault,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    /// Set on the topic.
    Topic,
    /// Set on this broker while it ran.
    DynamicBroker,
    /// Set for all brokers while they ran.
    DynamicBrokerDefault,
    /// From the broker's file or command line.
    StaticBroker,
    /// Nobody set it.
    Default,
    /// Something newer.
    Other(i8),
}

/// One key with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigEntry {
    /// The key.
    pub name: String,
    /// The value; none if it is a secret.
    pub value: Option<String>,
    /// Where it comes from.
    pub source: ConfigSource,
    /// Whether it can only be changed by a restart.
    pub is_read_only: bool,
    /// Whether it is a secret.
    pub is_sensitive: bool,
    /// Where else the value could come from, first what counts.
    pub synonyms: Vec<ConfigSynonym>,
    /// What it means, if the broker told.
    pub documentation: Option<String>,
}

/// A place a value could come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSynonym {
    /// The key there.
    pub name: String,
    /// The value there.
    pub value: Option<String>,
    /// The place.
    pub source: ConfigSource,
}

/// A change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigChange {
    /// The key.
    pub name: String,
    /// What to do with it.
    pub operation: AlterOperation,
}

/// What to do with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlterOperation {
    /// Give it this value.
    Set(String),
    /// Take its value away: the default counts again.
    Delete,
    /// Add to a list.
    Append(String),
    /// Take out of a list.
    Subtract(String),
}

impl ConfigResource {
    fn on_the_wire(&self) -> (i8, String) {
        match self {
            Self::Topic(topic) => (2, topic.to_string()),
            Self::Broker(node) => (4, node.value().to_string()),
            Self::BrokerDefault => (4, String::new()),
        }
    }

    fn operation(&self, verb: &str) -> String {
        match self {
            Self::Topic(topic) => format!("{verb} configs of topic {topic}"),
            Self::Broker(node) => format!("{verb} configs of broker {}", node.value()),
            Self::BrokerDefault => format!("{verb} configs of all brokers"),
        }
    }
}

impl Admin {
    /// Every key of `resource`, or only `keys`, in the broker's order.
    pub async fn describe_configs(
        &self,
        resource: &ConfigResource,
        keys: Option<&[String]>,
    ) -> Result<Vec<ConfigEntry>, ClientError> {
        let (resource_type, resource_name) = resource.on_the_wire();
        let asked = RequestResource {
            resource_type,
            resource_name: resource_name.into(),
            configuration_keys: keys.map(|keys| keys.iter().map(Into::into).collect()),
        };
        let request = DescribeConfigsRequest {
            resources: vec![asked],
            include_synonyms: true,
            include_documentation: true,
        };
        let operation = resource.operation("describing");
        let attempt = |_| async {
            let connection = self.for_resource(resource).await?;
            let response = connection.request(&request).await?;
            let (code, message, configs) = match response.results.into_iter().next() {
                Some(result) => (result.error_code, result.error_message, result.configs),
                None => (ErrorCode::UnknownServerError, None, Vec::new()),
            };
            let outcome = self.outcome(operation.clone(), &connection, code, message.as_deref());
            settle(code, outcome.map(|()| configs.iter().map(entry).collect()))
        };
        let deadline = self.client.api_deadline();
        self.client.retry_until(deadline, || operation.clone(), attempt).await?
    }

    /// Changes keys of `resource`, all of them or none.
    pub async fn alter_configs(
        &self,
        resource: &ConfigResource,
        changes: &[ConfigChange],
    ) -> Result<(), ClientError> {
        let (resource_type, resource_name) = resource.on_the_wire();
        let altered = AlteredResource {
            resource_type,
            resource_name: resource_name.into(),
            configs: changes.iter().map(changed).collect(),
        };
        let request = IncrementalAlterConfigsRequest {
            resources: vec![altered],
            ..IncrementalAlterConfigsRequest::default()
        };
        let operation = resource.operation("changing");
        let attempt = |_| async {
            let connection = match resource {
                ConfigResource::Broker(_) => self.for_resource(resource).await?,
                ConfigResource::Topic(_) | ConfigResource::BrokerDefault => {
                    self.client.controller().await?
                }
            };
            let response = connection.request(&request).await?;
            let (code, message) = match response.responses.into_iter().next() {
                Some(answer) => (answer.error_code, answer.error_message),
                None => (ErrorCode::UnknownServerError, None),
            };
            let outcome = self.outcome(operation.clone(), &connection, code, message.as_deref());
            settle(code, outcome)
        };
        let deadline = self.client.api_deadline();
        self.client.retry_until(deadline, || operation.clone(), attempt).await?
    }

    /// A broker's own configs are known to that broker only.
    async fn for_resource(&self, resource: &ConfigResource) -> Result<Connection, ClientError> {
        match resource {
            ConfigResource::Broker(node) => {
                if !self.client.metadata().brokers.contains_key(node) {
                    self.client.refresh(crate::TopicsWanted::None).await?;
                }
                if !self.client.metadata().brokers.contains_key(node) {
                    let message = format!("no broker {} in this cluster", node.value());
                    return Err(ClientError::InvalidArgument(message));
                }
                self.client.connection(*node, Lane::Control).await
            }
            ConfigResource::Topic(_) | ConfigResource::BrokerDefault => {
                self.client.any_connection().await
            }
        }
    }
}

/// Takes an unknown topic for an answer instead of a reason to try again, as Java's admin client does.
fn settle<T>(
    code: ErrorCode,
    outcome: Result<T, ClientError>,
) -> Result<Result<T, ClientError>, ClientError> {
    match outcome {
        Err(error) if code != ErrorCode::UnknownTopicOrPartition => Err(error),
        settled => Ok(settled),
    }
}

fn changed(change: &ConfigChange) -> RequestResourceConfig {
    let (config_operation, value) = match &change.operation {
        AlterOperation::Set(value) => (0, Some(value.into())),
        AlterOperation::Delete => (1, None),
        AlterOperation::Append(value) => (2, Some(value.into())),
        AlterOperation::Subtract(value) => (3, Some(value.into())),
    };
    let name = (&change.name).into();
    RequestResourceConfig { name, config_operation, value }
}

fn entry(config: &ResponseResultConfig) -> ConfigEntry {
    let synonyms = config.synonyms.iter().map(|synonym| ConfigSynonym {
        name: synonym.name.to_string(),
        value: synonym.value.as_ref().map(ToString::to_string),
        source: source(synonym.source),
    });
    ConfigEntry {
        name: config.name.to_string(),
        value: config.value.as_ref().map(ToString::to_string),
        source: source(config.config_source),
        is_read_only: config.read_only,
        is_sensitive: config.is_sensitive,
        synonyms: synonyms.collect(),
        documentation: config.documentation.as_ref().map(ToString::to_string),
    }
}

fn source(code: i8) -> ConfigSource {
    match code {
        1 => ConfigSource::Topic,
        2 => ConfigSource::DynamicBroker,
        3 => ConfigSource::DynamicBrokerDefault,
        4 => ConfigSource::StaticBroker,
        5 => ConfigSource::Default,
        other => ConfigSource::Other(other),
    }
}
