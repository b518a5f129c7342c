//! Changing dynamic configurations.

use std::collections::BTreeMap;

use highwater_records::{NodeId, TopicName};

use super::{Controller, Decision};
use crate::MetadataImage;
use crate::config::{
    ConfigDef, ConfigMap, ConfigType, GroupConfigRefusal, TopicConfigRefusal, Update,
    broker_config, check_group_configs, check_topic_configs, group_config, parse_list,
    topic_config,
};
use crate::image::ConfigResource;
use crate::record::MetadataRecord;
use crate::refusal::Refusal;

/// Longest value of a configuration: what a string of the protocol can hold.
pub const CONFIG_VALUE_BYTES_MAX: usize = 32_767;

/// A resource as the wire names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigTarget {
    /// 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group.
    pub code: i8,
    pub name: String,
}

impl ConfigTarget {
    /// The resource that can have dynamic configurations here.
    ///
    /// Errors: a type without such configurations, a topic that is not there, a broker name that
    /// is no number.
    pub fn resource(&self, image: &MetadataImage) -> Result<ConfigResource, Refusal> {
        match self.code {
            2 => {
                let name = TopicName::parse(&self.name)
                    .map_err(|reason| Refusal::TopicName { name: self.name.clone(), reason })?;
                match image.topics().get(&self.name) {
                    Some(_) => Ok(ConfigResource::Topic(name)),
                    None => Err(Refusal::UnknownTopic { name: self.name.clone() }),
                }
            }
            4 if self.name.is_empty() => Ok(ConfigResource::BrokerDefaults),
            4 => match self.name.parse::<i32>() {
                Ok(node) if node >= 0 => Ok(ConfigResource::Broker(NodeId::new(node))),
                Ok(_) | Err(_) => Err(Refusal::BrokerName { name: self.name.clone() }),
            },
            32 if self.name.is_empty() => Err(Refusal::NoGroupName),
            32 => Ok(ConfigResource::Group(self.name.clone())),
            code => Err(Refusal::ResourceType { code }),
        }
    }
}

/// What to do with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlterOperation {
    Set,
    /// Take the override away; nothing happens if there is none.
    Delete,
    /// Add elements to a list.
    Append,
    /// Take elements out of a list.
    Subtract,
}

impl AlterOperation {
    /// The operation of a code of the wire.
    pub fn from_code(code: i8) -> Result<Self, Refusal> {
        match code {
            0 => Ok(Self::Set),
            1 => Ok(Self::Delete),
            2 => Ok(Self::Append),
            3 => Ok(Self::Subtract),
            code => Err(Refusal::AlterOperation { code }),
        }
    }
}

/// A change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigChange {
    pub key: String,
    /// Code of the operation, see [`AlterOperation`].
    pub operation: i8,
    pub value: Option<String>,
}

/// Changes of one resource; the other keys stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceAlteration {
    pub target: ConfigTarget,
    pub changes: Vec<ConfigChange>,
}

/// All keys of one resource; keys that are not named go back to their defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceReplacement {
    pub target: ConfigTarget,
    pub configs: Vec<(String, Option<String>)>,
}

/// What became of each resource.
pub type AlterAnswer = Vec<(ConfigTarget, Result<(), Refusal>)>;

/// Changes single keys. A resource takes all its changes or none.
pub fn incremental_alter_configs(
    image: &MetadataImage,
    controller: &Controller<'_>,
    resources: &[ResourceAlteration],
    validate_only: bool,
) -> Decision<AlterAnswer> {
    let items = resources.iter().map(|resource| (&resource.target, &resource.changes));
    for_each_resource(items, validate_only, |target, changes| {
        let alteration = Alteration::new(image, controller, target)?;
        alteration.incremental(changes)
    })
}

