//! Dynamic configurations.

use std::collections::BTreeMap;
use std::sync::Arc;

use highwater_records::{NodeId, TopicName};

use crate::config::ConfigMap;

/// What a dynamic configuration belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfigResource {
    Topic(TopicName),
    Broker(NodeId),
    /// Defaults of all brokers: the broker resource with an empty name.
    BrokerDefaults,
    /// A group of this name, whether there is one or not.
    Group(String),
}

/// Overrides by resource; a resource without any is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigsImage {
    by_resource: Arc<BTreeMap<ConfigResource, Arc<ConfigMap>>>,
}

impl ConfigsImage {
    /// The overrides of a resource; `None` if it has none.
    pub fn get(&self, resource: &ConfigResource) -> Option<&ConfigMap> {
        self.by_resource.get(resource).map(Arc::as_ref)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&ConfigResource, &ConfigMap)> {
        self.by_resource.iter().map(|(resource, map)| (resource, map.as_ref()))
    }

    pub(crate) fn set(&mut self, resource: &ConfigResource, key: &str, value: Option<&str>) {
        let all = Arc::make_mut(&mut self.by_resource);
        let map = Arc::make_mut(all.entry(resource.clone()).or_default());
        match value {
            Some(value) => drop(map.insert(key.to_owned(), value.to_owned())),
            None => drop(map.remove(key)),
        }
        if map.is_empty() {
            all.remove(resource);
        }
    }

    pub(crate) fn remove(&mut self, resource: &ConfigResource) {
        if self.by_resource.contains_key(resource) {
            Arc::make_mut(&mut self.by_resource).remove(resource);
        }
    }
}
