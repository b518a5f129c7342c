//! The cluster's metadata as every node holds it.

mod brokers;
mod configs;
mod records;
mod topics;

use std::collections::BTreeMap;
use std::sync::Arc;

use highwater_records::{NodeId, TopicName};

pub use brokers::{BrokerEndpoint, BrokerEpoch, BrokerImage, SupportedFeature};
pub use configs::{ConfigResource, ConfigsImage};
pub use topics::{PartitionEpoch, PartitionImage, TopicImage, TopicsImage, is_internal_topic};

use crate::config::{ConfigMap, ConfigSources};

/// Everything the cluster has agreed on, as of some point of the metadata log.
///
/// Cheap to clone: large parts are shared until one of the copies changes.
/// **Invariant:** changed by [`replay`](crate::replay) only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataImage {
    pub(crate) cluster_id: String,
    pub(crate) topics: TopicsImage,
    pub(crate) brokers: Arc<BTreeMap<NodeId, BrokerImage>>,
    pub(crate) configs: ConfigsImage,
    pub(crate) features: BTreeMap<String, i16>,
    /// Greatest broker epoch ever given.
    pub(crate) last_broker_epoch: BrokerEpoch,
    /// Next producer id that nobody has.
    pub(crate) next_producer_id: i64,
}

impl MetadataImage {
    /// The cluster's id; empty before the first record.
    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    pub fn topics(&self) -> &TopicsImage {
        &self.topics
    }

    /// All registered brokers, by id.
    pub fn brokers(&self) -> impl Iterator<Item = &BrokerImage> {
        self.brokers.values()
    }

    pub fn broker(&self, node: NodeId) -> Option<&BrokerImage> {
        self.brokers.get(&node)
    }

    /// Whether the broker is registered and not fenced.
    pub fn is_alive(&self, node: NodeId) -> bool {
        self.broker(node).is_some_and(|broker| !broker.is_fenced)
    }

    /// Registered brokers that are not fenced, by id.
    pub fn alive_brokers(&self) -> impl Iterator<Item = &BrokerImage> {
        self.brokers().filter(|broker| !broker.is_fenced)
    }

    pub fn configs(&self) -> &ConfigsImage {
        &self.configs
    }

    /// Feature levels that are not zero.
    pub fn features(&self) -> &BTreeMap<String, i16> {
        &self.features
    }

    pub fn next_producer_id(&self) -> i64 {
        self.next_producer_id
    }

    pub fn last_broker_epoch(&self) -> BrokerEpoch {
        self.last_broker_epoch
    }

    /// Where the values of a topic come from, on broker `node` with the configuration file `file`.
    pub fn topic_config_sources<'a>(
        &'a self,
        topic: &TopicName,
        node: NodeId,
        file: &'a ConfigMap,
    ) -> ConfigSources<'a> {
        let topic = self.configs.get(&ConfigResource::Topic(topic.clone()));
        ConfigSources { topic, ..self.broker_config_sources(node, file) }
    }

    /// Where the values of a group come from, on broker `node`.
    pub fn group_config_sources<'a>(
        &'a self,
        group: &str,
        node: NodeId,
        file: &'a ConfigMap,
    ) -> ConfigSources<'a> {
        let group = self.configs.get(&ConfigResource::Group(group.to_owned()));
        ConfigSources { group, ..self.broker_config_sources(node, file) }
    }

    /// Where the values of broker `node` come from.
    pub fn broker_config_sources<'a>(
        &'a self,
        node: NodeId,
        file: &'a ConfigMap,
    ) -> ConfigSources<'a> {
        ConfigSources {
            topic: None,
            group: None,
            broker: self.configs.get(&ConfigResource::Broker(node)),
            cluster: self.configs.get(&ConfigResource::BrokerDefaults),
            file: Some(file),
        }
    }
}