/// Replaces all keys. A resource takes all its changes or none.
pub fn alter_configs(
    image: &MetadataImage,
    controller: &Controller<'_>,
    resources: &[ResourceReplacement],
    validate_only: bool,
) -> Decision<AlterAnswer> {
    let items = resources.iter().map(|resource| (&resource.target, &resource.configs));
    for_each_resource(items, validate_only, |target, configs| {
        let alteration = Alteration::new(image, controller, target)?;
        alteration.replace(configs)
    })
}

fn for_each_resource<'i, T: 'i>(
    items: impl Iterator<Item = (&'i ConfigTarget, &'i T)> + Clone,
    validate_only: bool,
    mut alter: impl FnMut(&ConfigTarget, &T) -> Result<Vec<MetadataRecord>, Refusal>,
) -> Decision<AlterAnswer> {
    let mut counts: BTreeMap<&ConfigTarget, usize> = BTreeMap::new();
    items.clone().for_each(|(target, _)| *counts.entry(target).or_default() += 1);
    let mut records = Vec::new();
    let mut answer = Vec::new();
    for (target, item) in items {
        let result = match counts.remove(target) {
            None => continue, // answered at its first appearance
            Some(1) => alter(target, item).map(|new| records.extend(new)),
            Some(_) => Err(Refusal::DuplicateResource),
        };
        answer.push((target.clone(), result));
    }
    if validate_only {
        records.clear();
    }
    Decision { records, answer }
}

struct Alteration<'a> {
    image: &'a MetadataImage,
    controller: &'a Controller<'a>,
    resource: ConfigResource,
    before: ConfigMap,
}

impl<'a> Alteration<'a> {
    fn new(
        image: &'a MetadataImage,
        controller: &'a Controller<'a>,
        target: &ConfigTarget,
    ) -> Result<Self, Refusal> {
        let resource = target.resource(image)?;
        if let ConfigResource::Broker(node) = &resource
            && image.brokers().all(|broker| broker.node != *node)
        {
            return Err(Refusal::BrokerName { name: target.name.clone() });
        }
        let before = image.configs().get(&resource).cloned().unwrap_or_default();
        Ok(Self { image, controller, resource, before })
    }

    fn incremental(&self, changes: &[ConfigChange]) -> Result<Vec<MetadataRecord>, Refusal> {
        let mut after = self.before.clone();
        for (at, change) in changes.iter().enumerate() {
            let key = &change.key;
            if changes.iter().take(at).any(|earlier| earlier.key == *key) {
                return Err(Refusal::DuplicateConfig { key: key.clone() });
            }
            let operation = AlterOperation::from_code(change.operation)?;
            let value = || change.value.as_deref().ok_or(Refusal::NullValue { key: key.clone() });
            match operation {
                AlterOperation::Set => drop(after.insert(key.clone(), value()?.to_owned())),
                AlterOperation::Delete => drop(after.remove(key)),
                AlterOperation::Append | AlterOperation::Subtract => {
                    let list = self.changed_list(key, operation, value()?)?;
                    after.insert(key.clone(), list);
                }
            }
        }
        self.finish(after)
    }

    fn replace(
        &self,
        configs: &[(String, Option<String>)],
    ) -> Result<Vec<MetadataRecord>, Refusal> {
        let mut after = ConfigMap::new();
        for (key, value) in configs {
            let value = value.clone().ok_or(Refusal::NullValue { key: key.clone() })?;
            if after.insert(key.clone(), value).is_some() {
                return Err(Refusal::DuplicateConfig { key: key.clone() });
            }
        }
        self.finish(after)
    }

    /// The list in force, with elements added or taken out.
    fn changed_list(
        &self,
        key: &str,
        operation: AlterOperation,
        elements: &str,
    ) -> Result<String, Refusal> {
        let def = self.definition(key)?;
        if def.kind != ConfigType::List {
            return Err(Refusal::NotAList { key: key.to_owned() });
        }
        let current = match self.before.get(key) {
            Some(value) => value.clone(),
            None => self.inherited(def).unwrap_or_default(),
        };
        let mut list = parse_list(&current);
        for element in parse_list(elements) {
            match operation {
                AlterOperation::Subtract => list.retain(|existing| *existing != element),
                AlterOperation::Append if !list.contains(&element) => list.push(element),
                AlterOperation::Append | AlterOperation::Set | AlterOperation::Delete => {}
            }
        }
        Ok(list.join(","))
    }

    fn inherited(&self, def: &'static ConfigDef) -> Option<String> {
        let sources = self.controller.sources(self.image);
        match &self.resource {
            ConfigResource::Topic(_) => sources.topic_value(def).value,
            ConfigResource::Broker(_) | ConfigResource::BrokerDefaults => {
                sources.broker_value(def).value
            }
            ConfigResource::Group(_) => sources.group_value(def).value,
        }
    }

    fn definition(&self, key: &str) -> Result<&'static ConfigDef, Refusal> {
        match &self.resource {
            ConfigResource::Topic(_) => topic_config(key)
                .ok_or_else(|| TopicConfigRefusal::Unknown { key: key.to_owned() }.into()),
            ConfigResource::Broker(_) | ConfigResource::BrokerDefaults => broker_config(key)
                .ok_or_else(|| Refusal::UnknownBrokerConfig { key: key.to_owned() }),
            ConfigResource::Group(_) => group_config(key)
                .ok_or_else(|| GroupConfigRefusal::Unknown { key: key.to_owned() }.into()),
        }
    }

    /// Checks what comes out and says how it differs.
    fn finish(&self, after: ConfigMap) -> Result<Vec<MetadataRecord>, Refusal> {
        for (key, value) in &after {
            check_length(key, value)?;
        }
        match &self.resource {
            ConfigResource::Topic(_) => {
                let sources = self.controller.sources(self.image);
                let limit = self.controller.request_max_bytes(self.image);
                check_topic_configs(&after, &sources, limit)?;
            }
            ConfigResource::Broker(_) | ConfigResource::BrokerDefaults => {
                self.check_broker(&after)?;
            }
            ConfigResource::Group(_) => {
                check_group_configs(&after, &self.controller.sources(self.image))?;
            }
        }
        let set = after
            .iter()
            .filter(|(key, value)| self.before.get(*key) != Some(*value))
            .map(|(key, value)| self.record(key, Some(value.clone())));
        let gone = self.before.keys().filter(|key| !after.contains_key(*key));
        Ok(set.chain(gone.map(|key| self.record(key, None))).collect())
    }

    fn check_broker(&self, after: &ConfigMap) -> Result<(), Refusal> {
        let is_changed = |(key, value): &(&String, &String)| self.before.get(*key) != Some(*value);
        let mut read_only = Vec::new();
        for (key, _) in after.iter().filter(is_changed) {
            match self.definition(key)?.update {
                Update::AtStart => read_only.push(key.as_str()),
                Update::Live => {}
            }
        }
        if !read_only.is_empty() {
            return Err(Refusal::ReadOnlyConfigs { keys: read_only.join(", ") });
        }
        for (key, value) in after.iter().filter(is_changed) {
            self.definition(key)?.validate(value)?;
            let limit = self.controller.request_max_bytes(self.image);
            let number = value.trim().parse::<i32>().unwrap_or(0);
            if key == "message.max.bytes" && number > limit {
                return Err(TopicConfigRefusal::AboveRequestLimit {
                    key: "message.max.bytes",
                    value: number,
                    limit,
                }
                .into());
            }
        }
        Ok(())
    }

    fn record(&self, key: &str, value: Option<String>) -> MetadataRecord {
        MetadataRecord::Config { resource: self.resource.clone(), key: key.to_owned(), value }
    }
}

pub(super) fn check_length(key: &str, value: &str) -> Result<(), Refusal> {
    let longest = key.len().max(value.len());
    if longest <= CONFIG_VALUE_BYTES_MAX {
        return Ok(());
    }
    let key = key.chars().take(64).collect();
    Err(Refusal::ConfigTooLong { key, length: longest, limit: CONFIG_VALUE_BYTES_MAX })
}

#[cfg(test)]
mod tests;
